"""Which folders are refused; what is measured on real recordings: tests/checks/test_episode_checks.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.dataset.review.physics import Deepest, RecordedJob, ReviewError
from fixtures.synthetic_episodes import finished_job, recorded_episode, recordings_folder
from io_managers.digest import hash_file


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A job of one synthetic recording, up to where the scene itself would be read."""
    finished_job(tmp_path, [recorded_episode(recordings_folder(tmp_path), 0, frames=4)])
    (tmp_path / "geniesim/task_config.json").write_text("{}")
    job = tmp_path / "geniesim/job.json"
    document = json.loads(job.read_text())
    document["idempotency"]["task_config_hash"] = hash_file(tmp_path / "geniesim/task_config.json")
    job.write_text(json.dumps(document))
    return tmp_path


def imported(scene: Path, folder: str = "geniesim_job-1", run_id: str = "run") -> None:
    episode = {"episode_id": "episode_000000", "episode_uuid": "u", "accepted": True, "reason": None, "unit": "units/u"}
    document = {
        "scene_id": "squares",
        "run_id": run_id,
        "job_id": "job-1",
        "status": "completed",
        "episodes": {"downloaded": 1, "passed_validation": 1, "rejected": 0},
        "imported": [{**episode, "frames": 4, "quality_score": 1.0}],
        "quality": {"average_score": 1.0},
        "file_inventory": [],
    }
    path = scene / "episodes" / folder / "import_manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))


def test_the_scene_must_be_the_one_that_was_recorded(scene: Path) -> None:
    imported(scene)
    (scene / "usd").mkdir()
    (scene / "usd/scene.usda").write_text("#usda 1.0\n")
    with pytest.raises(ReviewError, match=r"scene\.usda has sha256 .* but episodes were recorded in 000000000000…"):
        RecordedJob.of(scene)


def test_one_import_of_this_run(scene: Path) -> None:
    with pytest.raises(ReviewError, match="0 files, expected one; import the episodes again"):
        RecordedJob.of(scene)
    imported(scene, run_id="another")
    with pytest.raises(ReviewError, match=r"is of run another, job\.json of run; import the episodes again"):
        RecordedJob.of(scene)
    imported(scene, "geniesim_job-2")
    with pytest.raises(ReviewError, match="2 files, expected one"):
        RecordedJob.of(scene)


def test_an_accepted_recording_must_be_there(scene: Path) -> None:
    imported(scene)
    (recordings_folder(scene) / "episode_000000.json").unlink()
    with pytest.raises(ContractError, match="no such file"):
        RecordedJob.of(scene)


def test_the_task_list_must_be_the_jobs(scene: Path) -> None:
    (scene / "geniesim/task_config.json").write_text("{ }")
    with pytest.raises(ReviewError, match="is not the task list that job job-1 was made from; run the job again"):
        RecordedJob.of(scene)


def test_an_overlap_in_words() -> None:
    assert (
        str(Deepest(0.00131, 90, ("panda_leftfinger", "can"))) == "1.31 mm between panda_leftfinger and can in frame 90"
    )
    assert str(Deepest(0.0)) == "nothing overlaps"
