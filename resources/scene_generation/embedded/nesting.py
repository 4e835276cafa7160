"""How far into each other equal open things go when they are stacked: plates, bowls, cups, crates.

Only reached from inside functions, so manifold3d is imported at the top.
"""

from __future__ import annotations

from functools import reduce

from manifold3d import Manifold

from .solids import Shape

STEP_M = 0.002
"""Thinner than a wall: coming down by so much, the upper one cannot pass through the lower one unnoticed."""
CLOSE_M = 2e-5
TOUCH_M3 = 1e-12
"""A shared volume below this is rounding: a face of 1 cm2, 10 nanometres deep."""


def nested_height(lower: Shape, upper: Shape) -> float:
    """How high the upper shape's frame is above the lower one's, metres, when it is let straight down until they touch."""
    below, above = _solid(lower), _solid(upper)
    height = float(below.bounding_box()[5] - above.bounding_box()[2])
    free = height
    while free > STEP_M and not _touch(below, above, free - STEP_M):
        free -= STEP_M
    blocked = max(free - STEP_M, 0.0)
    while free - blocked > CLOSE_M:
        middle = (free + blocked) / 2
        if _touch(below, above, middle):
            blocked = middle
        else:
            free = middle
    return free


def _touch(below: Manifold, above: Manifold, height: float) -> bool:
    return bool((below ^ above.translate((0.0, 0.0, height))).volume() > TOUCH_M3)


def _solid(shape: Shape) -> Manifold:
    whole = reduce(lambda one, other: one + other, (piece.solid for piece in shape.pieces))
    return reduce(lambda one, cut: one - cut, shape.cuts, whole)
