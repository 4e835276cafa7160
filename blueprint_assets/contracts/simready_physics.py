"""`assets/simready_physics.json`: what every object weighs and how it collides, and where each figure came from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Evidence, ObjectId, Quaternion, SceneId, Vector3


class MeshFacts(Document):
    """`volume_m3` is 0 for a mesh that is not closed."""

    vertices: int = Field(ge=0)
    faces: int = Field(ge=0)
    watertight: bool
    volume_m3: float


class CollisionFacts(Document):
    """`volume_ratio` is the parts' summed volume over the mesh's; overlaps of parts count twice."""

    kind: Literal["box", "convex_hull", "convex_decomposition", "declared_parts"]
    parts: int = Field(ge=1)
    volume_ratio: float = Field(gt=0)
    note: str


class ObjectPhysics(Document):
    """SI units. `center_of_mass` and `principal_axes` in the object's frame, after the layout's scale."""

    id: ObjectId
    usd: str = Field(description="relative to the scene")
    sim_role: str
    material: str
    material_evidence: Evidence
    mass_kg: float = Field(gt=0)
    mass_evidence: Evidence
    density: float = Field(gt=0)
    fill: float = Field(gt=0, le=1, description="share of the volume that is material")
    volume_m3: float = Field(gt=0)
    volume_evidence: Evidence
    static_friction: float = Field(ge=0)
    dynamic_friction: float = Field(ge=0)
    restitution: float = Field(ge=0, le=1)
    friction_evidence: Evidence
    center_of_mass: Vector3
    diagonal_inertia: Vector3
    principal_axes: Quaternion
    collision: CollisionFacts
    mesh_before: MeshFacts
    mesh_after: MeshFacts
    repairs: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()


class SimreadyPhysics(Document):
    scene_id: SceneId
    schema_version: Literal["1.0"] = "1.0"
    estimator: str
    objects: tuple[ObjectPhysics, ...] = Field(min_length=1)
