"""Rigid transforms and quaternions. Quaternions are (w, x, y, z), unit length; matrices are parent-from-child."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def quaternion_to_matrix(quaternion: ArrayLike) -> Array:
    """Rotation matrix, shape (3, 3).

    Raises:
        ValueError: the quaternion is not finite or not of unit length (tolerance 1e-3).
    """
    q = np.asarray(quaternion, dtype=float)
    norm = float(np.linalg.norm(q))
    if q.shape != (4,) or not np.isfinite(norm) or abs(norm - 1.0) > 1e-3:
        raise ValueError(f"not a unit quaternion (w, x, y, z): {q.tolist()} has length {norm:.6g}")
    w, x, y, z = q / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def matrix_to_quaternion(rotation: ArrayLike) -> Array:
    """Unit quaternion (w, x, y, z) with w >= 0 of a rotation matrix, shape (3, 3). Shepperd's method."""
    m = np.asarray(rotation, dtype=float)
    trace = np.trace(m)
    choices = np.array([trace, m[0, 0], m[1, 1], m[2, 2]])
    k = int(np.argmax(choices))
    if k == 0:
        q = np.array([1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    else:
        i = k - 1
        j, l = (i + 1) % 3, (i + 2) % 3  # noqa: E741
        q = np.zeros(4)
        q[0] = m[l, j] - m[j, l]
        q[1 + i] = 1 + m[i, i] - m[j, j] - m[l, l]
        q[1 + j] = m[j, i] + m[i, j]
        q[1 + l] = m[l, i] + m[i, l]
    q /= np.linalg.norm(q)
    return q if q[0] >= 0 else -q


def compose(translation: ArrayLike, quaternion: ArrayLike, scale: ArrayLike = (1.0, 1.0, 1.0)) -> Array:
    """T @ R @ S as a matrix, shape (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, :3] = quaternion_to_matrix(quaternion) * np.asarray(scale, dtype=float)
    matrix[:3, 3] = np.asarray(translation, dtype=float)
    return matrix


def from_rotation(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """A rigid transform, shape (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(rotation, dtype=float)
    matrix[:3, 3] = np.asarray(translation, dtype=float)
    return matrix


def yaw_quaternion(yaw: float) -> Array:
    """Rotation about +z by `yaw` radians."""
    return np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])


def apply(matrix: ArrayLike, points: ArrayLike) -> Array:
    """Transforms points of shape (n, 3)."""
    m = np.asarray(matrix, dtype=float)
    moved: Array = np.asarray(points, dtype=float) @ m[:3, :3].T + m[:3, 3]
    return moved


def as_rows(matrix: ArrayLike) -> Sequence[Sequence[float]]:
    """A (4, 4) matrix as nested lists, for documents."""
    rows: list[list[float]] = np.asarray(matrix, dtype=float).tolist()
    return rows


ORTHOGONAL = 1e-4
"""How far from 90 degrees axes may be and still count as unsheared: the cosine between them. Float32 files reach 1e-6."""


class TransformError(ValueError):
    """A matrix is not a rotation, a scale and a translation. The message says what it is instead."""


def decompose(matrix: ArrayLike) -> tuple[Array, Array, Array]:
    """Translation (3,), unit quaternion (w, x, y, z) and scale (3,) of T @ R @ S, shape (4, 4).

    Raises:
        TransformError: it is not finite or not affine; it flattens, mirrors or shears.
    """
    m = np.asarray(matrix, dtype=float)
    if m.shape != (4, 4) or not np.isfinite(m).all():
        raise TransformError(f"not a finite 4x4 matrix: {m.tolist()}")
    if np.abs(m[3] - (0, 0, 0, 1)).max() > 1e-9:
        raise TransformError(f"the last row is {m[3].tolist()}, not 0 0 0 1: not an affine transform")
    scale = np.linalg.norm(m[:3, :3], axis=0)
    if scale.min() <= 1e-12:
        raise TransformError(f"scale {scale.tolist()}: the transform flattens")
    rotation = m[:3, :3] / scale
    skew = np.abs(rotation.T @ rotation - np.eye(3)).max()
    if skew > ORTHOGONAL:
        raise TransformError(
            f"axes {90 - np.degrees(np.arccos(min(1.0, skew))):.3g} degrees off a right angle: sheared"
        )
    if np.linalg.det(rotation) < 0:
        raise TransformError("the transform mirrors")
    return m[:3, 3].copy(), matrix_to_quaternion(rotation), scale
