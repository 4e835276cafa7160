"""`layout/scene_layout_scaled.json` and `layout/scale_report.json`: the scene in metres, Z-up, ready to be built.

The world origin is on the support surface's footprint; `support_surfaces[0].height` is its height above the ground
(z = 0 is the ground). One later step moves an object: what falls over is put where it came to rest, in scene.usda.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Evidence, Matrix4, ObjectId, Quaternion, SceneId, Vector3
from .posed_meshes import ScaleVote


class LayoutObject(Document):
    """`position` is the object frame's origin; `size` the world-aligned extents (x, y, z), both in metres."""

    id: ObjectId
    position: Vector3
    rotation_quaternion: Quaternion
    scale: Vector3 = Field(description="mesh units to metres, per axis")
    size: Vector3
    support: str


class SupportSurface(Document):
    """A horizontal rectangle, axis-aligned in the world: the table top."""

    id: str
    height: float = Field(ge=0, description="metres above the ground")
    height_evidence: Evidence
    center: tuple[float, float]
    size: tuple[float, float] = Field(description="x, y extents in metres")
    color: Vector3


class LayoutCamera(Document):
    """The photograph's camera in the metric world (OpenCV axes, pixels), so that a render can stand beside the photo."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    camera_to_world: Matrix4


class SceneLayout(Document):
    scene_id: SceneId
    layout_version: Literal["1.0.0"] = "1.0.0"
    coordinate_frame: Literal["z_up"] = "z_up"
    meters_per_unit: float = Field(default=1.0, ge=1.0, le=1.0)
    scale_factor: float = Field(gt=0, description="metres per reconstruction unit that was applied")
    objects: tuple[LayoutObject, ...] = Field(min_length=1)
    support_surfaces: tuple[SupportSurface, ...] = Field(min_length=1)
    camera: LayoutCamera


class ScaleReport(Document):
    scene_id: SceneId
    factor: float = Field(gt=0)
    evidence: Evidence
    confidence: float = Field(ge=0, le=1)
    spread: float = Field(ge=0, description="weighted standard deviation of log(factor) over the votes")
    votes: tuple[ScaleVote, ...]
    adjustments: tuple[str, ...] = Field(description="what the layout changed: overlaps resolved, objects set down, …")
