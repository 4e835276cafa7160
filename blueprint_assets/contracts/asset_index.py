"""`geniesim/asset_index.json`: what every object of the scene is, in words and numbers, for choosing among assets."""

from __future__ import annotations

from pydantic import Field

from .base import Document, Evidence, SceneId


class IndexMaterial(Document):
    """`friction` is the dynamic coefficient, `density` in kg/m3."""

    friction: float = Field(ge=0)
    restitution: float = Field(ge=0, le=1)
    density: float = Field(gt=0)


class IndexedAsset(Document):
    """`mass` in kilograms. `embedding` stays empty where no model made one."""

    asset_id: str
    usd_path: str = Field(description="relative to the scene")
    semantic_description: str
    categories: tuple[str, ...]
    mass: float | None
    mass_evidence: Evidence
    material: IndexMaterial
    collision_hull_path: str | None = Field(description="where the collision hulls are; null when they are in usd_path")
    texture_variants: dict[str, str] = {}
    embedding: tuple[float, ...] = ()
    commercial_ok: bool | None = Field(description="null: nobody has said; the photograph's owner decides")
    license: str | None
    source: str


class AssetIndex(Document):
    scene_id: SceneId
    assets: tuple[IndexedAsset, ...] = Field(min_length=1)
