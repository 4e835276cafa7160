from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from resources.simulator.protocol import geniesim_pb2

ROOT = Path(__file__).resolve().parents[3]
PROTO = "resources/simulator/protocol/geniesim.proto"

# The seven calls and the fields that the contract table requires of them, with the numbers of the published proto.
REQUIRED = {
    "GetObservationResponse": {"success": 1, "robot_state": 2, "scene_state": 3, "camera_observation": 4, "timestamp": 5},
    "GetObservationRequest": {"include_images": 1, "include_depth": 2, "include_semantic": 3, "camera_ids": 4},
    "SetJointPositionRequest": {"positions": 1, "velocities": 2, "duration": 3, "wait_for_completion": 4},
    "SetJointPositionResponse": {"success": 1, "error_message": 2, "current_state": 3},
    "GetJointPositionRequest": {},
    "GetJointPositionResponse": {"success": 1, "joint_state": 2},
    "StartRecordingRequest": {
        "episode_id": 1, "output_directory": 2, "camera_ids": 3, "fps": 4, "include_depth": 5, "include_semantic": 6,
    },
    "StartRecordingResponse": {"success": 1, "error_message": 2, "recording_path": 3},
    "StopRecordingRequest": {"save_metadata": 1},
    "StopRecordingResponse": {
        "success": 1, "error_message": 2, "frames_recorded": 3, "duration_seconds": 4, "recording_path": 5,
    },
    "ResetRequest": {"reset_robot": 1, "reset_objects": 2, "scene_path": 3},
    "ResetResponse": {"success": 1, "error_message": 2},
    "CommandRequest": {"command_type": 1, "payload": 2},
    "CommandResponse": {"success": 1, "error_message": 2, "payload": 3},
    "Quaternion": {"w": 1, "x": 2, "y": 3, "z": 4},
    "JointState": {"positions": 1, "velocities": 2, "efforts": 3, "names": 4},
    "SceneState": {"objects": 1, "simulation_time": 2, "step_count": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", REQUIRED)
def test_field_numbers_are_the_published_ones(name: str) -> None:
    message = geniesim_pb2.DESCRIPTOR.message_types_by_name[name]
    assert {field.name: field.number for field in message.fields} == REQUIRED[name]


def test_the_service_has_the_seven_calls() -> None:
    service = geniesim_pb2.DESCRIPTOR.services_by_name["GenieSimService"]
    assert service.full_name == "geniesim.GenieSimService"
    assert [method.name for method in service.methods] == [
        "GetObservation", "SetJointPosition", "GetJointPosition", "StartRecording", "StopRecording", "Reset", "SendCommand",
    ]  # fmt: skip


def test_the_generated_code_is_current(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is a development dependency")
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", f"--descriptor_set_out={tmp_path}/set.pb", PROTO]
    command += [f"--pyi_out={tmp_path}", f"--grpc_python_out={tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    fresh = descriptor_pb2.FileDescriptorSet.FromString((tmp_path / "set.pb").read_bytes()).file[0]
    committed = descriptor_pb2.FileDescriptorProto()
    geniesim_pb2.DESCRIPTOR.CopyToProto(committed)
    # Python's own copy lacks the names that JSON would use.
    for message in fresh.message_type:
        for field in message.field:
            field.ClearField("json_name")
    for message in committed.message_type:
        for field in message.field:
            field.ClearField("json_name")
    assert committed == fresh
    stub = Path(PROTO).with_name("geniesim_pb2.pyi")
    assert (ROOT / stub).read_text() == (tmp_path / stub).read_text()
