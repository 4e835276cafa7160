"""`seg/inventory.json`: what is in the scene, and how many of each."""

from __future__ import annotations

from pydantic import Field

from .base import Document, ObjectId, SceneId


class InventoryItem(Document):
    id: ObjectId
    category: str
    count: int = Field(ge=1)
    sim_role: str
    affordances: tuple[str, ...] = ()


class Inventory(Document):
    scene_id: SceneId
    objects: tuple[InventoryItem, ...] = Field(min_length=1)
