from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.geniesim_recording import Recording
from resources.simulator.recording import STATE_ARRAYS, Recorder, load_states, recording_path
from resources.simulator.simulation import CommandError, Simulation
from resources.simulator.world import state_hash


def _record(world, path: Path, steps: int = 5) -> Recording:
    simulation = Simulation(world)
    recorder = Recorder(path, 20.0, ("scene",), 0.002)
    for k in range(steps):
        target = world.home + np.array([0.02 * k, *[0.0] * 7])
        recorder.check_duration(0.05)
        recorder.begin_frame(simulation.state(), simulation.data, target)
        simulation.move(target, 0.05)
        recorder.end_frame(simulation.contacts.take())
    info = recorder.write(simulation.data)
    assert (info.frames, info.duration) == (steps, pytest.approx(steps / 20))
    return Recording.read(info.path)


def test_frames_hold_what_was_measured_before_and_commanded_then(world, tmp_path: Path) -> None:
    recording = _record(world, tmp_path / "episode_000000.json")
    states = load_states(tmp_path / recording.states)
    assert [f.timestamp for f in recording.frames] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    for k, frame in enumerate(recording.frames):
        assert frame.action[0] == pytest.approx(0.02 * k)
        # The measured joint is where the command before left it, not where this one sends it.
        assert frame.observation.joint_positions[0] == pytest.approx(0.02 * max(k - 1, 0), abs=2e-3)
        np.testing.assert_array_equal(world.joints(states["qpos"][k]), frame.observation.joint_positions)
    assert not recording.frames[0].observation.physics.contacts
    assert recording.frames[1].observation.physics.contacts
    assert world.joints(states["final_qpos"])[0] == pytest.approx(0.08, abs=2e-3)
    assert recording.state_hash == state_hash([states[name] for name in STATE_ARRAYS])


def test_the_same_episode_is_the_same_bytes(world, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        _record(world, tmp_path / folder / "episode_000000.json")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["episode_000000.json", "episode_000000.states.npz"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_empty_recording_is_refused(world, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="episode_000007 has no frame"):
        Recorder(tmp_path / "episode_000007.json", 20.0, (), 0.002).write(Simulation(world).data)
    assert not list(tmp_path.iterdir())


def test_a_command_of_another_duration_is_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "episode_000000.json", 20.0, (), 0.002)
    with pytest.raises(CommandError, match=r"duration is 0.1 s, but this recording has 20 frames/s"):
        recorder.check_duration(0.1)


@pytest.mark.parametrize("directory", ["..", "/", "run/../..", "link"])
def test_a_folder_outside_the_root_is_refused(tmp_path: Path, directory: str) -> None:
    root = tmp_path / "recordings"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(CommandError, match="is outside the server's recordings folder"):
        recording_path(root, directory, "episode_000000")


@pytest.mark.parametrize("name", ["", "episode_1", "episode_000000\n", "../episode_000000", "episode_0000000"])
def test_a_name_that_is_no_episode_id_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="is not of the form episode_000000"):
        recording_path(tmp_path, ".", name)


def test_recordings_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "episode_000000.json").write_text("{}")
    with pytest.raises(CommandError, match="exists already; recordings are not overwritten"):
        recording_path(tmp_path, str(tmp_path), "episode_000000")


def test_a_recording_that_miscounts_its_frames_is_no_recording(world, tmp_path: Path) -> None:
    recording = _record(world, tmp_path / "episode_000000.json", steps=2)
    with pytest.raises(ContractError, match="frame_count is 3, but there are 2 frames"):
        Recording.parse(recording.model_dump() | {"frame_count": 3}, "it")


def test_states_that_lack_an_array_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", qpos=np.zeros(3))
    with pytest.raises(CommandError, match=r"x\.npz: not a recording's states, lacks qvel"):
        load_states(tmp_path / "x.npz")
