"""What a replay compares, without a simulator; with one: tests/checks/test_episode_checks.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.geniesim_local import Episode
from blueprint_assets.contracts.geniesim_recording import Recording
from blueprint_assets.dataset.review.physics import Taken
from blueprint_assets.dataset.review.replay import chosen, replay
from blueprint_assets.tasks.scene import TaskScene
from fixtures.synthetic_episodes import recorded_episode, recordings_folder
from resources.simulator import JOINT_NAMES, RecordingInfo, SimulatorError
from resources.simulator.recording import STATE_ARRAYS, load_states
from resources.simulator.world import state_hash

EMPTY = TaskScene({}, {}, (), (), {})
"""A scene with nothing to arrange."""


class Parrot:
    """A simulator that records what it is told to: `recorded`'s frames and states, after `spoil` had them in hand."""

    name = "synthetic"

    def __init__(self, recorded: Taken, spoil: Callable[[list[dict[str, Any]], dict[str, Any]], object]) -> None:
        self.recorded, self.spoil, self.commands = recorded, spoil, 0
        self.refuse_from = 1_000

    def reset(self, object_poses: Any = None) -> None:
        self.commands = 0

    def start_recording(self, episode_id: str, output_directory: Path) -> None:
        self.path = output_directory / f"{episode_id}.json"

    def set_joint_position(self, positions: Any) -> None:
        if self.commands == self.refuse_from:
            raise SimulatorError("too fast")
        self.commands += 1

    def stop_recording(self) -> RecordingInfo:
        frames = [frame.model_dump(mode="json") for frame in self.recorded.episode.frames]
        arrays = {name: values.copy() for name, values in load_states(self.recorded.states).items()}
        self.spoil(frames, arrays)
        self.path.parent.mkdir(parents=True)
        np.savez(self.path.with_suffix(".states.npz"), allow_pickle=False, **arrays)
        Recording.model_validate(
            {
                "episode_id": self.path.stem,
                "simulator": self.name,
                "physics_timestep": 0.002,
                "fps": 20.0,
                "joint_names": JOINT_NAMES,
                "frames": frames,
                "frame_count": len(frames),
                "duration_seconds": 1.0,
                "states": f"{self.path.stem}.states.npz",
                "state_hash": state_hash([arrays[name] for name in STATE_ARRAYS]),
            }
        ).write(self.path)
        return RecordingInfo(self.path, len(frames), 1.0)


@pytest.fixture
def taken(tmp_path: Path) -> Taken:
    folder = recordings_folder(tmp_path)
    recorded_episode(folder, 0, frames=6)
    path = folder / "episode_000000.json"
    return Taken(path, Episode.read(path))


def played(taken: Taken, folder: Path, spoil: Callable[[list[dict[str, Any]], dict[str, Any]], object]) -> str | None:
    return replay(taken, EMPTY, Parrot(taken, spoil), folder / "out").difference  # type: ignore[arg-type]


def test_the_same_again_has_no_difference(taken: Taken, tmp_path: Path) -> None:
    simulator = Parrot(taken, lambda frames, arrays: None)
    found = replay(taken, EMPTY, simulator, tmp_path / "out")  # type: ignore[arg-type]
    assert (found.difference, found.state_hash) == (None, taken.episode.state_hash)
    assert simulator.commands == 6


def test_phases_are_not_simulated(taken: Taken, tmp_path: Path) -> None:
    frames = tuple(frame.model_copy(update={"phase": "lift"}) for frame in taken.episode.frames)
    with_phases = Taken(taken.path, taken.episode.model_copy(update={"frames": frames}))
    assert played(with_phases, tmp_path, lambda frames, arrays: [frame.update(phase="") for frame in frames]) is None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda frames, arrays: arrays["qvel"].__setitem__((3, 1), 5e-324), "qvel differs from row 3 on, by up to"),
        (lambda frames, arrays: arrays["qvel"].__setitem__((0, 0), -0.0), "qvel differs from row 0 on, by up to 0"),
        (lambda frames, arrays: arrays.update(qpos=arrays["qpos"][:5]), r"qpos has shape \(6, 9\), replayed \(5, 9\)"),
        (lambda frames, arrays: frames[4]["observation"]["robot_state"].__setitem__(0, 1.0), "frame 4: robot_state"),
        (lambda frames, arrays: frames[5]["action"].__setitem__(0, 1.0), "frame 5: the command"),
        (lambda frames, arrays: frames.pop(), "6 frames were recorded, 5 replayed"),
    ],
)
def test_one_bit_is_a_difference(taken: Taken, tmp_path: Path, spoil: Any, said: str) -> None:
    difference = played(taken, tmp_path, spoil)
    assert difference is not None
    assert re.search(said, difference), difference


def test_a_hash_that_is_not_that_of_the_states(taken: Taken, tmp_path: Path) -> None:
    other = Taken(taken.path, taken.episode.model_copy(update={"state_hash": "0" * 64}))
    difference = played(other, tmp_path, lambda frames, arrays: None)
    assert difference is not None
    assert "though the states beside it are equal" in difference


def test_a_refused_command_ends_the_replay(taken: Taken, tmp_path: Path) -> None:
    simulator = Parrot(taken, lambda frames, arrays: None)
    simulator.refuse_from = 4
    found = replay(taken, EMPTY, simulator, tmp_path / "out")  # type: ignore[arg-type]
    assert (found.state_hash, found.difference) == ("", "command 4 of the recording is not carried out: too fast")


@settings(deadline=None)
@given(st.sets(st.uuids().map(str), min_size=1, max_size=12), st.integers(1, 4), st.randoms())
def test_which_are_replayed_does_not_depend_on_their_order(uuids: set[str], count: int, shuffler: Any) -> None:
    class Named:
        def __init__(self, uuid: str) -> None:
            self.episode = self
            self.episode_uuid = uuid

    taken = [Named(uuid) for uuid in sorted(uuids)]
    first = [item.episode.episode_uuid for item in chosen(taken, count)]  # type: ignore[arg-type]
    shuffler.shuffle(taken)
    assert [item.episode.episode_uuid for item in chosen(taken, count)] == first  # type: ignore[arg-type]
    assert len(first) == min(count, len(uuids))
