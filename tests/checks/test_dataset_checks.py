from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from blueprint_assets.contracts.import_manifest import ImportManifest
from blueprint_assets.dataset.episodes import import_episodes
from blueprint_assets.dataset.lerobot import assemble_scene
from fixtures.synthetic_episodes import SquareRenderer, finished_job, recorded_episode, recordings_folder

FAILED = {"success": False, "validation_passed": False, "quality_score": 0.0, "failure_reason": "grasp_slipped"}
FOLDER = "episodes/geniesim_job-1"
MANIFEST = f"{FOLDER}/import_manifest.json"
SOUND = "lerobot_dataset/dataset_is_sound"
WHOLE = "episodes/episodes_are_whole"
JUDGES = ("lerobot_dataset/lerobot_doctor_passes", "lerobot_dataset/robovet_passes")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Imported episodes, one of them rejected, and their dataset. Read only."""
    root = tmp_path_factory.mktemp("dataset")
    recordings = recordings_folder(root)
    outcomes: list[dict[str, Any]] = [{}, FAILED, {}, {}]
    finished_job(root, [recorded_episode(recordings, i, **changes) for i, changes in enumerate(outcomes)])
    import_episodes(root, root, SquareRenderer())
    assemble_scene(root, root)
    return root


@pytest.fixture
def scene(imported: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(imported, tmp_path / "scene"))


def test_whole_episodes_and_their_dataset_pass(imported: Path, measure: Callable[..., Any]) -> None:
    found = measure(WHOLE, imported)
    assert (found.outcome, found.measured) == ("passed", {"accepted": 3, "rejected": 1, "damaged": 0})
    assert measure(SOUND, imported).outcome == "passed"
    for name in JUDGES:
        found = measure(name, imported)
        assert found.outcome == "passed", found.reason
        assert found.measured["passed"] > 5


@pytest.mark.parametrize("name", [WHOLE, *JUDGES])
def test_nothing_is_not_a_pass(tmp_path: Path, measure: Callable[..., Any], name: str) -> None:
    found = measure(name, tmp_path)
    assert found.outcome == "failed"
    assert "0 files, expected one" in found.reason


@pytest.mark.parametrize("name", ["scene.mp4", "wrist.mp4", "frames.parquet", "statistics.json"])
def test_one_changed_byte_fails(scene: Path, measure: Callable[..., Any], name: str) -> None:
    path = sorted((scene / FOLDER).glob(f"units/*/{name}"))[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = measure(WHOLE, scene)
    assert (found.outcome, found.measured["damaged"]) == ("failed", 1)
    assert name in found.reason


def test_a_lost_episode_fails(scene: Path, measure: Callable[..., Any]) -> None:
    shutil.rmtree(min((scene / FOLDER).glob("units/*")))
    found = measure(WHOLE, scene)
    assert (found.outcome, found.measured["damaged"]) == ("failed", 1)
    manifest = ImportManifest.read(scene / MANIFEST)
    nowhere = manifest.imported[0].model_copy(update={"unit": None})
    manifest.model_copy(update={"imported": (nowhere, *manifest.imported[1:])}).write(scene / MANIFEST)
    assert measure(WHOLE, scene).outcome == "failed", "accepted, and no word of where it is"


def test_an_import_that_accepted_nothing_fails(scene: Path, measure: Callable[..., Any]) -> None:
    manifest = ImportManifest.read(scene / MANIFEST)
    rejected = [item for item in manifest.imported if not item.accepted]
    manifest.model_copy(update={"imported": tuple(rejected)}).write(scene / MANIFEST)
    found = measure(WHOLE, scene)
    assert found.outcome == "failed"
    assert "no episode was accepted: failed: grasp_slipped" in found.reason


def lose_a_camera(dataset: Path) -> None:
    shutil.rmtree(dataset / "videos" / "observation.images.wrist")


def lose_rows(dataset: Path) -> None:
    path = dataset / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.read_table(path).slice(0, 40), path)


def change_a_byte(dataset: Path) -> None:
    path = dataset / "data/chunk-000/file-000.parquet"
    data = bytearray(path.read_bytes())
    data[-20] ^= 0xFF  # in the footer
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (JUDGES[0], lose_a_camera),
        (JUDGES[1], lose_a_camera),
        (JUDGES[1], lose_rows),
        (JUDGES[1], change_a_byte),
        (SOUND, lose_a_camera),
        (SOUND, lose_rows),
        (SOUND, change_a_byte),
    ],
)
def test_a_damaged_dataset_fails(
    scene: Path, measure: Callable[..., Any], name: str, damage: Callable[[Path], None]
) -> None:
    damage(scene / FOLDER / "lerobot")
    found = measure(name, scene)
    assert found.outcome == "failed"
    assert found.reason


def test_a_judge_that_is_not_installed_has_measured_nothing(
    imported: Path, measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blueprint_assets.dataset.review.judges.find_spec", lambda name: None)
    assert [measure(name, imported).outcome for name in JUDGES] == ["unmeasured", "unmeasured"]
