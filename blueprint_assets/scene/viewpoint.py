"""Where a scene is looked at from: the photograph's camera in metres, or a view that is chosen where no camera saw it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.contracts.scene_layout import LayoutCamera
from blueprint_assets.geometry.transforms import as_rows

Array = NDArray[np.float64]

SIZE = (960, 720)
FOCAL_PX = 900.0
PITCH_DEG = 30.0
MARGIN = 1.1
"""Of a chosen view: a 4:3 picture of 56 degrees, as a phone at arm's length over a table takes it. Own choice."""


def seen_viewpoint(camera: Camera, factor: float, shift: Array) -> LayoutCamera:
    """The photograph's camera after the objects' scaling by `factor` and their shift (3,), metres."""
    matrix = np.array(camera.camera_to_world, dtype=float)
    matrix[:3, 3] = matrix[:3, 3] * factor + shift
    return LayoutCamera(
        width=camera.width,
        height=camera.height,
        fx=camera.fx,
        fy=camera.fy,
        cx=camera.cx,
        cy=camera.cy,
        camera_to_world=as_rows(matrix),  # type: ignore[arg-type]
        evidence="measured" if camera.focal_evidence == camera.pitch_evidence == "measured" else "estimated",
    )


def chosen_viewpoint(low: Array, high: Array) -> LayoutCamera:
    """From the front (-y), looking down on the middle of the box from `low` to `high` (3,), metres, far enough away that the
    sphere around it fits the picture."""
    pitch = np.radians(PITCH_DEG)
    half_angle = np.arctan(0.5 * SIZE[1] / FOCAL_PX)
    distance = MARGIN * float(np.linalg.norm(high - low)) / 2 / np.sin(half_angle)
    forward = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
    right = np.array([1.0, 0.0, 0.0])
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = (low + high) / 2 - distance * forward
    return LayoutCamera(
        width=SIZE[0],
        height=SIZE[1],
        fx=FOCAL_PX,
        fy=FOCAL_PX,
        cx=SIZE[0] / 2,
        cy=SIZE[1] / 2,
        camera_to_world=as_rows(matrix),  # type: ignore[arg-type]
        evidence="default",
    )
