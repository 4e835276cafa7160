"""Where the cameras stand: three look at the robot and its objects, one rides on the hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import matrix_to_quaternion

from .robot import HAND_BODY

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]

FOVY = 45.0
MARGIN = 1.08
"""How much wider than its contents a picture is."""


@dataclass(frozen=True)
class View:
    """A view of a set of points. `azimuth`: degrees from the direction in which the robot looks, seen from the objects
    (0 = the camera faces the robot, 90 = it stands on the robot's left); `elevation`: degrees above the horizon."""

    name: str
    azimuth: float
    elevation: float


# In front of the robot and to its side, so that the arm, which comes from behind, does not cover the objects.
VIEWS = (View("scene", 48.0, 34.0), View("left", 100.0, 28.0), View("right", -100.0, 28.0))

# On the hand's x side, past the flange, tilted so that the fingertips are in the lower half of the picture.
WRIST_POSITION = (0.07, 0.0, 0.035)
WRIST_TARGET = (0.02, 0.0, 0.14)
WRIST_FOVY = 75.0


def look_at(position: Array, target: Array, up: Array) -> Array:
    """Camera axes as a rotation matrix: columns right, up, back. MuJoCo and OpenGL look along -z."""
    back = (position - target) / np.linalg.norm(position - target)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    return np.column_stack([right, np.cross(back, right), back])


def fit_view(points: Array, direction: Array, fovy: float) -> tuple[Array, Array]:
    """The nearest camera that sees every point in a square picture.

    Args:
        points: (n, 3), world.
        direction: unit vector from what is seen to the camera.
        fovy: degrees.

    Returns:
        position (3,) and axes (3, 3) of the camera.
    """
    axes = look_at(direction, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    local = points @ axes
    half = np.tan(np.radians(fovy / 2)) / MARGIN
    centre = np.zeros(3)
    for k in range(2):
        # Seen from distance d, a point at depth z is inside when |x - x0| <= (d - z) * half; the two tightest
        # opposite constraints give x0, and then the distance.
        high = np.max(local[:, k] / half + local[:, 2])
        low = np.max(-local[:, k] / half + local[:, 2])
        centre[k] = (high - low) / 2 * half
    distance = max(float(np.max(np.abs(local[:, k] - centre[k]) / half + local[:, 2])) for k in range(2))
    return axes @ np.array([centre[0], centre[1], distance]), axes


def add_cameras(spec: mujoco.MjSpec, objects: Array, robot: Array, forward: Array) -> None:
    """Adds the cameras scene, left, right and wrist.

    Args:
        spec: the world with the robot in it.
        objects: (n, 3) corners of what lies around, world.
        robot: (m, 3) points of the robot that pictures should show.
        forward: (2,) unit vector, horizontal, from the robot to the objects.
    """
    for view in VIEWS:
        azimuth, elevation = np.radians(view.azimuth), np.radians(view.elevation)
        cos, sin = np.cos(azimuth), np.sin(azimuth)
        flat = np.array([cos * forward[0] - sin * forward[1], sin * forward[0] + cos * forward[1]])
        direction = np.array([*(flat * np.cos(elevation)), np.sin(elevation)])
        position, axes = fit_view(np.vstack([objects, robot]), direction, FOVY)
        spec.worldbody.add_camera(name=view.name, pos=position, quat=matrix_to_quaternion(axes), fovy=FOVY)
    position = np.array(WRIST_POSITION)
    axes = look_at(position, np.array(WRIST_TARGET), np.array([1.0, 0.0, 0.0]))
    spec.body(HAND_BODY).add_camera(name="wrist", pos=position, quat=matrix_to_quaternion(axes), fovy=WRIST_FOVY)
