"""Replay: an episode's recorded commands given again to a simulator that has just been started. The same scene, seed and
commands must give the same states bit by bit, and so the same hash; otherwise nobody can make the episode again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Episode
from blueprint_assets.contracts.geniesim_recording import Recording
from blueprint_assets.geniesim.scene_graph import SCENE_FILE
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from blueprint_assets.tasks.scene import TaskScene
from blueprint_assets.tasks.variation import varied_poses
from resources.simulator import Simulator, SimulatorError

from .physics import RecordedJob, Taken

Array = NDArray[np.float64]


class ReplayUnavailableError(RuntimeError):
    """Nothing can be replayed here: no simulator starts, or the one that does is not the one that recorded."""


@dataclass(frozen=True)
class Replay:
    """One episode simulated again. `difference` is None when states and frames are equal to the last bit. `state_hash` is
    empty when a command was refused, so that there is nothing to compare.
    """

    episode_id: str
    state_hash: str
    difference: str | None


def chosen(taken: Iterable[Taken], count: int) -> list[Taken]:
    """`count` episodes, picked by the sha256 of their uuid: nobody's choice, and the same at every look."""
    return sorted(taken, key=lambda item: hashlib.sha256(item.episode.episode_uuid.encode()).digest())[:count]


def replay_in_fresh_process(job: RecordedJob, episodes: Iterable[Taken]) -> list[Replay]:
    """Starts the embedded simulator in a process of its own and replays the episodes one after the other.

    Raises:
        ReplayUnavailableError: it does not start, or it is another simulator, or another version, than recorded.
    """
    from resources.simulator.embedded import start_embedded

    replays: list[Replay] = []
    with tempfile.TemporaryDirectory(prefix="blueprint-replay-") as folder, ExitStack() as stack:
        out = Path(folder)
        try:
            simulator = stack.enter_context(
                start_embedded(job.scene / SCENE_FILE, job.scene, job.config.robot_config, out, out / "server.log")
            )
        except SimulatorError as error:
            raise ReplayUnavailableError(f"nothing to replay in: {error}") from error
        for item in episodes:
            recorder = item.episode.provenance.simulator
            if recorder != simulator.name:
                raise ReplayUnavailableError(
                    f"{item.episode.episode_id} was recorded by {recorder}, here is {simulator.name}: states of different "
                    "simulators or versions need not be equal; run the job again with this one"
                )
            replays.append(replay(item, job.tasks, simulator, out / item.episode.episode_uuid))
            if not replays[-1].state_hash:
                break  # its recording was not finished, so this simulator takes no other
    return replays


def replay(taken: Taken, scene: TaskScene, simulator: Simulator, folder: Path) -> Replay:
    """Puts the objects where the episode's seed puts them, gives the recorded commands, and compares what comes out.

    Raises:
        CommandError, OSError: the recorded states are not readable.
    """
    from resources.simulator.recording import load_states

    episode, recorded = taken.episode, load_states(taken.states)
    # As `geniesim.rollout` begins: the first draws of the seed are the arrangement.
    poses = varied_poses(scene, np.random.default_rng(episode.seed))
    simulator.reset({name: (pose[:3, 3], matrix_to_quaternion(pose[:3, :3])) for name, pose in poses.items()})
    simulator.start_recording(episode.episode_id, folder)
    sent = 0
    try:
        for command in recorded["action"]:
            simulator.set_joint_position(command)
            sent += 1
    except SimulatorError as error:
        return Replay(episode.episode_id, "", f"command {sent} of the recording is not carried out: {error}")
    again = Recording.read(simulator.stop_recording().path)
    difference = _frames_difference(episode, again)
    if again.state_hash != episode.state_hash:
        difference = _states_difference(recorded, load_states(folder / again.states)) or (
            f"the replay's state hash is {again.state_hash[:12]}…, the recording says {episode.state_hash[:12]}…, though "
            "the states beside it are equal"
        )
    return Replay(episode.episode_id, again.state_hash, difference)


def _states_difference(recorded: dict[str, Array], again: dict[str, Array]) -> str | None:
    """The first difference of two recordings' states, with the largest one, for a message."""
    for name, values in recorded.items():
        other = again[name]
        if values.shape != other.shape:
            return f"{name} has shape {values.shape}, replayed {other.shape}"
        # Bits, not numbers: -0.0 is not 0.0 here, as in the hash.
        differs = values.view(np.uint64) != other.view(np.uint64)
        if differs.any():
            first = int(np.flatnonzero(differs.reshape(len(values), -1).any(axis=1))[0])
            largest = float(np.abs(values - other).max())
            return f"{name} differs from row {first} on, by up to {largest:.3g}"
    return None


def _frames_difference(episode: Episode, again: Recording) -> str | None:
    """The first difference of frames: measurements, contacts and commands. Phases are the planner's and not simulated."""
    if len(episode.frames) != len(again.frames):
        return f"{len(episode.frames)} frames were recorded, {len(again.frames)} replayed"
    for index, (one, other) in enumerate(zip(episode.frames, again.frames, strict=True)):
        if one.model_copy(update={"phase": ""}) == other:
            continue
        parts = [
            name
            for name in type(one.observation).model_fields
            if getattr(one.observation, name) != getattr(other.observation, name)
        ]
        return f"frame {index}: {', '.join(parts) or 'the command'} differs from the replay"
    return None
