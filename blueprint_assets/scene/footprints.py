"""Where an object stands, seen from above: convex footprints, and how far apart two must move not to overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def convex_footprint(points: ArrayLike) -> Array:
    """Corners (n, 2), counter-clockwise, of the convex hull of points (m, 2 or 3) seen from above.

    Raises:
        ValueError: the points lie on one line.
    """
    from scipy.spatial import ConvexHull, QhullError

    flat = np.asarray(points, dtype=float)[:, :2]
    try:
        return np.asarray(flat[ConvexHull(flat).vertices])
    except QhullError:
        raise ValueError("a footprint without area: all points lie on one line seen from above") from None


def polygon_area(polygon: Array) -> float:
    """Area of a counter-clockwise polygon (n, 2)."""
    x, y = polygon.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def centroid(polygon: Array) -> Array:
    """Area centroid (2,) of a polygon (n, 2)."""
    x, y = polygon.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    doubled = np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()])
    middle: Array = doubled / (3 * cross.sum())
    return middle


def least_width(polygon: Array) -> float:
    """The narrowest gap between two parallel lines that a convex polygon (n, 2) passes through."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    normals = np.stack([edges[:, 1], -edges[:, 0]], axis=1)[lengths > 0] / lengths[lengths > 0, None]
    return float(np.ptp(polygon @ normals.T, axis=0).min())


def separation(one: Array, other: Array, gap: float = 0.0) -> Array:
    """The shortest move (2,) of `other` after which two convex footprints are `gap` apart; zero when they are already.

    By the separating axis theorem: of two convex polygons the least translation lies along an edge normal of one of them
    (their Minkowski difference has no other edges). With a gap the answer is exact along edges and, at corners, at most
    the rounding of the corner too long.
    """
    best = np.zeros(2)
    least = np.inf
    for polygon in (one, other):
        edges = np.roll(polygon, -1, axis=0) - polygon
        for edge in edges:
            length = float(np.hypot(*edge))
            if length < 1e-12:
                continue
            normal = np.array([edge[1], -edge[0]]) / length
            a, b = one @ normal, other @ normal
            for direction, depth in ((1.0, a.max() - b.min()), (-1.0, b.max() - a.min())):
                needed = float(depth) + gap
                if needed <= 0:
                    return np.zeros(2)
                if needed < least:
                    least, best = needed, direction * needed * normal
    return best


def contains(polygon: Array, point: ArrayLike) -> bool:
    """Whether a convex counter-clockwise polygon holds a point (2,), its border included."""
    p = np.asarray(point, dtype=float)
    edges = np.roll(polygon, -1, axis=0) - polygon
    to_point = p - polygon
    return bool((edges[:, 0] * to_point[:, 1] - edges[:, 1] * to_point[:, 0] >= -1e-12).all())


def nearest_inside(polygon: Array, point: ArrayLike) -> Array:
    """The point (2,) of a convex polygon that is nearest to `point`."""
    p = np.asarray(point, dtype=float)
    if contains(polygon, p):
        return p
    following = np.roll(polygon, -1, axis=0)
    edges = following - polygon
    along = np.clip(((p - polygon) * edges).sum(axis=1) / np.maximum((edges**2).sum(axis=1), 1e-18), 0.0, 1.0)
    candidates = polygon + along[:, None] * edges
    return np.asarray(candidates[int(np.argmin(((candidates - p) ** 2).sum(axis=1)))])
