"""SIGKILL while episodes are encoded and a dataset is assembled: what was finished stays readable, is not made again and is not
there twice; a dataset is there whole or not at all; and who comes next makes the same bytes as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from blueprint_assets.dataset import (
    encoding,
    episodes,
    lerobot,
    parquet_files,
    sidecar_tables,
    tables,
    unit,
    video,
    workers,
)
from blueprint_assets.dataset.encoding import REJECTED, UNITS
from blueprint_assets.dataset.episodes import import_episodes
from blueprint_assets.dataset.lerobot import DatasetError, assemble
from blueprint_assets.dataset.unit import Unit, UnitError, UnitWriter, read_unit
from fixtures.kill_points import ended, finish, killed_after, killed_before, lines_of, memory_folder, spread, tree
from fixtures.synthetic_episodes import SquareRenderer, finished_job, make_unit, recorded_episode, recordings_folder
from io_managers import durable, keep
from io_managers.errors import StoreBusyError
from io_managers.keep import kept_work
from resources.observability import Progress

IMPORTING = (episodes, encoding, unit, video, workers, keep, durable)
ASSEMBLING = (lerobot, tables, parquet_files, sidecar_tables, video, durable)
EPISODES = 3
POINTS = 48


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with memory_folder(tmp_path_factory.mktemp("base")) as folder:
        yield folder


@pytest.fixture(scope="module", autouse=True)
def _plain_page() -> Iterator[None]:
    """The picture page takes nine tenths of so short an import's time, and every run draws it anew from the units."""

    def write(units: Sequence[Unit], out: Path, **_: object) -> None:
        out.write_text("\n".join(unit.document.episode_uuid for unit in units))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episodes, "write_picture_page", write)
        yield


@pytest.fixture(scope="module")
def job(base: Path) -> Path:
    """A finished job of three recordings."""
    folder = recordings_folder(base / "job")
    entries = [recorded_episode(folder, number, frames=4) for number in range(EPISODES)]
    return finished_job(base / "job", entries)


class InterruptedImportError(Exception):
    pass


def run(
    job: Path,
    place: Path,
    told: Callable[[Progress], None] = lambda step: None,
    workers: int = 0,
    fault: str = "",
    interrupted: bool = False,
) -> dict[str, bytes]:
    """An import as an asset makes it: into an empty staging folder, with kept work beside it. `interrupted`: at its end."""
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "out").mkdir(parents=True)
    with suppress(InterruptedImportError), kept_work(place, "squares.episodes", "fingerprint") as kept:
        import_episodes(job, place / "out", SquareRenderer(fault), told, workers=workers, kept=kept)
        if interrupted:
            raise InterruptedImportError
    return tree(place / "out")


@pytest.fixture(scope="module")
def undisturbed(job: Path, base: Path) -> dict[str, bytes]:
    return run(job, base / "undisturbed")


def kept_folder(place: Path) -> Path:
    return place / keep.KEPT / "squares.episodes.fingerprint"


def finished_units(place: Path) -> dict[str, int]:
    """Every unit that is kept, read and verified, and the inode of its document."""
    folders = sorted((kept_folder(place) / UNITS).glob("*"))
    for folder in folders:
        read_unit(folder)
    return {folder.name: (folder / "unit.json").stat().st_ino for folder in folders}


def assert_gone_on_with(
    job: Path, place: Path, undisturbed: dict[str, bytes], before: dict[str, int], workers: int = 0
) -> None:
    """What was finished is taken over and not made again; the result is that of an undisturbed run; nothing is left over."""
    told: list[Progress] = []
    assert run(job, place, told.append, workers=workers) == undisturbed
    units = place / "out" / "episodes" / "geniesim_job-1" / UNITS
    after = {folder.name: (folder / "unit.json").stat().st_ino for folder in units.iterdir()}
    assert {name: after[name] for name in before} == before
    assert (told[0].done, len(told)) == (len(before), EPISODES - len(before) + 1)
    assert ("taken over from an interrupted run" in told[0].message) == bool(before)
    assert list((place / keep.KEPT).iterdir()) == []


def test_importing_killed_at_many_points(job: Path, base: Path, undisturbed: dict[str, bytes]) -> None:
    count = lines_of(IMPORTING, lambda: run(job, base / "counted"))
    assert lines_of(IMPORTING, lambda: run(job, base / "again")) == count
    seen: set[int] = set()
    for line in spread(count, POINTS):
        place = base / f"import{line}"
        reading, writing = os.pipe()

        def tell(step: Progress, writing: int = writing) -> None:
            os.write(writing, b"%d" % step.done)

        killed_before(line, IMPORTING, lambda place=place, tell=tell: run(job, place, tell))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            done = int(pipe.read()[-1:] or b"0")
        before = finished_units(place)
        # The last lines are after the end of the work, when nothing needs to be kept any more.
        ended_well = (place / "out" / "episodes" / "geniesim_job-1" / "import_manifest.json").is_file()
        assert len(before) in ((0, EPISODES) if ended_well else (done, done + 1)), "nothing that was finished is lost"
        seen.add(len(before))
        assert_gone_on_with(job, place, undisturbed, before)
        shutil.rmtree(place)
    assert seen == set(range(EPISODES + 1)), "the points lie in every episode"


def test_importing_killed_twice(job: Path, base: Path, undisturbed: dict[str, bytes]) -> None:
    count = lines_of(IMPORTING, lambda: run(job, base / "twice-counted"))
    for first, second in ((count // 2, count // 4), (count // 3, count // 2), (3 * count // 4, 20)):
        place = base / f"twice{first}"
        killed_before(first, IMPORTING, lambda place=place: run(job, place))
        finished = set(finished_units(place))
        killed_before(second, IMPORTING, lambda place=place: run(job, place))
        before = finished_units(place)
        assert finished <= set(before)
        assert_gone_on_with(job, place, undisturbed, before)


def test_importing_killed_at_any_instant(job: Path, base: Path, undisturbed: dict[str, bytes]) -> None:
    """Inside the encoder and the writing of files too: the kernel's timer ends the process."""
    began = time.process_time()
    run(job, base / "measured")
    duration = time.process_time() - began
    kills = 0
    for shot in range(10):
        place = base / f"instant{shot}"
        kills += killed_after(duration * (shot + 0.5) / 10, lambda place=place: run(job, place))
        assert_gone_on_with(job, place, undisturbed, finished_units(place))
    assert kills >= 3


@pytest.mark.parametrize("also_workers", [True, False])
def test_killed_with_its_workers_or_without_them(
    job: Path, tmp_path: Path, undisturbed: dict[str, bytes], also_workers: bool
) -> None:
    """Real worker processes. Those whose owner is killed alone end their episode while the next run is at work already."""

    def victim() -> None:
        os.setsid()

        def tell(step: Progress) -> None:
            if step.done == 1:
                os.killpg(0, signal.SIGKILL) if also_workers else os.kill(os.getpid(), signal.SIGKILL)

        run(job, tmp_path, tell, workers=2)

    child = os.fork()
    if child == 0:
        finish(victim)
    assert ended(child) == -signal.SIGKILL
    before = finished_units(tmp_path)
    assert before
    run(job, tmp_path, workers=2, interrupted=True)
    after = finished_units(tmp_path)
    assert len(after) == EPISODES
    assert {name: after[name] for name in before} == before
    assert_gone_on_with(job, tmp_path, undisturbed, after)


@pytest.mark.parametrize("damage", ["truncated", "missing", "another recording"])
def test_a_damaged_unit_is_thrown_away_and_made_again(
    job: Path, tmp_path: Path, undisturbed: dict[str, bytes], damage: str
) -> None:
    run(job, tmp_path, interrupted=True)
    units = sorted((kept_folder(tmp_path) / UNITS).iterdir())
    if damage == "truncated":
        video_file = units[1] / "scene.mp4"
        os.truncate(video_file, video_file.stat().st_size // 2)
    elif damage == "missing":
        (units[1] / "frames.parquet").unlink()
    else:
        shutil.rmtree(units[1])
        make_unit(units[1], frames=4, seed=1)
    told: list[Progress] = []
    assert run(job, tmp_path, told.append) == undisturbed
    assert told[0].done == EPISODES - 1


def test_a_rejected_episode_is_not_rendered_again(job: Path, tmp_path: Path) -> None:
    first = run(job, tmp_path, fault="short", interrupted=True)
    reasons = [path.read_text() for path in sorted((kept_folder(tmp_path) / REJECTED).rglob("*.txt"))]
    assert len(reasons) == EPISODES
    assert all(reason.endswith("gave 3 frames but there are 4 rows") for reason in reasons)
    assert str(tmp_path) not in "".join(reasons)
    assert run(job, tmp_path, fault="error") == first  # whose renderer would raise


@pytest.fixture(scope="module")
def dataset(base: Path) -> Callable[[Path], dict[str, bytes]]:
    units = [make_unit(base / "units" / f"{seed}", frames=4 + seed, seed=seed) for seed in range(3)]
    return lambda place: assemble(units, place / "dataset") and tree(place / "dataset")


def test_assembling_killed_at_many_points(base: Path, dataset: Callable[[Path], dict[str, bytes]]) -> None:
    whole = dataset(base / "whole")
    count = lines_of(ASSEMBLING, lambda: dataset(base / "lines"))
    assert lines_of(ASSEMBLING, lambda: dataset(base / "lines2")) == count
    # The last lines are those around the rename.
    for line in sorted({*spread(count, POINTS), *range(count - 12, count + 1)}):
        place = base / f"assemble{line}"
        killed_before(line, ASSEMBLING, lambda place=place: dataset(place))
        if (place / "dataset").exists():
            assert tree(place / "dataset") == whole, "whole or not at all"
            shutil.rmtree(place / "dataset")
        assert dataset(place) == whole
        assert [path.name for path in place.iterdir()] == ["dataset"], "what the killed one left is gone"
        shutil.rmtree(place)


def test_assembling_killed_at_any_instant(base: Path, dataset: Callable[[Path], dict[str, bytes]]) -> None:
    whole = dataset(base / "whole-too")
    began = time.process_time()
    dataset(base / "measured-too")
    duration = time.process_time() - began
    for shot in range(10):
        place = base / f"assembled{shot}"
        killed_after(duration * (shot + 0.5) / 10, lambda place=place: dataset(place))
        if (place / "dataset").exists():
            assert tree(place / "dataset") == whole
        else:
            assert dataset(place) == whole


def test_two_assemble_the_same_dataset_at_once(base: Path, dataset: Callable[[Path], dict[str, bytes]]) -> None:
    """The second is refused at once, or comes so late that the dataset is there; it is never a mixture."""
    whole = dataset(base / "whole-three")
    place = base / "both"
    held, go = os.pipe(), os.pipe()

    def slow() -> None:
        with pytest.MonkeyPatch.context() as patch:
            publish = durable.publish

            def publish_late(staging: Path, target: Path) -> None:
                os.write(held[1], b"x")
                os.read(go[0], 1)
                publish(staging, target)

            patch.setattr(lerobot, "publish", publish_late)
            dataset(place)

    child = os.fork()
    if child == 0:
        finish(slow)
    os.read(held[0], 1)
    with pytest.raises(StoreBusyError, match=r"both/dataset: another process is making it; wait .*, or choose another"):
        dataset(place)
    os.write(go[1], b"x")
    assert ended(child) == 0
    assert tree(place / "dataset") == whole
    with pytest.raises(DatasetError, match="exists and is not an empty folder; choose another"):
        dataset(place)
    assert [path.name for path in place.iterdir()] == ["dataset"]


def test_two_write_the_same_unit_at_once(base: Path) -> None:
    folder = base / "contested"
    with UnitWriter(folder, fps=20), pytest.raises(StoreBusyError, match="contested: another process is making it"):
        make_unit(folder, frames=2)
    made = make_unit(folder, frames=2)
    with pytest.raises(UnitError, match="exists already; a unit is never overwritten"):
        make_unit(folder, frames=2)
    assert read_unit(folder).document == made.document


def test_units_stay_as_they_were(base: Path, dataset: Callable[[Path], dict[str, bytes]]) -> None:
    for folder in (base / "units").iterdir():
        read_unit(folder)
    with pytest.raises(UnitError):
        read_unit(base / "job")
