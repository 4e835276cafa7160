from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.edit import (
    append_episodes,
    delete_episodes,
    exchange,
    filter_dataset,
    merge_datasets,
    split_dataset,
)
from blueprint_assets.dataset.lerobot import DatasetError, DatasetSummary, assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.review.judges import lerobot_doctor, robovet
from blueprint_assets.dataset.review.verify import demand_sound
from blueprint_assets.dataset.unit import Unit
from fixtures.synthetic_episodes import make_unit
from io_managers.errors import StoreBusyError

TASKS = ("Pick up the red square.", "Put the red square away.", "Push the red square.")
LENGTHS = (24, 31, 17, 28, 20, 33)
CAMERAS = ("observation.images.scene", "observation.images.wrist")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    folder = tmp_path_factory.mktemp("units")
    return [make_unit(folder / str(i), n, i, TASKS[i % 3]) for i, n in enumerate(LENGTHS)]


@pytest.fixture(scope="module")
def source(units: list[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "lerobot"
    assemble(units, out)
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def uuids(folder: Path) -> list[str]:
    return open_dataset(folder).uuids


def judged(folder: Path) -> list[str]:
    demand_sound(folder)
    return [judge(folder).outcome for judge in (lerobot_doctor, robovet)]


def test_a_filtered_dataset_is_what_its_units_would_have_made(source: Path, units: list[Unit], tmp_path: Path) -> None:
    before = content(source)
    summary = filter_dataset(source, tmp_path / "out", [4, 1, 1])
    assert (summary.path, summary.episodes, summary.frames) == (str(tmp_path / "out"), 2, LENGTHS[1] + LENGTHS[4])
    assemble([units[1], units[4]], tmp_path / "direct")
    assert content(tmp_path / "out") == content(tmp_path / "direct")
    assert content(source) == before
    assert judged(tmp_path / "out") == ["passed", "passed"]


@given(cuts=st.sets(st.integers(1, len(LENGTHS) - 1), min_size=1, max_size=3))
@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_split_merges_to_the_same_bytes(cuts: set[int], source: Path, tmp_path: Path) -> None:
    for name in ("parts", "merged"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    edges = [0, *sorted(cuts), len(LENGTHS)]
    parts = {f"part{i}": list(range(edges[i], edges[i + 1])) for i in range(len(edges) - 1)}
    made = split_dataset(source, tmp_path / "parts", parts)
    assert [summary.episodes for summary in made.values()] == [len(rows) for rows in parts.values()]
    merge_datasets([tmp_path / "parts" / name for name in parts], tmp_path / "merged")
    assert content(tmp_path / "merged") == content(source)


@given(drop=st.sets(st.integers(0, len(LENGTHS) - 1), min_size=1, max_size=len(LENGTHS) - 1))
@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_deleting_is_keeping_the_others_and_packets_stay(drop: set[int], source: Path, tmp_path: Path) -> None:
    for name in ("deleted", "kept"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    keep = [index for index in range(len(LENGTHS)) if index not in drop]
    delete_episodes(source, tmp_path / "deleted", sorted(drop))
    filter_dataset(source, tmp_path / "kept", keep)
    assert content(tmp_path / "deleted") == content(tmp_path / "kept")
    original = open_dataset(source)
    for index, episode in zip(keep, open_dataset(tmp_path / "deleted").episodes, strict=True):
        assert episode.document == original.episodes[index].document
    demand_sound(tmp_path / "deleted")  # hashes every packet again


def test_appended_episodes_stand_behind(source: Path, units: list[Unit], tmp_path: Path) -> None:
    filter_dataset(source, tmp_path / "first", range(4))
    append_episodes(tmp_path / "first", [unit.folder for unit in units[4:]], tmp_path / "all")
    assert content(tmp_path / "all") == content(source)
    with pytest.raises(DatasetError, match=r"first, episode 3 are the same episode, uuid-3"):
        append_episodes(tmp_path / "first", [unit.folder for unit in units[3:]], tmp_path / "again")
    append_episodes(tmp_path / "first", [unit.folder for unit in units[3:]], tmp_path / "again", skip_duplicates=True)
    assert content(tmp_path / "again") == content(source)


def test_an_episode_in_two_datasets_is_named_or_taken_once(source: Path, tmp_path: Path) -> None:
    split_dataset(source, tmp_path / "parts", {"a": [0, 1, 2], "b": [3, 4, 5]})
    filter_dataset(source, tmp_path / "c", [2, 3])
    sources = [tmp_path / "parts" / "a", tmp_path / "c", tmp_path / "parts" / "b"]
    with pytest.raises(DatasetError) as error:
        merge_datasets(sources, tmp_path / "merged")
    assert f"{sources[1]}, episode 0" in str(error.value)
    assert f"{sources[0]}, episode 2" in str(error.value)
    assert not (tmp_path / "merged").exists()
    merge_datasets(sources, tmp_path / "merged", skip_duplicates=True)
    assert content(tmp_path / "merged") == content(source)


def test_one_uuid_for_two_episodes_is_never_skipped(source: Path, tmp_path: Path) -> None:
    other = make_unit(tmp_path / "unit", 19, 90, more_provenance={"episode_uuid": "uuid-2"})
    assemble([other], tmp_path / "other")
    with pytest.raises(DatasetError, match="uuid-2 and are not the same"):
        merge_datasets([source, tmp_path / "other"], tmp_path / "merged", skip_duplicates=True)


def test_datasets_of_different_kinds_stay_two(source: Path, tmp_path: Path) -> None:
    assemble([make_unit(tmp_path / "unit", 20, 91, size=(96, 64))], tmp_path / "other")
    with pytest.raises(DatasetError) as error:
        merge_datasets([source, tmp_path / "other"], tmp_path / "merged")
    assert "observation.images.scene.shape is [64, 64, 3] and [64, 96, 3]" in str(error.value)
    assert "observation.state" not in str(error.value)
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"a": [0, 1, 2], "b": [2, 3, 4, 5]}, "episode 2 is in part a and in part b"),
        ({"a": [0, 1], "b": [2]}, "3 episodes are in no part, the first is 3"),
        ({"a": [0, 1, 2, 3, 4, 5], "b": []}, "part b holds no episode"),
        ({"../a": [0, 1, 2, 3, 4, 5]}, "part '../a'"),
        ({"a": [0, 6]}, "there is no episode 6; it has 6"),
    ],
)
def test_parts_that_are_no_partition(parts: dict[str, list[int]], said: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=said):
        split_dataset(source, tmp_path / "parts", parts)
    assert list(tmp_path.iterdir()) == []


def test_targets_that_cannot_be(source: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").touch()
    with pytest.raises(DatasetError, match="not an empty folder"):
        filter_dataset(source, taken, [0])
    with pytest.raises(DatasetError, match="inside of the dataset"):
        filter_dataset(source, source / "below", [0])
    with pytest.raises(DatasetError, match="no episode is left"):
        delete_episodes(source, tmp_path / "out", range(len(LENGTHS)))
    with pytest.raises(DatasetError, match="nothing to delete"):
        delete_episodes(source, tmp_path / "out", [])
    with pytest.raises(DatasetError, match="two or more"):
        merge_datasets([source], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_in_place_leaves_only_the_result(source: Path, tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(source, tmp_path / "dataset"))
    filter_dataset(source, tmp_path / "expected", [0, 5])
    summary = filter_dataset(dataset, None, [0, 5])
    assert summary.path == str(dataset)
    assert content(dataset) == content(tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "expected"]


def test_a_second_editor_of_one_target_is_told(source: Path, tmp_path: Path) -> None:
    from io_managers.durable import staged

    with staged(tmp_path / "out"), pytest.raises(StoreBusyError, match="another process"):
        filter_dataset(source, tmp_path / "out", [0])
    filter_dataset(source, tmp_path / "out", [0])


def test_a_source_that_changes_meanwhile_gives_no_result(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Path(shutil.copytree(source, tmp_path / "dataset"))

    def assemble_and_disturb(*arguments: Any, **options: Any) -> DatasetSummary:
        made = assemble(*arguments, **options)
        os.utime(dataset / "meta" / "info.json", (1, 1))
        return made

    monkeypatch.setattr("blueprint_assets.dataset.edit.assemble", assemble_and_disturb)
    with pytest.raises(DatasetError, match=r"info.json: changed while it was read"):
        filter_dataset(dataset, tmp_path / "out", [0])
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_exchange_says_when_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(DatasetError, match="--out"):
        exchange(tmp_path / "one", tmp_path / "nothing")


EDITOR = """
import os, signal, sys
from pathlib import Path
import av, pandas, pandera.pandas, pyarrow.parquet
from blueprint_assets.dataset.edit import filter_dataset

# What the first use of pandera imports, imported once for all children.
pandera.pandas.DataFrameSchema({"a": pandera.pandas.Column(int)}).validate(pandas.DataFrame({"a": [1]}))
WRITES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "ctypes.dlsym", "shutil.rmtree"}

def edit(dataset, last):
    steps = 0
    def step(event, arguments):
        nonlocal steps
        if event in WRITES:
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(step)
    filter_dataset(dataset, None, [1, 2])
    print(steps, flush=True)

for dataset in sys.argv[1:]:
    child = os.fork()
    if not child:
        edit(Path(dataset), int(Path(dataset).parent.name))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def edit_and_die(datasets: list[Path]) -> list[int]:
    """Edits each dataset in place, in a process that is killed at the step that the folder around it is called; step 0
    never comes. Returns the exit codes; of a process that ended by itself, the number of its steps and the code."""
    command = [sys.executable, "-c", EDITOR, *map(str, datasets)]
    return [int(line) for line in subprocess.run(command, check=True, capture_output=True).stdout.split()]


def test_in_place_survives_a_kill_at_any_moment(source: Path, tmp_path: Path) -> None:
    """The dataset is the old one or the new one, whole, whenever the process dies; the next edit clears the rest away."""
    steps, code = edit_and_die([Path(shutil.copytree(source, tmp_path / "0" / "dataset"))])
    assert code == 0
    whole = {"old": content(source), "new": content(tmp_path / "0" / "dataset")}
    points = sorted({*np.linspace(1, steps - 5, 4, dtype=int).tolist(), *range(steps - 3, steps + 1)})
    datasets = [Path(shutil.copytree(source, tmp_path / str(point) / "dataset")) for point in points]
    assert edit_and_die(datasets) == [-signal.SIGKILL] * len(points)
    seen = [name for dataset in datasets for name, files in whole.items() if content(dataset) == files]
    assert len(seen) == len(points)
    assert set(seen) == {"old", "new"}
    assert seen == sorted(seen, reverse=True)  # there is one moment at which the new one is there
    for dataset in (datasets[0], datasets[len(points) // 2], datasets[-1]):
        filter_dataset(dataset, None, [0])
        assert [path.name for path in dataset.parent.iterdir()] == ["dataset"]
