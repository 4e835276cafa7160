"""A recording being made: one frame per control step, written out when it ends."""

from __future__ import annotations

import re
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Frame, FramePhysics, ObjectPose, Observation
from blueprint_assets.contracts.geniesim_recording import EPISODE_ID_PATTERN, Recording

from . import JOINT_NAMES, RecordingInfo, SimulatorState
from .simulation import NAME, CommandError
from .world import state_hash

Array = NDArray[np.float64]

STATE_ARRAYS = ("qpos", "qvel", "time", "action", "ctrl", "final_qpos", "final_qvel")


class Recorder:
    """The frames of one episode. Frame i is what was measured before the i-th command, and that command; its contacts
    are those of the control step that led to the measurement (none for the first frame)."""

    def __init__(self, path: Path, fps: float, camera_ids: tuple[str, ...], timestep: float) -> None:
        self.path, self.fps, self.camera_ids, self.timestep = path, fps, camera_ids, timestep
        self._frames: list[Frame] = []
        self._rows: dict[str, list[Array]] = {name: [] for name in STATE_ARRAYS[:5]}
        self._physics = FramePhysics()

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self._frames)

    def check_duration(self, duration: float) -> None:
        """Raises CommandError unless a command of `duration` seconds is one frame."""
        if abs(duration * self.fps - 1.0) > 1e-9:
            raise CommandError(
                f"duration is {duration:g} s, but this recording has {self.fps:g} frames/s: every command lasts "
                f"{1.0 / self.fps:g} s until StopRecording"
            )

    def begin_frame(self, state: SimulatorState, data: mujoco.MjData, action: Array) -> None:
        """Takes what is measured now and the command about to be carried out."""
        step = len(self._frames)
        time = step / self.fps
        observation = Observation(
            joint_positions=_floats(state.joint_positions),
            joint_velocities=_floats(state.joint_velocities),
            robot_state=(*_floats(state.ee_position), *_floats(state.ee_quaternion), state.gripper_width),
            physics=self._physics,
            objects=tuple(
                ObjectPose(
                    object_id=o.object_id, position=_triple(o.position), rotation_quaternion=_quadruple(o.quaternion)
                )
                for o in state.objects
            ),
        )
        self._frames.append(Frame(step=step, observation=observation, action=_floats(action), timestamp=time))
        row = {"qpos": data.qpos, "qvel": data.qvel, "time": np.array(time), "action": action, "ctrl": data.ctrl}
        for name, values in row.items():
            self._rows[name].append(np.array(values, dtype=np.float64))

    def end_frame(self, physics: FramePhysics) -> None:
        """Takes the contacts of the control step that the last command made."""
        self._physics = physics

    def write(self, data: mujoco.MjData) -> RecordingInfo:
        """Writes the states, then the JSON that names them: whoever finds the JSON finds both, whole.

        Raises:
            CommandError: nothing was recorded.
            OSError: the disk refuses.
        """
        if not self._frames:
            raise CommandError(f"{self.path.stem} has no frame: no SetJointPosition came between start and stop")
        arrays = {name: np.array(rows) for name, rows in self._rows.items()}
        arrays |= {"final_qpos": data.qpos.copy(), "final_qvel": data.qvel.copy()}
        states = self.path.with_suffix(".states.npz")
        duration = len(self._frames) / self.fps
        recording = Recording(
            episode_id=self.path.stem,
            simulator=NAME,
            physics_timestep=self.timestep,
            fps=self.fps,
            joint_names=JOINT_NAMES,
            camera_ids=self.camera_ids,
            frames=tuple(self._frames),
            frame_count=len(self._frames),
            duration_seconds=duration,
            states=states.name,
            state_hash=state_hash([arrays[name] for name in STATE_ARRAYS]),
        )
        for path, write in ((states, lambda p: _write_states(p, arrays)), (self.path, recording.write)):
            partial = path.with_name(f".{path.name}.partial")
            try:
                write(partial)
                partial.replace(path)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
        return RecordingInfo(self.path, len(self._frames), duration)


def recording_path(root: Path, directory: str, episode_id: str) -> Path:
    """Where an episode's JSON goes.

    Args:
        root: recordings may be written inside this folder only.
        directory: absolute, or relative to `root`; links are followed before it is judged.
        episode_id: `episode_` and six digits.

    Raises:
        CommandError: outside `root`, not an episode id, or the episode is there already.
    """
    if not re.fullmatch(EPISODE_ID_PATTERN, episode_id) or "\n" in episode_id:
        raise CommandError(f"episode_id {episode_id!r} is not of the form episode_000000")
    folder = (root / directory).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise CommandError(f"output_directory {directory!r} is outside the server's recordings folder {root.resolve()}")
    path = folder / f"{episode_id}.json"
    if path.exists():
        raise CommandError(f"{path} exists already; recordings are not overwritten: give another episode_id or folder")
    return path


def load_states(path: Path) -> dict[str, Array]:
    """The arrays of a `.states.npz`, see contracts.geniesim_recording. Never unpickles.

    Raises:
        CommandError: an array is missing.
    """
    with np.load(path, allow_pickle=False) as archive:
        missing = [name for name in STATE_ARRAYS if name not in archive]
        if missing:
            raise CommandError(f"{path}: not a recording's states, lacks {', '.join(missing)}")
        return {name: archive[name] for name in STATE_ARRAYS}


def _write_states(path: Path, arrays: dict[str, Array]) -> None:
    # A file object, because numpy would add ".npz" to the name. Members carry no time stamp: same arrays, same bytes.
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: arrays[name] for name in STATE_ARRAYS})


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = _floats(values)
    return x, y, z


def _quadruple(values: Array) -> tuple[float, float, float, float]:
    w, x, y, z = _floats(values)
    return w, x, y, z


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=float).tolist())
