"""Reading the stage 1 layout for people: how each object was obtained."""

from __future__ import annotations

from blueprint_assets.contracts.posed_meshes import SceneInfo


def objects_table(info: SceneInfo) -> list[dict[str, str | float]]:
    """One row per object, as the asset page shows it."""
    return [
        {
            "id": item.id,
            "label": item.label,
            "mask": item.obtained.mask,
            "shape": item.obtained.shape,
            "position": item.obtained.position,
            "texture": item.obtained.texture,
            "support": item.support,
            "confidence": round(item.confidence, 2),
        }
        for item in info.objects
    ]
