"""The similarity (rotation, one scale, translation) between two point sets whose points correspond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FLAT = 1e-9
"""Ratio of the second singular value to the first below which points lie on a line, which leaves a rotation open."""


class SimilarityError(ValueError):
    """Two point sets determine no similarity. The message says why."""


@dataclass(frozen=True)
class Similarity:
    """target = scale * rotation @ source + translation.

    `residual` is the largest distance that is left between a mapped point and its partner; `mirrored` says that a
    reflection would have fitted better than any rotation.
    """

    rotation: Array
    translation: Array
    scale: float
    residual: float
    mirrored: bool

    @property
    def matrix(self) -> Array:
        """T @ R @ S, shape (4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.translation
        return matrix


def umeyama(source: ArrayLike, target: ArrayLike) -> Similarity:
    """The least-squares similarity from `source` to `target`, both (n, 3), row by row.

    S. Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", IEEE PAMI 13(4), 1991,
    equations 38 to 43.

    Raises:
        SimilarityError: different counts, fewer than three points, a point that is not finite, or points on one line.
    """
    a, b = np.asarray(source, dtype=float), np.asarray(target, dtype=float)
    if a.ndim != 2 or a.shape[1] != 3 or a.shape != b.shape:
        raise SimilarityError(f"point sets of shape {a.shape} and {b.shape}; two of the same shape (n, 3) are needed")
    if len(a) < 3:
        raise SimilarityError(f"{len(a)} points; three are needed")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise SimilarityError("a point is not finite")
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    centred_a, centred_b = a - mean_a, b - mean_b
    for name, spread in (("source", centred_a), ("target", centred_b)):
        sizes = np.linalg.svd(spread, compute_uv=False)
        if sizes[0] <= 0 or sizes[1] / sizes[0] < FLAT:
            raise SimilarityError(f"the {name} points lie on a line (singular values {sizes.tolist()})")
    u, d, vt = np.linalg.svd(centred_b.T @ centred_a / len(a))
    mirrored = bool(np.linalg.det(u) * np.linalg.det(vt) < 0)
    signs = np.array([1.0, 1.0, -1.0 if mirrored else 1.0])
    rotation = (u * signs) @ vt
    scale = float((d * signs).sum() / (centred_a**2).sum() * len(a))
    translation = mean_b - scale * rotation @ mean_a
    left = np.linalg.norm(scale * a @ rotation.T + translation - b, axis=1)
    flat = d[2] <= 1e-9 * d[0]  # of a flat set, a reflection through its plane is no reflection
    return Similarity(rotation, translation, scale, float(left.max()), mirrored and not flat)
