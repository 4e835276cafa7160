"""The household catalogue: one table of the things that rooms and table tops hold.

    find("coffee mugs")            -> the category "mug"
    from_label("coco", "couch")    -> the category "sofa"
    CATEGORIES["mug"].size         -> (0.12, 0.085, 0.095), metres: width, depth, height

Text requests, recognition, metric scale, inventory and physics all read it, so that a word means the same everywhere. Sizes
are what is usual, with the share by which such things differ; each row says where its figures come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal

from .appliances import APPLIANCES
from .category import Affordance, Body, Category, Stands, Trust
from .food import FOOD
from .furniture import FURNITURE
from .leisure import LEISURE
from .packages import PACKAGES
from .tableware import TABLEWARE
from .things import THINGS

__all__ = [
    "CATEGORIES",
    "Affordance",
    "Body",
    "Category",
    "Stands",
    "Trust",
    "find",
    "from_label",
    "is_plural",
    "names_of",
]

CATEGORIES: dict[str, Category] = {
    row.name: row for row in (*TABLEWARE, *FOOD, *PACKAGES, *THINGS, *LEISURE, *APPLIANCES, *FURNITURE)
}
"""By name, in the order of the tables."""


def find(word: str) -> Category | None:
    """The category that a word or phrase names, singular or plural, whatever its case; None when the catalogue lacks it.

    Only the whole phrase counts: "red mug" is not found, "coffee mug" is.
    """
    found = _words().get(_plain(word))
    return found[0] if found else None


def is_plural(word: str) -> bool:
    """Whether the catalogue knows the word as the plural of something and not also as a singular."""
    found = _words().get(_plain(word))
    return bool(found and found[1])


def from_label(model: Literal["coco", "imagenet"], label: str) -> Category | None:
    """The category that a recogniser's label means; None for what is not a household thing.

    Args:
        model: whose labels: COCO-80, or ImageNet-1k (a list of synonyms, "couch, sofa", counts by its first).
        label: as the model's label file has it; the case does not matter.
    """
    return _labels(model).get(_plain(label.split(",")[0]))


def names_of(row: Category) -> tuple[str, ...]:
    """Every word that `find` takes for a category: names and plurals, sorted."""
    return tuple(sorted(word for word, (other, _) in _words().items() if other is row))


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", word).strip().lower()


@cache
def _words() -> dict[str, tuple[Category, bool]]:
    """Word -> its category and whether it is a plural. Names win over other words, singulars over plurals."""
    found: dict[str, tuple[Category, bool]] = {}
    rows = CATEGORIES.values()
    _add(found, ((row.name, row) for row in rows), plural=False)
    _add(found, ((word, row) for row in rows for word in row.words), plural=False)
    _add(found, ((word, row) for row in rows for word in row.plurals), plural=True)
    _add(found, ((_regular_plural(word), row) for row in rows for word in (row.name, *row.words)), plural=True)
    return found


def _add(found: dict[str, tuple[Category, bool]], words: Iterable[tuple[str, Category]], *, plural: bool) -> None:
    for word, row in words:
        found.setdefault(_plain(word), (row, plural))


def _regular_plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


@cache
def _labels(model: str) -> dict[str, Category]:
    return {_plain(label): row for row in CATEGORIES.values() for label in getattr(row, model)}
