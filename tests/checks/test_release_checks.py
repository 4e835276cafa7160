from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.contracts.release import Release
from blueprint_assets.release.release import make_release
from blueprint_assets.release.retraction import retract
from fixtures.committed_scenes import RULES, all_passed, commit_scene
from fixtures.kill_points import memory_folder
from io_managers.store import SceneStore

CHECKS = (
    "release_is_what_was_written",
    "release_splits_share_nothing",
    "release_is_balanced",
    "release_holds_nothing_retracted",
    "release_passes_lerobot_doctor",
    "release_passes_robovet",
)
Measure = Callable[..., Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with one release. Read only."""
    with memory_folder(tmp_path_factory.mktemp("made")) as folder:
        store = SceneStore(folder / "store")
        for name in ("a1", "a2", "a3", "a4"):
            commit_scene(store, name, 2)
        make_release(store, all_passed, RULES, "code")
        yield folder / "store"


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A release in a copy of the store, to damage."""
    with memory_folder(tmp_path) as folder:
        shutil.copytree(made, folder / "store")
        yield folder / "store" / "releases" / "v1"


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.chmod(0o644)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("name", CHECKS)
def test_a_release_as_it_was_written_passes(made: Path, measure: Measure, name: str) -> None:
    found = measure(f"dataset_release/{name}", made / "releases" / "v1")
    assert found.outcome == "passed", found.reason


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_is_not_a_pass(tmp_path: Path, measure: Measure, name: str) -> None:
    assert measure(f"dataset_release/{name}", tmp_path / "releases" / "v1").outcome == "failed"


def test_a_changed_a_missing_and_an_added_file_fail(release: Path, measure: Measure) -> None:
    video = next((release / "train").rglob("*.mp4"))
    video.chmod(0o644)
    video.write_bytes(video.read_bytes()[:-1] + b"x")
    (release / "val" / "README.md").unlink()
    (release / "extra.txt").write_text("more")
    found = measure("dataset_release/release_is_what_was_written", release)
    assert (found.outcome, found.measured["wrong"]) == ("failed", 3)
    assert "extra.txt is not listed" in found.reason


def test_a_statement_about_other_files_fails(release: Path, measure: Measure) -> None:
    rewrite(release / "provenance.intoto.json", lambda value: value["subject"].pop())
    found = measure("dataset_release/release_is_what_was_written", release)
    assert "the subjects of provenance.intoto.json are not" in found.reason


def test_one_photograph_in_two_splits_fails(release: Path, measure: Measure) -> None:
    def leak(value: dict[str, Any]) -> None:
        scenes = {scene["split"]: scene for scene in value["scenes"]}
        scenes["test"]["photo"]["sha256"] = scenes["train"]["photo"]["sha256"]

    rewrite(release / "release.json", leak)
    found = measure("dataset_release/release_splits_share_nothing", release)
    assert (found.outcome, found.measured["leaks"]) == ("failed", 1)


def test_a_split_that_was_another_in_an_earlier_release_fails(release: Path, measure: Measure) -> None:
    later = release.with_name("v2")
    shutil.copytree(release, later)

    def later_and_swapped(value: dict[str, Any]) -> None:
        value.update(version="v2", number=2, previous="v1")
        for scene in value["scenes"]:
            scene["split"] = {"train": "train", "val": "test", "test": "val"}[scene["split"]]

    rewrite(later / "release.json", later_and_swapped)
    (later / "val").rename(later / "other")
    (later / "test").rename(later / "val")
    (later / "other").rename(later / "test")
    found = measure("dataset_release/release_splits_share_nothing", later)
    assert found.outcome == "failed"
    assert "and, in v1, in" in found.reason


def test_episodes_that_are_not_listed_fail(release: Path, measure: Measure) -> None:
    shutil.rmtree(release / "val")
    shutil.copytree(release / "test", release / "val")
    found = measure("dataset_release/release_splits_share_nothing", release)
    assert "val holds 2 episodes that are not the 2 listed ones" in found.reason


def test_a_scene_over_its_share_fails(release: Path, measure: Measure) -> None:
    def narrower(value: dict[str, Any]) -> None:
        value["rules"]["max_scene_share"] = 0.2

    rewrite(release / "release.json", narrower)
    found = measure("dataset_release/release_is_balanced", release)
    assert (found.outcome, found.limits) == ("failed", {"largest_share": 0.2})


def test_a_release_with_a_retracted_scene_fails(release: Path, measure: Measure) -> None:
    retract(SceneStore(release.parent.parent), "a1", "it was private")
    found = measure("dataset_release/release_holds_nothing_retracted", release)
    assert (found.outcome, found.reason) == ("failed", "a1: it was private")


@pytest.mark.parametrize("judge", ["lerobot_doctor", "robovet"])
def test_a_damaged_split_fails_its_judges(release: Path, measure: Measure, judge: str) -> None:
    split = next(s for s in ("val", "test") if Release.read(release / "release.json").splits[s].episodes)  # type: ignore[index]
    shutil.rmtree(release / split / "videos" / "observation.images.wrist")
    found = measure(f"dataset_release/release_passes_{judge}", release)
    assert found.outcome == "failed"
    assert split in found.reason


def test_a_judge_that_is_not_installed_has_measured_nothing(
    made: Path, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blueprint_assets.dataset.review.judges.find_spec", lambda name: None)
    for name in CHECKS[-2:]:
        assert measure(f"dataset_release/{name}", made / "releases" / "v1").outcome == "unmeasured"
