"""A measured profile made regular: as few knots as explain it, smooth between them, sharp where it turns sharply."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNOT_COST = 4.0
"""Squared errors, in tolerances, that one more knot must save."""
OUTLIER = 3.0
"""Tolerances beyond which a point counts as an outlier and no further."""
CORNER = math.radians(35.0)
"""A profile that turns by more at a knot has an edge there."""
STEPS = 48
"""Rings of the result: enough that a curved body looks smooth."""


def regular_profile(heights: Array, radii: Array, tolerance: float) -> tuple[Array, Array]:
    """Heights (first and last as given) and radii of the profile with the fewest knots that stays near the points.

    Knots by dynamic programming over all pairs of points (each stretch a line, errors capped at OUTLIER tolerances),
    radii at the knots by robust least squares, monotone cubics (Fritsch and Carlson 1980) between corners.
    """
    n = len(heights)
    if n < 4 or tolerance <= 0:
        return heights, radii
    knots = _knots(heights, radii, tolerance)
    values = _values(heights, radii, knots, tolerance)
    return _curve(heights[knots], values, heights)


def _knots(heights: Array, radii: Array, tolerance: float) -> list[int]:
    n = len(heights)
    best = np.full(n, np.inf)
    best[0] = 0.0
    previous = np.zeros(n, int)
    for end in range(1, n):
        for start in range(end):
            z, r = heights[start : end + 1], radii[start : end + 1]
            share = (z - z[0]) / (z[-1] - z[0])
            # The line through the medians of both thirds: single bad points do not tilt it.
            third = max(1, (end - start + 1) // 3)
            low, high = float(np.median(r[:third])), float(np.median(r[-third:]))
            run = float(np.median(share[-third:]) - np.median(share[:third]))
            slope = (high - low) / run if run > 0 else 0.0
            line = low + slope * (share - float(np.median(share[:third])))
            error = np.minimum(np.abs(r - line) / tolerance, OUTLIER)
            value = best[start] + float((error**2).sum()) + KNOT_COST
            if value < best[end]:
                best[end], previous[end] = value, start
    knots = [n - 1]
    while knots[-1] > 0:
        knots.append(int(previous[knots[-1]]))
    return knots[::-1]


def _values(heights: Array, radii: Array, knots: list[int], tolerance: float) -> Array:
    """Radii at the knots of the connected line that fits best."""
    basis = np.stack([np.interp(heights, heights[knots], row) for row in np.eye(len(knots))], axis=-1)
    weight = np.ones(len(heights))
    values = radii[knots]
    for _ in range(6):
        scaled = basis * weight[:, None]
        normal = scaled.T @ basis + 1e-9 * np.eye(len(knots))
        values = np.asarray(np.linalg.solve(normal, scaled.T @ radii), np.float64)
        weight = 1.0 / np.maximum(np.abs(radii - basis @ values) / tolerance, 0.5)
    return np.maximum(values, 0.0)


def _curve(knots: Array, values: Array, heights: Array) -> tuple[Array, Array]:
    """The curve through the knots at evenly spread heights and at every corner."""
    from scipy.interpolate import PchipInterpolator

    direction = np.arctan2(np.diff(values), np.diff(knots))
    corner = [0, *(k + 1 for k in range(len(direction) - 1) if abs(direction[k + 1] - direction[k]) > CORNER)]
    corner.append(len(knots) - 1)
    even = np.linspace(heights[0], heights[-1], STEPS)
    gap = 0.3 * (even[1] - even[0])
    z: list[Array] = []
    r: list[Array] = []
    for low, high in itertools.pairwise(corner):
        inner = even[(even > knots[low] + gap) & (even < knots[high] - gap)]
        at = np.concatenate([[knots[low]], inner, [knots[high]]])
        piece = slice(low, high + 1)
        curve = (
            PchipInterpolator(knots[piece], values[piece])(at)
            if high - low > 1
            else np.interp(at, knots[piece], values[piece])
        )
        z.append(at if low == 0 else at[1:])
        r.append(curve if low == 0 else curve[1:])
    return np.concatenate(z), np.maximum(np.concatenate(r), 0.0)
