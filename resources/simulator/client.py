"""The simulator over gRPC: any server that speaks `geniesim.GenieSimService`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from . import (
    CAMERAS,
    CONTROL_HZ,
    JOINT_NAMES,
    Array,
    ObjectState,
    RecordingError,
    RecordingInfo,
    SimulatorError,
    SimulatorState,
)

if TYPE_CHECKING:
    from .protocol import geniesim_pb2 as pb

DEADLINE_SECONDS = 30.0
"""For every call. The slowest, a first picture on a loaded machine, takes about 2 s; a server that is gone is noticed at
once, without this."""
WALL_SECONDS_PER_SIMULATED = 10.0
"""Added to the deadline per second of simulated time asked for: ten times slower than real time."""
MAX_MESSAGE_BYTES = 64 * 1024 * 1024


class SimulatorClient:
    """Implements `resources.simulator.Simulator`. One caller, one call at a time. Use as a context manager, or `close` it.

    Every method raises SimulatorError when the server refuses, fails, is gone or does not answer in time.
    """

    def __init__(self, address: str, name: str = "", diagnose: Callable[[], str] | None = None) -> None:
        """Connects when the first call is made.

        Args:
            address: host:port.
            name: what really simulates, for provenance; default: the address.
            diagnose: called when the server is gone; its words are added to the error.
        """
        import grpc

        from .protocol import geniesim_pb2_grpc

        self.name = name or f"geniesim at {address}"
        self._address, self._diagnose = address, diagnose
        self._channel = grpc.insecure_channel(
            address,
            options=(
                ("grpc.enable_http_proxy", 0),
                ("grpc.enable_retries", 0),  # a command that was carried out must not be carried out again
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ),
        )
        self._stub = geniesim_pb2_grpc.GenieSimServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def reset(self, object_poses: dict[str, tuple[Array, Array]] | None = None) -> SimulatorState:
        """Robot home, objects at their scene poses or at the given ones (position, quaternion), then settled."""
        from .protocol import geniesim_pb2 as pb

        if object_poses:
            poses = {
                name: {
                    "position": np.asarray(position, dtype=float).tolist(),
                    "rotation_quaternion": np.asarray(quaternion, dtype=float).tolist(),
                }
                for name, (position, quaternion) in object_poses.items()
            }
            payload = json.dumps({"poses": poses}).encode()
            self._call("SendCommand", pb.CommandRequest(command_type=pb.SET_OBJECT_POSE, payload=payload))
        self._call("Reset", pb.ResetRequest(reset_robot=True, reset_objects=True))
        return self.state()

    def state(self) -> SimulatorState:
        """The state now; no time passes."""
        from .protocol import geniesim_pb2 as pb

        reply = self._call("GetObservation", pb.GetObservationRequest())
        robot, scene = reply.robot_state, reply.scene_state
        return SimulatorState(
            joint_positions=_joints(robot.joint_state, robot.joint_state.positions),
            joint_velocities=_joints(robot.joint_state, robot.joint_state.velocities),
            ee_position=_vector(robot.end_effector_pose.position),
            ee_quaternion=_quaternion(robot.end_effector_pose.orientation),
            gripper_width=robot.gripper_width,
            objects=tuple(
                ObjectState(
                    object_id=o.object_id,
                    position=_vector(o.pose.position),
                    quaternion=_quaternion(o.pose.orientation),
                    linear_velocity=_vector(o.linear_velocity),
                    angular_velocity=_vector(o.angular_velocity),
                )
                for o in scene.objects
            ),
            simulation_time=scene.simulation_time,
            step_count=scene.step_count,
        )

    def set_joint_position(self, positions: Array, duration: float = 1.0 / CONTROL_HZ) -> Array:
        """Commands joint targets, lets `duration` seconds pass, returns the measured positions, shape (8,)."""
        from .protocol import geniesim_pb2 as pb

        request = pb.SetJointPositionRequest(
            positions=np.asarray(positions, dtype=float).tolist(), duration=duration, wait_for_completion=True
        )
        reply = self._call("SetJointPosition", request, simulated=duration)
        return _joints(reply.current_state, reply.current_state.positions)

    def start_recording(self, episode_id: str, output_directory: Path) -> None:
        """From now on every set_joint_position is one frame, at CONTROL_HZ."""
        from .protocol import geniesim_pb2 as pb

        request = pb.StartRecordingRequest(
            episode_id=episode_id, output_directory=str(output_directory), camera_ids=CAMERAS, fps=CONTROL_HZ
        )
        self._call("StartRecording", request)

    def stop_recording(self) -> RecordingInfo:
        """Ends the recording and writes it."""
        from .protocol import geniesim_pb2 as pb

        reply = self._call("StopRecording", pb.StopRecordingRequest(save_metadata=True))
        return RecordingInfo(Path(reply.recording_path), reply.frames_recorded, reply.duration_seconds)

    def images(self, camera_ids: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """What the cameras see now, (height, width, 3) RGB each."""
        from .protocol import geniesim_pb2 as pb

        request = pb.GetObservationRequest(include_images=True, camera_ids=camera_ids)
        images = self._call("GetObservation", request).camera_observation.images
        pictures = {}
        for image in images:
            shape = (image.height, image.width, 3)
            if image.encoding != "rgb8" or len(image.rgb_data) != np.prod(shape):
                raise SimulatorError(
                    f"{self.name}: camera {image.camera_id} sent {len(image.rgb_data)} bytes of {image.encoding!r}; "
                    f"expected rgb8, {image.height} x {image.width} x 3"
                )
            pictures[image.camera_id] = np.frombuffer(image.rgb_data, dtype=np.uint8).reshape(shape).copy()
        return pictures

    def exit(self) -> None:
        """Tells the server to stop."""
        from .protocol import geniesim_pb2 as pb

        self._call("SendCommand", pb.CommandRequest(command_type=pb.EXIT))

    def close(self) -> None:
        """Closes the connection; the server goes on."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, request: Any, simulated: float = 0.0) -> Any:
        import grpc

        deadline = DEADLINE_SECONDS + WALL_SECONDS_PER_SIMULATED * max(simulated, 0.0)
        try:
            reply = getattr(self._stub, method)(request, timeout=deadline)
        except grpc.RpcError as error:
            # Our server's word for a recording that the disk refused.
            kind = RecordingError if error.code() == grpc.StatusCode.DATA_LOSS else SimulatorError
            raise kind(self._explain(method, error, deadline)) from None
        if not reply.success:
            raise SimulatorError(
                f"{self.name}: {method}: {getattr(reply, 'error_message', '') or 'refused without a reason'}"
            )
        return reply

    def _explain(self, method: str, error: Any, deadline: float) -> str:
        import grpc

        code, details = error.code(), error.details()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self.name}: {method}: no answer within {deadline:g} s; restart the simulator"
        said = f"{self.name}: {method}: {details}"
        # The server's own UNAVAILABLE is about rendering; one made by the channel has no connection behind it.
        if self._diagnose and code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            said += self._diagnose()
        return said


def _joints(state: pb.JointState, values: Sequence[float]) -> Array:
    """`values`, in the order of JOINT_NAMES, however the server orders them."""
    by_name = dict(zip(state.names, values, strict=False))
    missing = [name for name in JOINT_NAMES if name not in by_name]
    if missing:
        raise SimulatorError(f"the simulator's joint state lacks {', '.join(missing)}; it is another robot's")
    return np.array([by_name[name] for name in JOINT_NAMES], dtype=float)


def _vector(value: pb.Vector3) -> Array:
    return np.array([value.x, value.y, value.z])


def _quaternion(value: pb.Quaternion) -> Array:
    return np.array([value.w, value.x, value.y, value.z])
