"""What lies in a container when it does not fit side by side: it is dropped in and simulated until it rests.

Only reached from inside functions, so mujoco is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from .solids import Rest

Array = NDArray[np.float64]

TRIES = 2
SECONDS = 2.0
"""Time to come to rest; tries that still move after it are thrown away."""
FALLEN_S = 0.6
"""By then what misses the container is below its floor, and the try ends."""
FULLEST = 0.9
"""Things with more volume than this share of the container are not tried: loose heaps fill about 0.6, and may stand out."""
STILL_MPS = 0.004
STILL_SECONDS, STILL_M, STILL_RAD = 1.0, 5e-4, 0.009
"""And then nothing may creep by more than half a millimetre, or turn by more than half a degree, in another second."""
DENSITY = 500.0
FRICTION = (0.3, 0.005, 0.0001)
"""Sliding as the slipperiest of the material table (plastic, glass, paper): what rests on that rests on any of them. Torsion and
rolling are MuJoCo's defaults."""


Parts = Sequence[Array]
"""Corners (n, 3) of convex parts, metres."""


def drop(walls: Parts, rest: Rest, things: Sequence[Parts], rng: np.random.Generator) -> list[Array] | None:
    """Poses (4, 4) of things in a container's frame after they fell in; None when they would not stay inside.

    Args:
        walls: the container.
        rest: its floor.
        things: what falls in.
        rng: decides how they fall.
    """
    capacity = _box(np.concatenate(walls))
    if sum(_volume(part) for thing in things for part in thing) > FULLEST * capacity:
        return None
    for _ in range(TRIES):
        poses = _fall(walls, rest, things, rng)
        if poses is not None:
            return poses
    return None


def _fall(walls: Parts, rest: Rest, things: Sequence[Parts], rng: np.random.Generator) -> list[Array] | None:
    model = _model(walls, things)
    data = mujoco.MjData(model)
    level = rest.z + 0.01
    half = np.array(rest.half)
    for number, parts in enumerate(things):
        corners = np.concatenate(parts)
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        extents = np.ptp(corners, axis=0)
        turn = _about(np.array([0.0, 0.0, 1.0]), float(rng.uniform(-np.pi, np.pi)))
        if extents[:2].max() > 1.9 * half.min():  # too long to lie: it goes in upright, leaning
            along = np.array([1.0, 0, 0]) if extents[0] >= extents[1] else np.array([0, 1.0, 0])
            upright = _about(np.cross(along, [0, 0, 1.0]), np.pi / 2 - float(rng.uniform(0.1, 0.3)))
            turn = turn @ upright
        reach = np.abs(turn @ np.diag(extents / 2)).sum(axis=1)
        spare = np.maximum(half - reach[:2], 0.0)
        place = np.array([*(rest.center + 0.7 * rng.uniform(-1, 1, 2) * spare), level + reach[2]])
        at = 7 * number
        data.qpos[at : at + 3] = place - turn @ middle
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, turn.flatten())
        data.qpos[at + 3 : at + 7] = quaternion
        level += 2 * reach[2] + 0.005 if extents[:2].max() <= 1.9 * half.min() else 0.0
    for step in range(round(SECONDS / model.opt.timestep)):
        mujoco.mj_step(model, data)
        if step % round(FALLEN_S / model.opt.timestep) == 0 and (data.xipos[1:, 2] < rest.z - 0.01).any():
            return None
    if np.abs(data.qvel).max() > 10 * STILL_MPS or not np.isfinite(data.qpos).all():
        return None
    data.qvel[:] = 0
    mujoco.mj_forward(model, data)
    before, facing = data.xpos[1:].copy(), data.xquat[1:].copy()
    for _ in range(round(STILL_SECONDS / model.opt.timestep)):
        mujoco.mj_step(model, data)
    turned = 2 * np.arccos(np.clip(np.abs((data.xquat[1:] * facing).sum(axis=1)), 0, 1)).max()
    if np.abs(data.xpos[1:] - before).max() > STILL_M or turned > STILL_RAD or _speed(data) > STILL_MPS:
        return None
    poses = []
    top = max(float(w[:, 2].max()) for w in walls)
    outside = max(float(np.abs(w[:, :2] - rest.center).max()) for w in walls)
    for number, parts in enumerate(things):
        corners = np.concatenate(parts)
        pose = np.eye(4)
        pose[:3, :3] = data.xmat[number + 1].reshape(3, 3)
        pose[:3, 3] = data.xpos[number + 1]
        placed = corners @ pose[:3, :3].T + pose[:3, 3]
        middle = data.xipos[number + 1]
        if placed[:, 2].min() > top - 0.2 * (top - rest.z) or placed[:, 2].min() < rest.z - 0.003:
            return None
        if np.hypot(*(middle[:2] - rest.center)) > outside:
            return None
        poses.append(pose)
    return poses


def _model(walls: Parts, things: Sequence[Parts]) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    groups = [(spec.worldbody, walls)]
    for thing in things:
        body = spec.worldbody.add_body()
        body.add_freejoint()
        groups.append((body, thing))
    count = 0
    for body, parts in groups:
        for corners in parts:
            mesh = spec.add_mesh(name=f"m{count}", uservert=corners.flatten())
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh.name, condim=4, friction=FRICTION, density=DENSITY
            )
            count += 1
    return spec.compile()


def _box(points: Array) -> float:
    return float(np.ptp(points, axis=0).prod())


def _volume(points: Array) -> float:
    from scipy.spatial import ConvexHull

    return float(ConvexHull(points).volume)


def _speed(data: mujoco.MjData) -> float:
    return float(np.abs(data.qvel.reshape(-1, 6)[:, :3]).max())


def _about(axis: Array, angle: float) -> Array:
    turn = np.zeros(9)
    quaternion = np.zeros(4)
    mujoco.mju_axisAngle2Quat(quaternion, axis / np.linalg.norm(axis), angle)
    mujoco.mju_quat2Mat(turn, quaternion)
    return turn.reshape(3, 3)
