"""`geniesim.GenieSimService` over a Simulation: messages in, messages out, every refusal said in words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import ArrayLike

from blueprint_assets.geometry.transforms import matrix_to_quaternion

from . import CONTROL_HZ, JOINT_NAMES
from .protocol import geniesim_pb2 as pb
from .protocol import geniesim_pb2_grpc
from .recording import Recorder, recording_path
from .render import Renderer, RenderError
from .simulation import SETTLE_SECONDS, CommandError, PhysicsError, Simulation

Poses = dict[str, tuple[ArrayLike, ArrayLike]]


class SimulatorService(geniesim_pb2_grpc.GenieSimServiceServicer):
    """Must be called by one thread, one call at a time."""

    def __init__(
        self,
        simulation: Simulation,
        scene: Path,
        recordings_root: Path,
        image_size: tuple[int, int],
        stop: threading.Event,
    ) -> None:
        self._simulation, self._scene, self._recordings_root = simulation, scene, recordings_root
        self._image_size, self._stop = image_size, stop
        self._renderer: Renderer | None = None
        self._recorder: Recorder | None = None
        self._poses: Poses = {}
        self._settle = SETTLE_SECONDS

    # Observation

    def GetObservation(  # noqa: N802
        self, request: pb.GetObservationRequest, context: grpc.ServicerContext
    ) -> pb.GetObservationResponse:
        """The robot, the objects and, if asked for, pictures."""
        with _statuses(context):
            state = self._simulation.state()
            images = self._images(request, state.simulation_time) if request.include_images else []
        return pb.GetObservationResponse(
            success=True,
            robot_state=pb.RobotState(
                joint_state=self._joint_state(),
                end_effector_pose=_pose(state.ee_position, state.ee_quaternion),
                gripper_width=state.gripper_width,
                gripper_is_grasping=self._simulation.grasped() is not None,
            ),
            scene_state=pb.SceneState(
                objects=[
                    pb.ObjectState(
                        object_id=o.object_id,
                        pose=_pose(o.position, o.quaternion),
                        linear_velocity=_vector(o.linear_velocity),
                        angular_velocity=_vector(o.angular_velocity),
                        dimensions=_vector(self._simulation.world.object_dimensions[o.object_id]),
                    )
                    for o in state.objects
                ],
                simulation_time=state.simulation_time,
                step_count=state.step_count,
            ),
            camera_observation=pb.CameraObservation(images=images),
            timestamp=state.simulation_time,
        )

    def GetJointPosition(  # noqa: N802
        self, request: pb.GetJointPositionRequest, context: grpc.ServicerContext
    ) -> pb.GetJointPositionResponse:
        """The measured joints."""
        with _statuses(context):
            self._simulation.require_stable()
        return pb.GetJointPositionResponse(success=True, joint_state=self._joint_state())

    def _images(self, request: pb.GetObservationRequest, time: float) -> list[pb.CameraImage]:
        if request.include_depth or request.include_semantic:
            raise CommandError("include_depth and include_semantic: this simulator renders colour only")
        if self._renderer is None:
            self._renderer = Renderer(self._simulation.world, *self._image_size)
        cameras, data = tuple(request.camera_ids) or self._renderer.cameras, self._simulation.data
        unknown = sorted(set(cameras) - set(self._renderer.cameras))
        if unknown:
            raise CommandError(f"no camera called {', '.join(unknown)}; there are {', '.join(self._renderer.cameras)}")
        images = []
        for camera in cameras:
            pixels = self._renderer.image(camera, data.qpos)
            index = self._simulation.world.model.camera(camera).id
            axes = matrix_to_quaternion(data.cam_xmat[index].reshape(3, 3))
            images.append(
                pb.CameraImage(
                    rgb_data=pixels.tobytes(),
                    width=pixels.shape[1],
                    height=pixels.shape[0],
                    encoding="rgb8",
                    camera_id=camera,
                    camera_pose=_pose(data.cam_xpos[index], axes),
                    timestamp=time,
                )
            )
        return images

    def _joint_state(self) -> pb.JointState:
        world, data = self._simulation.world, self._simulation.data
        return pb.JointState(
            positions=world.joints(data.qpos).tolist(),
            velocities=world.joint_velocities(data.qvel).tolist(),
            efforts=self._simulation.efforts().tolist(),
            names=JOINT_NAMES,
        )

    # Time

    def SetJointPosition(  # noqa: N802
        self, request: pb.SetJointPositionRequest, context: grpc.ServicerContext
    ) -> pb.SetJointPositionResponse:
        """Commands the joints, lets the duration pass, and is one frame of a running recording."""
        simulation, recorder = self._simulation, self._recorder
        duration = request.duration or 1.0 / CONTROL_HZ
        try:
            if request.velocities:
                raise CommandError("velocities: this robot takes positions and a duration; leave velocities empty")
            target = simulation.checked(request.positions, duration)
            if recorder:
                recorder.check_duration(duration)
                recorder.begin_frame(simulation.state(), simulation.data, target)
            simulation.move(target, duration)
            if recorder:
                recorder.end_frame(simulation.contacts.take())
        except (CommandError, PhysicsError) as error:
            return pb.SetJointPositionResponse(success=False, error_message=str(error))
        return pb.SetJointPositionResponse(success=True, current_state=self._joint_state())

    def Reset(self, request: pb.ResetRequest, context: grpc.ServicerContext) -> pb.ResetResponse:  # noqa: N802
        """Robot home, objects placed, settled; time is 0."""
        both = not (request.reset_robot or request.reset_objects)
        try:
            self._no_recording("Reset")
            if request.scene_path and Path(request.scene_path).resolve() != self._scene.resolve():
                raise CommandError(
                    f"scene_path {request.scene_path!r}: this server runs {self._scene}; start another for it"
                )
            poses, settle = self._poses, self._settle
            self._poses, self._settle = {}, SETTLE_SECONDS
            self._simulation.reset(poses, settle, request.reset_robot or both, request.reset_objects or both)
        except (CommandError, PhysicsError) as error:
            return pb.ResetResponse(success=False, error_message=str(error))
        return pb.ResetResponse(success=True)

    # Recording

    def StartRecording(  # noqa: N802
        self, request: pb.StartRecordingRequest, context: grpc.ServicerContext
    ) -> pb.StartRecordingResponse:
        """From now on every SetJointPosition is a frame."""
        fps = request.fps or CONTROL_HZ
        model = self._simulation.world.model
        steps = 1.0 / (fps * model.opt.timestep) if fps > 0 else 0.0
        cameras = tuple(request.camera_ids)
        known = [model.camera(i).name for i in range(model.ncam)]
        try:
            self._no_recording("StartRecording")
            self._simulation.require_stable()
            if not (np.isfinite(fps) and steps >= 1 and abs(steps - round(steps)) < 1e-9):
                raise CommandError(
                    f"fps is {fps:g}; 1/fps must be a multiple of the physics step {model.opt.timestep:g} s"
                )
            if request.include_depth or request.include_semantic:
                raise CommandError("include_depth and include_semantic: this simulator renders colour only")
            unknown = sorted(set(cameras) - set(known))
            if unknown:
                raise CommandError(f"no camera called {', '.join(unknown)}; there are {', '.join(known)}")
            path = recording_path(self._recordings_root, request.output_directory, request.episode_id)
        except (CommandError, PhysicsError) as error:
            return pb.StartRecordingResponse(success=False, error_message=str(error))
        self._recorder = Recorder(path, fps, cameras, model.opt.timestep)
        self._simulation.contacts.take()
        return pb.StartRecordingResponse(success=True, recording_path=str(path))

    def StopRecording(  # noqa: N802
        self, request: pb.StopRecordingRequest, context: grpc.ServicerContext
    ) -> pb.StopRecordingResponse:
        """Ends the recording and writes it. One that cannot be written, or whose physics went wrong, is dropped."""
        recorder, self._recorder = self._recorder, None
        try:
            if recorder is None:
                raise CommandError("no recording was started")
            self._simulation.require_stable()
            info = recorder.write(self._simulation.data)
        except (CommandError, PhysicsError) as error:
            return pb.StopRecordingResponse(success=False, error_message=str(error))
        except OSError as error:
            context.abort(
                grpc.StatusCode.DATA_LOSS,
                f"the recording cannot be written: {error}; free space or choose another folder, then run again",
            )
        return pb.StopRecordingResponse(
            success=True,
            frames_recorded=info.frames,
            duration_seconds=info.duration,
            recording_path=str(info.path),
        )

    def _no_recording(self, call: str) -> None:
        if self._recorder:
            raise CommandError(f"{call}: {self._recorder.path.stem} is being recorded; StopRecording first")

    # Commands

    def SendCommand(self, request: pb.CommandRequest, context: grpc.ServicerContext) -> pb.CommandResponse:  # noqa: N802
        """EXIT, and SET_OBJECT_POSE for the next Reset."""
        try:
            if request.command_type == pb.EXIT:
                self._stop.set()
                return pb.CommandResponse(success=True, payload=b"{}")
            if request.command_type == pb.SET_OBJECT_POSE:
                self._poses, self._settle = self._placement(request.payload)
                reply = json.dumps({"poses": sorted(self._poses), "settle": self._settle})
                return pb.CommandResponse(success=True, payload=reply.encode())
            number = int(request.command_type)
            name = pb.CommandType.Name(number) if number in pb.CommandType.values() else "unknown"
            raise CommandError(f"command {number} ({name}) is not implemented; EXIT and SET_OBJECT_POSE are")
        except CommandError as error:
            return pb.CommandResponse(success=False, error_message=str(error))

    def _placement(self, payload: bytes) -> tuple[Poses, float]:
        what = 'SET_OBJECT_POSE: the payload must be {"poses": {id: {"position": [3], "rotation_quaternion": [4]}}, "settle": s}'
        try:
            document: Any = json.loads(payload)
            settle = float(document.get("settle", SETTLE_SECONDS))
            poses: Poses = {
                str(name): (
                    np.array(pose["position"], dtype=float),
                    np.array(pose["rotation_quaternion"], dtype=float),
                )
                for name, pose in document["poses"].items()
            }
            unknown = set(document) - {"poses", "settle"}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CommandError(f"{what}; {type(error).__name__}: {error}") from None
        if unknown:
            raise CommandError(f"{what}; found also {', '.join(sorted(unknown))}")
        self._simulation.check_placement(poses, settle)
        return poses, settle


@contextmanager
def _statuses(context: grpc.ServicerContext) -> Iterator[None]:
    """Turns refusals into gRPC statuses, for the calls whose response has no error_message."""
    try:
        yield
    except CommandError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except PhysicsError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except RenderError as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, str(error))


def _vector(values: ArrayLike) -> pb.Vector3:
    x, y, z = np.asarray(values, dtype=float).tolist()
    return pb.Vector3(x=x, y=y, z=z)


def _pose(position: ArrayLike, quaternion: ArrayLike) -> pb.Pose:
    w, x, y, z = np.asarray(quaternion, dtype=float).tolist()
    return pb.Pose(position=_vector(position), orientation=pb.Quaternion(w=w, x=x, y=y, z=z))
