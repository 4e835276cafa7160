"""`assets/scene_manifest.json`: every object of the scene, where it is and what it is for.

Field names follow the published scene manifest; fields that nothing fills yet are left out rather than left empty.
Transforms are in reconstruction units with `scene.meters_per_unit`, Z-up.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Evidence, ObjectId, SceneId

SimRole = Literal[
    "static", "interactive", "manipulable_object", "deformable_object", "articulated_furniture", "articulated_appliance",
    "clutter", "background", "scene_shell", "unknown",
]  # fmt: skip


class Xyz(Document):
    x: float
    y: float
    z: float


class Wxyz(Document):
    w: float
    x: float
    y: float
    z: float


class Transform(Document):
    """World from object, reconstruction units."""

    position: Xyz
    rotation_quaternion: Wxyz
    scale: Xyz


class Dimensions(Document):
    """World-aligned extents in metres: width = x, depth = y, height = z."""

    width: float = Field(gt=0)
    depth: float = Field(gt=0)
    height: float = Field(gt=0)


class AssetFile(Document):
    path: str = Field(min_length=1, description="assets/objects/<id>/mesh.glb, relative to the scene")
    format: Literal["glb"] = "glb"
    source: str
    up_axis: Literal["y"] = "y"


class Semantics(Document):
    class_name: str = Field(alias="class")
    instance_id: int = Field(ge=1)
    affordances: tuple[str, ...] = ()


class PhysicsHints(Document):
    """What later steps start from; `material` is a name of the material table."""

    material: str
    material_evidence: Evidence
    shape: str
    body: Literal["solid", "hollow", "open"] | None = Field(
        default=None, description="of its kind; open: hollow and open at the top; null: not recognised"
    )


class Relationship(Document):
    """The subject is on, in or near the object; the object may be a support plane."""

    type: Literal["on", "in", "adjacent"]
    subject_id: str
    object_id: str


class ManifestObject(Document):
    id: ObjectId
    name: str
    category: str
    description: str
    sim_role: SimRole
    must_be_separate_asset: bool = True
    transform: Transform
    dimensions_est: Dimensions
    dimensions_source: Evidence
    asset: AssetFile
    semantics: Semantics
    physics_hints: PhysicsHints
    relationships: tuple[Relationship, ...] = ()


class Gravity(Document):
    """m/s2, world frame."""

    x: float = 0.0
    y: float = 0.0
    z: float = -9.81


class PhysicsDefaults(Document):
    gravity: Gravity = Gravity()
    time_steps_per_second: int = 500


class SceneFrame(Document):
    coordinate_frame: Literal["z_up"] = "z_up"
    meters_per_unit: float = Field(gt=0)
    environment_type: str | None = None
    physics_defaults: PhysicsDefaults = PhysicsDefaults()


class ManifestMetadata(Document):
    source_pipeline: str
    notes: str = ""


class SceneManifest(Document):
    version: Literal["1.0.0"] = "1.0.0"
    scene_id: SceneId
    scene: SceneFrame
    objects: tuple[ManifestObject, ...] = Field(min_length=1)
    metadata: ManifestMetadata


class Stage1Complete(Document):
    """`assets/.stage1_complete`."""

    scene_id: SceneId
    status: Literal["completed"] = "completed"
    marker_type: Literal["stage1_complete"] = "stage1_complete"
    timestamp: str = Field(description="ISO 8601")
