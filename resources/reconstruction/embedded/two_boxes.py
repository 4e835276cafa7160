"""Two boxes on each other under one mask, each turned its own way: a pile of books or blocks, whatever their colours.

Both are fitted together, the upper one where the lower one ends, to the outline and to the edge that the upper one's foot shows
inside it. They are believed when they cover the mask clearly better than one box does and the upper one juts out over the lower:
a single thing in two steps (a toy car, a lid) seldom overhangs itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .boxed import fit_cuboid
from .descent import descend
from .inner_edges import InnerEdges, inner_edges
from .silhouette import BoolImage, Silhouette

Array = NDArray[np.float64]

POOR = 0.96
"""A box that overlaps the mask as much is one box."""
GAIN, GOOD = 0.02, 0.94
"""Overlap that the second box must gain, and that both must reach."""
LEAST_HEIGHT = 0.08
"""Height of each box over its narrower side: thinner ones are boards, whose outline other things bend."""
OVERHANG = 0.03
"""Share of the upper box's base that is not over the lower one."""
SIMILAR = ((0.3, 0.002), (0.5, 0.002))
"""Spread of the logarithm of the ratio of both boxes' footprints and heights, and the overlap that one spread costs."""
EDGE_WEIGHT = 0.05
"""Overlap that the upper box's foot on a clear edge is worth."""
TURNS = np.radians([(12, -12), (-12, 12), (24, -6), (-24, 6), (6, -24), (-6, 24)])
"""Yaws of the lower and upper box beside the single one's, from which the search starts."""
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


def upper_box(view: Silhouette) -> tuple[BoolImage, float] | None:
    """Where the upper of two boxes is, at fitting size, and the overlap of both with the mask; None where the mask is not two
    boxes on each other."""
    box = fit_cuboid(view)
    if box is None or box.overlap >= POOR:
        return None
    columns = np.flatnonzero(view.mask.any(axis=0))
    width = float(columns[-1] + 1 - columns[0]) * view.pixel
    away = box.position - view.base
    sides = np.asarray(box.mesh.extents) * (1, 1, 0.5)
    heading = math.atan2(view.right[1], view.right[0])
    start = np.array([away @ view.right / width, away @ view.away / width, box.yaw - heading, *np.log(sides / width)])
    edges = inner_edges(view)

    def cost(x: Array) -> float:
        if np.abs(np.concatenate([x[3:6], x[9:]])).max() > 4:
            return 2.0
        low, high = _boxes(view, x, width)
        drawn = view.blank()
        view.draw_hull(drawn, low)
        view.draw_hull(drawn, high)
        flat, tall = (x[3] + x[4] - x[9] - x[10]) / 2, x[5] - x[11]
        unlike = float(
            sum(weight * (value / sd) ** 2 for value, (sd, weight) in zip((flat, tall), SIMILAR, strict=True))
        )
        foot = 0.0 if edges is None else _foot(view, edges, high)
        return 1.0 - view.overlap(drawn) + unlike - EDGE_WEIGHT * foot

    steps = np.array([0.08, 0.12, 0.15, 0.1, 0.1, 0.15] * 2)
    trials = []
    for low_turn, high_turn in TURNS:
        x = np.concatenate([start, start])
        x[[2, 8]] += low_turn, high_turn
        trials.append(descend(cost, x + np.vstack([np.zeros(12), np.diag(steps)]), 700, 1e-3, 1e-4))
    x = min(trials, key=lambda trial: trial[0])[1]
    x = descend(cost, x + np.vstack([np.zeros(12), np.diag(0.4 * steps)]), 700, 5e-4, 5e-5)[1]
    low, high = _boxes(view, x, width)
    drawn = view.blank()
    view.draw_hull(drawn, high)
    upper: BoolImage = drawn > 0
    view.draw_hull(drawn, low)
    overlap = view.overlap(drawn)
    if overlap < max(GOOD, box.overlap + GAIN) or not _believable(x, low, high):
        return None
    return upper, overlap


def _boxes(view: Silhouette, x: Array, width: float) -> tuple[Array, Array]:
    """Corners of both, shape (8, 3): per box right and away (in widths), yaw, logarithms of the sides (over width)."""
    found = []
    z = 0.0
    for right, away, yaw, *logs in (x[:6].tolist(), x[6:].tolist()):
        sides = [math.exp(log) * width for log in logs]
        c, s = math.cos(yaw), math.sin(yaw)
        axes = np.stack(
            [
                sides[0] * (c * view.right + s * view.away),
                sides[1] * (c * view.away - s * view.right),
                [0.0, 0.0, sides[2]],
            ]
        )
        middle = view.base + right * width * view.right + away * width * view.away
        found.append(_CORNERS @ axes + middle + np.array([0.0, 0.0, z]))
        z += sides[2]
    return found[0], found[1]


def _foot(view: Silhouette, edges: InnerEdges, corners: Array) -> float:
    """How much the two lower arrises of a box that face the camera lie on edges."""
    # Corners are in the order of _CORNERS: bits x, y, z.
    nearest = min(range(0, 8, 2), key=lambda k: float(np.linalg.norm(corners[k] - view.camera)))
    share = np.linspace(0.05, 0.95, 12)[:, None]
    ends = [nearest ^ bit for bit in (4, 2)]
    points = np.concatenate([corners[nearest] + share * (corners[end] - corners[nearest]) for end in ends])
    return edges.share(view, points)


def _believable(x: Array, low: Array, high: Array) -> bool:
    """Whether both are thick enough, and the upper one stands on the lower and juts out over it."""
    import shapely

    if any(logs[2] - min(logs[:2]) < math.log(LEAST_HEIGHT) for logs in (x[3:6], x[9:])):
        return False
    lower, upper = (shapely.convex_hull(shapely.MultiPoint(corners[:, :2])) for corners in (low, high))
    if not lower.contains(upper.centroid):
        return False
    return bool(upper.difference(lower).area > OVERHANG * upper.area)
