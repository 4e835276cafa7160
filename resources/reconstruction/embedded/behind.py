"""One piece of foreground that is two things, one behind the other: the front one's far rim is an edge from notch to notch.

Of two things that hide each other the front one's outline is whole, convex and arched towards the thing behind (a tin's mouth
or lid, seen from above); that edge ends where the outline of both turns inwards. A cap, a lid or a neck of the same thing ends in
an edge that is arched the other way (the near half of a ring is what is seen), or begins beyond the notch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import boxes

from .detections import CLEAR_BOX, JOINING_SCORE, Detected, box_of
from .parting import closed, hull, morph, pieces, solidity
from .surface import BoolImage

Array = NDArray[np.float64]

DEEP, MOST_NOTCHES = 0.025, 5
"""Least depth of a notch over the square root of the piece's area (and 2 pixels), and how many, deepest first, are tried."""
LIGHTNESS = 0.4
"""Weight of L beside a and b: an edge of light is no edge between things."""
EDGE, LENGTH = 4.0, 0.05
"""The edge from notch to notch is the cheapest path of exp(-gradient / EDGE) + LENGTH a pixel, gradients in LAB units a pixel."""
HUE, MOSTLY = 10.0, 20
"""Least distance in LAB's a and b between the sides of that edge, which all but MOSTLY percent of it have."""
SMALLEST = 0.06
"""Least share of the piece that each of the two has."""
FRONT, BEHIND = 0.93, 0.95
"""Least solidity of the front thing, and of the other with what the front one hides of it inside its hull. What is less
convex than that (leaves, a strap, a handle) may be part of the same thing."""
BITE, BITTEN = 0.05, 0.05
"""As shares of the smaller one: least part of the front thing inside the other's hull, and the most of the other inside its."""
ARCH = 0.05
"""Least height of the edge over the straight line between its ends, at its median, over that line's length."""
HIGHER, FOOT = 0.1, 0.5
"""How far, in heights of the front thing, the other one rises above it and at least ends above its foot."""
CORNER, REACH = 0.12, 0.12
"""Share of a disc around either end of the edge (of REACH square roots of the front's area, at least 5 pixels) that the thing
behind fills: a cap that begins beyond the notch of a bottle's neck fills 0-0.05, a thing behind 0.15-0.3."""
MARGIN = 8
NEARBY = 9
"""Pixels around a piece that are looked at with it, and side of the window in which the colours beside the edge are taken."""


@dataclass(frozen=True)
class _Cut:
    front: BoolImage
    back: BoolImage
    path: NDArray[np.intp]
    contrast: float


def two_things(lab: Array, piece: BoolImage, detected: list[Detected]) -> list[BoolImage]:
    """The piece, or the thing in front and the thing behind it that it is made of; together they are the piece.

    Args:
        lab: the picture, shape (h, w, 3).
        piece: one thing, as far as known, shape (h, w).
        detected: whose boxes speak for one thing where one clearly fits the piece, and better than its front part.
    """
    if not piece.any():
        return [piece]
    rows, columns = np.nonzero(piece)
    top, left = max(0, int(rows.min()) - MARGIN), max(0, int(columns.min()) - MARGIN)
    window = (slice(top, int(rows.max()) + MARGIN + 1), slice(left, int(columns.max()) + MARGIN + 1))
    cut = _best(lab[window], piece[window])
    if cut is None:
        return [piece]
    parts = []
    for one in (cut.front, cut.back):
        parts.append(np.zeros_like(piece))
        parts[-1][window] = one & piece[window]
    for known in detected:
        fit = boxes.overlap(box_of(piece), known.box)
        if known.score >= JOINING_SCORE and fit >= CLEAR_BOX and fit > boxes.overlap(box_of(parts[0]), known.box):
            return [piece]
    return parts


def _best(lab: Array, piece: BoolImage) -> _Cut | None:
    """The cut with the most contrast of those between two notches that part a thing from one behind it."""
    body = pieces(closed(piece))[0]
    ends = _notches(body)
    if len(ends) < 2:
        return None
    colors = cv2.GaussianBlur((lab * np.array([LIGHTNESS, 1.0, 1.0])).astype(np.float32), (0, 0), 1.0)
    steps = [
        np.hypot(cv2.Sobel(channel, cv2.CV_32F, 1, 0) / 4, cv2.Sobel(channel, cv2.CV_32F, 0, 1) / 4)
        for channel in np.moveaxis(colors, 2, 0)
    ]
    costs = np.exp(-np.linalg.norm(steps, axis=0) / EDGE) + LENGTH
    inner = morph(body, cv2.MORPH_ERODE, 5)
    found = [
        cut
        for one, other in itertools.combinations(ends, 2)
        if (cut := _cut(colors, costs, body, inner, one, other)) is not None and _is_behind(cut)
    ]
    return max(found, key=lambda cut: cut.contrast, default=None)


def _notches(body: BoolImage) -> list[tuple[int, int]]:
    """Where the outline turns inwards most (x, y), deepest first."""
    contours, _ = cv2.findContours(body.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)
    corners = np.sort(cv2.convexHull(outline, returnPoints=False), axis=0)
    defects = cv2.convexityDefects(outline, corners) if len(corners) > 3 else None
    if defects is None:
        return []
    least = max(2.0, DEEP * float(np.sqrt(body.sum())))
    deep = [(depth / 256, int(far)) for _, _, far, depth in np.reshape(defects, (-1, 4)) if depth / 256 >= least]
    return [(int(outline[far, 0, 0]), int(outline[far, 0, 1])) for _, far in sorted(deep, reverse=True)[:MOST_NOTCHES]]


def _cut(
    colors: NDArray[np.float32],
    costs: Array,
    body: BoolImage,
    inner: BoolImage,
    one: tuple[int, int],
    other: tuple[int, int],
) -> _Cut | None:
    """The body cut along the strongest edge between two notches; None where that leaves one of them next to nothing."""
    entrance = np.zeros(body.shape, np.uint8)
    for end in (one, other):
        cv2.circle(entrance, end, 5, 1, cv2.FILLED)
    path = _path(costs, body & (inner | (entrance > 0)), one, other)
    if path is None:
        return None
    line = np.zeros(body.shape, np.uint8)
    cv2.polylines(line, [path.reshape(-1, 1, 2).astype(np.int32)], False, 1, 1)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((body & (line == 0)).astype(np.uint8), connectivity=4)
    order = sorted(range(1, count), key=lambda k: (-int(stats[k, cv2.CC_STAT_AREA]), k))
    if len(order) < 2 or stats[order[1], cv2.CC_STAT_AREA] < SMALLEST * body.sum():
        return None
    halves = sorted((labels == k for k in order[:2]), key=lambda half: int(np.nonzero(half)[0].max()))
    back, front = halves[0], body & ~halves[0]
    sides = []
    for half in (front, halves[0]):
        weight = cv2.boxFilter(half.astype(np.float32), -1, (NEARBY, NEARBY))
        total = cv2.boxFilter(colors * half[..., None].astype(np.float32), -1, (NEARBY, NEARBY))
        sides.append((total / np.maximum(weight, 1e-6)[..., None])[path[:, 1], path[:, 0], 1:])
    contrast = float(np.percentile(np.linalg.norm(sides[0] - sides[1], axis=1), MOSTLY))
    return _Cut(front, back, path, contrast)


def _path(costs: Array, inside: BoolImage, start: tuple[int, int], end: tuple[int, int]) -> NDArray[np.intp] | None:
    """The cheapest way from pixel to pixel (x, y) inside a mask, eight neighbours each; shape (n, 2), None when there is none."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    ys, xs = np.nonzero(inside)
    number = np.full(inside.shape, -1)
    number[ys, xs] = np.arange(len(ys))
    height, width = inside.shape
    here, there, weights = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        second = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        both = (number[first] >= 0) & (number[second] >= 0)
        here.append(number[first][both])
        there.append(number[second][both])
        weights.append((0.5 * (costs[first] + costs[second]) * np.hypot(dy, dx))[both])
    shape = (len(ys), len(ys))
    graph = coo_matrix((np.concatenate(weights), (np.concatenate(here), np.concatenate(there))), shape=shape).tocsr()
    source, target = int(number[start[1], start[0]]), int(number[end[1], end[0]])
    far, before = dijkstra(graph, directed=False, indices=source, return_predecessors=True)
    if not np.isfinite(far[target]):
        return None
    way, k = [], target
    while k >= 0:
        way.append((xs[k], ys[k]))
        k = int(before[k])
    return np.array(way)


def _is_behind(cut: _Cut) -> bool:
    """Whether a cut's upper part is a thing of its own behind the lower one."""
    front, back = cut.front, cut.back
    least = min(int(front.sum()), int(back.sum()))
    hidden = hull(back) & front
    if cut.contrast < HUE or hidden.sum() < BITE * least or (hull(front) & back).sum() > BITTEN * least:
        return False
    if solidity(front) < FRONT or solidity(back | hidden) < BEHIND:
        return False
    rows, above = np.nonzero(front)[0], np.nonzero(back)[0]
    height = float(np.ptp(rows) + 1)
    if rows.min() - above.min() < HIGHER * height or rows.max() - above.max() < FOOT * height:
        return False
    return _arch(cut) >= ARCH and all(_corner(cut, end) >= CORNER for end in (cut.path[0], cut.path[-1]))


def _arch(cut: _Cut) -> float:
    """How far the edge is arched towards the part behind, over the distance of its ends."""
    start, end = cut.path[0].astype(float), cut.path[-1].astype(float)
    chord = float(np.hypot(*(end - start)))
    across = np.array([end[1] - start[1], start[0] - end[0]]) / max(1.0, chord)
    rows, columns = np.nonzero(cut.back)
    if across @ (np.array([columns.mean(), rows.mean()]) - start) < 0:
        across = -across
    return float(np.median((cut.path - start) @ across)) / max(1.0, chord)


def _corner(cut: _Cut, end: NDArray[np.intp]) -> float:
    """Share of a disc around an end of the edge that the part behind fills."""
    radius = max(5.0, REACH * float(np.sqrt(cut.front.sum())))
    ys, xs = np.mgrid[: cut.back.shape[0], : cut.back.shape[1]]
    return float(cut.back[(ys - end[1]) ** 2 + (xs - end[0]) ** 2 <= radius**2].mean())
