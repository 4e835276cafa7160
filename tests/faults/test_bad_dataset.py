"""Whatever is wrong with a dataset: the file and the field are named, and nothing is made of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blueprint_assets.cli import main
from blueprint_assets.dataset.checksums import write_checksums
from blueprint_assets.dataset.lerobot import DatasetError, assemble
from blueprint_assets.dataset.review.verify import demand_sound, verify
from blueprint_assets.dataset.video import Segment, concatenate
from fixtures.synthetic_episodes import FPS, make_unit

LENGTHS = (24, 24, 31, 17)
DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
SCENE, WRIST = (f"videos/observation.images.{name}/chunk-000/file-000.mp4" for name in ("scene", "wrist"))

Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    units = [make_unit(folder / str(i), n, i, f"Task {i % 2}.") for i, n in enumerate(LENGTHS)]
    assemble(units, folder / "dataset")
    return folder / "dataset"


@pytest.fixture
def dataset(sound: Path, tmp_path: Path) -> Path:
    """Without the list of checksums, by which any change would be found."""
    return Path(shutil.copytree(sound, tmp_path / "dataset", ignore=shutil.ignore_patterns("SHA256SUMS")))


def rewrite(path: Path, change: Change) -> None:
    """Changes a table, and keeps its row groups and the metadata of its schema."""
    source = pq.ParquetFile(path)
    metadata = source.schema_arrow.metadata
    groups = [source.metadata.row_group(i).num_rows for i in range(source.num_row_groups)]
    table = change(source.read())
    table = table.replace_schema_metadata(metadata)
    with pq.ParquetWriter(path, table.schema) as writer:
        for first, count in zip(np.cumsum([0, *groups]), groups, strict=False):
            writer.write_table(table.slice(first, count), row_group_size=count)


def setting(name: str, edit: Callable[[list[Any]], None]) -> Change:
    """A change of one column's values, in place."""

    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        edit(values)
        place = table.column_names.index(name)
        return table.set_column(place, table.schema.field(name), pa.array(values, type=table.schema.field(name).type))

    return change


def put(row: int, value: Any) -> Callable[[list[Any]], None]:
    return lambda values: values.__setitem__(row, value)


def edit_json(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document, indent=4))


def remux(path: Path, keep: int | None = None, fps: int = FPS) -> None:
    """Writes a video's packets again: the first `keep` of them, at `fps`."""
    beside = path.with_suffix(".new.mp4")
    with av.open(str(path)) as source, av.open(str(beside), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        stream.time_base = Fraction(1, fps)
        for index, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            if keep is not None and index >= keep:
                break
            packet.stream = stream
            packet.time_base = Fraction(1, fps)
            packet.pts = packet.dts = index
            packet.duration = 1
            target.mux(packet)
    beside.replace(path)


def no_footer(dataset: Path) -> None:
    whole = (dataset / DATA).read_bytes()
    (dataset / DATA).write_bytes(whole[:-100])


def index_gap(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("index", lambda v: v.__setitem__(slice(40, None), [i + 1 for i in v[40:]])))


def duplicate_index(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("index", lambda v: v.__setitem__(41, v[40])))


def drifting_timestamps(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("timestamp", lambda v: v.__setitem__(slice(None), [t * 1.001 for t in v])))


def another_rate_in_info(dataset: Path) -> None:
    edit_json(dataset / "meta/info.json", lambda info: info.update(fps=21))


def another_rate_in_the_video(dataset: Path) -> None:
    remux(dataset / SCENE, fps=21)


def video_short_by_one(dataset: Path) -> None:
    remux(dataset / WRIST, keep=sum(LENGTHS) - 1)


def cameras_swapped(dataset: Path) -> None:
    shutil.move(dataset / SCENE, dataset / "held")
    shutil.move(dataset / WRIST, dataset / SCENE)
    shutil.move(dataset / "held", dataset / WRIST)


def episodes_swapped(dataset: Path) -> None:
    """The videos of the first two episodes, which are of one length, change places."""
    order = [(24, 24), (0, 24), (48, 48)]
    segments = [Segment(dataset / SCENE, first, frames) for first, frames in order]
    concatenate(segments, dataset / "new.mp4", FPS)
    (dataset / "new.mp4").replace(dataset / SCENE)


def wrong_statistics(dataset: Path) -> None:
    edit_json(dataset / "meta/stats.json", lambda stats: stats["action"]["mean"].__setitem__(0, 0.5))


def wrong_image_statistics(dataset: Path) -> None:
    edit_json(dataset / "meta/stats.json", lambda stats: stats["observation.images.scene"].update(std=[[[0.1]]] * 3))


def wrong_statistics_of_an_episode(dataset: Path) -> None:
    rewrite(dataset / EPISODES, setting("stats/action/q99", lambda v: v[2].__setitem__(0, 9.0)))


def wrong_histogram(dataset: Path) -> None:
    def more(values: list[Any]) -> None:
        values[3][10], values[3][11] = values[3][10] + 5, values[3][11] - 5 if values[3][11] >= 5 else values[3][11]

    rewrite(dataset / "meta/histograms/file-000.parquet", setting("counts", more))


def tasks_missing(dataset: Path) -> None:
    (dataset / "meta/tasks.parquet").unlink()


def a_task_missing(dataset: Path) -> None:
    path = dataset / "meta/tasks.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 1), path)


def tasks_without_their_index(dataset: Path) -> None:
    path = dataset / "meta/tasks.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def too_many_episodes_in_info(dataset: Path) -> None:
    edit_json(dataset / "meta/info.json", lambda info: info.update(total_episodes=len(LENGTHS) + 1))


def too_many_frames_in_info(dataset: Path) -> None:
    edit_json(dataset / "meta/info.json", lambda info: info.update(total_frames=1000))


def mixed_shapes(dataset: Path) -> None:
    """The last two episodes are in a second file, and have an action of seven joints there."""
    table = pq.read_table(dataset / DATA)
    half = sum(LENGTHS[:2])
    seven = pa.array([row[:7] for row in table["action"].to_pylist()], pa.list_(pa.float32(), 7))
    other = table.set_column(table.column_names.index("action"), "action", seven)
    for path, part, lengths in ((DATA, table, LENGTHS[:2]), (DATA.replace("file-000", "file-001"), other, LENGTHS[2:])):
        start = 0 if path == DATA else half
        with pq.ParquetWriter(dataset / path, part.schema) as writer:
            for length in lengths:
                writer.write_table(part.slice(start, length))
                start += length
    rewrite(dataset / EPISODES, setting("data/file_index", lambda v: v.__setitem__(slice(2, 4), [1, 1])))


def shapes_unlike_info(dataset: Path) -> None:
    edit_json(dataset / "meta/info.json", lambda info: info["features"]["action"].update(shape=[7]))


def action_not_a_number(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("action", lambda v: v[30].__setitem__(2, float("nan"))))


def old_version(dataset: Path) -> None:
    edit_json(dataset / "meta/info.json", lambda info: info.update(codebase_version="v2.1"))


def half_written_append(dataset: Path) -> None:
    (dataset / DATA.replace("file-000", "file-001")).write_bytes((dataset / DATA).read_bytes()[:3000])


def finished_append(dataset: Path) -> None:
    shutil.copy(dataset / SCENE, dataset / SCENE.replace("file-000", "file-001"))


def appended_metadata(dataset: Path) -> None:
    shutil.copy(dataset / EPISODES, dataset / EPISODES.replace("file-000", "file-001"))


def edited_success(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("next.success", put(23, False)))


def edited_column(dataset: Path) -> None:
    rewrite(dataset / EPISODES, setting("scene_id", put(1, "another_scene")))


def edited_provenance(dataset: Path) -> None:
    rewrite(dataset / "meta/provenance/file-000.parquet", setting("planner", put(0, "a better one")))


def edited_action(dataset: Path) -> None:
    """A value changed by one bit, and the statistics of its episode with it."""
    rewrite(
        dataset / DATA, setting("action", lambda v: v[5].__setitem__(1, float(np.nextafter(np.float32(v[5][1]), 9))))
    )


def another_task(dataset: Path) -> None:
    rewrite(dataset / DATA, setting("task_index", put(3, 1)))


CASES: list[tuple[Callable[[Path], None], str, str]] = [
    (no_footer, DATA, "footer"),
    (index_gap, DATA, "index: 41 in row 16 of episode 1"),
    (duplicate_index, DATA, "index: 40 in row 17 of episode 1"),
    (drifting_timestamps, DATA, "timestamp"),
    (another_rate_in_info, "", "grid of 1/21 s"),
    (another_rate_in_the_video, SCENE, "packet 1 is shown at"),
    (video_short_by_one, WRIST, "packets: 95, expected 96"),
    (cameras_swapped, SCENE, "packets_sha256"),
    (episodes_swapped, SCENE, "packets_sha256"),
    (wrong_statistics, "meta/stats.json", "action.mean"),
    (wrong_image_statistics, "meta/stats.json", "observation.images.scene.std"),
    (wrong_statistics_of_an_episode, "meta/episodes", "stats/action/q99"),
    (wrong_histogram, "meta/histograms", "counts"),
    (tasks_missing, "meta/tasks.parquet", "no such file"),
    (a_task_missing, "meta/tasks.parquet", "task"),
    (tasks_without_their_index, "meta/tasks.parquet", "index_columns"),
    (too_many_episodes_in_info, "meta/info.json", "total_episodes: 5, expected 4"),
    (too_many_frames_in_info, "meta/info.json", "total_frames: 1000, expected 96"),
    (mixed_shapes, DATA.replace("file-000", "file-001"), "type of action"),
    (shapes_unlike_info, DATA, "type of action"),
    (action_not_a_number, DATA, "action[2]: nan in row 30"),
    (old_version, "meta/info.json", "codebase_version is 'v2.1'"),
    (half_written_append, DATA.replace("file-000", "file-001"), "no episode refers to it"),
    (finished_append, SCENE.replace("file-000", "file-001"), "no episode refers to it"),
    (appended_metadata, "meta/info.json", "total_episodes: 4, expected 8"),
    (edited_success, DATA, "next.success"),
    (edited_column, "meta/episodes", "scene_id: another_scene of episode 1, expected squares"),
    (edited_provenance, "meta/provenance/file-000.parquet", "planner: a better one"),
    (edited_action, DATA, "rows_sha256"),
    (another_task, DATA, "task_index"),
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("damage", "file", "said"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_bad_dataset_is_found_and_nothing_is_made_of_it(
    damage: Callable[[Path], None], file: str, said: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(dataset)
    with pytest.raises(DatasetError) as error:
        demand_sound(dataset)
    assert str(dataset) in str(error.value)

    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "verify", str(dataset)])
    assert stopped.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if file in line and said in line], lines

    before = sorted(dataset.parent.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "filter", str(dataset), "--episodes", "0:2", "--out", str(dataset.parent / "out")])
    assert stopped.value.code == 2
    refusal = capsys.readouterr().err.splitlines()
    assert len(refusal) == 1
    assert refusal[0].startswith(f"blueprint: error: {dataset}")
    assert sorted(dataset.parent.rglob("*")) == before


def test_the_sound_dataset_is_sound(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demand_sound(sound)
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "verify", str(sound), "--json"])
    assert stopped.value.code == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(sound), "sound": True, "findings": []}


def test_a_writer_at_work_is_noticed(dataset: Path) -> None:
    """What a second writer does after the files were listed: LeRobot's bumps info.json and writes a new file at once."""
    done = []

    def write(_: object) -> None:
        if not done:
            edit_json(dataset / "meta/info.json", lambda info: info.update(total_episodes=5))
            half_written_append(dataset)
            done.append(True)

    files = {finding.file for finding in verify(dataset, progress=write) if "changed while it was read" in finding.what}
    assert files == {"meta/info.json", DATA.replace("file-000", "file-001")}


@pytest.mark.parametrize("pattern", ["meta/**/*", "data/**/*", "videos/**/*", "README.md"])
def test_any_edited_byte_is_found_with_checksums(pattern: str, dataset: Path) -> None:
    write_checksums(dataset)
    demand_sound(dataset)
    generator = np.random.default_rng(5)
    for path in sorted(path for path in dataset.glob(pattern) if path.is_file()):
        whole = path.read_bytes()
        for place in generator.integers(0, len(whole), 4):
            flip(path, whole, int(place), int(generator.integers(8)))
            assert verify(dataset), f"{path.name}, byte {place}"
        path.write_bytes(whole)


def test_any_edited_byte_of_rows_and_pictures_is_found_without_checksums(dataset: Path) -> None:
    generator = np.random.default_rng(6)
    for file, spans in {DATA: pages(dataset / DATA), SCENE: [media(dataset / SCENE)]}.items():
        path = dataset / file
        whole = path.read_bytes()
        for first, end in spans:
            place = int(generator.integers(first, end))
            flip(path, whole, place, int(generator.integers(8)))
            assert verify(dataset), f"{file}, byte {place}"
        path.write_bytes(whole)


def flip(path: Path, whole: bytes, place: int, bit: int) -> None:
    damaged = bytearray(whole)
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)


def pages(path: Path) -> list[tuple[int, int]]:
    """Where the values of state and action lie in a parquet file: the second half of each column chunk, past its headers."""
    metadata = pq.ParquetFile(path).metadata
    found = []
    for group in range(metadata.num_row_groups):
        for column in range(2):
            chunk = metadata.row_group(group).column(column)
            first = min(offset for offset in (chunk.data_page_offset, chunk.dictionary_page_offset) if offset)
            found.append((first + chunk.total_compressed_size // 2, first + chunk.total_compressed_size))
    return found


def media(path: Path) -> tuple[int, int]:
    """The mdat box of an mp4: its packets."""
    whole = path.read_bytes()
    at = 0
    while whole[at + 4 : at + 8] != b"mdat":
        at += int.from_bytes(whole[at : at + 4])
    return at + 8, at + int.from_bytes(whole[at : at + 4])
