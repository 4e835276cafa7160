"""Round bodies of few numbers: balls, spheroids, tapered cylinders, bowls; where they stand and how large they are.

A silhouette alone leaves a round body's depth and height loose when its profile is free (see revolved.py). With a profile of
one or two numbers it does not: a ball has three unknowns, an upright can four, and the outline, the rim that shows inside
it and the usual proportions of the kind decide together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .descent import descend
from .inner_edges import inner_edges
from .silhouette import Silhouette

Array = NDArray[np.float64]
Kind = Literal["ball", "spheroid", "tapered", "bevelled", "bowl"]

ANGLES = 28
RINGS = {"ball": 13, "spheroid": 13, "tapered": 2, "bevelled": 4, "bowl": 7}
BOWL_POWER = 0.55
"""A bowl's wall: radius = foot + (rim - foot) (z / h)^p; 0.5 is a paraboloid."""
BEVEL = 0.18
"""A bevelled body narrows by this share of its radius over as much height at both ends (drink cans: 0.15-0.2)."""
FOOT = {"tapered": 0.0, "bevelled": 0.0, "bowl": math.log(0.55)}
FOOT_SD = {"tapered": 0.35, "bevelled": 0.1, "bowl": 0.3}
"""Logarithm of the base's radius over the rim's: usual value and its spread (cans and tumblers: 0.7-1; bowls: 0.4-0.75)."""
PRIOR_WEIGHT = 0.002
"""Overlap that one standard deviation (squared) of an unusual proportion costs."""
EDGE_WEIGHT = 0.02
"""Overlap that a rim on a clear edge of the picture is worth."""
UNUSUAL = 9.0
"""Squared deviations that an unusual proportion costs at most: the name may be wrong."""
SPREAD = {"spheroid": 0.12, "tapered": 0.3, "bevelled": 0.3, "bowl": 0.2}
"""Standard deviation of the logarithm of height over width within a category, by kind of body: fruit and balls differ by a
tenth, bowls (0.3-0.55) by a fifth, cups and cans by a third."""
USUAL = {"spheroid": 0.9, "bevelled": 1.5}
"""Height over width of what is of unknown category, where the kind says something: apples are 0.9, oranges 0.95, tomatoes 0.8,
and nothing stands on an egg's end; drink cans are 1.8, jars with shoulders 1-1.3."""

_SHARES = {kind: np.linspace(0.0, 1.0, count) for kind, count in RINGS.items()}
_TURN = np.arange(ANGLES) * 2 * np.pi / ANGLES
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN), np.zeros(ANGLES)], axis=-1)
_NEAR = np.radians(np.linspace(-60, 60, 21))[:, None]
_NEAR_COS, _NEAR_SIN = np.cos(_NEAR), np.sin(_NEAR)


@dataclass(frozen=True)
class RoundBody:
    """`position`: middle of its base. `heights` rise from 0, `radii` belong to them. `value`: overlap, edges and priors."""

    kind: Kind
    position: Array
    heights: Array
    radii: Array
    overlap: float
    value: float

    def points(self) -> Array:
        """World points whose convex hull is the body, shape (n, 3)."""
        return _rings(self.position, self.heights, self.radii)


def fit_round(view: Silhouette, kind: Kind, aspect: float | None = None) -> RoundBody | None:
    """The body of that kind that explains a silhouette best.

    Args:
        view: the silhouette, with the photograph for rims.
        kind: `ball` (sphere), `spheroid` (upright), `tapered` (cylinder, frustum), `bowl`.
        aspect: usual height over greatest width, or None.
    """
    rows, columns = np.nonzero(view.mask)
    width = float(columns.max() + 1 - columns.min()) * view.pixel
    tall = float(rows.max() + 1 - rows.min()) * view.pixel
    offset = ((columns.min() + columns.max() + 1) / 2 - float(view.project(view.base[None])[0][0])) * view.pixel
    distance = view.base - view.camera
    steep = abs(float(distance[2])) / float(np.linalg.norm(distance))
    level = math.sqrt(max(1 - steep**2, 0.05))
    inner = inner_edges(view)
    usual = USUAL.get(kind) if aspect is None else aspect

    def body(x: Array) -> tuple[Array, Array, Array]:
        position = view.base + x[0] * width * view.right + x[1] * width * view.away
        return position, *_profile(kind, x, width)

    def value(x: Array) -> float:
        if max(map(abs, x.tolist())) > 3.5:
            return -2.0
        position, heights, radii = body(x)
        drawn = view.blank()
        view.draw_hull(drawn, _rings(position, heights, radii))
        total = view.overlap(drawn)
        if kind != "ball" and usual is not None:
            squared = ((x[3] - x[2] - math.log(usual)) / SPREAD[kind]) ** 2
            total -= PRIOR_WEIGHT * (squared if kind == "spheroid" else squared / (1 + squared / UNUSUAL))
        if kind in FOOT:
            total -= PRIOR_WEIGHT * ((x[4] - FOOT[kind]) / FOOT_SD[kind]) ** 2
            if inner is not None:
                total += EDGE_WEIGHT * inner.share(view, _near_rim(view, position, heights[-1], radii[-1]))
        return total

    def search(start: Array, step: float, budget: int) -> tuple[float, Array]:
        n = len(start)
        simplex = start + np.vstack([np.zeros(n), step * np.eye(n)])
        least, x = descend(lambda x: -value(x), simplex, budget, 5e-4, 2e-5)
        return -least, x

    trials = []
    for start in _starts(kind, width, tall, offset, steep, level, usual):
        trials.append(search(start, 0.08, 120))
    trials.sort(key=lambda trial: -trial[0])
    x = search(trials[0][1], 0.05, 200)[1]
    best, x = search(x, 0.02, 160)
    position, heights, radii = body(x)
    drawn = view.blank()
    view.draw_hull(drawn, _rings(position, heights, radii))
    overlap = view.overlap(drawn)
    return RoundBody(kind, position, heights, radii, overlap, best) if overlap > 0 else None


def _starts(
    kind: Kind, width: float, tall: float, offset: float, steep: float, level: float, aspect: float | None
) -> list[Array]:
    """Right and away of the base's middle (in widths), log of width and height over the mask's width, log of the foot."""
    sideways = offset / width
    if kind == "ball":
        return [np.array([sideways, away, -0.05]) for away in (0.2, 0.5, 0.8)]
    seen = max((tall / width - steep) / level, 0.12)
    heights = [seen] if aspect is None else [seen, min(max(aspect, 0.05), 5.0)]
    if kind == "spheroid":
        return [np.array([sideways, away, -0.05, math.log(h)]) for h in (1.0, heights[-1]) for away in (0.25, 0.5)]
    return [np.array([sideways, away, -0.08, math.log(h), FOOT[kind]]) for h in heights for away in (0.25, 0.5)]


def _profile(kind: Kind, x: Array, width: float) -> tuple[Array, Array]:
    radius = 0.5 * math.exp(x[2]) * width
    share = _SHARES[kind]
    if kind in ("ball", "spheroid"):
        height = 2 * radius if kind == "ball" else math.exp(x[3]) * width
        angle = np.pi * share
        return height * (1 - np.cos(angle)) / 2, radius * np.sin(angle)
    foot = math.exp(x[4])
    height = math.exp(x[3]) * width
    # The greatest radius is `radius`, at the rim or at the base.
    low, high = (foot, 1.0) if foot <= 1 else (1.0, 1.0 / foot)
    if kind == "bevelled":
        bevel = min(BEVEL * radius, 0.4 * height)
        ends = np.array([low, low, high, high]) * radius - np.array([bevel, 0.0, 0.0, bevel])
        return np.array([0.0, bevel, height - bevel, height]), ends
    power = BOWL_POWER if kind == "bowl" else 1.0
    return height * share, radius * (low + (high - low) * share**power)


def _rings(position: Array, heights: Array, radii: Array) -> Array:
    rings = position + radii[:, None, None] * _CIRCLE
    rings[..., 2] += heights[:, None]
    points: Array = rings.reshape(-1, 3)
    return points


def _near_rim(view: Silhouette, position: Array, height: float, radius: float) -> Array:
    """Points on the half of the rim that faces the camera, shape (n, 3)."""
    points: Array = position + radius * (_NEAR_COS * -view.away + _NEAR_SIN * view.right)
    points[:, 2] += height
    return points
