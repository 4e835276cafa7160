"""The physics behind the server: a world, its state, and time that passes only when a command lets it.

Determinism: the same calls after the same reset give bit-identical states, in any process on the same machine.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.geometry.transforms import matrix_to_quaternion

from . import CONTROL_HZ, JOINT_NAMES, ObjectState, SimulatorState
from .contacts import ContactLog, grasped
from .world import World

Array = NDArray[np.float64]

SETTLE_SECONDS = 0.5
MAX_SECONDS = 60.0
"""The longest that one command may let pass: a caller's wrong number shall not hold the server for hours."""
VELOCITY_LIMITS = np.array([2.175] * 4 + [2.61] * 3)
"""rad/s per arm joint, from Franka's data sheet of the Panda."""
LIMIT_TOLERANCE = 1e-6

NAME = f"mujoco {mujoco.__version__} (embedded)"


class CommandError(ValueError):
    """A command that the robot or the simulator cannot carry out. The message names the value and the limit."""


class PhysicsError(RuntimeError):
    """The physics is unstable: the state means nothing until the next reset."""


class Simulation:
    """One world being simulated. Not thread-safe: calls come one at a time."""

    name = NAME

    def __init__(self, world: World) -> None:
        self.world = world
        self.data = mujoco.MjData(world.model)
        self.contacts = ContactLog(world)
        self.step_count = 0
        self._target = world.home.copy()
        self._broken: str | None = None
        # A velocity reference moves a PD controller's target by velocity * kv / kp; without it the arm would follow
        # every trajectory kv / kp (15 to 33 ms) late.
        gain, bias = world.model.actuator_gainprm[world.actuators], world.model.actuator_biasprm[world.actuators]
        self._lead = (-bias[:, 2] / gain[:, 0])[:7]
        self.reset()

    def reset(
        self,
        poses: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        settle: float = SETTLE_SECONDS,
        robot: bool = True,
        objects: bool = True,
    ) -> None:
        """Robot home and at rest, objects at their scene poses or those of `poses`, then `settle` seconds; time is 0.

        Args:
            poses: object id -> position, quaternion; world frame.
            settle: seconds, 0 to 60.
            robot: False leaves the joints where they are.
            objects: False leaves the objects where they are, except those in `poses`.

        Raises:
            CommandError: an unknown object, a pose that is none, a wrong time.
            PhysicsError: the scene does not hold still enough to be simulated.
        """
        placed = self.check_placement(poses or {}, settle)
        world, kept = self.world, self.data.qpos.copy()
        qpos = world.initial_qpos() if objects else world.with_joints(kept, world.home)
        if not robot:
            qpos = world.with_joints(qpos, world.joints(kept))
        for object_id, (position, quaternion) in placed.items():
            qpos = world.with_object(qpos, object_id, position, quaternion)
        mujoco.mj_resetData(world.model, self.data)
        self.data.qpos[:] = qpos
        self._broken = None
        self._target = np.clip(world.joints(qpos), world.limits[:, 0], world.limits[:, 1])
        self._run(self._target, round(settle / world.model.opt.timestep), ContactLog(world))
        self.data.time = 0.0
        self.step_count = 0
        self.contacts = ContactLog(world)

    def check_placement(
        self, poses: Mapping[str, tuple[ArrayLike, ArrayLike]], settle: float
    ) -> dict[str, tuple[Array, Array]]:
        """The poses that `reset` would put objects at. Raises CommandError as `reset` does."""
        if not (np.isfinite(settle) and 0 <= settle <= MAX_SECONDS):
            raise CommandError(f"settle is {settle:g} s; it must be 0 to {MAX_SECONDS:g} s")
        return {object_id: self._pose(object_id, *pose) for object_id, pose in poses.items()}

    def move(self, positions: ArrayLike, duration: float = 1.0 / CONTROL_HZ) -> None:
        """The arm's target goes evenly from the last one to `positions` in `duration` seconds, which pass; the finger's
        target is the new one at once, and how fast it follows is up to the gripper.

        Raises:
            CommandError: not eight finite numbers within the joints' limits, too fast a move, or a wrong duration.
            PhysicsError: the physics became unstable, or was and nobody has reset it.
        """
        target = self.checked(positions, duration)
        steps = round(duration / self.world.model.opt.timestep)
        self._run(target, steps, self.contacts)
        self._target = target

    def require_stable(self) -> None:
        """Raises PhysicsError when the state means nothing."""
        if self._broken:
            raise PhysicsError(f"physics unstable: {self._broken}; reset the simulator")

    def _run(self, target: Array, steps: int, contacts: ContactLog) -> None:
        model, data, start = self.world.model, self.data, self._target
        arm, finger = self.world.actuators[:7], self.world.actuators[7]
        change = target[:7] - start[:7]
        lead = change / (steps * model.opt.timestep) * self._lead if steps else np.zeros(7)
        data.ctrl[finger] = target[7]
        for step in range(steps):
            data.ctrl[arm] = start[:7] + change * ((step + 1) / steps) + lead
            mujoco.mj_step(model, data)
            contacts.add(data)
        self.step_count += steps
        # A MuJoCo step ends with new joint positions and the old frames of bodies, sites and cameras.
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        self._check(data)

    def _check(self, data: mujoco.MjData) -> None:
        warnings = [
            mujoco.mjtWarning(kind).name.removeprefix("mjWARN_")
            for kind in range(len(data.warning))
            if data.warning[kind].number
        ]
        if warnings or not (np.isfinite(data.qpos).all() and np.isfinite(data.qvel).all()):
            self._broken = f"MuJoCo warns {', '.join(warnings) or 'nothing, but the state is not finite'}"
            self.require_stable()

    def checked(self, positions: ArrayLike, duration: float) -> Array:
        """The target that `move` would go to; no time passes. Raises as `move` does."""
        self.require_stable()
        target = np.asarray(positions, dtype=float)
        if target.shape != (len(JOINT_NAMES),):
            names = ", ".join(JOINT_NAMES)
            raise CommandError(f"{target.size} joint positions given; the robot has {len(JOINT_NAMES)}: {names}")
        timestep = self.world.model.opt.timestep
        if not (np.isfinite(duration) and timestep <= duration <= MAX_SECONDS):
            raise CommandError(f"duration is {duration:g} s; it must be {timestep:g} to {MAX_SECONDS:g} s")
        for name, value, (low, high) in zip(JOINT_NAMES, target.tolist(), self.world.limits.tolist(), strict=True):
            if not np.isfinite(value):
                raise CommandError(f"{name}: target {value} is not a number")
            if not low - LIMIT_TOLERANCE <= value <= high + LIMIT_TOLERANCE:
                raise CommandError(f"{name}: target {value:.6g} is outside its limits {low:.6g} to {high:.6g}")
        speed = np.abs(target[:7] - self._target[:7]) / duration
        worst = int(np.argmax(speed / VELOCITY_LIMITS))
        if speed[worst] > VELOCITY_LIMITS[worst] * (1 + LIMIT_TOLERANCE):
            raise CommandError(
                f"{JOINT_NAMES[worst]}: the target is {target[worst] - self._target[worst]:+.4g} rad away, which in "
                f"{duration:g} s takes {speed[worst]:.4g} rad/s; the joint's limit is {VELOCITY_LIMITS[worst]:g} rad/s: "
                "send smaller steps or a longer duration"
            )
        clipped: Array = np.clip(target, self.world.limits[:, 0], self.world.limits[:, 1])
        return clipped

    def _pose(self, object_id: str, position: ArrayLike, quaternion: ArrayLike) -> tuple[Array, Array]:
        if object_id not in self.world.object_qpos:
            known = ", ".join(self.world.object_ids) or "none"
            raise CommandError(f"no movable object is called {object_id!r}; there are: {known}")
        place, turn = np.asarray(position, dtype=float), np.asarray(quaternion, dtype=float)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise CommandError(f"{object_id}: position {place.tolist()} is not three finite numbers, metres")
        norm = float(np.linalg.norm(turn)) if turn.shape == (4,) else float("nan")
        if not abs(norm - 1.0) <= 1e-3:
            raise CommandError(
                f"{object_id}: rotation_quaternion {turn.tolist()} is not a unit quaternion (w, x, y, z)"
            )
        return place, turn / norm

    # What is measured

    def state(self) -> SimulatorState:
        """The state now. Raises PhysicsError when there is none worth telling."""
        self.require_stable()
        world, data = self.world, self.data
        joints = world.joints(data.qpos)
        return SimulatorState(
            joint_positions=joints,
            joint_velocities=world.joint_velocities(data.qvel),
            ee_position=data.site_xpos[world.tcp_site].copy(),
            ee_quaternion=matrix_to_quaternion(data.site_xmat[world.tcp_site].reshape(3, 3)),
            gripper_width=2.0 * float(joints[7]),
            objects=tuple(self._object(name) for name in world.object_ids),
            simulation_time=float(data.time),
            step_count=self.step_count,
        )

    def efforts(self) -> Array:
        """What the actuators give: N·m per arm joint, and the newtons that press on each finger. Shape (8,)."""
        forces = self.data.actuator_force[self.world.actuators].copy()
        forces[7] /= 2.0  # the actuator pulls at the mean of both fingers
        return np.asarray(forces, dtype=float)

    def grasped(self) -> str | None:
        """The object between the fingers, touched by both."""
        return grasped(self.world, self.data)

    def _object(self, object_id: str) -> ObjectState:
        position, quaternion = self.world.object_pose(self.data.qpos, object_id)
        velocity = self.data.qvel[self.world.object_qvel[object_id] :][:6]
        # A free joint's angular velocity is in the body's frame.
        rotation = self.data.xmat[self.world.object_bodies[object_id]].reshape(3, 3)
        return ObjectState(object_id, position, quaternion, velocity[:3].copy(), rotation @ velocity[3:])
