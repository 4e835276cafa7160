"""Pinhole cameras: from a pitch and a focal length to pixels, and from pixels back to the ground.

World frame: Z-up; camera axes are OpenCV's (x right, y down, z forward); pixel centres are at +0.5.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.base import Evidence, Matrix4
from blueprint_assets.contracts.posed_meshes import Camera

Array = NDArray[np.float64]

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)


def focal_from_35mm(focal_35mm: float, width: int, height: int) -> float:
    """Focal length in pixels of a 35 mm equivalent, by the diagonal rule of CIPA DCG-001.

    Raises:
        ValueError: the focal length is not positive.
    """
    if not focal_35mm > 0:
        raise ValueError(f"35 mm equivalent focal length {focal_35mm}: it must be positive")
    return focal_35mm * math.hypot(width, height) / FULL_FRAME_DIAGONAL_MM


def down_direction(pitch: float, roll: float) -> Array:
    """Unit vector of gravity in camera axes, shape (3,), of a camera that looks `pitch` radians below the horizon and
    whose picture is turned by `roll` (positive: gravity leans to the picture's right)."""
    return np.array([math.cos(pitch) * math.sin(roll), math.cos(pitch) * math.cos(roll), math.sin(pitch)])


def world_from_down(down: ArrayLike, camera_height: float = 1.0) -> Array:
    """Camera-to-world matrix, shape (4, 4), of a camera above the world's origin that feels gravity along `down`
    (camera axes): world z against gravity, world y along the view on the ground, world x to the picture's right.

    Raises:
        ValueError: the camera looks straight up or down, so that the view has no direction on the ground.
    """
    up = -np.asarray(down, dtype=float)
    up = up / np.linalg.norm(up)
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(forward) < 1e-6:
        raise ValueError("the camera looks along gravity: tilt it by a degree")
    forward /= np.linalg.norm(forward)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.cross(forward, up), forward, up])
    matrix[2, 3] = camera_height
    return matrix


def pinhole(
    width: int,
    height: int,
    focal: float,
    pitch: float,
    roll: float = 0.0,
    *,
    camera_height: float = 1.0,
    focal_evidence: Evidence = "default",
    pitch_evidence: Evidence = "default",
    note: str = "",
) -> Camera:
    """A camera with square pixels and its principal point in the middle; angles in radians, focal length in pixels."""
    rows = world_from_down(down_direction(pitch, roll), camera_height).tolist()
    matrix: Matrix4 = tuple(tuple(row) for row in rows)  # type: ignore[assignment]
    return Camera(
        width=width,
        height=height,
        fx=focal,
        fy=focal,
        cx=width / 2,
        cy=height / 2,
        focal_evidence=focal_evidence,
        camera_to_world=matrix,
        pitch_evidence=pitch_evidence,
        note=note,
    )


def resized(camera: Camera, factor: float) -> Camera:
    """The same camera for the picture scaled by `factor`."""
    return camera.model_copy(
        update={
            "width": max(1, round(camera.width * factor)),
            "height": max(1, round(camera.height * factor)),
            "fx": camera.fx * factor,
            "fy": camera.fy * factor,
            "cx": camera.cx * factor,
            "cy": camera.cy * factor,
        }
    )


def intrinsic_matrix(camera: Camera) -> Array:
    """Pixels from camera axes, shape (3, 3)."""
    return np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])


def projection_matrix(camera: Camera) -> Array:
    """Homogeneous pixels from homogeneous world points, shape (3, 4); the third coordinate is the depth."""
    return intrinsic_matrix(camera) @ np.linalg.inv(np.array(camera.camera_to_world))[:3]


def project(camera: Camera, points: ArrayLike) -> tuple[Array, Array]:
    """Pixels, shape (n, 2), and depths along the optical axis, shape (n,), of world points of shape (n, 3).

    A point at or behind the camera has a depth <= 0 and a pixel that means nothing.
    """
    return project_with(projection_matrix(camera), points)


def project_with(matrix: Array, points: ArrayLike) -> tuple[Array, Array]:
    """`project` with a ready `projection_matrix`; points of shape (..., 3)."""
    p = np.asarray(points, dtype=float)
    homogeneous = p @ matrix[:, :3].T + matrix[:, 3]
    depth = homogeneous[..., 2]
    safe = np.where(np.abs(depth) < 1e-12, 1e-12, depth)
    return homogeneous[..., :2] / safe[..., None], depth


def camera_position(camera: Camera) -> Array:
    """Where the camera is in the world, shape (3,)."""
    return np.array(camera.camera_to_world)[:3, 3]


def pixel_rays(camera: Camera, pixels: ArrayLike) -> Array:
    """Directions in the world, not normalised (their depth is 1), shape (n, 3), of pixels of shape (n, 2)."""
    p = np.asarray(pixels, dtype=float)
    local = np.stack(
        [(p[..., 0] - camera.cx) / camera.fx, (p[..., 1] - camera.cy) / camera.fy, np.ones(p.shape[:-1])], axis=-1
    )
    return np.asarray(local @ np.array(camera.camera_to_world)[:3, :3].T)


def ground_points(camera: Camera, pixels: ArrayLike, height: float = 0.0) -> Array:
    """Where the pixels' rays meet the horizontal plane z = `height`, shape (n, 3); NaN at and above the horizon."""
    directions = pixel_rays(camera, pixels)
    origin = camera_position(camera)
    falling = directions[..., 2] < -1e-9
    distance = np.where(falling, (height - origin[2]) / np.where(falling, directions[..., 2], -1.0), np.nan)
    points: Array = origin + distance[..., None] * directions
    found: Array = np.where((distance > 0)[..., None], points, np.nan)
    return found


def pitch_and_roll(camera: Camera) -> tuple[float, float]:
    """Radians: how far below the horizon the camera looks, and how far its picture is turned."""
    down = -np.array(camera.camera_to_world)[2, :3]
    return math.asin(float(np.clip(down[2], -1, 1))), math.atan2(float(down[0]), float(down[1]))
