"""`objects/<id>/physics.json`: what whoever made an object says about its body. Beside its mesh in stage 1 and in `assets/`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Document, Evidence, Vector3

PHYSICS = "physics.json"
Part = Annotated[tuple[Vector3, ...], Field(min_length=4, max_length=512)]
"""Corners of one convex part."""


class DeclaredPhysics(Document):
    """Null: it was not said, and is estimated. What is said is used as it is, with its evidence and source."""

    mass_kg: float | None = Field(default=None, gt=0)
    static_friction: float | None = Field(default=None, ge=0)
    dynamic_friction: float | None = Field(default=None, ge=0)
    real_height_m: float | None = Field(default=None, gt=0)
    collision: tuple[Part, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="convex parts whose union the object is: their corners in the mesh's frame and units, Z-up",
    )
    evidence: Evidence
    source: str
