"""`seg/inventory.json`: what is in the scene, how many of each, what each is made of and good for, and what nobody recognised."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Evidence, ObjectId, SceneId, Vector3
from .posed_meshes import Partial
from .scene_manifest import SimRole


class InventoryItem(Partial):
    """One object. What the household catalogue would say is null where it was not recognised."""

    may_be_unknown = ("category", "body", "confidence")

    id: ObjectId
    label: str = Field(description="the reconstruction's words, for people")
    category: str | None = Field(description="the household catalogue's name")
    recognised_by: str = Field(description="who said what it is: detector, classifier, the user, colour and shape, …")
    count: int = Field(ge=1, description="things of this category (or, not recognised, of this label) in the scene")
    sim_role: SimRole
    size: Vector3 = Field(description="width >= depth (of the smallest upright box around it) and height, metres")
    body: Literal["solid", "hollow", "open"] | None = Field(description="open: hollow and open at the top")
    material: str
    material_evidence: Evidence
    material_by: str = Field(description="who said so: its label, the catalogue, a vision model by name, nobody")
    affordances: tuple[str, ...] = ()
    confidence: float | None = Field(ge=0, le=1)


class Inventory(Document):
    """Every object of the manifest, in its order."""

    version: Literal["2.0.0"] = "2.0.0"
    scene_id: SceneId
    objects: tuple[InventoryItem, ...] = Field(min_length=1)
    categories: dict[str, int] = Field(description="category -> how many, sorted; without what was not recognised")
    not_recognised: tuple[ObjectId, ...]
    notes: tuple[str, ...] = ()
