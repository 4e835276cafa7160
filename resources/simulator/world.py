"""The simulated world: a scene from USD, the robot on its mount, cameras and light, compiled for MuJoCo.

Names: an object's body is called by its id; the robot's bodies and joints carry Franka's own names (`panda_…`), its tool
centre point is the site `tcp`; the mount is `robot_mount`. Visual meshes are in group 2, collision shapes in group 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.geometry.transforms import yaw_quaternion

from . import ARM_JOINTS, JOINT_NAMES
from .cameras import add_cameras
from .robot import (
    BASE_BODY,
    FINGER_BODIES,
    FINGER_JOINTS,
    HAND_BODY,
    HOME,
    PREFIX,
    TCP_OFFSET,
    TCP_SITE,
    joint_limits,
    load_robot,
)

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

TIMESTEP = 0.002
"""Seconds. With implicitfast, elliptic cones and impratio 10 a gripped object creeps 0.05 to 1 mm/s (measured on 36 grips of
objects of 0.03 to 1.3 kg)."""
IMPRATIO = 10.0

MOUNT_HALF_SIZE = (0.125, 0.11)
MOUNT_OFFSET = -0.04
"""Half sizes of the mount and its centre along the base's x, metres: it covers the foot of link0 (0.226 x 0.189 m)."""
PLATE = 0.004
"""A base that stands on something gets a plate of this height for show; from twice this gap on, a pedestal."""


class WorldError(RuntimeError):
    """The scene cannot be made into a world for the robot. The message says why."""


@dataclass(frozen=True)
class World:
    """A compiled scene with the robot in it. `model` is read only; every user makes its own `MjData`.

    Joint vectors are as in JOINT_NAMES, shape (8,). Index arrays point into qpos / qvel / ctrl of `model`.
    """

    model: mujoco.MjModel
    object_ids: tuple[str, ...]
    object_bodies: dict[str, int]
    object_qpos: dict[str, int]
    """First of 7 numbers: x y z, quaternion w x y z."""
    object_qvel: dict[str, int]
    """First of 6 numbers: linear velocity (world), angular velocity (body frame)."""
    object_dimensions: dict[str, Array]
    """Size of the box around the object in its own frame, metres."""
    arm_qpos: Indices
    arm_qvel: Indices
    finger_qpos: Indices
    finger_qvel: Indices
    actuators: Indices
    """Indices into ctrl, shape (8,), in the order of JOINT_NAMES."""
    limits: Array
    """(8, 2): lowest and highest position per joint."""
    tcp_site: int
    finger_bodies: tuple[int, int]
    robot_bodies: frozenset[int]
    home: Array

    def initial_qpos(self, joints: ArrayLike | None = None) -> Array:
        """Objects at their scene poses, the robot at `joints` (default: home). Shape (nq,)."""
        return self.with_joints(self.model.qpos0, self.home if joints is None else joints)

    def with_joints(self, qpos: ArrayLike, joints: ArrayLike) -> Array:
        """A copy of `qpos` with the robot's eight joints put where `joints` says."""
        result = np.array(qpos, dtype=float)
        values = np.asarray(joints, dtype=float)
        result[self.arm_qpos] = values[:7]
        result[self.finger_qpos] = values[7]
        return result

    def with_object(self, qpos: ArrayLike, object_id: str, position: ArrayLike, quaternion: ArrayLike) -> Array:
        """A copy of `qpos` with one object at a pose in the world."""
        result = np.array(qpos, dtype=float)
        start = self.object_qpos[object_id]
        result[start : start + 3] = np.asarray(position, dtype=float)
        result[start + 3 : start + 7] = np.asarray(quaternion, dtype=float)
        return result

    def joints(self, qpos: ArrayLike) -> Array:
        """The robot's joint vector in `qpos`; the finger's travel is the mean of both fingers'."""
        values = np.asarray(qpos, dtype=float)
        return np.concatenate([values[self.arm_qpos], [values[self.finger_qpos].mean()]])

    def joint_velocities(self, qvel: ArrayLike) -> Array:
        """Like `joints`, for velocities."""
        values = np.asarray(qvel, dtype=float)
        return np.concatenate([values[self.arm_qvel], [values[self.finger_qvel].mean()]])

    def object_pose(self, qpos: ArrayLike, object_id: str) -> tuple[Array, Array]:
        """Position (3,) and quaternion (4,) of an object in `qpos`, world frame."""
        values = np.asarray(qpos, dtype=float)
        start = self.object_qpos[object_id]
        return values[start : start + 3].copy(), values[start + 3 : start + 7].copy()


def state_hash(arrays: Sequence[ArrayLike]) -> str:
    """sha256 over arrays as little-endian float64 with their shapes: equal only for bit-identical states."""
    digest = hashlib.sha256()
    for array in arrays:
        values = np.ascontiguousarray(np.asarray(array), dtype="<f8")
        digest.update(repr(values.shape).encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def build_world(scene_usd: Path, scene_root: Path, robot: RobotConfig) -> World:
    """The world of a scene file.

    Args:
        scene_usd: the scene, USD.
        scene_root: nothing outside this folder is read.
        robot: where the robot's flange stands.

    Raises:
        UsdError: the scene cannot be read (see usd_to_mujoco).
        WorldError: the scene and the robot do not fit together.
    """
    from .usd_to_mujoco import load_usd

    return assemble(load_usd(scene_usd, scene_root), robot)


def assemble(spec: mujoco.MjSpec, robot: RobotConfig) -> World:
    """Puts robot, mount, cameras and light into a scene and compiles it. Changes `spec`.

    Raises:
        WorldError: MuJoCo refuses the result, or an object carries a name of the robot's.
    """
    scene = _compile(spec, "the scene")
    data = mujoco.MjData(scene)
    mujoco.mj_kinematics(scene, data)
    objects = _free_bodies(scene)
    base, yaw = np.array(robot.base_position), robot.base_yaw
    _add_robot(spec, base, yaw)
    _add_mount(spec, scene, base, yaw)
    corners = _corners(scene, data, [body for _, body in objects])
    heading = np.array([np.cos(yaw), np.sin(yaw)])
    _add_views(spec, corners, base, heading)
    _set_options(spec)
    return _index(_compile(spec, "the scene with the robot"), tuple(name for name, _ in objects))


def _compile(spec: mujoco.MjSpec, what: str) -> mujoco.MjModel:
    try:
        return spec.compile()
    except ValueError as error:
        raise WorldError(f"MuJoCo cannot compile {what}: {error}") from error


def _free_bodies(model: mujoco.MjModel) -> list[tuple[str, int]]:
    joints = [j for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE]
    return [(model.body(int(model.jnt_bodyid[j])).name, int(model.jnt_bodyid[j])) for j in joints]


def _add_robot(spec: mujoco.MjSpec, base: Array, yaw: float) -> None:
    panda = load_robot()
    names = {PREFIX + body.name for body in panda.bodies if body.name != "world"}
    clash = sorted(names & {body.name for body in spec.bodies})
    if clash:
        raise WorldError(f"bodies of the scene are called like the robot's: {', '.join(clash)}; rename the objects")
    spec.attach(panda, prefix=PREFIX, frame=spec.worldbody.add_frame(pos=base, quat=yaw_quaternion(yaw)))
    spec.body(HAND_BODY).add_site(name=TCP_SITE, pos=TCP_OFFSET, size=[0.003] * 3, group=5)


def _add_mount(spec: mujoco.MjSpec, scene: mujoco.MjModel, base: Array, yaw: float) -> None:
    """A pedestal down to the nearest thing that does not move, or a plate when the base stands on it."""
    gap = base[2] - _ground_below(scene, base)
    forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    top = base + MOUNT_OFFSET * forward
    pedestal = gap > 2 * PLATE
    # The plate lies around the foot of link0, the pedestal under it.
    low, high = (-gap, 0.0) if pedestal else (-max(gap, 0.0), PLATE)
    spec.worldbody.add_geom(
        name="robot_mount",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[*MOUNT_HALF_SIZE, (high - low) / 2],
        pos=top + np.array([0.0, 0.0, (high + low) / 2]),
        quat=yaw_quaternion(yaw),
        rgba=[0.32, 0.34, 0.37, 1.0],
        contype=int(pedestal),
        conaffinity=int(pedestal),
    )


def _ground_below(model: mujoco.MjModel, base: Array) -> float:
    """Height of the first static surface under the base; the ground's, 0, when there is none."""
    data = mujoco.MjData(model)
    for joint in range(model.njnt):
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
            data.qpos[model.jnt_qposadr[joint] + 2] += 1000.0  # metres: out of the ray's way
    mujoco.mj_kinematics(model, data)
    origin = base + np.array([0.0, 0.0, PLATE])
    distance = mujoco.mj_ray(model, data, origin, np.array([0.0, 0.0, -1.0]), None, 1, -1, np.zeros(1, np.int32), None)
    return float(origin[2] - distance) if distance >= 0 else min(0.0, float(base[2]))


def _corners(model: mujoco.MjModel, data: mujoco.MjData, bodies: Sequence[int]) -> Array:
    """Corners of the boxes around the geoms of `bodies`, world frame, shape (8 n, 3)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    chosen = [g for g in range(model.ngeom) if model.geom_bodyid[g] in set(bodies)]
    return np.array(
        [
            data.geom_xpos[g]
            + data.geom_xmat[g].reshape(3, 3) @ (model.geom_aabb[g, :3] + sign * model.geom_aabb[g, 3:])
            for g in chosen
            for sign in signs
        ]
    ).reshape(-1, 3)


def _dimensions(model: mujoco.MjModel, data: mujoco.MjData, body: int) -> Array:
    local = (_corners(model, data, [body]) - data.xpos[body]) @ data.xmat[body].reshape(3, 3)
    return np.ptp(local, axis=0) if len(local) else np.zeros(3)


def _add_views(spec: mujoco.MjSpec, objects: Array, base: Array, heading: Array) -> None:
    """Cameras, light and sky. `heading`: the base's x axis, horizontal."""
    workspace = np.array([*(base[:2] + 0.5 * heading), base[2]])
    seen = objects if len(objects) else workspace[None]
    centre = (seen.min(axis=0) + seen.max(axis=0)) / 2
    forward = centre[:2] - base[:2]
    length = float(np.linalg.norm(forward))
    # The foot and the hand at home: what a viewer needs to see of the arm. Its elbow may leave the picture.
    arm = np.array([base, [*(base[:2] + 0.31 * heading), base[2] + 0.66]])
    add_cameras(spec, np.vstack([seen, workspace]), arm, forward / length if length > 0.05 else heading)
    for light in list(spec.lights):
        spec.delete(light)
    spec.worldbody.add_light(
        name="key",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0, 0, 3],
        dir=[-0.35, 0.45, -0.82],
        diffuse=[0.42, 0.42, 0.41],
        specular=[0.15, 0.15, 0.15],
        castshadow=False,
    )
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.86, 0.89, 0.92],
        rgb2=[0.55, 0.6, 0.66],
        width=64,
        height=384,
    )


def _set_options(spec: mujoco.MjSpec) -> None:
    """After attaching: a spec keeps its own options and MuJoCo drops the attached one's."""
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = IMPRATIO
    visual = spec.visual
    visual.quality.offsamples = 0
    visual.global_.offwidth, visual.global_.offheight = 1280, 960
    visual.headlight.ambient = [0.3, 0.3, 0.3]
    visual.headlight.diffuse = [0.28, 0.28, 0.28]
    visual.headlight.specular = [0.05, 0.05, 0.05]
    # Near and far planes are multiples of the extent: 1 cm (the wrist camera sees its fingers) and 40 m.
    spec.stat.extent = 2.0
    visual.map.znear, visual.map.zfar = 0.005, 20.0


def _index(model: mujoco.MjModel, object_ids: tuple[str, ...]) -> World:
    def qpos(names: Sequence[str]) -> Indices:
        return np.array([int(model.joint(name).qposadr[0]) for name in names], dtype=np.intp)

    def qvel(names: Sequence[str]) -> Indices:
        return np.array([int(model.joint(name).dofadr[0]) for name in names], dtype=np.intp)

    bodies = {name: int(model.body(name).id) for name in object_ids}
    free = {name: int(model.body_jntadr[body]) for name, body in bodies.items()}
    base = int(model.body(BASE_BODY).id)
    robot = {base}
    for body in range(base + 1, model.nbody):
        if int(model.body_parentid[body]) in robot:
            robot.add(body)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    left, right = (int(model.body(name).id) for name in FINGER_BODIES)
    return World(
        model=model,
        object_ids=object_ids,
        object_bodies=bodies,
        object_qpos={name: int(model.jnt_qposadr[joint]) for name, joint in free.items()},
        object_qvel={name: int(model.jnt_dofadr[joint]) for name, joint in free.items()},
        object_dimensions={name: _dimensions(model, data, body) for name, body in bodies.items()},
        arm_qpos=qpos(ARM_JOINTS),
        arm_qvel=qvel(ARM_JOINTS),
        finger_qpos=qpos(FINGER_JOINTS),
        finger_qvel=qvel(FINGER_JOINTS),
        actuators=np.array([int(model.actuator(name).id) for name in JOINT_NAMES], dtype=np.intp),
        limits=np.array(joint_limits(model)),
        tcp_site=int(model.site(TCP_SITE).id),
        finger_bodies=(left, right),
        robot_bodies=frozenset(robot),
        home=np.array(HOME),
    )
