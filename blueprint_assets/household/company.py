"""What is seen together: toys lie with toys.

A plain cuboid among toys is a block, among cups a box of tea. So before looking there are sorts of pictures, and in each the
kinds of the other sort are rarer. Only toys are told apart: what else lies on tables (food, dishes, packages, books) is mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from . import CATEGORIES
from .prevalence import prevalence

TOYS = frozenset(
    {
        "block", "ball", "tennis ball", "baseball", "golf ball", "ping pong ball", "football", "basketball", "teddy bear",
        "doll", "toy car", "toy airplane", "wooden toy", "frisbee", "figurine", "piggy bank",
    }
)  # fmt: skip
OF_TOYS = 0.15
"""Share of pictures of table tops that are of toys; by judgement, as is:"""
OUT_OF_COMPANY = 0.2
"""How often a toy is seen among other things, or another thing among toys, against in its own company."""


@cache
def sorts() -> tuple[tuple[float, Mapping[str, float]], ...]:
    """Each sort of pictures of table tops: its share, and how often each kind is in it against in pictures of any sort
    (`prevalence`); all kinds together are as often in either."""
    return tuple((share, _weights(of_toys)) for share, of_toys in ((OF_TOYS, True), (1 - OF_TOYS, False)))


def _weights(of_toys: bool) -> dict[str, float]:
    own = {name: 1.0 if (name in TOYS) == of_toys else OUT_OF_COMPANY for name in CATEGORIES}
    usual = {name: prevalence(name) for name, row in CATEGORIES.items() if row.stands == "top"}
    mean = sum(share * own[name] for name, share in usual.items()) / sum(usual.values())
    return {name: weight / mean for name, weight in own.items()}
