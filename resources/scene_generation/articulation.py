"""How a generated object opens: its parts as meshes and the joints between them, beside its mesh in stage 1.

`objects/<id>/articulation.json`, with one GLB per part (Y-up, metres, in the object's frame, closed). The articulation stage
reads it; the object's own mesh is the whole of it, closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from blueprint_assets.contracts.base import Document, Evidence, ObjectId, Vector3
from blueprint_assets.geometry.mesh import save_glb

if TYPE_CHECKING:
    from .embedded.solids import Shape

ARTICULATION = "articulation.json"


class ArticulatedJoint(Document):
    """`axis` (unit) and `origin` in the object's frame, Z-up; `limits` in metres or radians from closed."""

    part: str
    parent: str = "body"
    type: Literal["prismatic", "revolute"]
    axis: Vector3
    origin: Vector3
    limits: tuple[float, float]


class Articulation(Document):
    """`objects/<id>/articulation.json`."""

    object_id: ObjectId
    parts: dict[str, str] = Field(description="part -> its mesh, relative to stage1/; body is what does not move")
    joints: tuple[ArticulatedJoint, ...]
    source: str
    evidence: Evidence


def write_articulation(stage1: Path, object_id: str, shape: Shape) -> bool:
    """Writes an object's parts and joints below `stage1`; False where it has none."""
    if not shape.joints:
        return False
    names = list(dict.fromkeys(piece.part for piece in shape.pieces))
    parts = {}
    for name in names:
        path = f"objects/{object_id}/parts/{name}.glb"
        save_glb(shape.mesh(name), stage1 / path)
        parts[name] = path
    joints = tuple(
        ArticulatedJoint(part=j.part, type=j.kind, axis=j.axis, origin=j.origin, limits=j.limits) for j in shape.joints
    )
    Articulation(
        object_id=object_id, parts=parts, joints=joints, source="built from its parts", evidence="catalogue"
    ).write(stage1 / "objects" / object_id / ARTICULATION)
    return True
