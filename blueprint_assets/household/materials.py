"""Words for what things are made of, in the names of the material table."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

MATERIAL_WORDS = MappingProxyType(
    {
        word: material
        for material, words in {
            "metal": "metal metallic steel iron aluminium aluminum brass copper tin chrome silver stainless",
            "wood": "wood wooden oak pine bamboo timber plywood birch walnut",
            "plastic": "plastic acrylic polymer vinyl nylon",
            "fabric": "fabric cloth cotton wool woollen woolen linen plush textile felt upholstered",
            "glass": "glass crystal",
            "ceramic": "ceramic porcelain china clay earthenware stoneware terracotta",
            "rubber": "rubber silicone latex",
            "leather": "leather suede",
            "paper": "paper",
            "cardboard": "cardboard carton",
            "stone": "stone marble granite slate",
            "concrete": "concrete cement",
            "foam": "foam polystyrene styrofoam",
            "composite": "composite carbon fibreglass fiberglass",
            "tile": "tiled",
        }.items()
        for word in words.split()
    }
)

MATERIAL_NAMES = (
    "metal", "wood", "plastic", "fabric", "glass", "ceramic", "rubber", "leather", "paper", "cardboard", "stone", "concrete",
    "foam", "food", "electronics", "composite", "tile", "organic",
)  # fmt: skip
"""All materials that have physical properties (`resources.physics_estimator`), without "unknown"."""


def material_of(words: Iterable[str]) -> str | None:
    """The material that the first telling word names ("small wooden spoon" -> wood); None without one."""
    return next((MATERIAL_WORDS[word.lower()] for word in words if word.lower() in MATERIAL_WORDS), None)
