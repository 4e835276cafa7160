"""The behaviour cloning example: pictures, rollouts and what is counted. The part that needs torch is in test_training.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.geniesim.export import export_scene
from examples.behaviour_cloning import rollout
from examples.behaviour_cloning.photographs import photograph
from fixtures.simulated_scene import build_simulated_scene
from fixtures.stage1_layout import PLANE, Thing, box, textured
from fixtures.synthetic_episodes import arm, make_unit
from resources.simulator import JOINT_NAMES
from resources.simulator.recording import load_states
from resources.simulator.robot import HOME
from resources.simulator.simulation import VELOCITY_LIMITS
from tests.benchmarks.behaviour_cloning import curve

ECHO = """
import json, sys
import numpy as np
out, source = sys.stdout.buffer, sys.stdin.buffer
out.write(json.dumps({"cameras": ["wrist"], "chunk": 3, "joints": 8}).encode() + b"\\n"); out.flush()
height, width = json.loads(source.readline())["size"]
for _ in range(2):
    picture = np.frombuffer(source.read(height * width * 3), np.uint8)
    joints, time = np.split(np.frombuffer(source.read(36), "<f4"), [8])
    out.write(np.stack([joints, joints * 0 + time, joints * 0 + picture.mean()]).astype("<f4").tobytes()); out.flush()
"""


class Pictures:
    """A simulator that only has pictures, each of one brightness."""

    def images(self, cameras: list[str]) -> dict[str, NDArray[np.uint8]]:
        return {name: np.full((4, 6, 3), 77, np.uint8) for name in cameras}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rollout.Stage]:
    folder = tmp_path_factory.mktemp("scene")
    mesh = textured(box(0.1, 0.1, 0.12), (190, 60, 50), split=True)
    build_simulated_scene(folder, (Thing("block", "red box", mesh, (0.0, 1.5, 0.0), 0.3, PLANE, "cuboid"),))
    export_scene(folder, folder)
    with rollout.staged(folder) as made:
        yield made


def test_pictures_repeat_and_differ() -> None:
    first, again, other = photograph(4), photograph(4), photograph(5)
    assert (first.rgb == again.rgb).all()
    assert (first.ids == again.ids).all()
    assert (first.rgb != other.rgb).any()


@pytest.mark.parametrize("number", range(0, 30, 7))
def test_a_picture_shows_one_whole_thing(number: int) -> None:
    ids = photograph(number).ids
    count, _, boxes, _ = cv2.connectedComponentsWithStats(ids)
    x, y, width, height, area = boxes[1]
    assert count == 2
    assert set(np.unique(ids)) == {0, 1}
    assert area > 300
    assert x > 0
    assert y > 0
    assert x + width < ids.shape[1]
    assert y + height < ids.shape[0]


@given(st.lists(st.floats(-10, 10), min_size=8, max_size=8), st.lists(st.floats(0, 1), min_size=8, max_size=8))
@settings(deadline=None)
def test_every_target_becomes_one_that_the_robot_accepts(wanted: list[float], share: list[float]) -> None:
    limits = np.array([[-2.0, 2.0]] * 7 + [[0.0, 0.04]])
    commanded = limits[:, 0] + np.array(share) * np.ptp(limits, axis=1)
    target = rollout.allowed(np.array(wanted), commanded, limits)
    assert ((target >= limits[:, 0]) & (target <= limits[:, 1])).all()
    assert (np.abs(target - commanded)[:7] <= VELOCITY_LIMITS / 20).all()
    again = rollout.allowed(target, commanded, limits)
    assert (again == target).all()


def test_a_policy_is_told_pictures_joints_and_time() -> None:
    joints = np.linspace(0, 1, len(JOINT_NAMES)).astype(np.float32)
    with rollout.cloned([sys.executable, "-c", ECHO]) as actor:
        for time in (0.0, 0.4):
            actor.begin(0)
            chunk = actor.act(Pictures(), joints, time)
            assert chunk.shape == (3, 8)
            np.testing.assert_array_equal(chunk[0], joints)
            np.testing.assert_allclose(chunk[1], time)
            np.testing.assert_array_equal(chunk[2], 77)


def test_a_policy_that_ends_is_reported() -> None:
    with (
        pytest.raises(RuntimeError, match="ended with code 3"),
        rollout.cloned([sys.executable, "-c", "import sys; sys.exit(3)"]),
    ):
        pass


def test_who_does_nothing_does_not_succeed(stage: rollout.Stage) -> None:
    verdict = rollout.attempt(stage, rollout.Replay([np.array([HOME])]), 0)
    assert not verdict.success
    assert verdict.reason == "not_lifted"


def test_the_experts_own_actions_lift_again(stage: rollout.Stage) -> None:
    """The same arrangement and the same actions: what lies between an actor and the simulator changes nothing."""
    assert rollout.expert(stage, 1).success
    states = stage.recordings / "episode_000001.states.npz"
    actions = load_states(states)["action"]
    for path in (states, stage.recordings / "episode_000001.json"):
        path.unlink()  # attempts are recorded under the same name
    verdict = rollout.attempt(stage, rollout.Replay([actions]), 1)
    assert verdict.success, verdict
    assert verdict.values["lifted_m"] > 0.1


def test_actions_of_one_kind_of_task_are_replayed(tmp_path: Path) -> None:
    kinds = ("pick_place", "pick_lift", "pick_lift")
    units = [
        make_unit(tmp_path / f"unit{seed}", frames=9, seed=seed, more_provenance={"task_type": kind})
        for seed, kind in enumerate(kinds)
    ]
    assemble(units, tmp_path / "dataset")
    actor = rollout.Replay.of(tmp_path / "dataset")
    actor.begin(1)  # the second of two
    played = np.concatenate([actor.act(Pictures(), np.zeros(8), 0.0) for _ in range(3)])
    _, commanded = arm(9, 2)
    np.testing.assert_array_equal(played, np.concatenate([commanded, commanded[-1:]]))


@given(st.integers(0, 60), st.integers(1, 60))
@settings(deadline=None)
def test_intervals_are_those_of_scipy(successes: int, attempts: int) -> None:
    successes = min(successes, attempts)
    truth = binomtest(successes, attempts).proportion_ci(0.95, method="wilson")
    assert curve.wilson(successes, attempts) == pytest.approx((truth.low, truth.high), abs=1e-6)


@pytest.mark.parametrize(("successes", "attempts"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_rate_is_refused(successes: int, attempts: int) -> None:
    with pytest.raises(ValueError, match="that is no rate"):
        curve.wilson(successes, attempts)


def test_seeds_are_pooled_and_the_curve_is_drawn(tmp_path: Path) -> None:
    def leave(place: str, name: str, outcomes: list[int]) -> None:
        path = tmp_path / place / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        rows = [{"scene": f"s{i % 2}", "arrangement": i, "success": bool(good)} for i, good in enumerate(outcomes)]
        path.write_text(json.dumps({"attempts": rows}))

    for place in curve.PLACES:
        leave(place, "expert", [1, 1, 1, 1])
        leave(place, "replay", [0, 0, 1, 0])
        leave(place, "still", [0, 0, 0, 0])
        leave(place, "cloned_25_0", [0, 0, 1, 0])
        leave(place, "cloned_25_1", [1, 0, 1, 0])
        leave(place, "cloned_100_0", [1, 1, 1, 0])
    summary = curve.summarize(tmp_path)
    assert list(summary["held_out"]) == ["expert", "replay", "still", "25", "100"]
    small = summary["held_out"]["25"]
    assert (small["attempts"], small["succeeded"]) == (8, 3)
    assert small["by_seed"] == {"0": 0.25, "1": 0.5}
    assert small["by_scene"] == {"s0": 0.75, "s1": 0.0}
    assert "| cloned from 25 episodes | 38 % (14 to 69) of 8; seeds 25, 50 |" in curve.table(summary)
    curve.draw(summary, tmp_path / "curve.png")
    picture = cv2.imread(str(tmp_path / "curve.png"))
    assert picture is not None
    assert picture.shape[1] > 800
