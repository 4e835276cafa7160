from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blueprint_assets.contracts.import_manifest import ImportManifest
from blueprint_assets.dataset.lerobot import DatasetError, Limits, assemble, assemble_scene
from blueprint_assets.dataset.review.judges import JUDGES, JudgeError, Judgement, lerobot_doctor, robovet
from blueprint_assets.dataset.unit import Unit, UnitError
from blueprint_assets.dataset.video import AV1, decode
from fixtures.synthetic_episodes import FPS, arm, images, make_unit
from resources.simulator import JOINT_NAMES

TASKS = ("Pick up the red square.", "Put the red square away.")
LENGTHS = (24, 31, 17, 28)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    folder = tmp_path_factory.mktemp("units")
    return [make_unit(folder / str(i), n, i, TASKS[i % 2]) for i, n in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def dataset(units: list[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "lerobot"
    summary = assemble(units, out)
    assert (summary.episodes, summary.frames, summary.tasks) == (len(LENGTHS), sum(LENGTHS), len(TASKS))
    return out


def info_of(dataset: Path) -> dict[str, Any]:
    info: dict[str, Any] = json.loads((dataset / "meta" / "info.json").read_text())
    return info


def rows_of(dataset: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(dataset / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    return rows


def test_declared_features_are_exactly_the_columns_and_videos(dataset: Path) -> None:
    info = info_of(dataset)
    assert info["codebase_version"] == "v3.0"
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (FPS, len(LENGTHS), sum(LENGTHS))
    assert info["splits"] == {"train": f"0:{len(LENGTHS)}"}
    features = info["features"]
    assert features["action"]["names"] == list(JOINT_NAMES)
    videos = {name for name, feature in features.items() if feature["dtype"] == "video"}
    assert videos == {"observation.images.scene", "observation.images.wrist"}
    assert all(features[name]["names"] == ["height", "width", "channels"] for name in videos)
    schema = pq.read_schema(dataset / "data/chunk-000/file-000.parquet")
    assert set(schema.names) == set(features) - videos  # LeRobot cannot load a column that is not declared
    assert schema.field("observation.state").type == pa.list_(pa.field("element", pa.float32()), 8)
    assert {p.parent.parent.name for p in (dataset / "videos").rglob("*.mp4")} == videos


def test_rows_are_the_episodes_rows(dataset: Path) -> None:
    file = pq.ParquetFile(dataset / "data/chunk-000/file-000.parquet")
    assert file.metadata.num_row_groups == len(LENGTHS)
    start = 0
    for episode, length in enumerate(LENGTHS):
        rows = file.read_row_group(episode).to_pydict()
        state, action = arm(length, episode)
        np.testing.assert_array_equal(np.array(rows["observation.state"], np.float32), state)
        np.testing.assert_array_equal(np.array(rows["action"], np.float32), action)
        assert rows["frame_index"] == list(range(length))
        assert rows["index"] == list(range(start, start + length))
        assert rows["timestamp"] == [float(np.float32(i / FPS)) for i in range(length)]
        assert rows["next.done"] == rows["next.success"] == [False] * (length - 1) + [True]
        assert set(rows["task_index"]) == {episode % 2}
        start += length


def test_task_texts_are_the_pandas_index(dataset: Path) -> None:
    frame = pq.read_table(dataset / "meta" / "tasks.parquet").to_pandas()
    assert [frame.iloc[i].name for i in range(len(TASKS))] == list(TASKS)


def test_each_episode_is_found_where_its_row_says(units: list[Unit], tmp_path: Path) -> None:
    """With files so small that every kind rolls over, by size and by count."""
    noisy = [make_unit(tmp_path / f"n{i}", 40 + i, 30 + i, size=(256, 256)) for i in range(16)]
    assemble(noisy, tmp_path / "out", limits=Limits(files_per_chunk=1, data_megabytes=1, video_megabytes=1))
    info = info_of(tmp_path / "out")
    start, files = 0, set()
    for episode, row in enumerate(rows_of(tmp_path / "out")):
        assert (row["episode_index"], row["dataset_from_index"]) == (episode, start)
        start += row["length"]
        assert row["dataset_to_index"] == start
        key = "observation.images.scene"
        place = {f"{kind}_index": row[f"videos/{key}/{kind}_index"] for kind in ("chunk", "file")}
        path = tmp_path / "out" / info["video_path"].format(video_key=key, **place)
        files.add(path)
        first = round(row[f"videos/{key}/from_timestamp"] * FPS)
        assert row[f"videos/{key}/from_timestamp"] == first / FPS
        assert row[f"videos/{key}/to_timestamp"] == (first + row["length"]) / FPS
        own = list(decode(noisy[episode].segment(key)))
        joined = list(decode(path))[first : first + row["length"]]
        assert all(np.array_equal(a, b) for a, b in zip(own, joined, strict=True))
    assert len(files) > 1
    assert {path.parent.name for path in files} == {f"chunk-{i:03d}" for i in range(len(files))}
    assert all(path.stat().st_size < 1 << 20 for path in files)
    assert verdicts(tmp_path / "out") == ["passed", "passed"]


def test_the_same_units_give_the_same_bytes(units: list[Unit], dataset: Path, tmp_path: Path) -> None:
    assemble(units, tmp_path / "again")
    files = {p.relative_to(dataset) for p in dataset.rglob("*") if p.is_file()}
    assert files == {p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file()}
    assert all((dataset / p).read_bytes() == (tmp_path / "again" / p).read_bytes() for p in files)


def test_statistics_are_those_of_all_rows_and_all_pixels(dataset: Path) -> None:
    stats = json.loads((dataset / "meta" / "stats.json").read_text())
    assert set(stats) == set(info_of(dataset)["features"])
    action = np.concatenate([arm(n, i)[1] for i, n in enumerate(LENGTHS)]).astype(np.float64)
    np.testing.assert_allclose(stats["action"]["mean"], action.mean(0), atol=1e-12)
    np.testing.assert_allclose(stats["action"]["std"], action.std(0), atol=1e-12)
    np.testing.assert_allclose(stats["action"]["q99"], np.quantile(action, 0.99, axis=0), atol=1e-12)
    drawn = np.concatenate([list(images(arm(n, i)[0], i)) for i, n in enumerate(LENGTHS)]).reshape(-1, 3) / 255
    scene = {name: np.array(value).ravel() for name, value in stats["observation.images.scene"].items()}
    np.testing.assert_allclose(scene["mean"], drawn.mean(0), atol=1e-12)
    np.testing.assert_allclose(scene["std"], drawn.std(0), atol=1e-12)
    np.testing.assert_allclose(scene["q10"], np.quantile(drawn, 0.1, axis=0), atol=1e-12)
    assert np.array(stats["observation.images.scene"]["mean"]).shape == (3, 1, 1)
    third = rows_of(dataset)[2]
    np.testing.assert_allclose(
        third["stats/action/q01"], np.quantile(arm(LENGTHS[2], 2)[1].astype(float), 0.01, axis=0)
    )
    assert third["stats/observation.images.wrist/count"] == [LENGTHS[2]]


def test_provenance_is_in_the_episodes_and_in_the_sidecar(units: list[Unit], dataset: Path) -> None:
    rows = rows_of(dataset)
    assert [(r["episode_uuid"], r["success"], r["seed"]) for r in rows] == [(f"uuid-{i}", True, i) for i in range(4)]
    sidecar = {r["episode_uuid"]: r for r in pq.read_table(dataset / "meta/provenance/file-000.parquet").to_pylist()}
    for unit, row in zip(units, rows, strict=True):
        entry = sidecar[row["episode_uuid"]]
        assert (
            entry["packets_sha256/observation.images.wrist"]
            == unit.document.streams["observation.images.wrist"].packets_sha256
        )
        assert all(entry[key] == row[key] for key in ("scene_id", "task_id", "planner", "state_hash", "quality_score"))


def verdicts(dataset: Path) -> list[str]:
    found: list[Judgement] = [judge(dataset) for judge in JUDGES]
    assert all(v.passed + v.failed > 5 for v in found), found
    return [v.outcome for v in found]


def test_independent_judges_pass_it(dataset: Path) -> None:
    assert verdicts(dataset) == ["passed", "passed"]
    assert robovet(dataset).warned == 0


def drop_rows(dataset: Path) -> None:
    path = dataset / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.read_table(path).slice(0, 60), path)


def drop_video(dataset: Path) -> None:
    shutil.rmtree(dataset / "videos" / "observation.images.wrist")


def wrong_statistics(dataset: Path) -> None:
    path = dataset / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    column = table.schema.get_field_index("stats/action/mean")
    values = pa.array([[9.0] * 8] * len(table), table.schema.field(column).type)
    pq.write_table(table.set_column(column, "stats/action/mean", values), path)
    stats = json.loads((dataset / "meta/stats.json").read_text())
    stats["action"]["mean"] = [9.0] * 8
    (dataset / "meta/stats.json").write_text(json.dumps(stats))


@pytest.mark.parametrize(
    ("damage", "judge"),
    [(drop_rows, robovet), (drop_video, robovet), (drop_video, lerobot_doctor), (wrong_statistics, robovet)],
)
def test_judges_fail_a_damaged_dataset(
    dataset: Path, tmp_path: Path, damage: Callable[[Path], None], judge: Callable[[Path], Judgement]
) -> None:
    shutil.copytree(dataset, tmp_path / "copy")
    damage(tmp_path / "copy")
    verdict = judge(tmp_path / "copy")
    assert verdict.outcome == "failed", verdict
    assert verdict.messages


def test_judges_refuse_a_folder_without_dataset(tmp_path: Path) -> None:
    for judge in JUDGES:
        with pytest.raises(JudgeError, match=r"no meta/info\.json"):
            judge(tmp_path)


def test_a_judge_that_is_not_installed_has_measured_nothing(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blueprint_assets.dataset.review.judges.find_spec", lambda name: None)
    assert [judge(dataset).outcome for judge in JUDGES] == ["unmeasured", "unmeasured"]


def test_episodes_that_do_not_fit_are_refused(units: list[Unit], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DatasetError, match="no episode"):
        assemble([], out)
    with pytest.raises(DatasetError, match="given twice"):
        assemble([units[0], units[0]], out)
    with pytest.raises(DatasetError, match="did not succeed"):
        assemble([units[0], make_unit(tmp_path / "failed", seed=8, success=False)], out)
    with pytest.raises(DatasetError, match="videos"):
        assemble([units[0], make_unit(tmp_path / "av1", seed=9, codec=AV1)], out)
    for field, value, message in (("fps", 30, "frames a second 30"), ("joint_names", ("a", "b"), "joints")):
        other = Unit(units[1].folder, units[1].document.model_copy(update={field: value}))
        with pytest.raises(DatasetError, match=message):
            assemble([units[0], other], out)
    provenance = units[1].document.provenance | {"seed": "one"}
    other = Unit(units[1].folder, units[1].document.model_copy(update={"provenance": provenance}))
    with pytest.raises(ValueError, match="'seed' is str in episode uuid-1 but int in uuid-0"):
        assemble([units[0], other], out)
    assert not out.exists()
    out.mkdir()
    (out / "something").touch()
    with pytest.raises(DatasetError, match="not an empty folder"):
        assemble(units, out)


def test_a_video_lost_on_the_way_leaves_no_dataset(units: list[Unit], tmp_path: Path) -> None:
    shutil.copytree(units[0].folder, tmp_path / "u")
    (tmp_path / "u" / "wrist.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match=r"wrist\.mp4"):
        assemble([Unit(tmp_path / "u", units[0].document)], tmp_path / "out")
    shutil.copy(units[1].folder / "wrist.mp4", tmp_path / "u" / "wrist.mp4")
    with pytest.raises(ValueError, match=r"u: observation\.images\.wrist: packets .* are not those of the episode"):
        assemble([Unit(tmp_path / "u", units[0].document)], tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"u"}


def test_the_episode_table_rolls_over(units: list[Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blueprint_assets.dataset.lerobot.EPISODES_PER_META_FILE", 3)
    assemble(units, tmp_path / "out", Limits(files_per_chunk=1))
    tables = sorted((tmp_path / "out/meta/episodes").rglob("*.parquet"))
    assert [path.relative_to(tmp_path / "out/meta/episodes").as_posix() for path in tables] == [
        "chunk-000/file-000.parquet",
        "chunk-001/file-000.parquet",
    ]
    rows = [row for path in tables for row in pq.read_table(path).to_pylist()]
    assert [(r["episode_index"], r["meta/episodes/chunk_index"]) for r in rows] == [(0, 0), (1, 0), (2, 0), (3, 1)]
    assert len(list((tmp_path / "out/meta/provenance").glob("*"))) == 2
    assert verdicts(tmp_path / "out") == ["passed", "passed"]


def manifest(folder: Path, accepted: dict[str, bool]) -> None:
    entries = [
        {
            "episode_id": name,
            "episode_uuid": name,
            "accepted": good,
            "reason": None if good else "failed: slipped",
            "unit": f"units/{name}" if good else None,
            "frames": 24,
            "quality_score": 0.5,
        }
        for name, good in accepted.items()
    ]
    count = sum(accepted.values())
    ImportManifest.model_validate(
        {
            "scene_id": "squares",
            "run_id": "run",
            "job_id": "job-1",
            "status": "completed" if count else "failed",
            "episodes": {"downloaded": len(accepted), "passed_validation": count, "rejected": len(accepted) - count},
            "imported": entries,
            "quality": {"average_score": 0.5},
            "file_inventory": [],
        }
    ).write(folder / "episodes/geniesim_job-1/import_manifest.json")


def test_a_scenes_dataset_holds_what_its_import_accepted(units: list[Unit], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="0 imports found"):
        assemble_scene(tmp_path, tmp_path / "out")
    manifest(tmp_path, {"a": True, "b": False})
    shutil.copytree(units[1].folder, tmp_path / "episodes/geniesim_job-1/units/a")
    summary = assemble_scene(tmp_path, tmp_path / "out")
    assert (summary.path, summary.episodes) == ("episodes/geniesim_job-1/lerobot", 1)
    assert info_of(tmp_path / "out" / summary.path)["total_frames"] == LENGTHS[1]
    stats = tmp_path / "episodes/geniesim_job-1/units/a/statistics.json"
    stats.write_text(stats.read_text().replace("[[", "[[ "))
    with pytest.raises(UnitError, match=r"statistics\.json"):
        assemble_scene(tmp_path, tmp_path / "out2")
    manifest(tmp_path, {"b": False})
    with pytest.raises(DatasetError, match="failed: slipped"):
        assemble_scene(tmp_path, tmp_path / "out3")
    assert not (tmp_path / "out3").exists()


def test_the_card_says_what_is_in_it(dataset: Path) -> None:
    text = (dataset / "README.md").read_text()
    assert text.startswith("---\ntask_categories:\n- robotics\n")
    assert f"{len(LENGTHS)} episodes, {sum(LENGTHS)} frames" in text
    assert all(task in text for task in TASKS)
    assert "More Information Needed" not in text


def test_importing_the_writer_loads_no_heavy_library() -> None:
    heavy = "av pyarrow PIL cv2 mujoco torch lerobot dagster lerobot_doctor robovet pandas"
    code = (
        "import sys, blueprint_assets.dataset.episodes, blueprint_assets.dataset.lerobot\n"
        "import blueprint_assets.dataset.review.judges\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
