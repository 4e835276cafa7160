"""Whether a recorded episode may enter a dataset: what is measured on its document, its states and its pictures.

Every rule gives a reason in words. A rejected episode stays where it was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.geniesim_local import Episode, EpisodeIndexEntry
from resources.simulator import ARM_JOINTS, JOINT_NAMES

from .episode import Float32
from .video import Image

TIMESTAMP_TOLERANCE = 1e-4
"""Seconds; the tolerance with which LeRobot matches a row to a video frame (tolerance_s)."""
SAME_JOINT = 1e-9
"""Radians or metres: a command this close to the measurement in every joint of every frame was copied from it. Under
physics a moving arm lags its command by 1e-4 rad and more."""
BLACK_LEVEL = 16
"""Of 255: BT.601 black. A frame with 99 % of its values below shows nothing."""
FROZEN_JOINT_TRAVEL = 0.05
"""Radians: the arm cannot move this far while a camera on it or looking at it sees no pixel change;
at 0.3 m from a joint's axis it is 15 mm, over 2 px where 256 px span 1.5 m."""


class PictureError(ValueError):
    """A camera's pictures cannot be trusted. The message is the reason an episode is rejected with."""


@dataclass(frozen=True)
class Candidate:
    """An episode fit to be rendered. `state` measured, `action` commanded, float32, shape (frames, 8)."""

    episode: Episode
    states: Path
    state: Float32
    action: Float32


def review(
    recording: Path, entry: EpisodeIndexEntry | None, scene_sha256: str | None, hz: float
) -> tuple[Episode | None, Candidate | None, str | None]:
    """Reads one recording and applies every rule that needs no picture: (episode, candidate, reason).

    `entry` is its line in the run's index, `scene_sha256` the scene it will be rendered with (None: not at hand).
    The episode is None when the document is unreadable; the candidate is None when there is a reason.
    """
    try:
        episode = Episode.read(recording)
    except ContractError as error:
        return None, None, f"unreadable: {error}"
    candidate, reason = None, _document_reason(episode, recording, entry, scene_sha256, hz)
    if reason is None:
        states = recording.parent / str(episode.states)
        state = np.array([frame.observation.joint_positions for frame in episode.frames])
        action = np.array([frame.action for frame in episode.frames])
        reason = _states_reason(episode, states)
        if reason is None and float(np.abs(action - state).max()) < SAME_JOINT:
            reason = "the action equals the measured state in every frame: commands were not recorded"
        if reason is None:
            candidate = Candidate(episode, states, state.astype(np.float32), action.astype(np.float32))
    return episode, candidate, reason


def _document_reason(
    episode: Episode, recording: Path, entry: EpisodeIndexEntry | None, scene_sha256: str | None, hz: float
) -> str | None:
    if episode.episode_id != recording.stem:
        return f"the file is called {recording.stem} but holds {episode.episode_id}"
    if not (episode.success and episode.validation_passed):
        return f"failed: {episode.failure_reason or 'no reason was recorded'}"
    if episode.failure_reason is not None:
        return f"contradiction: success with the failure reason {episode.failure_reason!r}"
    if episode.states is None:
        return "no states were recorded"
    if entry is None:
        return "not listed in metadata/episodes.jsonl"
    count = len(episode.frames)
    if not count or episode.frame_count != count or entry.num_frames != count:
        return f"{count} frames recorded, frame_count says {episode.frame_count}, the index says {entry.num_frames}"
    gap = next((i for i, frame in enumerate(episode.frames) if frame.step != episode.frames[0].step + i), None)
    if gap is not None:
        return f"frame gap: frame {gap} is step {episode.frames[gap].step}, after step {episode.frames[gap - 1].step}"
    if abs(episode.provenance.control_hz - hz) > 1e-9:
        return f"recorded at {episode.provenance.control_hz} Hz; the dataset has {hz} Hz"
    late = next((i for i, f in enumerate(episode.frames) if abs(f.timestamp - i / hz) > TIMESTAMP_TOLERANCE), None)
    if late is not None:
        found = episode.frames[late].timestamp
        return f"off the {hz:g} Hz grid: frame {late} is at {found:.6f} s, expected {late / hz:.6f} s"
    joints = len(JOINT_NAMES)
    for i, frame in enumerate(episode.frames):
        lengths = len(frame.observation.joint_positions), len(frame.action)
        if lengths != (joints, joints):
            return f"frame {i} has {lengths[0]} joint positions and {lengths[1]} commands; expected {joints} each"
    if scene_sha256 is not None and episode.provenance.scene_sha256 != scene_sha256:
        return f"recorded in scene {episode.provenance.scene_sha256[:12]}…, but usd/scene.usda is {scene_sha256[:12]}…"
    return None


def _states_reason(episode: Episode, states: Path) -> str | None:
    from resources.simulator.recording import STATE_ARRAYS, load_states
    from resources.simulator.world import state_hash

    if "/" in str(episode.states) or not states.is_file():
        return f"the recorded states {episode.states!r} are not beside the recording"
    try:
        arrays = load_states(states)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        return f"{episode.states} is not readable: {error}"
    for name, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return f"not finite: {name} in {episode.states}"
    rows = len(arrays["qpos"])
    if rows != episode.frame_count:
        return f"{episode.states} has {rows} states for {episode.frame_count} frames"
    found = state_hash([arrays[name] for name in STATE_ARRAYS])
    if found != episode.state_hash:
        return f"state hash {found[:12]}… of {episode.states} is not the recorded {episode.state_hash[:12]}…"
    return None


class Watch:
    """Looks at a camera's frames as they come: none may be black, nor may the picture freeze while the arm moves.

    `state`: the measured joints of the whole episode, shape (frames, joints).
    """

    def __init__(self, camera: str, state: Float32) -> None:
        self._camera, self._state = camera, state
        self._previous: NDArray[np.uint8] | None = None
        self._index = self._since = 0

    def see(self, image: Image) -> None:
        """Takes the next frame.

        Raises:
            PictureError: a black frame, or a stretch of identical frames during which a joint moved FROZEN_JOINT_TRAVEL.
        """
        camera, index = self._camera, self._index
        if np.count_nonzero(image >= BLACK_LEVEL) < image.size / 100:
            raise PictureError(f"black camera: {camera}, frame {index}: 99 % of its values are below {BLACK_LEVEL}")
        if self._previous is None or not np.array_equal(self._previous, image):
            self._since = index
        elif index < len(self._state):
            travel = float(np.ptp(self._state[self._since : index + 1, : len(ARM_JOINTS)], axis=0).max())
            if travel > FROZEN_JOINT_TRAVEL:
                raise PictureError(
                    f"frozen camera: {camera} shows the same picture in frames {self._since} to {index} while a joint "
                    f"moved {travel:.3f} rad"
                )
        self._previous = image.copy()
        self._index += 1
