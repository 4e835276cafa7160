"""Which row of the household catalogue an object of a reconstruction is."""

from __future__ import annotations

from blueprint_assets.contracts.posed_meshes import PosedObject, SceneInfo
from blueprint_assets.household import Category, find


def recognise(item: PosedObject) -> Category | None:
    """The catalogue row of an object: by its category, else by the last words of its label ("small white mug" is a mug).

    A label with "of" in it is a description ("stack of boxes", "piece of cake"), whose last word is not what it is; only
    the whole of it is looked up. None: the catalogue does not know it, or nobody said what it is.
    """
    if item.category is not None:
        return find(item.category)
    words = item.label.split()
    starts = range(len(words)) if "of" not in words else (0,)
    return next((row for start in starts if (row := find(" ".join(words[start:])))), None)


def categories_of(info: SceneInfo) -> dict[str, str | None]:
    """Every object's name in the catalogue, by its id; None where it has none."""
    rows = {item.id: recognise(item) for item in info.objects}
    return {each: row.name if row else None for each, row in rows.items()}


def category_name(item: PosedObject, row: Category | None) -> str:
    """What a manifest calls it: the catalogue's name, else the reconstruction's own words."""
    return row.name if row else item.category or item.label
