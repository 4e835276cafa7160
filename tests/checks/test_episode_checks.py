"""The gates that only a simulator can give, on recordings of the real physics: whole ones pass, one changed value fails."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checks.episode_checks  # noqa: F401  makes its gates known
from blueprint_assets.dataset.review.physics import RecordedJob
from checks import thresholds
from checks.verdict import MEASUREMENTS, Verdict
from fixtures.recorded_job import build_recorded_job
from resources.simulator.recording import STATE_ARRAYS, load_states
from resources.simulator.world import state_hash

SUCCESS, PENETRATION, REPLAY = (
    f"episodes/{name}" for name in ("success_is_measured", "nothing_penetrates", "replays_bit_by_bit")
)
Document = dict[str, Any]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two accepted episodes of a can. Read only."""
    return build_recorded_job(tmp_path_factory.mktemp("recorded"), episodes=2)


@pytest.fixture
def scene(recorded: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(recorded, tmp_path / "scene"))


def look(name: str, scene: Path) -> Verdict:
    return MEASUREMENTS[name](scene)


def recordings(scene: Path) -> list[Path]:
    return sorted(scene.glob("geniesim_local/*/recordings/episode_*.json"))


def edit(scene: Path, change: Callable[[Document], None]) -> None:
    path = recordings(scene)[0]
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_states(scene: Path, change: Callable[[dict[str, Any]], None], *, rehash: bool) -> None:
    """Changes the first recording's states and, with `rehash`, also the hash that it tells of them."""
    path = recordings(scene)[0]
    states = path.with_suffix(".states.npz")
    arrays = load_states(states)
    change(arrays)
    np.savez(states, allow_pickle=False, **arrays)
    if rehash:
        found = state_hash([arrays[name] for name in STATE_ARRAYS])
        edit(scene, lambda document: document.update(state_hash=found))


def measured(document: Document, frame: int) -> Document:
    observation: Document = document["frames"][frame]["observation"]
    return observation


def test_real_recordings_pass(recorded: Path) -> None:
    found = look(SUCCESS, recorded)
    assert (found.outcome, found.measured) == ("passed", {"episodes": 2, "mismatches": 0})
    found = look(PENETRATION, recorded)
    assert found.outcome == "passed", found.reason
    assert 0.0001 < found.measured["deepest_m"] < 0.005, (
        "contact under physics overlaps a little, or nothing was measured"
    )
    found = look(REPLAY, recorded)
    assert (found.outcome, found.measured) == ("passed", {"replayed": 2, "of": 2, "different": 0}), found.reason


@pytest.mark.parametrize("name", [SUCCESS, PENETRATION, REPLAY])
def test_nothing_is_not_a_pass(tmp_path: Path, name: str) -> None:
    assert look(name, tmp_path).outcome == "failed"


@pytest.mark.parametrize("name", [SUCCESS, PENETRATION, REPLAY])
def test_no_accepted_episode_is_unmeasured(scene: Path, name: str) -> None:
    manifest = next(scene.glob("episodes/*/import_manifest.json"))
    document = json.loads(manifest.read_text())
    for item in document["imported"]:
        item.update(accepted=False, reason="black camera")
    manifest.write_text(json.dumps(document))
    found = look(name, scene)
    assert (found.outcome, found.measured) == ("unmeasured", {})


CHANGES: dict[str, tuple[Callable[[Document], None], str]] = {
    "a stored figure": (lambda d: d["success_values"].update(lifted_m=0.5), "lifted_m is 0.1.*the recording says 0.5"),
    "a figure left out": (
        lambda d: d["success_values"].pop("slip_m"),
        "measures other things than were stored: slip_m",
    ),
    "the target's height": (
        lambda d: measured(d, -1)["objects"][0]["position"].__setitem__(2, 2.0),
        "position of can is .*, the recorded state says",
    ),
    "a joint": (lambda d: measured(d, 3)["joint_positions"].__setitem__(0, 0.1), "frame 3: joint_positions is"),
    "a command": (lambda d: d["frames"][5]["action"].__setitem__(0, 0.1), "frame 5: action is"),
    "the grip": (lambda d: measured(d, -1).update(physics={}), "judged again, it failed: grip_lost"),
    "the state hash": (lambda d: d.update(state_hash="0" * 64), "state hash of .* is .*, the recording says 000000"),
    "the task": (lambda d: d.update(task_id="pour_can"), "its task pour_can is not in the task list"),
    "the target": (lambda d: d.update(target_object="ghost"), "its target ghost is not in the scene"),
    "a frame": (lambda d: d["frames"].pop(), "states and .* actions for"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_success_must_be_what_was_recorded(scene: Path, what: str) -> None:
    lifts = [path for path in recordings(scene) if json.loads(path.read_text())["task_type"] == "pick_lift"]
    assert lifts == recordings(scene)[:1], "the changes below are of a lift"
    change, said = CHANGES[what]
    edit(scene, change)
    found = look(SUCCESS, scene)
    assert (found.outcome, found.measured["mismatches"]) == ("failed", 1)
    assert re.search(f"episode_000000: .*{said}", found.reason), found.reason


def test_states_are_tied_to_their_hash(scene: Path) -> None:
    edit_states(scene, lambda arrays: arrays["qvel"].__setitem__((4, 0), 9.0), rehash=False)
    assert "state hash of" in look(SUCCESS, scene).reason


def sunk(scene: Path, metres: float) -> Callable[[dict[str, Any]], None]:
    """Puts the can deeper into the table in one recorded state."""
    world = RecordedJob.of(scene).world
    height = world.object_qpos["can"] + 2

    def change(arrays: dict[str, Any]) -> None:
        arrays["qpos"][2, height] -= metres

    return change


@pytest.mark.parametrize(("metres", "outcome"), [(0.005, "passed"), (0.02, "failed")])
def test_what_sinks_in_is_seen_in_the_states(scene: Path, metres: float, outcome: str) -> None:
    edit_states(scene, sunk(scene, metres), rehash=True)
    found = look(PENETRATION, scene)
    assert found.outcome == outcome, found.reason
    assert found.measured["deepest_m"] == pytest.approx(metres, abs=0.001)
    assert "can" in str(found.measured["where"])
    assert "in frame 2" in str(found.measured["where"])


@pytest.mark.parametrize(("times", "outcome"), [(1.0, "passed"), (1.001, "failed")])
def test_what_the_robot_ran_into_between_the_states_counts_too(scene: Path, times: float, outcome: str) -> None:
    collision = {"body_a": "panda_hand", "body_b": "can", "position": [0, 0, 0]}
    collision["depth"] = thresholds.MAX_PENETRATION_M * times  # type: ignore[assignment]
    edit(scene, lambda document: measured(document, 9)["physics"].update(collisions=[collision]))
    found = look(PENETRATION, scene)
    assert (found.outcome, found.measured["deepest_m"]) == (outcome, collision["depth"])
    assert "panda_hand and can in frame 9" in found.reason


def test_a_changed_command_gives_another_world(scene: Path) -> None:
    def nudge(arrays: dict[str, Any]) -> None:
        arrays["action"][10, 0] += 1e-9

    edit_states(scene, nudge, rehash=True)
    found = look(REPLAY, scene)
    assert (found.outcome, found.measured["different"]) == ("failed", 1)
    # What differs is not the command, which the replay repeats, but what it did.
    assert "episode_000000: qpos differs from row 11 on, by up to" in found.reason


def test_another_seed_gives_another_world(scene: Path) -> None:
    edit(scene, lambda document: document.update(seed=document["seed"] + 1))
    found = look(REPLAY, scene)
    assert found.outcome == "failed"
    assert "qpos differs from row 0 on" in found.reason


def test_a_changed_contact_is_no_replay(scene: Path) -> None:
    def harder(document: Document) -> None:
        contact = next(c for f in document["frames"] for c in f["observation"]["physics"]["contacts"])
        contact["impulse"] = float(np.nextafter(contact["impulse"], 1.0))

    edit(scene, harder)
    found = look(REPLAY, scene)
    assert found.outcome == "failed"
    assert "physics differs from the replay" in found.reason


def test_a_command_that_no_robot_obeys_fails(scene: Path) -> None:
    edit_states(scene, lambda arrays: arrays["action"].__setitem__((10, 0), 2.0), rehash=True)
    found = look(REPLAY, scene)
    assert found.outcome == "failed"
    assert "command 10 of the recording is not carried out" in found.reason


def test_recorded_by_another_version_nothing_was_measured(scene: Path) -> None:
    for path in recordings(scene):
        document = json.loads(path.read_text())
        document["provenance"]["simulator"] = "mujoco 3.1.6 (embedded)"
        path.write_text(json.dumps(document))
    found = look(REPLAY, scene)
    assert (found.outcome, found.measured) == ("unmeasured", {})
    assert "recorded by mujoco 3.1.6 (embedded), here is mujoco" in found.reason


def test_a_simulator_that_does_not_start_measures_nothing(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    found = look(REPLAY, scene)
    assert found.outcome == "unmeasured"
    assert "did not start" in found.reason


@pytest.mark.parametrize("path", ["usd/scene.usda", "geniesim/task_config.json"])
@pytest.mark.parametrize("name", [SUCCESS, PENETRATION, REPLAY])
def test_recordings_of_another_scene_or_task_list_are_refused(scene: Path, name: str, path: str) -> None:
    changed = scene / path
    changed.write_text(changed.read_text() + "\n")
    found = look(name, scene)
    assert found.outcome == "failed"
    assert path in found.reason
    assert "run the job again" in found.reason
