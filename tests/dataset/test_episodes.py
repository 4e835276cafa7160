from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.import_manifest import ImportedEpisode, ImportManifest
from blueprint_assets.dataset.episodes import EpisodeImportError, import_episodes
from blueprint_assets.dataset.unit import read_unit
from blueprint_assets.dataset.video import AV1, H264, Codec, decode
from fixtures.synthetic_episodes import SquareRenderer, arm, finished_job, recorded_episode, recordings_folder
from resources.observability import Progress


def job(root: Path, *episodes: dict[str, Any]) -> Path:
    folder = recordings_folder(root)
    return finished_job(root, [recorded_episode(folder, i, **changes) for i, changes in enumerate(episodes)])


def only(manifest: ImportManifest) -> ImportedEpisode:
    (item,) = manifest.imported
    return item


def test_accepted_episodes_become_units_and_failed_ones_keep_their_reason(tmp_path: Path) -> None:
    failed = {"success": False, "validation_passed": False, "quality_score": 0.0, "failure_reason": "grasp_slipped"}
    job(tmp_path, {}, failed, {"frames": 30})
    told: list[Progress] = []
    manifest = import_episodes(tmp_path, tmp_path / "out", SquareRenderer(), told.append)
    assert (manifest.status, manifest.episodes.downloaded) == ("completed", 3)
    assert (manifest.episodes.passed_validation, manifest.episodes.rejected) == (2, 1)
    assert manifest.quality.average_score == 0.75
    assert [item.accepted for item in manifest.imported] == [True, False, True]
    assert manifest.imported[1].reason == "failed: grasp_slipped"
    assert manifest.imported[1].unit is None

    folder = tmp_path / "out/episodes/geniesim_job-1"
    assert ImportManifest.read(folder / "import_manifest.json") == manifest
    unit = read_unit(folder / str(manifest.imported[2].unit))
    state, action = arm(30, 2)
    np.testing.assert_array_equal(unit.arrays()[0], state)  # measured
    np.testing.assert_array_equal(unit.arrays()[1], action)  # commanded
    assert unit.document.provenance["code_commit"] == "test"
    assert unit.document.provenance["target_object"] == "red_square"
    for entry in manifest.file_inventory:
        assert hashlib.sha256((folder / entry.path).read_bytes()).hexdigest() == entry.sha256
    on_disk = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert on_disk == {entry.path for entry in manifest.file_inventory} | {"import_manifest.json"}
    assert "contact_sheet.png" in on_disk
    assert [(p.done, p.total) for p in told] == [(0, 2), (1, 2), (2, 2)]


def test_the_result_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    job(tmp_path, {}, {"frames": 8}, {})
    trees = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        import_episodes(tmp_path, out, SquareRenderer(), workers=workers)
        trees.append({str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert trees[0] == trees[1]


LATE = {"frame_changes": {7: {"timestamp": 7 / 20 + 0.002}}}
STATE, _ = arm(24, 0)
NAN_QPOS = np.where(np.arange(24)[:, None] == 3, np.nan, np.column_stack([STATE, STATE[:, 7]]).astype(float))


def measured(i: int) -> dict[str, Any]:
    return {"action": STATE[i].astype(float).tolist()}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frame_changes": {7: {"step": 8}}}, "frame gap: frame 7"),
        (LATE, "off the 20 Hz grid: frame 7"),
        ({"frame_count": 23}, "24 frames recorded, frame_count says 23"),
        ({"frame_changes": {i: measured(i) for i in range(24)}}, "the action equals the measured state"),
        ({"frame_changes": {2: {"action": [0.0] * 7}}}, "frame 2 has 8 joint positions and 7 commands"),
        ({"frame_changes": {2: {"action": [float("inf")] * 8}}}, "unreadable"),
        ({"arrays": {"qpos": NAN_QPOS}}, "not finite: qpos"),
        ({"arrays": {"qvel": np.ones((24, 9))}}, "state hash"),
        ({"arrays": {"qpos": np.zeros((23, 9))}}, "23 states for 24 frames"),
        ({"state_hash": "f" * 64}, "state hash"),
        ({"states": "../episode_000000.states.npz"}, "not beside the recording"),
        ({"states": "missing.npz"}, "not beside the recording"),
        ({"states": None}, "no states were recorded"),
        ({"failure_reason": "dropped"}, "contradiction"),
        ({"validation_passed": False}, "failed: no reason was recorded"),
        ({"scene_id": "another"}, "recorded for scene another"),
        ({"episode_id": "episode_000009"}, "holds episode_000009"),
        ({"surprise": 1}, "unreadable"),
    ],
)
def test_a_recording_that_breaks_a_rule_is_rejected_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    job(tmp_path, changes)
    manifest = import_episodes(tmp_path, tmp_path / "out", SquareRenderer())
    item = only(manifest)
    assert manifest.status == "failed"
    assert not item.accepted
    assert reason in str(item.reason)
    assert not list((tmp_path / "out").rglob("*.mp4"))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("black", "black camera: wrist, frame 5"),
        ("frozen", "frozen camera: wrist shows the same picture"),
        ("short", "frames but there are 24 rows"),
    ],
)
def test_pictures_that_cannot_be_trusted_reject_the_episode(tmp_path: Path, fault: str, reason: str) -> None:
    job(tmp_path, {})
    item = only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer(fault)))
    assert reason in str(item.reason)
    assert not [p for p in (tmp_path / "out").rglob("*") if p.suffix in (".mp4", ".parquet")]


def test_the_other_camera_is_watched_too(tmp_path: Path) -> None:
    job(tmp_path, {})
    item = only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer("frozen", "scene")))
    assert "frozen camera: scene" in str(item.reason)


def test_an_arm_at_rest_may_give_a_still_picture(tmp_path: Path) -> None:
    """The same frozen camera, with an arm that moves less than a camera can see."""
    observation = {
        "joint_positions": STATE[0].astype(float).tolist(),
        "joint_velocities": [0.0] * 8,
        "robot_state": [0.0] * 8,
    }
    still = {i: {"observation": observation} for i in range(24)}
    job(tmp_path, {"frame_changes": still})
    assert only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer("frozen"))).accepted


def test_a_truncated_states_file_is_rejected(tmp_path: Path) -> None:
    job(tmp_path, {})
    states = recordings_folder(tmp_path) / "episode_000000.states.npz"
    states.write_bytes(states.read_bytes()[:2000])
    assert "not readable" in str(only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer())).reason)


def test_states_that_lack_an_array_are_rejected(tmp_path: Path) -> None:
    job(tmp_path, {}, {})
    states = recordings_folder(tmp_path) / "episode_000000.states.npz"
    with np.load(states) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "ctrl"}
    np.savez(states, allow_pickle=False, **kept)
    manifest = import_episodes(tmp_path, tmp_path / "out", SquareRenderer())
    assert [item.accepted for item in manifest.imported] == [False, True]
    assert "lacks ctrl" in str(manifest.imported[0].reason)


def test_pickled_states_are_not_loaded(tmp_path: Path) -> None:
    job(tmp_path, {})
    states = recordings_folder(tmp_path) / "episode_000000.states.npz"
    with np.load(states) as arrays:
        kept = dict(arrays)
    with states.open("wb") as file:
        np.savez(file, **(kept | {"qpos": np.array([{"a": 1}] * 24, dtype=object)}))
    reason = str(only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer())).reason)
    assert "not readable" in reason
    assert "allow_pickle=False" in reason


def test_the_same_episode_counts_once(tmp_path: Path) -> None:
    job(tmp_path, {"episode_uuid": "one"}, {"episode_uuid": "one"})
    manifest = import_episodes(tmp_path, tmp_path / "out", SquareRenderer())
    assert [item.accepted for item in manifest.imported] == [True, False]
    assert "the same episode as episode_000000" in str(manifest.imported[1].reason)


def test_index_and_recordings_must_agree(tmp_path: Path) -> None:
    job(tmp_path, {}, {})
    recorded_episode(recordings_folder(tmp_path), 5)
    (recordings_folder(tmp_path) / "episode_000001.json").unlink()
    manifest = import_episodes(tmp_path, tmp_path / "out", SquareRenderer())
    reasons = {item.episode_id: item.reason for item in manifest.imported}
    assert reasons["episode_000000"] is None
    assert "no such file" in str(reasons["episode_000001"])
    assert "not listed" in str(reasons["episode_000005"])


def test_the_scene_must_be_the_one_it_was_recorded_in(tmp_path: Path) -> None:
    job(tmp_path, {})
    (tmp_path / "usd").mkdir()
    (tmp_path / "usd" / "scene.usda").write_text("#usda 1.0\n")
    assert "usd/scene.usda is" in str(only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer())).reason)


@pytest.mark.parametrize(("fault", "message"), [("kill", "SIGKILL"), ("error", "the renderer lost its context")])
def test_a_worker_that_breaks_gives_one_clear_error(tmp_path: Path, fault: str, message: str) -> None:
    job(tmp_path, {}, {}, {})
    with pytest.raises(EpisodeImportError, match=message) as caught:
        import_episodes(tmp_path, tmp_path / "out", SquareRenderer(fault))
    assert "episode_00000" in str(caught.value)
    assert not list((tmp_path / "out").rglob("import_manifest.json"))


def test_a_run_without_its_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"job\.json"):
        import_episodes(tmp_path, tmp_path / "out", SquareRenderer())
    job(tmp_path, {})
    index = tmp_path / "geniesim_local/run/metadata/episodes.jsonl"
    text = index.read_text()
    index.write_text(text + text)
    with pytest.raises(EpisodeImportError, match="line 2: episode_000000 is listed twice"):
        import_episodes(tmp_path, tmp_path / "out1", SquareRenderer())
    index.write_text(text[:40])
    with pytest.raises(EpisodeImportError, match="line 1: not an episode entry"):
        import_episodes(tmp_path, tmp_path / "out2", SquareRenderer())
    index.unlink()
    with pytest.raises(EpisodeImportError, match="cannot be read"):
        import_episodes(tmp_path, tmp_path / "out3", SquareRenderer())
    info = tmp_path / "geniesim_local/run/metadata/dataset_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"scene_id": "another"}))
    with pytest.raises(EpisodeImportError, match="scene another"):
        import_episodes(tmp_path, tmp_path / "out4", SquareRenderer())


@pytest.mark.parametrize(("codec", "size", "name"), [(None, 64, "h264"), (AV1, 64, "av1"), (H264, 320, "h264")])
def test_codec_and_size_are_parameters(tmp_path: Path, codec: Codec | None, size: int, name: str) -> None:
    job(tmp_path, {"frames": 6})
    item = only(import_episodes(tmp_path, tmp_path / "out", SquareRenderer(size=size), workers=0, codec=codec))
    unit = read_unit(tmp_path / "out/episodes/geniesim_job-1" / str(item.unit))
    streams = unit.document.streams
    assert list(streams) == ["observation.images.scene", "observation.images.wrist"]
    assert {(stream.codec, stream.width, stream.height) for stream in streams.values()} == {(name, size, size)}
    image = next(iter(decode(unit.folder / "scene.mp4")))
    assert image.shape == (size, size, 3)


def test_what_is_kept_is_taken_and_stays_where_it_is(tmp_path: Path) -> None:
    job(tmp_path, {"frames": 6}, {"frames": 6})
    kept = tmp_path / "kept"
    for turn in range(2):
        told: list[Progress] = []
        import_episodes(tmp_path, tmp_path / f"out{turn}", SquareRenderer(), told.append, workers=0, kept=kept)
        assert told[0].done == (2 if turn else 0)
    for unit in (kept / "units").iterdir():
        read_unit(unit)
    names = {path.name for path in tmp_path.iterdir()}
    assert {name for name in names if name.startswith(".")} == set()
    assert not list(tmp_path.glob("out*/.*"))
