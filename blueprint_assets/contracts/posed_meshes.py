"""The stage 1 layout: what every reconstruction backend returns (`stage1/`).

World frame: Z-up, right-handed; the first support plane is z = 0. Lengths are in reconstruction units;
`scale.factor` turns them into metres. Meshes are GLB (Y-up, as glTF says); read them with `geometry.mesh.load_glb`,
which turns them to Z-up. world = translation + R(rotation_quaternion) @ (scale * vertex).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Evidence, Matrix4, ObjectId, Quaternion, SceneId, Sha256, Vector3


class ScaleVote(Document):
    """One opinion about metres per unit."""

    name: str
    factor: float = Field(gt=0)
    weight: float = Field(gt=0)
    evidence: Evidence
    note: str = ""


class Scale(Document):
    """Metres per reconstruction unit, or null with a reason."""

    factor: float | None = Field(gt=0)
    evidence: Evidence
    confidence: float = Field(ge=0, le=1)
    reason: str = ""
    votes: tuple[ScaleVote, ...] = ()


class Pose(Document):
    """`objects/<id>/pose.json`: world from object. `transform_matrix` is T @ R @ S of the other three."""

    transform_matrix: Matrix4
    translation: Vector3
    rotation_quaternion: Quaternion
    scale: Vector3
    confidence: float = Field(ge=0, le=1)
    is_floor_contact: bool


class Bounds(Document):
    """`objects/<id>/bounds.json`: axis-aligned, world frame, reconstruction units."""

    min: Vector3
    max: Vector3
    center: Vector3
    size: Vector3


class Obtained(Document):
    """How an object came about, step by step, so that nobody takes a fit for a scan."""

    mask: str = Field(description="given | colour_model+grabcut | …")
    shape: str = Field(description="revolved_silhouette | cuboid | extruded_silhouette | …")
    position: str = Field(description="contact_pixels_on_plane | …")
    texture: str = Field(description="photo_projection | mean_colour | …")


class PosedObject(Document):
    """One reconstructed object. `support` is a support plane's id or another object's."""

    id: ObjectId
    label: str
    mesh: str = Field(description="relative to stage1/")
    mask: str | None = Field(description="relative to stage1/; full picture size, 255 = object")
    pose: str
    bounds: str
    support: str
    obtained: Obtained
    confidence: float = Field(ge=0, le=1)


class SupportPlane(Document):
    """A surface that things stand on. `polygon` is its seen part on the plane, world frame, counter-clockwise."""

    id: str
    normal: Vector3
    point: Vector3
    polygon: tuple[Vector3, ...]
    color: Vector3 = Field(description="mean RGB in the photograph, 0..1")
    evidence: Evidence


class Camera(Document):
    """`stage1/camera.json`: pinhole, no distortion. OpenCV axes (x right, y down, z forward); pixel centres at +0.5."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    fx: float = Field(gt=0)
    fy: float = Field(gt=0)
    cx: float
    cy: float
    focal_evidence: Evidence
    camera_to_world: Matrix4
    pitch_evidence: Evidence
    note: str = ""


class SceneInfo(Document):
    """`stage1/scene_info.json`: the table of contents of a reconstruction."""

    version: Literal["1.0.0"] = "1.0.0"
    scene_id: SceneId
    image_size: tuple[int, int] = Field(description="width, height")
    coordinate_frame: Literal["z_up"] = "z_up"
    meters_per_unit: float | None = Field(description="scale.factor again, where other tools look for it")
    scale: Scale
    confidence: float = Field(ge=0, le=1)
    environment_type: str | None = Field(description="kitchen, office, …; null when nobody said")
    reconstruction_method: str = Field(description="what really ran: embedded, 3d-re-gen@<commit>, …")
    generated_at: str = Field(
        description="ISO 8601: when the source was received; the commit record says when this ran"
    )
    camera: str = "camera.json"
    support_planes: tuple[SupportPlane, ...] = Field(min_length=1)
    objects: tuple[PosedObject, ...] = Field(min_length=1)
    sha256: dict[str, Sha256] = Field(description="every other file of stage1/, relative to it")
    notes: tuple[str, ...] = ()
