"""Inverse kinematics of the arm alone, with mink: a differential solver stepped until it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.task_config import RobotConfig
from resources.simulator.robot import TCP_SITE
from resources.simulator.world import assemble

Array = NDArray[np.float64]

POSITION_TOLERANCE, ROTATION_TOLERANCE = 1e-4, 1e-3
"""Arrived: metres and radians. A tenth of a millimetre is far below what the position servos hold."""
MAX_ITERATIONS = 60
POSTURE_COST = 1e-3
"""Against 1 for the pose: enough to choose among the arm's redundant postures, too little to hold it off the target."""
LIMIT_MARGIN = 0.02
"""Distance kept from the joint limits, radians: nearly ten times the tracking error measured in simulation."""
SHOULDER_HEIGHT, UPPER_ARM, FORE_ARM, ELBOW, WRIST, FLANGE_TO_TCP = 0.333, 0.316, 0.384, 0.0825, 0.088, 0.107 + 0.1034
"""Link lengths of the Panda, metres (Franka's Denavit-Hartenberg parameters; 0.1034 is the hand)."""
REACH = float(np.hypot(UPPER_ARM, ELBOW) + np.hypot(FORE_ARM, ELBOW) + WRIST)
"""No flange axis is further from the shoulder than this."""


class ArmKinematics:
    """Forward and inverse kinematics of the robot at a base pose, on a model that has nothing but the robot in it."""

    def __init__(self, base: Array) -> None:
        self.base = np.asarray(base, dtype=float)
        at_origin = RobotConfig(base_position=(0.0, 0.0, 0.0), workspace_bounds=((-1.0, -1.0, 0.0), (1.0, 1.0, 1.0)))
        alone = assemble(mujoco.MjSpec(), at_origin)
        robot = alone.model
        self._configuration = mink.Configuration(robot)
        self._columns = alone.arm_qpos
        self._pose = mink.FrameTask(TCP_SITE, "site", position_cost=1.0, orientation_cost=1.0, lm_damping=1e-3)
        self._posture = mink.PostureTask(robot, cost=POSTURE_COST)
        self._limits = [mink.ConfigurationLimit(robot, min_distance_from_limits=LIMIT_MARGIN)]
        self._rest = np.array(robot.qpos0)
        self.lower, self.upper = alone.limits[:7, 0] + LIMIT_MARGIN, alone.limits[:7, 1] - LIMIT_MARGIN

    def forward(self, arm: Array) -> Array:
        """World-from-tool, shape (4, 4)."""
        self._configuration.update(self._full(arm))
        pose: Array = self.base @ self._configuration.get_transform_frame_to_world(TCP_SITE, "site").as_matrix()
        return pose

    def out_of_reach(self, tcp: Array) -> str | None:
        """Why no posture of the arm can have this pose, from its link lengths alone; None when one might."""
        target = np.linalg.inv(self.base) @ tcp
        wrist = target[:3, 3] - FLANGE_TO_TCP * target[:3, 2]
        distance = float(np.linalg.norm(wrist - [0.0, 0.0, SHOULDER_HEIGHT]))
        if distance > REACH:
            return f"the flange would be {distance:.3f} m from the shoulder, the arm reaches {REACH:.3f} m"
        return None

    def solve(self, tcp: Array, start: Array) -> Array | None:
        """Arm joints, shape (7,), found from `start`; None when the search does not arrive within the limits."""
        target = np.linalg.inv(self.base) @ tcp
        configuration = self._configuration
        configuration.update(self._full(np.clip(start, self.lower, self.upper)))
        self._pose.set_target(mink.SE3.from_matrix(target))
        self._posture.set_target(self._full(start))
        for _ in range(MAX_ITERATIONS):
            error = self._pose.compute_error(configuration)
            if np.linalg.norm(error[:3]) < POSITION_TOLERANCE and np.linalg.norm(error[3:]) < ROTATION_TOLERANCE:
                found: Array = configuration.q[self._columns].copy()
                return found
            try:
                step = mink.solve_ik(configuration, [self._pose, self._posture], 1.0, "daqp", limits=self._limits)
            except mink.NoSolutionFound:
                return None
            configuration.integrate_inplace(step, 1.0)
        return None

    def solutions(self, tcp: Array, near: Sequence[Array], rng: np.random.Generator, restarts: int) -> Iterator[Array]:
        """Answers from each given start, then from random ones."""
        for start in near:
            found = self.solve(tcp, start)
            if found is not None:
                yield found
        for _ in range(restarts):
            found = self.solve(tcp, rng.uniform(self.lower, self.upper))
            if found is not None:
                yield found

    def _full(self, arm: Array) -> Array:
        full = self._rest.copy()
        full[self._columns] = arm
        return full
