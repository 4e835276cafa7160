from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from resources.simulator import JOINT_NAMES, robot


def test_the_vendored_model_is_small_licensed_and_explained() -> None:
    folder = robot.MODEL.parent
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "genesis-world 1.4.5" in (folder / "README.md").read_text(encoding="utf-8")
    used = {mesh.file for mesh in robot.load_robot().meshes}
    assert used == {path.name for path in (folder / "assets").iterdir()}


def test_limits_are_those_of_the_data_sheet(world) -> None:
    # Franka's data sheet of the Panda; the hand opens to 80 mm.
    low = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973, 0.0]
    high = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973, 0.04]
    np.testing.assert_allclose(robot.joint_limits(world.model), np.transpose([low, high]))
    torque = [abs(world.model.actuator(name).forcerange[0]) for name in JOINT_NAMES[:7]]
    assert torque == [87, 87, 87, 87, 12, 12, 12]


def test_the_home_pose_is_where_franka_says(world) -> None:
    """Forward kinematics by the DH parameters of Franka's documentation, not by MuJoCo."""
    a, d = [0, 0, 0, 0.0825, -0.0825, 0, 0.088], [0.333, 0, 0.316, 0, 0.384, 0, 0]
    alpha = [0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2]
    pose = np.eye(4)
    for k, angle in enumerate(robot.HOME[:7]):
        ca, sa, ct, st = np.cos(alpha[k]), np.sin(alpha[k]), np.cos(angle), np.sin(angle)
        pose = pose @ np.array(
            [[ct, -st, 0, a[k]], [st * ca, ct * ca, -sa, -d[k] * sa], [st * sa, ct * sa, ca, d[k] * ca], [0, 0, 0, 1]]
        )
    flange_to_tcp = 0.107 + robot.TCP_OFFSET[2]
    expected = pose[:3, 3] + pose[:3, 2] * flange_to_tcp + np.array([-0.5, 0, 0.75])
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos()
    mujoco.mj_kinematics(world.model, data)
    np.testing.assert_allclose(data.site_xpos[world.tcp_site], expected, atol=1e-6)


def test_the_robot_does_not_collide_with_itself_where_it_works(world) -> None:
    data = mujoco.MjData(world.model)
    rng = np.random.default_rng(0)
    for _ in range(50):
        joints = world.home + np.append(rng.uniform(-0.3, 0.3, 7), 0.0)
        joints[7] = rng.uniform(0, 0.04)
        data.qpos[:] = world.initial_qpos(np.clip(joints, *world.limits.T))
        mujoco.mj_forward(world.model, data)
        bodies = world.model.geom_bodyid[data.contact.geom]
        assert not [pair for pair in bodies.tolist() if set(pair) <= world.robot_bodies]


def test_a_missing_model_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(robot, "MODEL", tmp_path / "panda.xml")
    with pytest.raises(robot.RobotError, match=r"panda\.xml: the robot's model is missing"):
        robot.load_robot()
