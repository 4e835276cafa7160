"""Names for all things of a picture at once: by how each looks, by the solid that fits it, and by their sizes side by side.

A photograph's units are the camera's height; how many metres that is, nobody knows yet. But one scale holds for all things:
what is as high as two mugs is no can. So names are what is likeliest by everything together (`household.together`), with
what is usual of camera heights. The candidates that go on to the scene's scale leave sizes out, so that no size speaks
twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blueprint_assets.household import CATEGORIES
from blueprint_assets.household.together import Opinion, Thing, explain
from blueprint_assets.household.usual_size import HANDLED
from blueprint_assets.household.viewpoint import CAMERA_HEIGHT

from .families import FAMILY, Family
from .solid import Solid

SOMETHING_ELSE = 0.1
"""Share of things that are none of what the networks' words can mean."""
MOST = 24
"""Candidates of a thing that are handed on."""
LEAST = 0.3
"""Share from which a name is given: on thirty rendered scenes 95 % of the names above 0.6 were right by the benchmark's groups
of words, 73 % of 0.4 to 0.6, 69 % of 0.3 to 0.4 and 41 % of those below."""
SOME_BOX = 0.5
"""Share of all box-shaped categories from which a thing is a box at least, though nobody can say which."""
BY_NAME = 0.5
"""Power of what the shape says where the category chose the solid: another might have fitted too."""
SHAPES: dict[str, dict[Family | None, float]] = {
    "cuboid": {
        "box": 1, "open box": 0.5, None: 0.4, "soft": 0.3, "drum": 0.2, "ellipsoid": 0.2, "turned": 0.15, "ball": 0.15,
        "vessel": 0.15,
    },
    "revolved": {
        "drum": 1, "turned": 1, "vessel": 0.8, "open box": 0.5, None: 0.3, "ball": 0.25, "ellipsoid": 0.2, "soft": 0.2,
        "box": 0.2,
    },
    "ellipsoid": {
        "ball": 1, "ellipsoid": 1, "soft": 0.3, None: 0.2, "turned": 0.15, "drum": 0.15, "vessel": 0.15, "open box": 0.1,
        "box": 0.1,
    },
    "furniture_template": {
        None: 1, "box": 0.3, "open box": 0.2, "soft": 0.1, "drum": 0.1, "turned": 0.1, "vessel": 0.1, "ellipsoid": 0.05,
        "ball": 0.05,
    },
    "": {
        "soft": 1, None: 1, "turned": 0.5, "open box": 0.4, "vessel": 0.4, "ellipsoid": 0.4, "box": 0.3, "drum": 0.3,
        "ball": 0.2,
    },
}  # fmt: skip
"""How likely the solid is what the fit finds for a thing of the family, the best being 1; by judgement. Last: any other solid."""

BESIDE = {True: 0.5, False: 0.25}
"""How often the mask of a round thing shows a part beside the body if there is a handle or spout, and if there is none. What
reaches out by 0.7 of the radius shows from three directions in five, and some of it is too thin. On thirty rendered scenes: 6 of
12 mugs, 4 of 38 round things without; more is granted to these, because the width says something of it too."""
MAYBE_HANDLED = "cup"
"""Half of these have one: teacups do, paper cups do not."""


@dataclass(frozen=True)
class Seen:
    """A thing with its solid: `may_be` by looks, empty where no network looked and only the shape speaks; `sure` 0..1: how well
    it was seen."""

    solid: Solid
    may_be: tuple[tuple[str, float], ...]
    sure: float


@dataclass(frozen=True)
class Called:
    """`category` and its share by everything together, None where none is likely enough; `may_be` without the sizes."""

    category: str | None
    certainty: float
    may_be: tuple[tuple[str, float], ...]


def call(things: Sequence[Seen], camera_height: float, room: bool) -> list[Called]:
    """Each thing's name. `camera_height` in units above what they stand on; `room`: things on a floor."""
    found = [candidates(thing.solid, thing.may_be) if thing.may_be else by_shape(thing.solid) for thing in things]
    usual, spread = CAMERA_HEIGHT["floor" if room else "top"]
    explained = explain(
        [
            Thing(_sides(thing.solid), tuple((CATEGORIES[name], share) for name, share in may_be), thing.sure, room)
            for thing, may_be in zip(things, found, strict=True)
        ],
        [Opinion(math.log(usual / camera_height), spread)] if camera_height > 0 else [],
    )
    if explained is None:
        return [Called(None, 0.0, may_be) for may_be in found]
    called = []
    for thing, may_be, shares in zip(things, found, explained.shares, strict=True):
        row, share = (shares[0].row, shares[0].certainty) if shares else (None, 0.0)
        boxes = sum(each.certainty for each in shares if FAMILY.get(each.row.name) == "box")
        if not thing.may_be and may_be:
            called.append(Called(*may_be[0], may_be))
        elif row is not None and share >= LEAST:
            called.append(Called(row.name, round(min(0.99, share), 2), may_be))
        elif boxes >= SOME_BOX:
            called.append(Called("box", round(min(0.99, boxes), 2), may_be))
        else:
            called.append(Called(None, 0.0, may_be))
    return called


def candidates(solid: Solid, may_be: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    """What looks and shape leave of the candidates, best first; the shares' sum falls short of 1 by what may be something
    else."""
    power = BY_NAME if "is such" in solid.note else 1.0
    weights = {
        name: share * _fits(solid.shape, FAMILY.get(name)) ** power * _shows(solid, name) for name, share in may_be
    }
    total = sum(weights.values())
    best = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    return tuple((name, round((1 - SOMETHING_ELSE) * weight / total, 4)) for name, weight in best)


def by_shape(solid: Solid) -> tuple[tuple[str, float], ...]:
    """What the fitted solid alone makes likely: a box, a ball, a bottle, a can; empty for anything else."""
    width, depth, height = (float(side) for side in solid.mesh.extents)
    across = max(width, depth)
    if solid.shape == "cuboid":
        return (("box", 0.4),)
    if "revolved" not in solid.shape and solid.shape != "ellipsoid":
        return ()
    if solid.shape == "ellipsoid" or (0.88 < height / across < 1.12 and _bulges(solid)):
        return (("ball", 0.4),)
    if height > 2.2 * across:
        return (("bottle", 0.35),)
    return (("can", 0.35),) if height > 1.1 * across else ()


def _bulges(solid: Solid) -> bool:
    """Whether the widest place is near the middle, and top and bottom are much narrower."""
    points = solid.mesh.vertices
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    radius = np.linalg.norm(points[:, :2] - points[:, :2].mean(axis=0), axis=1)
    share = (points[:, 2] - low) / max(high - low, 1e-9)
    ends = radius[(share < 0.1) | (share > 0.9)]
    return bool(len(ends)) and float(np.percentile(ends, 90)) < 0.8 * float(radius.max())


def _fits(shape: str, family: Family | None) -> float:
    kind = next((each for each in SHAPES if each and each in shape), "")
    return SHAPES[kind][family]


def _shows(solid: Solid, name: str) -> float:
    """How likely a part beside the body is seen, or not seen, as it was; 1 for what is not round."""
    if "revolved" not in solid.shape:
        return 1.0
    with_part = (BESIDE[True] + BESIDE[False]) / 2 if name == MAYBE_HANDLED else BESIDE[name in HANDLED]
    return with_part if solid.parts else 1.0 - with_part


def _sides(solid: Solid) -> tuple[float, float, float]:
    one, other, height = (float(side) for side in np.asarray(solid.mesh.extents))
    return max(one, other), min(one, other), height
