"""Where a triangle mesh is nearest to given points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

AT_ONCE = 200_000
"""Points a round, so that memory stays below 200 MB."""


@dataclass(frozen=True)
class Samples:
    """Points on a triangle mesh: `points` (n, 3), the `face` of each (n,), and `weights` (n,), its share of the area."""

    points: Array
    face: Ints
    weights: Array


def sample(vertices: Array, faces: Ints, spacing: float) -> Samples:
    """Points no further apart than `spacing`, at the middles of an even subdivision of every face; no chance in it.

    Rows and columns of one face are limited to 400.
    """
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    parts = np.clip(np.ceil(longest / spacing), 1, 400).astype(np.int64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    points, face, weights = [], [], []
    for n in np.unique(parts):
        mine = np.flatnonzero(parts == n)
        i, j = (grid.reshape(-1) for grid in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
        up = np.stack([i, j], axis=1)[i + j < n] + 1 / 3
        down = np.stack([i, j], axis=1)[i + j < n - 1] + 2 / 3
        uv = np.concatenate([up, down]) / n
        bary = np.stack([1 - uv.sum(axis=1), uv[:, 0], uv[:, 1]], axis=1)
        points.append((bary @ corners[mine]).reshape(-1, 3))
        face.append(np.repeat(mine, len(bary)))
        weights.append(np.repeat(area[mine] / len(bary), len(bary)))
    return Samples(np.concatenate(points), np.concatenate(face), np.concatenate(weights))


class NearestSurface:
    """Nearest points on a mesh: exact on the faces whose samples are nearest, which is the nearest face to within `spacing`."""

    def __init__(self, vertices: Array, faces: Ints, spacing: float, candidates: int = 3) -> None:
        from scipy.spatial import cKDTree

        self._triangles = vertices[faces]
        self._samples = sample(vertices, faces, spacing)
        # Built in half the time without balancing; samples of a surface are spread evenly anyhow.
        self._tree = cKDTree(self._samples.points, balanced_tree=False, compact_nodes=False)
        self._candidates = min(candidates, len(self._samples.points))

    def find(self, points: Array) -> tuple[Array, Ints, Array]:
        """For points (n, 3): the nearest surface points (n, 3), the faces that these lie on (n,), the distances (n,)."""
        from trimesh.triangles import closest_point

        on, face, far = np.empty((len(points), 3)), np.empty(len(points), dtype=np.int64), np.empty(len(points))
        for start in range(0, len(points), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            asked = points[part]
            _, near = self._tree.query(asked, k=self._candidates)
            faces = self._samples.face[near.reshape(len(asked), -1)]
            best = np.full(len(asked), np.inf)
            for column in faces.T:
                found = closest_point(self._triangles[column], asked)
                distance = np.linalg.norm(found - asked, axis=1)
                better = distance < best
                best[better] = distance[better]
                on[part][better], face[part][better] = found[better], column[better]
            far[part] = best
        return on, face, far
