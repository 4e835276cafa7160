"""One transform of the predicted world onto the true one: yaw and translation, and a uniform scale where it is asked for.

Hypotheses come from all pairs of anchors and from a grid of yaws; each is refined by assignment and least squares in turn.
Heights, up to 20 mm, and categories, 10 mm, only break ties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .solids import Solid, box_iou
from .vocabulary import same_category

Array = NDArray[np.float64]
Pairs = list[tuple[int, int]]

YAW_STEP = 5
MOST_PAIRS = 20_000
REFINED = 80
"""Hypotheses, the most promising ones, that are refined."""
SCALES = (0.1, 10.0)


@dataclass(frozen=True)
class Alignment:
    """True world from predicted world, (4, 4); who was matched (predicted, true) on the way; the scale within it."""

    matrix: Array
    pairs: Pairs
    scale: float


def rotation(angle: float) -> Array:
    """(2, 2)."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])


def similarity(angle: float, scale: float, shift: Sequence[float] | Array, lift: float) -> Array:
    """(4, 4): scaled, turned about z, moved."""
    matrix = np.eye(4)
    matrix[:2, :2], matrix[2, 2] = scale * rotation(angle), scale
    matrix[:2, 3], matrix[2, 3] = shift, lift
    return matrix


def least_squares(points: Array, targets: Array, scaled: bool) -> tuple[float, float, Array]:
    """Angle, scale and shift (2,) that bring plane points (n, 2) onto targets (n, 2)."""
    a, b = points - points.mean(axis=0), targets - targets.mean(axis=0)
    sine, cosine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum()
    angle, spread = math.atan2(sine, cosine), (a * a).sum()
    scale = math.hypot(sine, cosine) / spread if scaled and spread > 1e-8 else 1.0
    return angle, scale, targets.mean(axis=0) - scale * rotation(angle) @ points.mean(axis=0)


class _Search:
    """What stays the same over all hypotheses."""

    def __init__(self, predicted: Sequence[Solid], true: Sequence[Solid], scaled: bool) -> None:
        self.scaled = scaled
        self.p, self.g = np.array([s.anchor for s in predicted]), np.array([s.anchor for s in true])
        self.tall_p = np.maximum([s.height for s in predicted], 1e-6)
        self.tall_g = np.maximum([s.height for s in true], 1e-6)
        spread = float(np.ptp(self.g[:, :2], axis=0).max())
        self.cap = float(np.clip(0.35 * spread, 0.12, 0.8))
        other = [[0.0 if same_category(a.category, b.category) else 0.01 for b in true] for a in predicted]
        self.other = np.array(other)

    def hypotheses(self) -> tuple[Array, Array, Array, Array]:
        """Angles (h,), scales (h,), and the points (h, 2) and (h, 2) that are brought together."""
        p, g = self.p[:, :2], self.g[:, :2]
        found: list[tuple[float, float, Array, Array]] = []
        ways_p = [(i, k) for i in range(len(p)) for k in range(len(p)) if i != k]
        ways_g = [(j, m) for j in range(len(g)) for m in range(len(g)) if j != m]
        pairs = [(a, b) for a in ways_p for b in ways_g]
        if len(pairs) > MOST_PAIRS:
            chosen = np.random.default_rng(0).choice(len(pairs), MOST_PAIRS, replace=False)
            pairs = [pairs[k] for k in chosen]
        for (i, k), (j, m) in pairs:
            dp, dg = p[k] - p[i], g[m] - g[j]
            length_p, length_g = float(np.linalg.norm(dp)), float(np.linalg.norm(dg))
            if length_p < 1e-3 or length_g < 1e-3:
                continue
            scale = length_g / length_p if self.scaled else 1.0
            if self.scaled and not SCALES[0] < scale < SCALES[1]:
                continue
            angle = math.atan2(dg[1], dg[0]) - math.atan2(dp[1], dp[0])
            found.append((angle, scale, (p[i] + p[k]) / 2, (g[j] + g[m]) / 2))
        scales = {1.0}
        if self.scaled:
            scales.add(float(np.median(self.tall_g) / np.median(self.tall_p)))
        for angle in np.radians(np.arange(0, 360, YAW_STEP)):
            found += [(angle, s, a, b) for s in sorted(scales) for a in p for b in g]
        angles, sizes, sources, targets = zip(*found, strict=True)
        return np.array(angles), np.array(sizes), np.array(sources), np.array(targets)

    def lower_bounds(self, angles: Array, scales: Array, sources: Array, targets: Array) -> Array:
        """What each hypothesis costs at least, (h,)."""
        bounds = np.empty(len(angles))
        for start in range(0, len(angles), 2000):
            part = slice(start, start + 2000)
            c, s = np.cos(angles[part])[:, None], np.sin(angles[part])[:, None]
            d = self.p[None, :, :2] - sources[part, None]
            scale = scales[part, None]
            x = scale * (c * d[..., 0] - s * d[..., 1]) + targets[part, None, 0]
            y = scale * (s * d[..., 0] + c * d[..., 1]) + targets[part, None, 1]
            gap = np.hypot(x[..., None] - self.g[None, None, :, 0], y[..., None] - self.g[None, None, :, 1])
            cost = np.minimum(gap, self.cap) + self._height_cost(scale[..., None]) + self.other
            least = np.maximum(cost.min(axis=1).sum(axis=1), cost.min(axis=2).sum(axis=1))
            bounds[part] = least + 0.01 * np.abs(np.log(scales[part]))
        return bounds

    def _height_cost(self, scale: Array | float) -> Array:
        ratio = np.abs(np.log(self.tall_p[:, None] * scale / self.tall_g[None]))
        return np.asarray(0.02 * np.minimum(ratio, 1))

    def assign(self, angle: float, scale: float, shift: Array) -> tuple[Pairs, float, float]:
        """Who belongs to whom under a transform, what that costs, and the common lift (median over the pairs)."""
        flat = scale * self.p[:, :2] @ rotation(angle).T + shift
        gap = np.linalg.norm(flat[:, None] - self.g[None, :, :2], axis=2)
        lift = self.g[None, :, 2] - scale * self.p[:, None, 2]
        rows, columns = linear_sum_assignment(np.minimum(gap, self.cap))
        near = gap[rows, columns] < self.cap
        if near.any():
            rise = float(np.median(lift[rows, columns][near]))
        else:
            rise = float(np.median(self.g[:, 2]) - scale * np.median(self.p[:, 2]))
        gap = np.hypot(gap, lift - rise)
        cost = np.minimum(gap, self.cap) + self._height_cost(scale) + self.other
        rows, columns = linear_sum_assignment(cost)
        near = gap[rows, columns] < self.cap
        if near.any():
            rise = float(np.median(lift[rows[near], columns[near]]))
        missing = abs(len(self.p) - len(self.g)) * self.cap
        pairs = list(zip(rows[near].tolist(), columns[near].tolist(), strict=True))
        return pairs, float(cost[rows, columns].sum()) + missing, rise


def align(predicted: Sequence[Solid], true: Sequence[Solid], scaled: bool) -> Alignment:
    """The transform that brings the predicted anchors nearest to the true ones; both sequences hold at least one solid."""
    search = _Search(predicted, true, scaled)
    angles, scales, sources, targets = search.hypotheses()
    order = np.argsort(search.lower_bounds(angles, scales, sources, targets), kind="stable")[:REFINED]
    best: tuple[float, float, float, Array, float, Pairs] | None = None
    for number in order:
        angle, scale = float(angles[number]), float(scales[number])
        shift = targets[number] - scale * rotation(angle) @ sources[number]
        before: Pairs | None = None
        for _ in range(6):
            pairs, cost, rise = search.assign(angle, scale, shift)
            if best is None or cost < best[0] - 1e-12:
                best = (cost, angle, scale, shift, rise, pairs)
            if pairs == before or len(pairs) < 2:
                break
            before = pairs
            rows, columns = (list(each) for each in zip(*pairs, strict=True))
            following = least_squares(search.p[rows, :2], search.g[columns, :2], scaled)
            if scaled and not SCALES[0] < following[1] < SCALES[1]:
                break
            angle, scale, shift = following
    assert best is not None
    _, angle, scale, shift, rise, pairs = best
    matrix = similarity(angle, scale, shift, rise)
    known = search.p[[i for i, _ in pairs], :2] if pairs else np.empty((0, 2))
    if len(pairs) < 2 or float(np.ptp(known, axis=0).max()) < 0.01:
        matrix = _turned_by_boxes(matrix, scale, pairs, search.p, predicted, true)
    return Alignment(matrix, pairs, scale)


def _turned_by_boxes(
    matrix: Array, scale: float, pairs: Pairs, anchors: Array, predicted: Sequence[Solid], true: Sequence[Solid]
) -> Array:
    """One anchor cannot tell the yaw: the grid yaw under which the boxes agree best."""
    middle = anchors[[i for i, _ in pairs]].mean(axis=0) if pairs else anchors.mean(axis=0)
    target = matrix[:3, :3] @ middle + matrix[:3, 3]
    candidates = []
    for angle in np.radians(np.arange(0, 360, YAW_STEP)):
        turned = similarity(float(angle), scale, (0.0, 0.0), 0.0)
        turned[:3, 3] = target - turned[:3, :3] @ middle
        candidates.append((sum(box_iou(predicted[i].moved(turned), true[j]) for i, j in pairs), turned))
    return max(candidates, key=lambda each: each[0])[1]
