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
    inside: bool = Field(default=False, description="it stands within its support (a bowl, a shelf), not on its top")


class SupportSurface(Document):
    """A horizontal rectangle, axis-aligned in the world, that things stand on."""

    id: str
    kind: Literal["table", "ground", "furniture"] = Field(
        default="table", description="table: built under the objects; ground: the floor; furniture: part of an object"
    )
    part_of: ObjectId | None = Field(default=None, description="the object whose top or board it is")
    height: float = Field(ge=0, description="metres above the ground")
    height_evidence: Evidence
    center: tuple[float, float]
    size: tuple[float, float] = Field(description="x, y extents in metres")
    color: Vector3


class LayoutCamera(Document):
    """The photograph's camera in the metric world (OpenCV axes, pixels), so that a render can stand beside the photo. Of a
    scene that no camera saw, a viewpoint that was chosen: its evidence is `default`."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    camera_to_world: Matrix4
    evidence: Evidence = Field(
        default="estimated", description="default: no camera saw the scene, this view was chosen"
    )


class SceneLayout(Document):
    scene_id: SceneId
    layout_version: Literal["1.0.0"] = "1.0.0"
    coordinate_frame: Literal["z_up"] = "z_up"
    meters_per_unit: float = Field(default=1.0, ge=1.0, le=1.0)
    scale_factor: float = Field(gt=0, description="metres per reconstruction unit that was applied")
    objects: tuple[LayoutObject, ...] = Field(min_length=1)
    support_surfaces: tuple[SupportSurface, ...] = Field(min_length=1)
    camera: LayoutCamera


class ScaleDecision(Document):
    """`seg/scale.json`: metres per reconstruction unit, and every opinion about it. Decided once, with the manifest."""

    scene_id: SceneId
    factor: float = Field(gt=0)
    median: float = Field(gt=0, description="weighted median of the votes of the kind that decided")
    evidence: Evidence
    confidence: float = Field(ge=0, le=1)
    spread: float = Field(ge=0, description="weighted standard deviation of log(factor) over all votes")
    reason: str = Field(description="in a sentence, for people")
    votes: tuple[ScaleVote, ...] = Field(min_length=1)
    decided_by: tuple[str, ...] = Field(min_length=1, description="names of the votes that counted")
    outliers: tuple[str, ...] = Field(description="names of the votes that contradict the result")
    known_sizes: dict[str, float] = Field(description="what the user gave: object, category or either.height -> metres")


class ScaleReport(ScaleDecision):
    """`layout/scale_report.json`: the decision, and what the layout changed."""

    adjustments: tuple[str, ...] = Field(description="overlaps resolved, objects set down, …")
