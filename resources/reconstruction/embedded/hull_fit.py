"""Position, yaw and three sides of a convex shape that stands upright on its support, from a silhouette.

The shape is given by points in a unit box (x, y in -0.5..0.5, z in 0..1); its picture is their convex hull. A coarse grid of
proportions and yaws, each moved and scaled so that its picture is as wide as the mask and touches down where it does, finds
the basins; Nelder-Mead goes down the best of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .descent import descend
from .inner_edges import inner_edges
from .silhouette import Silhouette

Array = NDArray[np.float64]

SQUARENESS = 0.001
"""Cost of a depth twice (or half) the width, in overlap: decides only where the outline cannot."""
PRIOR_WEIGHT = 0.002
"""Overlap that one standard deviation (squared) from a category's usual proportions costs."""
SPREAD = 0.3
"""Standard deviation of the logarithm of the ratio of two sides within a category (Category.log_sd is of one length)."""
UNUSUAL = 9.0
"""Squared deviations that unusual proportions cost at most: the name may be wrong."""
TURNED = 4.0
"""Squared deviations that a thing on another side than it usually rests on costs."""
EDGE_WEIGHT = 0.02
"""Overlap that arrises on clear edges of the picture are worth."""
BELOW, MARGIN = 0.05, 0.03
"""Overlap that reaching below the mask by its whole height costs, beyond a margin, times the share of its lower end that
nothing hides: what shows its foot stands there."""
DEPTHS = (0.3, 0.55, 1.0, 1.8, 3.3)
HEIGHTS = (0.1, 0.25, 0.5, 1.0, 1.8)
"""Depth and height over width that are tried where no category gives them."""
SEEN_FOOT = 0.7
YAWS = 9
BASINS = 3

Edges = Callable[[Array], Array]


@dataclass(frozen=True)
class Placement:
    """`position`: world point of the shape's origin, the middle of its base; `yaw` about +z; `sides` along x, y, z."""

    position: Array
    yaw: float
    sides: Array
    overlap: float


def fit_hull(
    view: Silhouette,
    unit: Array,
    usual: tuple[float, float, float] | None,
    free: bool = True,
    trust: float = 1.0,
    edges: Edges | None = None,
) -> Placement | None:
    """The placement of the shape whose picture covers the mask best.

    Args:
        view: the silhouette.
        unit: points in the unit box, shape (n, 3), whose hull is the shape.
        usual: a category's width, depth and height, of which the ratios count; None: none are known.
        free: whether the shape may rest on another side or be turned by a quarter (a box), or keeps its axes (a chair).
        trust: factor on the weight of the usual proportions, for shapes that no outline fits well.
        edges: from placed points, shape (n, 3), to world points that should lie on edges inside the picture.
    """
    rows, columns = np.nonzero(view.mask)
    width = float(columns.max() + 1 - columns.min()) * view.pixel
    first, last, shown = float(rows.min()), float(rows.max() + 1), 1.0 - _foot_hidden(view)
    inner = inner_edges(view) if edges is not None else None
    orders = None if usual is None else _orders(usual, free)

    def cost(x: Array) -> float:
        if max(map(abs, x[3:].tolist())) > 3.5:
            return 2.0
        points = _placed(view, unit, x, width)
        pixels = view.project(points)
        total = 1.0 - _overlap(view, pixels)
        below = float(pixels[:, 1].max()) - last
        total += shown * BELOW * max(below / (last - first) - MARGIN, 0.0)
        total += (
            SQUARENESS * float((x[3] - x[4]) ** 2)
            if orders is None
            else trust * PRIOR_WEIGHT * _unusual(x[3:], *orders)
        )
        if inner is not None and edges is not None:
            total -= EDGE_WEIGHT * inner.share(view, edges(points))
        return total

    def search(start: Array, step: float, budget: int) -> tuple[float, Array]:
        simplex = start + np.vstack([np.zeros(6), step * np.diag([0.6, 1.0, 1.2, 1.0, 1.0, 1.0])])
        return descend(cost, simplex, budget, 5e-4, 5e-5)

    # Aligned with the mask's lower end, or with its upper one where the lower is hidden.
    ends = (False, True) if shown < SEEN_FOOT else (False,)
    starts = [_onto_mask(view, unit, shape, width, top) for shape in _shapes(usual, free) for top in ends]
    ranked = sorted(((cost(x), k) for k, x in enumerate(starts)), key=lambda item: item[0])
    trials = [search(starts[k], 0.12, 150) for _, k in ranked[: 2 * BASINS]]
    trials.sort(key=lambda trial: trial[0])
    again = [search(x, 0.08, 220) for _, x in trials[: BASINS - 1]]
    x = search(min(again, key=lambda trial: trial[0])[1], 0.03, 200)[1]
    overlap = _overlap(view, view.project(_placed(view, unit, x, width)))
    if overlap <= 0:
        return None
    heading = math.atan2(view.right[1], view.right[0])
    position = view.base + x[0] * width * view.right + x[1] * width * view.away
    return Placement(position, heading + float(x[2]), np.exp(x[3:]) * width, overlap)


def _shapes(usual: tuple[float, float, float] | None, free: bool) -> list[Array]:
    """Yaw and logarithms of the sides (width 1) of the grid."""
    if usual is None:
        ratios = [(1.0, depth, height) for depth in DEPTHS[2:] for height in HEIGHTS]
        yaws = np.arange(YAWS) * math.pi / YAWS
    elif free:
        ratios = [(usual[i], usual[j], usual[k]) for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0))]
        ratios += [(usual[0], usual[1], factor * usual[2]) for factor in (0.6, 1.6)]
        yaws = np.arange(YAWS) * math.pi / YAWS
    else:
        ratios = [(usual[0], usual[1], factor * usual[2]) for factor in (0.8, 1.2)]
        yaws = np.arange(2 * YAWS) * math.pi / YAWS
    return [np.array([yaw, *np.log(np.array(ratio) / ratio[0])]) for ratio in ratios for yaw in yaws]


def _foot_hidden(view: Silhouette) -> float:
    """Share of the mask's lower end that borders on what hides it."""
    columns = np.flatnonzero(view.mask.any(axis=0))
    lowest = view.mask.shape[0] - 1 - np.argmax(view.mask[::-1][:, columns], axis=0)
    under = np.minimum(lowest[:, None] + np.arange(1, 4), view.mask.shape[0] - 1)
    return float(view.hidden[under, columns[:, None]].any(axis=1).mean())


def _onto_mask(view: Silhouette, unit: Array, shape: Array, width: float, top: bool) -> Array:
    """The grid's shape moved and scaled until its picture is as wide as the mask and ends where it does."""
    rows, columns = np.nonzero(view.mask)
    left, right = float(columns.min()), float(columns.max() + 1)
    x = np.array([0.0, 0.4, *shape])
    for _ in range(3):
        pixels = view.project(_placed(view, unit, x, width))
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        x[3:] += math.log(max((right - left) / max(high[0] - low[0], 1e-6), 0.05))
        pixels = view.project(_placed(view, unit, x, width))
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        x[0] += ((left + right) / 2 - (low[0] + high[0]) / 2) * view.pixel / width
        # One unit away on the support moves the picture up by `rise` pixels.
        here = view.base + x[1] * width * view.away
        rise = float((view.project(here[None]) - view.project((here + 0.1 * width * view.away)[None]))[0, 1]) / 0.1
        missing = (low[1] - rows.min()) if top else (high[1] - (rows.max() + 1))
        x[1] += float(np.clip(missing / max(rise, 1e-6), -1.5, 1.5))
    return x


def _orders(usual: tuple[float, float, float], free: bool) -> tuple[Array, Array]:
    """Logarithms of the usual sides on every side that the thing may rest on, shape (k, 3), and what each costs, shape (k,)."""
    logs = np.log(usual)
    orders = list(itertools.permutations(range(3))) if free else [(0, 1, 2)]
    return logs[np.array(orders)], np.array([0.0 if order[2] == 2 else TURNED for order in orders])


def _unusual(sides: Array, usual: Array, turned: Array) -> float:
    """Squared deviations of the sides' ratios from the usual ones, on whichever side the thing rests.

    `sides`: logarithms of the three, the vertical one last. `usual`, `turned`: see `_orders`.
    """
    ratio = sides - usual
    ratio -= ratio.sum(axis=1, keepdims=True) / 3
    value = (ratio * ratio).sum(axis=1) / SPREAD**2
    return float((value / (1 + value / UNUSUAL) + turned).min())


def _placed(view: Silhouette, unit: Array, x: Array, width: float) -> Array:
    """World points: right and away (in widths), yaw, logarithms of the sides (over width)."""
    right, away, yaw, *logs = x.tolist()
    sides = [math.exp(log) * width for log in logs]
    c, s = math.cos(yaw), math.sin(yaw)
    axes = np.empty((3, 3))
    axes[0] = sides[0] * (c * view.right + s * view.away)
    axes[1] = sides[1] * (c * view.away - s * view.right)
    axes[2] = 0.0, 0.0, sides[2]
    points: Array = unit @ axes + (view.base + right * width * view.right + away * width * view.away)
    return points


def _overlap(view: Silhouette, pixels: Array) -> float:
    drawn = view.blank()
    view.fill_hull(drawn, pixels)
    return view.overlap(drawn)
