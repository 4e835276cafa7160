"""The server as a process, spoken to with the raw stub: what any client of the protocol sees."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from blueprint_assets.contracts.task_config import RobotConfig
from resources.simulator import JOINT_NAMES, server
from resources.simulator.protocol import geniesim_pb2 as pb
from resources.simulator.protocol import geniesim_pb2_grpc
from resources.simulator.render import available_backend

WAIT = 60.0


def _command(scene: Path, robot: RobotConfig, recordings: Path, *more: str) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "resources.simulator.server",
            "--scene-usd",
            str(scene),
            "--scene-root",
            str(scene.parent),
        ),
        *("--robot", robot.model_dump_json(), "--recordings-root", str(recordings), "--image-size", "64x48", *more),
    ]


def _start(command: list[str]) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], WAIT)[0], "the server is not ready in time"
    return process, json.loads(process.stdout.readline())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(WAIT)
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def channel(scene: Path, robot: RobotConfig, recordings: Path) -> Iterator[grpc.Channel]:
    process, ready = _start(_command(scene, robot, recordings))
    assert ready["pid"] == process.pid
    assert ready["simulator"].startswith("mujoco ")
    with grpc.insecure_channel(f"127.0.0.1:{ready['port']}") as opened:
        yield opened
    _end(process)


@pytest.fixture(scope="module")
def stub(channel: grpc.Channel) -> geniesim_pb2_grpc.GenieSimServiceStub:
    return geniesim_pb2_grpc.GenieSimServiceStub(channel)


@pytest.fixture
def robot_at_home(stub):
    stub.StopRecording(pb.StopRecordingRequest(), timeout=WAIT)
    assert stub.Reset(pb.ResetRequest(), timeout=WAIT).success
    return stub


def _targets(world, count: int, step: float = 0.02) -> list[list[float]]:
    return [(world.home + np.array([step * (k + 1), *[0.0] * 7])).tolist() for k in range(count)]


def test_an_observation_has_what_the_contract_requires(robot_at_home) -> None:
    reply = robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT)
    assert reply.success
    assert tuple(reply.robot_state.joint_state.names) == JOINT_NAMES
    assert len(reply.robot_state.joint_state.positions) == 8
    assert reply.robot_state.gripper_width == pytest.approx(0.08, abs=1e-4)
    assert not reply.robot_state.gripper_is_grasping
    assert [o.object_id for o in reply.scene_state.objects] == ["cube", "can", "board"]
    assert reply.scene_state.objects[1].dimensions.z == pytest.approx(0.1, abs=1e-6)
    assert reply.scene_state.objects[1].pose.orientation.w == pytest.approx(1.0, abs=1e-4)
    assert reply.scene_state.simulation_time == reply.timestamp == 0.0


def test_joints_move_and_time_passes_as_long_as_asked(robot_at_home, world) -> None:
    for target in _targets(world, 10):
        reply = robot_at_home.SetJointPosition(
            pb.SetJointPositionRequest(positions=target, duration=0.05), timeout=WAIT
        )
        assert reply.success
    np.testing.assert_allclose(reply.current_state.positions[0], 0.2, atol=2e-3)
    joints = robot_at_home.GetJointPosition(pb.GetJointPositionRequest(), timeout=WAIT)
    assert joints.joint_state == reply.current_state
    scene = robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT).scene_state
    assert (scene.simulation_time, scene.step_count) == (pytest.approx(0.5), 250)
    time.sleep(0.2)  # real time passes, simulated time does not
    assert robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT).scene_state == scene


@pytest.mark.skipif(available_backend() is None, reason="no OpenGL here")
def test_pictures_come_as_raw_rgb(robot_at_home) -> None:
    request = pb.GetObservationRequest(include_images=True, camera_ids=["wrist", "scene"])
    images = robot_at_home.GetObservation(request, timeout=WAIT).camera_observation.images
    assert [(i.camera_id, i.encoding, i.width, i.height) for i in images] == [
        ("wrist", "rgb8", 64, 48),
        ("scene", "rgb8", 64, 48),
    ]
    assert all(len(i.rgb_data) == 64 * 48 * 3 and len(set(i.rgb_data)) > 20 for i in images)
    every = robot_at_home.GetObservation(pb.GetObservationRequest(include_images=True), timeout=WAIT)
    assert [i.camera_id for i in every.camera_observation.images] == ["scene", "left", "right", "wrist"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (pb.GetObservationRequest(include_images=True, camera_ids=["top"]), "no camera called top; there are scene"),
        (pb.GetObservationRequest(include_images=True, include_depth=True), "renders colour only"),
    ],
)
@pytest.mark.skipif(available_backend() is None, reason="no OpenGL here")
def test_a_bad_observation_request_is_an_invalid_argument(robot_at_home, request_, message: str) -> None:
    with pytest.raises(grpc.RpcError, match=message) as caught:
        robot_at_home.GetObservation(request_, timeout=WAIT)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


HOME = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785, 0.04]


@pytest.mark.parametrize(
    ("method", "request_", "message"),
    [
        (
            "SetJointPosition",
            pb.SetJointPositionRequest(positions=HOME[:7]),
            "7 joint positions given; the robot has 8",
        ),
        ("SetJointPosition", pb.SetJointPositionRequest(positions=[float("nan"), *HOME[1:]]), "nan is not a number"),
        (
            "SetJointPosition",
            pb.SetJointPositionRequest(positions=[3.0, *HOME[1:]], duration=5),
            "limits -2.8973 to 2.8973",
        ),
        (
            "SetJointPosition",
            pb.SetJointPositionRequest(positions=[1.0, *HOME[1:]]),
            "the joint's limit is 2.175 rad/s",
        ),
        ("SetJointPosition", pb.SetJointPositionRequest(positions=HOME, velocities=[1.0]), "leave velocities empty"),
        ("SetJointPosition", pb.SetJointPositionRequest(positions=HOME, duration=-1), "duration is -1 s"),
        ("Reset", pb.ResetRequest(scene_path="/elsewhere.usda"), "this server runs .*scene.usda; start another"),
        ("StopRecording", pb.StopRecordingRequest(), "no recording was started"),
        ("StartRecording", pb.StartRecordingRequest(episode_id="x"), "is not of the form episode_000000"),
        (
            "StartRecording",
            pb.StartRecordingRequest(episode_id="episode_000000", fps=30),
            "fps is 30; 1/fps must be a multiple",
        ),
        ("StartRecording", pb.StartRecordingRequest(episode_id="episode_000000", fps=-1), "fps is -1"),
        (
            "StartRecording",
            pb.StartRecordingRequest(episode_id="episode_000000", camera_ids=["top"]),
            "no camera called top",
        ),
        ("StartRecording", pb.StartRecordingRequest(episode_id="episode_000000", include_depth=True), "colour only"),
        (
            "StartRecording",
            pb.StartRecordingRequest(episode_id="episode_000000", output_directory="/tmp"),
            "output_directory '/tmp' is outside the server's recordings folder",
        ),
        (
            "SendCommand",
            pb.CommandRequest(command_type=pb.LINEAR_MOVE),
            r"command 2 \(LINEAR_MOVE\) is not implemented",
        ),
        ("SendCommand", pb.CommandRequest(command_type=999), r"command 999 \(unknown\) is not implemented"),
        ("SendCommand", pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=b"{"), "the payload must be"),
        ("SendCommand", pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=b"[]"), "the payload must be"),
        (
            "SendCommand",
            pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=b'{"poses": {"can": {}}}'),
            "position",
        ),
        (
            "SendCommand",
            pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=b'{"poses": {}, "x": 1}'),
            "found also x",
        ),
        (
            "SendCommand",
            pb.CommandRequest(
                command_type=pb.SET_OBJECT_POSE,
                payload=b'{"poses": {"cup": {"position": [0, 0, 1], "rotation_quaternion": [1, 0, 0, 0]}}}',
            ),
            "no movable object is called 'cup'",
        ),
    ],
)
def test_a_bad_request_is_refused_in_words_and_changes_nothing(
    robot_at_home, method: str, request_, message: str
) -> None:
    before = robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT)
    reply = getattr(robot_at_home, method)(request_, timeout=WAIT)
    assert not reply.success
    assert re.search(message, reply.error_message), reply.error_message
    assert robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT) == before


def test_a_call_that_is_not_implemented_says_so(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/geniesim.GenieSimService/LinearMove")(b"", timeout=WAIT)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_recording_runs_from_start_to_stop(robot_at_home, world, recordings: Path) -> None:
    start = pb.StartRecordingRequest(episode_id="episode_000001", output_directory="run", camera_ids=["scene"])
    started = robot_at_home.StartRecording(start, timeout=WAIT)
    assert started.success, started.error_message
    again = robot_at_home.StartRecording(start, timeout=WAIT)
    assert "episode_000001 is being recorded; StopRecording first" in again.error_message
    assert "StopRecording first" in robot_at_home.Reset(pb.ResetRequest(), timeout=WAIT).error_message
    longer = pb.SetJointPositionRequest(positions=HOME, duration=0.1)
    assert "20 frames/s" in robot_at_home.SetJointPosition(longer, timeout=WAIT).error_message
    for target in _targets(world, 6):
        assert robot_at_home.SetJointPosition(pb.SetJointPositionRequest(positions=target), timeout=WAIT).success
    stopped = robot_at_home.StopRecording(pb.StopRecordingRequest(), timeout=WAIT)
    assert (stopped.success, stopped.frames_recorded, stopped.duration_seconds) == (True, 6, pytest.approx(0.3))
    assert stopped.recording_path == started.recording_path == str(recordings / "run/episode_000001.json")
    assert Path(stopped.recording_path).with_suffix(".states.npz").is_file()
    repeated = robot_at_home.StartRecording(start, timeout=WAIT)
    assert "exists already" in repeated.error_message


def test_a_recording_that_cannot_be_written_says_why(robot_at_home, recordings: Path) -> None:
    (recordings / "file").write_text("in the way")
    request = pb.StartRecordingRequest(episode_id="episode_000002", output_directory="file/below")
    assert robot_at_home.StartRecording(request, timeout=WAIT).success
    assert robot_at_home.SetJointPosition(pb.SetJointPositionRequest(positions=HOME), timeout=WAIT).success
    with pytest.raises(grpc.RpcError) as caught:
        robot_at_home.StopRecording(pb.StopRecordingRequest(), timeout=WAIT)
    assert (
        caught.value.code() == grpc.StatusCode.DATA_LOSS
    )  # told from a refusal: another attempt would end the same way
    assert "file/below" in caught.value.details()


def test_poses_given_before_hold_for_one_reset(robot_at_home) -> None:
    pose = {"position": [0.02, 0.2, 0.801], "rotation_quaternion": [1, 0, 0, 0]}
    payload = json.dumps({"poses": {"can": pose}, "settle": 0.2}).encode()
    reply = robot_at_home.SendCommand(pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=payload), timeout=WAIT)
    assert json.loads(reply.payload) == {"poses": ["can"], "settle": 0.2}
    places = []
    for _ in range(2):
        assert robot_at_home.Reset(pb.ResetRequest(), timeout=WAIT).success
        can = robot_at_home.GetObservation(pb.GetObservationRequest(), timeout=WAIT).scene_state.objects[1]
        places.append([can.pose.position.x, can.pose.position.y])
    np.testing.assert_allclose(places, [[0.02, 0.2], [0.0, 0.12]], atol=1e-3)


def test_two_processes_simulate_the_same_bits(
    scene: Path, robot: RobotConfig, tmp_path: Path, stub, world, recordings
) -> None:
    def episode(simulator, folder: Path) -> dict[str, bytes]:
        assert simulator.Reset(pb.ResetRequest(), timeout=WAIT).success
        request = pb.StartRecordingRequest(episode_id="episode_000009", output_directory=str(folder))
        assert simulator.StartRecording(request, timeout=WAIT).success
        for target in _targets(world, 20, step=0.05):
            assert simulator.SetJointPosition(pb.SetJointPositionRequest(positions=target), timeout=WAIT).success
        assert simulator.StopRecording(pb.StopRecordingRequest(), timeout=WAIT).success
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    process, ready = _start(_command(scene, robot, tmp_path))
    try:
        with grpc.insecure_channel(f"127.0.0.1:{ready['port']}") as channel:
            here = episode(geniesim_pb2_grpc.GenieSimServiceStub(channel), tmp_path / "run")
    finally:
        _end(process)
    there = episode(stub, recordings / "same")
    assert len(here) == 2
    assert here == there


@pytest.mark.parametrize("how", ["sigterm", "exit", "stdin"])
def test_the_server_stops_in_good_order(scene: Path, robot: RobotConfig, tmp_path: Path, how: str) -> None:
    ready_file = tmp_path / "ready.json"
    process, ready = _start(_command(scene, robot, tmp_path, "--exit-with-stdin", "--ready-file", str(ready_file)))
    try:
        assert json.loads(ready_file.read_text()) == ready
        if how == "sigterm":
            process.send_signal(signal.SIGTERM)
        elif how == "stdin":
            assert process.stdin is not None
            process.stdin.close()
        else:
            with grpc.insecure_channel(f"127.0.0.1:{ready['port']}") as channel:
                stub = geniesim_pb2_grpc.GenieSimServiceStub(channel)
                assert stub.SendCommand(pb.CommandRequest(command_type=pb.EXIT), timeout=WAIT).success
        assert process.wait(WAIT) == 0
    finally:
        _end(process)


def test_the_server_dies_with_its_parent(scene: Path, robot: RobotConfig, tmp_path: Path) -> None:
    program = f"""
import subprocess, sys
process = subprocess.Popen({[*_command(scene, robot, tmp_path), "--exit-with-stdin"]!r}, stdin=subprocess.PIPE)
process.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    assert select.select([parent.stdout], [], [], WAIT)[0]
    pid = json.loads(parent.stdout.readline())["pid"]
    os.kill(pid, 0)
    parent.kill()
    parent.wait(WAIT)
    # The server holds the write end of its standard output; when it is gone, reading ends.
    assert select.select([parent.stdout], [], [], WAIT)[0]
    assert parent.stdout.read() == b""
    parent.stdout.close()


def test_a_busy_port_is_one_clear_error(scene: Path, robot: RobotConfig, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = _command(scene, robot, tmp_path, "--port", str(port))
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"ERROR port {port} of 127.0.0.1 is taken: stop what listens there, or give --port 0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"--scene-usd": "missing.usda"}, 1, "missing.usda: no such file"),
        ({"--scene-usd": "../scene.usda"}, 1, "outside"),
        ({"--scene-usd": "broken.usda"}, 1, "broken.usda"),
        ({"--robot": "{"}, 1, "--robot: not JSON"),
        ({"--robot": "{}"}, 1, "base_position"),
        ({"--port": "99999"}, 2, "99999 is not a port"),
        ({"--image-size": "big"}, 2, "'big' is not of the form 256x256"),
    ],
)
def test_a_server_that_cannot_start_says_why(
    scene: Path,
    robot: RobotConfig,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    code: int,
    message: str,
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "scene.usda").write_bytes(scene.read_bytes())
    (root / "broken.usda").write_text("#usda 1.0\ndef {")
    (tmp_path / "scene.usda").write_bytes(scene.read_bytes())
    arguments = _command(root / "scene.usda", robot, tmp_path, "--port", "0")[3:]
    for option, value in change.items():
        arguments[arguments.index(option) + 1] = str(root / value) if option == "--scene-usd" else value
    try:
        got = server.main(arguments)
    except SystemExit as error:  # argparse's way out
        got = int(str(error.code))
    assert got == code
    assert message in caplog.text + capsys.readouterr().err
