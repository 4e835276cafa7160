"""The inventory: what the scene holds, as somebody would list it who looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from blueprint_assets.contracts.inventory import Inventory, InventoryItem
from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.household import Category
from blueprint_assets.scene.extents import Extents

INVENTORY = "seg/inventory.json"


def take_inventory(
    info: SceneInfo,
    manifest: SceneManifest,
    rows: Mapping[str, Category | None],
    sizes: Mapping[str, Extents],
    materials_by: Mapping[str, str],
    notes: tuple[str, ...],
) -> Inventory:
    """The inventory of a manifest; `rows`, `sizes` (metres) and `materials_by` (who said so) are those that it was made
    from, by object id."""
    posed = {item.id: item for item in info.objects}
    named = Counter(row.name for row in rows.values() if row)
    unnamed = Counter(item.label for item in info.objects if rows[item.id] is None)
    items = []
    for thing in manifest.objects:
        item, row, size = posed[thing.id], rows[thing.id], sizes[thing.id]
        unknown = {}
        if row is None:
            why = item.unknown.get("category", f"{item.category!r} is not in the household catalogue")
            unknown = {"category": why, "body": "not recognised"}
        if item.confidence is None:
            unknown["confidence"] = item.unknown["confidence"]
        items.append(
            InventoryItem(
                id=thing.id,
                label=item.label,
                category=row.name if row else None,
                recognised_by=(item.obtained.label or "not said") if row else "nobody",
                count=named[row.name] if row else unnamed[item.label],
                sim_role=thing.sim_role,
                size=(size.width, size.depth, size.height),
                body=row.body if row else None,
                material=thing.physics_hints.material,
                material_evidence=thing.physics_hints.material_evidence,
                material_by=materials_by[thing.id],
                affordances=thing.semantics.affordances,
                confidence=item.confidence,
                unknown=unknown,
            )
        )
    return Inventory(
        scene_id=manifest.scene_id,
        objects=tuple(items),
        categories=dict(sorted(named.items())),
        not_recognised=tuple(each for each, row in rows.items() if row is None),
        notes=notes,
    )


def inventory_table(inventory: Inventory) -> list[dict[str, str | float]]:
    """One row per object, as the asset page shows it; centimetres."""
    return [
        {
            "id": item.id,
            "category": item.category or f"not recognised ({item.label})",
            "by": item.recognised_by,
            "role": item.sim_role,
            "size_cm": " x ".join(f"{side * 100:.1f}" for side in item.size),
            "material": f"{item.material} ({item.material_evidence})",
            "affordances": ", ".join(item.affordances) or "none",
        }
        for item in inventory.objects
    ]
