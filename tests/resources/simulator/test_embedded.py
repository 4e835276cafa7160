"""The client and the simulator that it starts for itself: what the rest of the project uses."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from blueprint_assets.contracts.geniesim_recording import Recording
from blueprint_assets.contracts.task_config import RobotConfig
from resources.simulator import Simulator, SimulatorError
from resources.simulator.client import SimulatorClient
from resources.simulator.embedded import start_embedded
from resources.simulator.render import available_backend
from resources.simulator.simulation import Simulation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(scope="module")
def client(scene: Path, robot: RobotConfig, folder: Path) -> Iterator[SimulatorClient]:
    with start_embedded(scene, scene.parent, robot, folder / "recordings", folder / "log.txt", (96, 64)) as simulator:
        yield simulator


def _server_pid(log: Path) -> int:
    """The process that has our log open for writing."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if (entry / "fd/2").resolve() == log.resolve():
                    return int(entry.name)
            except OSError:
                continue
    raise AssertionError("no server process")


def test_the_wire_gives_what_the_simulation_gives(client: SimulatorClient, world) -> None:
    simulator: Simulator = client
    local = Simulation(world)
    poses = {"can": (np.array([0.03, 0.18, 0.801]), np.array([1.0, 0, 0, 0]))}
    local.reset(poses)
    remote = simulator.reset(poses)
    for k in range(10):
        target = world.home + np.array([0.03 * k, 0, 0, 0, 0, 0, 0, -0.002 * k])
        local.move(target)
        measured = simulator.set_joint_position(target)
    expected, remote = local.state(), simulator.state()
    np.testing.assert_array_equal(measured, expected.joint_positions)
    for name in ("joint_positions", "joint_velocities", "ee_position", "ee_quaternion"):
        np.testing.assert_array_equal(getattr(remote, name), getattr(expected, name))
    assert (remote.gripper_width, remote.simulation_time, remote.step_count) == (
        expected.gripper_width,
        expected.simulation_time,
        expected.step_count,
    )
    for mine, theirs in zip(expected.objects, remote.objects, strict=True):
        assert mine.object_id == theirs.object_id
        for name in ("position", "quaternion", "linear_velocity", "angular_velocity"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert client.name == local.name


def test_an_episode_is_recorded(client: SimulatorClient, world, folder: Path) -> None:
    client.reset()
    client.start_recording("episode_000003", folder / "recordings" / "run")
    for _ in range(4):
        client.set_joint_position(world.home)
    info = client.stop_recording()
    assert (info.frames, info.duration) == (4, pytest.approx(0.2))
    recording = Recording.read(info.path)
    assert recording.simulator == client.name
    assert (info.path.parent / recording.states).is_file()


@pytest.mark.skipif(available_backend() is None, reason="no OpenGL here")
def test_pictures_come_as_arrays(client: SimulatorClient) -> None:
    pictures = client.images(("scene", "wrist"))
    assert {name: (p.shape, p.dtype) for name, p in pictures.items()} == {
        "scene": ((64, 96, 3), np.uint8),
        "wrist": ((64, 96, 3), np.uint8),
    }


def test_refusals_are_simulator_errors(client: SimulatorClient, world, folder: Path) -> None:
    with pytest.raises(SimulatorError, match=r"mujoco .*: SetJointPosition: 3 joint positions given"):
        client.set_joint_position(np.zeros(3))
    with pytest.raises(SimulatorError, match="StopRecording: no recording was started"):
        client.stop_recording()
    with pytest.raises(SimulatorError, match="outside the server's recordings folder"):
        client.start_recording("episode_000000", folder)
    with pytest.raises(SimulatorError, match="no movable object is called 'cup'"):
        client.reset({"cup": (np.zeros(3), np.array([1.0, 0, 0, 0]))})
    with pytest.raises(SimulatorError, match="GetObservation: no camera called top"):
        client.images(("top",))
    assert client.reset().step_count == 0


def test_a_killed_server_is_noticed_at_once_and_said(scene: Path, robot: RobotConfig, tmp_path: Path, world) -> None:
    log = tmp_path / "log.txt"
    with start_embedded(scene, scene.parent, robot, tmp_path / "recordings", log) as simulator:
        simulator.reset()
        os.kill(_server_pid(log), signal.SIGKILL)
        start = time.monotonic()
        with pytest.raises(SimulatorError, match=r"the simulator ended \(killed by SIGKILL[^)]*\):\n  INFO mujoco"):
            simulator.set_joint_position(world.home)
        assert time.monotonic() - start < 5.0


def test_nothing_is_left_when_the_block_ends_with_an_error(scene: Path, robot: RobotConfig, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"

    def fail() -> None:
        with start_embedded(scene, scene.parent, robot, tmp_path / "recordings", log) as simulator:
            simulator.reset()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert log.read_text().endswith("stopped\n")
    with pytest.raises(AssertionError, match="no server process"):
        _server_pid(log)


def test_a_scene_that_cannot_be_simulated_is_said_with_its_reason(robot: RobotConfig, tmp_path: Path) -> None:
    scene = tmp_path / "scene.usda"
    scene.write_text("no usd at all")
    with (
        pytest.raises(SimulatorError, match=r"did not start \(exit code 1\)(.|\n)*scene\.usda: cannot be simulated"),
        start_embedded(scene, tmp_path, robot, tmp_path / "recordings", tmp_path / "log.txt"),
    ):
        pytest.fail("it started")


def test_nobody_there_is_said() -> None:
    with (
        SimulatorClient("127.0.0.1:9") as nobody,
        pytest.raises(SimulatorError, match=r"geniesim at 127\.0\.0\.1:9: GetObs"),
    ):
        nobody.state()


def test_a_server_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, scene, robot, tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    with start_embedded(scene, scene.parent, robot, tmp_path / "recordings", log) as simulator:
        simulator.reset()
        server = _server_pid(log)
        monkeypatch.setattr("resources.simulator.client.DEADLINE_SECONDS", 1.0)
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(SimulatorError, match="no answer within 1 s; restart the simulator"):
                simulator.state()
        finally:
            os.kill(server, signal.SIGCONT)


def test_the_robot_travels_as_its_document(robot: RobotConfig) -> None:
    assert RobotConfig.parse(json.loads(robot.model_dump_json()), "robot") == robot
