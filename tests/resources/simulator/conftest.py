"""A small scene in USD (a cube, a can and a board on a table) and the robot beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from blueprint_assets.contracts.task_config import RobotConfig

if TYPE_CHECKING:
    from resources.simulator.world import World

SCENE = Path(__file__).with_name("table_scene.usda")
TABLE = 0.75
"""Height of its table top."""

ROBOT = RobotConfig(base_position=(-0.5, 0.0, TABLE), workspace_bounds=((-0.4, -0.4, TABLE), (0.4, 0.4, TABLE + 0.6)))


@pytest.fixture(scope="session")
def scene() -> Path:
    """The scene's file; its folder is its root."""
    return SCENE


@pytest.fixture(scope="session")
def robot() -> RobotConfig:
    return ROBOT


@pytest.fixture(scope="session")
def world(scene: Path) -> World:
    from resources.simulator.world import build_world

    return build_world(scene, scene.parent, ROBOT)


@pytest.fixture(scope="session")
def reach(world: World):
    """`reach(position, yaw, near, finger)`: the joint vector that holds the tool at a position, pointing straight down."""
    import mujoco

    data = mujoco.MjData(world.model)

    def solve(position, yaw: float, near, finger: float = 0.04) -> np.ndarray:
        joints = np.array(near, dtype=float)
        cos, sin = np.cos(yaw), np.sin(yaw)
        wanted = np.array([[cos, sin, 0], [sin, -cos, 0], [0, 0, -1.0]])
        jacobian, rotational = np.zeros((3, world.model.nv)), np.zeros((3, world.model.nv))
        for _ in range(100):
            data.qpos[:] = world.initial_qpos(joints)
            mujoco.mj_kinematics(world.model, data)
            mujoco.mj_comPos(world.model, data)
            mujoco.mj_jacSite(world.model, data, jacobian, rotational, world.tcp_site)
            turn = wanted @ data.site_xmat[world.tcp_site].reshape(3, 3).T
            axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
            error = np.concatenate([np.asarray(position) - data.site_xpos[world.tcp_site], axis])
            j = np.vstack([jacobian, rotational])[:, world.arm_qvel]
            joints[:7] += np.clip(j.T @ np.linalg.solve(j @ j.T + 1e-4 * np.eye(6), error), -0.2, 0.2)
        assert np.linalg.norm(error) < 1e-4
        joints[7] = finger
        return joints

    return solve
