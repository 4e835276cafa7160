from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blueprint_assets.contracts.encoded_episode import Sidecar
from blueprint_assets.dataset.exports import lerobot_v21
from blueprint_assets.dataset.exports.export import ExportError
from blueprint_assets.dataset.exports.lerobot_v21 import export_v21
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import AV1, read_packets
from fixtures.synthetic_episodes import make_unit
from fixtures.synthetic_modalities import make_rich_unit
from io_managers.digest import hash_file

TASKS = ("Pick up the red square.", "Lege es ab: „ja“.")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    root = tmp_path_factory.mktemp("units")
    return [make_unit(root / f"u{i}", frames=12 + i, seed=i, task=TASKS[i % 2]) for i in range(3)]


@pytest.fixture(scope="module")
def exported(units: Sequence[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_v21(units, tmp_path_factory.mktemp("out") / "v21", card="# Card\n").path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_files_are_those_of_v21(exported: Path) -> None:
    found = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    videos = {
        f"videos/chunk-000/observation.images.{c}/episode_{i:06d}.mp4" for c in ("scene", "wrist") for i in range(3)
    }
    meta = {"info.json", "episodes.jsonl", "episodes_stats.jsonl", "tasks.jsonl", "modality.json", "stats.json"}
    assert found == {
        *videos,
        *(f"data/chunk-000/episode_{i:06d}.parquet" for i in range(3)),
        *(f"meta/{name}" for name in meta),
        "meta/provenance/file-000.parquet",
        "SOURCE_README.md",
    }


def test_info_says_what_is_there(exported: Path) -> None:
    info = json.loads((exported / "meta" / "info.json").read_text())
    assert list(info)[:9] == [
        "codebase_version", "robot_type", "total_episodes", "total_frames", "total_tasks", "total_videos", "total_chunks",
        "chunks_size", "fps",
    ]  # fmt: skip
    assert [info[key] for key in list(info)[:9]] == ["v2.1", "franka_panda", 3, 12 + 13 + 14, 2, 6, 1, 1000, 20]
    for index in range(3):
        table = pq.read_table(exported / info["data_path"].format(episode_chunk=0, episode_index=index))
        declared = {name for name, feature in info["features"].items() if feature["dtype"] != "video"}
        assert set(table.column_names) == declared
        for name, feature in info["features"].items():
            if feature["dtype"] == "video":
                where = info["video_path"].format(episode_chunk=0, video_key=name, episode_index=index)
                assert (exported / where).is_file()
                assert {"video.fps", "video.channels", "video.codec"} < set(feature["info"])


def test_packets_rows_and_statistics_are_those_of_the_units(exported: Path, units: Sequence[Unit]) -> None:
    statistics = lines(exported / "meta" / "episodes_stats.jsonl")
    first = 0
    for index, unit in enumerate(units):
        document = unit.document
        for stream, video in document.streams.items():
            path = exported / f"videos/chunk-000/{stream}/episode_{index:06d}.mp4"
            assert read_packets(path)[:2] == (document.frames, video.packets_sha256)
            assert statistics[index]["stats"][stream]["mean"] == unit.histogram(stream).statistics()["mean"].tolist()
        table = pq.read_table(exported / f"data/chunk-000/episode_{index:06d}.parquet")
        state, action = unit.arrays()
        assert np.array_equal(np.array(table["observation.state"].to_pylist(), np.float32), state)
        assert np.array_equal(np.array(table["action"].to_pylist(), np.float32), action)
        assert table["index"].to_pylist() == list(range(first, first + document.frames))
        assert set(table["task_index"].to_pylist()) == {index % 2}
        assert np.allclose(statistics[index]["stats"]["action"]["mean"], action.astype(float).mean(axis=0), atol=1e-12)
        assert statistics[index]["stats"]["action"]["count"] == [document.frames]
        first += document.frames


def test_no_column_holds_text_because_gr00t_casts_them_all(exported: Path) -> None:
    schema = pq.read_schema(exported / "data/chunk-000/episode_000000.parquet")
    assert not any(pa.types.is_string(field.type) or pa.types.is_nested(field.type.value_type) for field in schema
                   if hasattr(field.type, "value_type") or pa.types.is_string(field.type))  # fmt: skip
    # `datasets` 3, which v2.1 readers carry, does not know the types that this metadata names.
    assert schema.metadata is None


def test_gr00t_finds_everything_that_modality_names(exported: Path, units: Sequence[Unit]) -> None:
    document = json.loads((exported / "meta" / "modality.json").read_text())
    info = json.loads((exported / "meta" / "info.json").read_text())
    statistics = json.loads((exported / "meta" / "stats.json").read_text())
    table = pq.read_table(exported / "data/chunk-000/episode_000001.parquet")
    tasks = {row["task_index"]: row["task"] for row in lines(exported / "meta" / "tasks.jsonl")}
    for kind, column in (("state", "observation.state"), ("action", "action")):
        parts = [range(group["start"], group["end"]) for group in document[kind].values()]
        assert [i for part in parts for i in part] == list(range(len(table[column][0])))
        truth = np.concatenate([unit.arrays()[kind == "action"] for unit in units]).astype(float)
        expected = {
            "mean": truth.mean(axis=0),
            "std": truth.std(axis=0),
            "min": truth.min(axis=0),
            "max": truth.max(axis=0),
            "q01": np.quantile(truth, 0.01, axis=0),
            "q99": np.quantile(truth, 0.99, axis=0),
        }
        assert set(statistics[column]) == set(expected)
        for name, values in expected.items():
            assert np.allclose(statistics[column][name], values, rtol=1e-9, atol=1e-9), name
    floats = {name for name, feature in info["features"].items() if "float" in feature["dtype"]}
    assert floats <= set(statistics)  # or N1.6 computes them again
    for entry in document["video"].values():
        names = info["features"][entry["original_key"]]["names"]
        assert {"height", "width"} < set(names)
    for entry in document["annotation"].values():
        assert {tasks[i] for i in table[entry["original_key"]].to_pylist()} == {units[1].document.task}


def test_provenance_goes_along(exported: Path, units: Sequence[Unit]) -> None:
    for index, (line, unit) in enumerate(zip(lines(exported / "meta" / "episodes.jsonl"), units, strict=True)):
        document = unit.document
        assert (line["episode_index"], line["tasks"], line["length"]) == (index, [document.task], document.frames)
        assert {key: line[key] for key in document.provenance} == document.provenance
    kept = pq.read_table(exported / "meta" / "provenance" / "file-000.parquet")
    assert [json.loads(text) for text in kept["document"].to_pylist()] == [
        u.document.model_dump(mode="json") for u in units
    ]
    assert (exported / "SOURCE_README.md").read_text() == "# Card\n"


def test_units_and_the_dataset_of_them_give_the_same_bytes(
    exported: Path, units: Sequence[Unit], tmp_path: Path
) -> None:
    assemble(units, tmp_path / "dataset")
    again = export_v21(open_dataset(tmp_path / "dataset").episodes, tmp_path / "v21", card="# Card\n").path
    files = [path.relative_to(exported) for path in exported.rglob("*") if path.is_file()]
    assert {path.relative_to(again) for path in again.rglob("*") if path.is_file()} == set(files)
    for file in files:
        assert (again / file).read_bytes() == (exported / file).read_bytes(), file


def test_chunks_begin_after_so_many_episodes(
    units: Sequence[Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lerobot_v21, "CHUNK_SIZE", 2)
    done: list[tuple[int, int]] = []
    out = export_v21(units, tmp_path / "out", progress=lambda i, n: done.append((i, n))).path
    assert sorted(path.parent.name for path in out.glob("data/*/*.parquet")) == ["chunk-000", "chunk-000", "chunk-001"]
    info = json.loads((out / "meta" / "info.json").read_text())
    assert (info["total_chunks"], info["chunks_size"]) == (2, 2)
    assert done == [(1, 3), (2, 3), (3, 3)]


def with_sidecar(unit: Unit, name: str, **changes: Any) -> Unit:
    (unit.folder / "segments.npz").write_bytes(b"segments")
    entry = Sidecar(sha256=hash_file(unit.folder / "segments.npz"), kind="segmentation", camera="scene")
    document = unit.document.model_copy(update={"sidecars": {name: entry.model_copy(update=changes)}})
    return Unit(unit.folder, document)


def test_sidecars_are_copied_and_checked(tmp_path: Path) -> None:
    unit = make_unit(tmp_path / "u", frames=4)
    out = export_v21([with_sidecar(unit, "segments.npz")], tmp_path / "out").path
    assert (out / "sidecars" / unit.document.episode_uuid / "segments.npz").read_bytes() == b"segments"
    with pytest.raises(ExportError, match=r"sidecar segments\.npz"):
        export_v21([with_sidecar(unit, "segments.npz", sha256="0" * 64)], tmp_path / "altered")
    with pytest.raises(ValueError, match="leads out"):
        export_v21([with_sidecar(unit, "../../../segments.npz")], tmp_path / "astray")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "u"]


def test_what_v21_has_no_place_for_is_told_and_kept_beside(tmp_path: Path) -> None:
    units = [make_rich_unit(tmp_path / f"u{i}", frames=12, seed=i) for i in range(2)]
    summary = export_v21(units, tmp_path / "out")
    assert [text.split()[0] for text in summary.left_out] == ["depth", "subtasks"]
    info = json.loads((summary.path / "meta" / "info.json").read_text())
    assert not any("depth" in name or "language" in name for name in info["features"])
    assert info["total_videos"] == 4 == len(list(summary.path.rglob("*.mp4")))
    for unit in units:
        for name in unit.document.sidecars:
            kept = summary.path / "sidecars" / unit.document.episode_uuid / name
            assert kept.read_bytes() == unit.sidecar(name).read_bytes()
    assert json.loads((summary.path / "meta" / "calibration.json").read_text())["sets"]
    assert set(pq.read_schema(summary.path / "data/chunk-000/episode_000000.parquet").names) <= set(info["features"])


def test_packets_of_another_episode_are_noticed(tmp_path: Path) -> None:
    units = [make_unit(tmp_path / f"u{i}", frames=6, seed=i) for i in range(2)]
    (units[0].folder / "scene.mp4").write_bytes((units[1].folder / "scene.mp4").read_bytes())
    with pytest.raises(ExportError, match=r"packets of observation.images.scene.*altered"):
        export_v21(units, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["u0", "u1"]


def test_what_does_not_fit_together_is_refused(units: Sequence[Unit], tmp_path: Path) -> None:
    cases: list[tuple[list[Unit], str]] = [
        ([], "no episode to export"),
        ([units[0], units[0]], "was given already"),
        ([units[0], make_unit(tmp_path / "large", frames=4, seed=9, size=(96, 64))], "streams"),
        ([units[0], make_unit(tmp_path / "av1", frames=4, seed=9, codec=AV1)], "av1"),
        ([units[0], Unit(units[1].folder, units[1].document.model_copy(update={"fps": 10}))], "rate 10"),
        ([units[0], Unit(units[1].folder, units[1].document.model_copy(update={"robot": "ur5"}))], "robot ur5"),
    ]
    for episodes, message in cases:
        with pytest.raises(ExportError, match=message):
            export_v21(episodes, tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="exists already"):
        export_v21(units, tmp_path / "out")
