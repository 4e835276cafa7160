"""Objects as surfaces in the world: boxes, footprints, samples, and the exact distance from points to a surface."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

Array = NDArray[np.float64]

DRAWN, ASKED = 12_000, 2_000
"""Points drawn on a surface; the first `ASKED` of them are measured to the other surface."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A triangle mesh in the world (Z-up, metres). `seed` draws its sample points; `shape` and `support` are the truth's."""

    id: str
    category: str
    vertices: Array
    faces: NDArray[np.int64]
    seed: int
    shape: str | None = None
    support: str | None = None

    @cached_property
    def low(self) -> Array:
        """Lowest corner of the box around it, (3,)."""
        return np.asarray(self.vertices.min(axis=0))

    @cached_property
    def high(self) -> Array:
        """Highest corner of the box around it, (3,)."""
        return np.asarray(self.vertices.max(axis=0))

    @property
    def centre(self) -> Array:
        """Middle of the box around it, (3,)."""
        return (self.low + self.high) / 2

    @property
    def height(self) -> float:
        """Extent along z."""
        return float(self.high[2] - self.low[2])

    @cached_property
    def anchor(self) -> Array:
        """Area centroid of the convex footprint at mid height, (3,): unlike the box's middle it turns with the object."""
        middle = self.centre
        try:
            flat = self.vertices[:, :2] - middle[:2]
            ring = flat[ConvexHull(flat).vertices]
        except QhullError:
            return middle
        following = np.roll(ring, -1, axis=0)
        cross = ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]
        area = cross.sum() / 2
        if area <= 1e-9:
            return middle
        return np.r_[middle[:2] + ((ring + following) * cross[:, None]).sum(axis=0) / (6 * area), middle[2]]

    def moved(self, matrix: Array) -> Solid:
        """The same solid under a (4, 4) transform."""
        return replace(self, vertices=self.vertices @ matrix[:3, :3].T + matrix[:3, 3])

    @cached_property
    def samples(self) -> Array:
        """`DRAWN` points, uniform over the surface."""
        rng = np.random.default_rng(self.seed)
        corners = self.vertices[self.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        if area.sum() <= 0:
            area = np.ones(len(area))
        chosen = rng.choice(len(area), DRAWN, p=area / area.sum())
        weights = rng.random((DRAWN, 2))
        weights = np.where(weights.sum(axis=1, keepdims=True) > 1, 1 - weights, weights)
        a, b, c = corners[chosen].transpose(1, 0, 2)
        return np.asarray(a + weights[:, :1] * (b - a) + weights[:, 1:] * (c - a))

    @cached_property
    def diameter(self) -> float:
        """Largest distance between two of its points."""
        hull = self.vertices[ConvexHull(self.vertices).vertices]
        return float(pdist(hull[:: max(1, len(hull) // 400)]).max())

    @cached_property
    def _tiles(self) -> tuple[Array, cKDTree, float]:
        """Small triangles (n, 3, 3) that make up the surface, a tree of their centroids, and the largest radius of one."""
        longest = max(float(np.linalg.norm(self.high - self.low)) / 40, 1e-4)
        vertices, faces = trimesh.remesh.subdivide_to_size(self.vertices, self.faces, longest, max_iter=30)
        corners = np.asarray(vertices)[np.asarray(faces)]
        centroids = corners.mean(axis=1)
        radius = float(np.linalg.norm(corners - centroids[:, None], axis=2).max())
        return corners, cKDTree(centroids), radius

    def distance(self, points: Array) -> Array:
        """Distance from each point (n, 3) to the surface, exact: no nearer triangle's centroid lies further away than the
        nearest centroid plus a triangle's radius."""
        corners, tree, radius = self._tiles
        bound, _ = tree.query(points)
        near = tree.query_ball_point(points, bound + radius + 1e-9)
        counts = np.fromiter((len(each) for each in near), int, len(near))
        triangles = np.concatenate([np.asarray(each, int) for each in near])
        asked = np.repeat(np.arange(len(points)), counts)
        best = bound.copy()
        for start in range(0, len(asked), 400_000):
            part = slice(start, start + 400_000)
            closest = trimesh.triangles.closest_point(corners[triangles[part]], points[asked[part]])
            gap = np.linalg.norm(closest - points[asked[part]], axis=1)
            np.minimum.at(best, asked[part], np.where(np.isfinite(gap), gap, np.inf))
        return np.asarray(best)


def box_iou(one: Solid, other: Solid) -> float:
    """Intersection over union of the boxes around two solids, along the world's axes."""
    shared = float(np.prod(np.clip(np.minimum(one.high, other.high) - np.maximum(one.low, other.low), 0, None)))
    union = float(np.prod(one.high - one.low) + np.prod(other.high - other.low)) - shared
    return shared / union if union > 0 else 0.0


def yaw_difference(one: Solid, other: Solid) -> float:
    """Degrees between the smallest rectangles around two footprints: modulo 180, or 90 when either is nearly square."""
    (a, first), (b, second) = _rectangle(one), _rectangle(other)
    period = 90.0 if first < 1.1 or second < 1.15 else 180.0
    difference = math.degrees(a - b) % period
    return min(difference, period - difference)


def _rectangle(solid: Solid) -> tuple[float, float]:
    """Direction of the long side of the smallest rectangle around the footprint (radians), and its long over short side."""
    flat = solid.vertices[:, :2]
    ring = flat[ConvexHull(flat).vertices]
    edges = np.roll(ring, -1, axis=0) - ring
    best = (math.inf, 0.0, 1.0)
    for angle in np.arctan2(edges[:, 1], edges[:, 0]):
        c, s = math.cos(angle), math.sin(angle)
        width, height = np.ptp(ring @ np.array([[c, -s], [s, c]]), axis=0)
        if width * height < best[0] - 1e-12:
            turned = angle if width >= height else angle + math.pi / 2
            best = (width * height, float(turned), max(width, height) / max(1e-9, min(width, height)))
    return best[1], best[2]
