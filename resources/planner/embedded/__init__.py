"""The planner that runs anywhere: mink for inverse kinematics, RRT-Connect, MuJoCo's collision detection, toppra."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resources.planner import NO_TOUCH, Motion, PlanningError, Touch
from resources.simulator import SimulatorState

if TYPE_CHECKING:
    from resources.simulator.world import World

Array = NDArray[np.float64]

IK_RESTARTS = 4
"""Random starts after the given ones; seven revolute joints rarely need more than two."""
NEAR_ENOUGH = 1.8
"""A posture within this of where the arm is, radians in the joint that turns most, is taken without looking further."""
LINE_SPACING, TURN_SPACING = 0.01, 0.08
"""Distance between waypoints of a straight motion, metres and radians."""
JOINT_JUMP = 0.35
"""Largest joint step between two such waypoints, radians: more means the arm changes its posture on the way."""


class EmbeddedPlanner:
    """Implements `resources.planner.Planner` for a world that our own simulator simulates."""

    def __init__(self, world: World) -> None:
        from resources.planner.embedded.collision import CollisionChecker
        from resources.planner.embedded.ik import ArmKinematics

        self.name = f"embedded (mink {version('mink')}, rrt-connect, toppra {version('toppra')})"
        self.world = world
        self.checker = CollisionChecker(world)
        self.arm = ArmKinematics(self.checker.base)
        self._rng = np.random.default_rng(0)

    def observe(self, state: SimulatorState, seed: int) -> None:
        """See `Planner.observe`."""
        self._rng = np.random.default_rng(seed)
        self.checker.observe(state)

    def carry(self, object_id: str, arm: Array) -> None:
        """See `Planner.carry`."""
        self.checker.carry(object_id, self.forward(arm))

    def release(self) -> None:
        """See `Planner.release`."""
        self.checker.release()

    def stand(self, base: Array) -> None:
        """Puts the robot's base at world-from-base, shape (4, 4): for finding a place where it can work."""
        self.checker.move_base(base)
        self.arm.base = np.asarray(base, dtype=float)

    def forward(self, arm: Array) -> Array:
        """See `Planner.forward`."""
        return self.arm.forward(arm)

    def inverse(self, tcp: Array, near: Sequence[Array], opening: float, touch: Touch = NO_TOUCH) -> Array:
        """See `Planner.inverse`."""
        from resources.planner.embedded.collision import NEAR_CLEARANCE

        too_far = self.arm.out_of_reach(tcp)
        if too_far is not None:
            raise PlanningError("ik_unreachable", too_far)
        hit: tuple[str, str, float] | None = None
        best: Array | None = None
        for found in self.arm.solutions(tcp, near, self._rng, IK_RESTARTS):
            contact = self.checker.collision(found, opening, touch, NEAR_CLEARANCE)
            if contact is not None:
                hit = contact
                if self.checker.is_of_hand(contact):
                    # Every posture with this pose of the hand has this contact.
                    break
                continue
            if best is None or np.abs(found - near[0]).max() < np.abs(best - near[0]).max():
                best = found
            if np.abs(best - near[0]).max() < NEAR_ENOUGH:
                break
        if best is not None:
            return best
        if hit is not None:
            raise PlanningError("pose_in_collision", _contact(hit))
        where = ", ".join(f"{x:.3f}" for x in tcp[:3, 3])
        raise PlanningError("ik_unreachable", f"no posture within the joint limits puts the tool at ({where})")

    def move(self, start: Array, goal: Array, opening: float, speed: float = 1.0) -> Motion:
        """See `Planner.move`."""
        from resources.planner.embedded.collision import CLEARANCE, NEAR_CLEARANCE
        from resources.planner.embedded.rrt import connect, shorten
        from resources.planner.embedded.trajectory import round_corners

        for clearance in (CLEARANCE, NEAR_CLEARANCE):
            ends = [self.checker.collision(q, opening, NO_TOUCH, clearance) for q in (start, goal)]
            if clearance == CLEARANCE and any(ends):
                # A grasp next to a neighbour begins or ends closer than a free motion should pass by.
                continue
            if ends[0] is not None:
                raise PlanningError("start_in_collision", _contact(ends[0]))
            if ends[1] is not None:
                raise PlanningError("pose_in_collision", _contact(ends[1]))

            def is_free(arm: Array, clearance: float = clearance) -> bool:
                return self.checker.collision(arm, opening, NO_TOUCH, clearance) is None

            path = connect(start, goal, self.arm.lower, self.arm.upper, is_free, self._rng)
            if path is not None:
                path = shorten(path, is_free, self._rng)
                motion = self._timed(round_corners(path, is_free), speed)
                # Between the configurations that were looked at the way may come closer, but what is commanded may not.
                if all(self.checker.collision(q, opening, NO_TOUCH, NEAR_CLEARANCE) is None for q in motion.positions):
                    return motion
        raise PlanningError("no_path", "RRT-Connect joined start and goal at no clearance")

    def straight(self, start: Array, tcp: Array, opening: float, touch: Touch = NO_TOUCH, speed: float = 1.0) -> Motion:
        """See `Planner.straight`."""
        from resources.planner.embedded.collision import NEAR_CLEARANCE

        path = [np.asarray(start, dtype=float)]
        for pose in _line(self.forward(start), tcp):
            found = self.arm.solve(pose, path[-1])
            if found is None:
                where = ", ".join(f"{x:.3f}" for x in pose[:3, 3])
                raise PlanningError("ik_unreachable", f"the straight way leaves the arm's reach at ({where})")
            jump = float(np.abs(found - path[-1]).max())
            if jump > JOINT_JUMP:
                raise PlanningError(
                    "segment_not_straight",
                    f"a joint would turn {jump:.2f} rad within one waypoint (limit {JOINT_JUMP})",
                )
            contact = self.checker.collision(found, opening, touch, NEAR_CLEARANCE)
            if contact is not None:
                raise PlanningError("segment_in_collision", _contact(contact))
            path.append(found)
        return self._timed(np.stack(path), speed)

    def _timed(self, points: Array, speed: float) -> Motion:
        from resources.planner.embedded.trajectory import NotParametrizableError, parametrize

        try:
            return Motion(parametrize(points, speed))
        except NotParametrizableError as error:
            raise PlanningError("not_parametrizable", str(error)) from error


def _contact(hit: tuple[str, str, float]) -> str:
    first, second, distance = hit
    return f"{first or 'the world'} and {second or 'the world'} would be {distance * 1000:.1f} mm apart"


def _line(start: Array, end: Array) -> list[Array]:
    """Poses on the way between two, evenly spaced; the start is left out. Rotation: constant rate about one axis."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(start[:3, :3].T @ end[:3, :3]).as_rotvec()
    count = max(
        1,
        int(np.ceil(np.linalg.norm(end[:3, 3] - start[:3, 3]) / LINE_SPACING)),
        int(np.ceil(np.linalg.norm(turn) / TURN_SPACING)),
    )
    poses = []
    for k in range(1, count + 1):
        pose = np.eye(4)
        pose[:3, :3] = start[:3, :3] @ Rotation.from_rotvec(turn * (k / count)).as_matrix()
        pose[:3, 3] = start[:3, 3] + (end[:3, 3] - start[:3, 3]) * (k / count)
        poses.append(pose)
    return poses
