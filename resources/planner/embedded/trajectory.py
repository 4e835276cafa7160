"""From a path to targets at the control rate: rounded corners, then the fastest timing the limits allow (toppra)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import toppra
from numpy.typing import NDArray
from toppra.algorithm import TOPPRA
from toppra.constraint import JointAccelerationConstraint, JointVelocityConstraint

from resources.simulator import CONTROL_HZ

Array = NDArray[np.float64]

VELOCITY_LIMITS = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61])
ACCELERATION_LIMITS = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0])
"""Franka Emika Panda, rad/s and rad/s2 (Franka Control Interface documentation, joint trajectory requirements)."""
VELOCITY_SHARE, ACCELERATION_SHARE = 0.5, 0.2
"""What a motion at speed 1 uses of them: no faster than a person stands beside, and the 20 Hz targets stay followable."""
SPACING = 0.04
"""Joint distance between the path's interpolation points, radians."""
ROUNDINGS = (6, 3, 1)
"""Half widths, in points, of the moving average that rounds corners: the widest that stays free is taken."""
GRID = 60

logging.getLogger("toppra").setLevel(logging.ERROR)


class NotParametrizableError(ValueError):
    """toppra found no timing."""


def densify(path: Array) -> Array:
    """The same corners with points added on the straight lines between them, at most `SPACING` apart."""
    pieces = [path[:1]]
    for a, b in pairwise(path):
        count = max(1, int(np.ceil(np.abs(b - a).max() / SPACING)))
        pieces.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(pieces)


def round_corners(path: Array, is_free: Callable[[Array], bool]) -> Array:
    """A dense path whose corners are rounded as far as every point of it stays free."""
    dense = densify(path)
    if len(path) == 2:
        return dense
    for half in ROUNDINGS:
        padded = np.concatenate([np.repeat(dense[:1], half, axis=0), dense, np.repeat(dense[-1:], half, axis=0)])
        kernel = np.ones(2 * half + 1) / (2 * half + 1)
        smooth = np.stack([np.convolve(padded[:, j], kernel, mode="valid") for j in range(dense.shape[1])], axis=1)
        smooth[0], smooth[-1] = dense[0], dense[-1]
        if all(is_free(point) for point in smooth):
            return smooth
    return dense


def parametrize(points: Array, speed: float) -> Array:
    """Targets at the control rate, shape (n, 7), from rest to rest along a dense path; the start itself is left out.

    `speed` in (0, 1] scales the velocity limits by itself and the acceleration limits by its square, which is a uniform
    slow-down in time.

    Raises:
        NotParametrizableError: toppra found no timing, as for a path that does not move.
    """
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    keep = np.concatenate([[True], np.diff(length) > 1e-7])
    points, length = points[keep], length[keep]
    if len(points) < 2:
        raise NotParametrizableError("the path does not move")
    path = toppra.SplineInterpolator(length, points, bc_type="natural")
    velocity = VELOCITY_LIMITS * VELOCITY_SHARE * speed
    acceleration = ACCELERATION_LIMITS * ACCELERATION_SHARE * speed**2
    constraints = [
        JointVelocityConstraint(np.stack([-velocity, velocity], axis=1)),
        JointAccelerationConstraint(np.stack([-acceleration, acceleration], axis=1)),
    ]
    solver = TOPPRA(
        constraints,
        path,
        gridpoints=np.linspace(0.0, length[-1], max(GRID, len(points))),
        parametrizer="ParametrizeConstAccel",
    )
    timed = solver.compute_trajectory()
    if timed is None:
        raise NotParametrizableError(f"toppra found no timing for a path of {length[-1]:.3f} rad")
    steps = max(1, int(np.ceil(timed.duration * CONTROL_HZ - 1e-6)))
    times = np.minimum(np.arange(1, steps + 1) / CONTROL_HZ, timed.duration)
    targets: Array = timed(times)
    targets[-1] = points[-1]
    return targets
