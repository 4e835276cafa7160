"""A disk that gets full at any moment of encoding and assembling (a real file system of its own, with so many pages free):
one typed error, nothing half-written under its name, and what was finished stays for the next run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from blueprint_assets.dataset import episodes
from blueprint_assets.dataset.encoding import UNITS
from blueprint_assets.dataset.episodes import import_episodes
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.unit import read_unit
from fixtures.kill_points import tree
from fixtures.small_disk import leave_free, on_small_disk
from fixtures.synthetic_episodes import SquareRenderer, finished_job, make_unit, recorded_episode, recordings_folder
from io_managers.errors import StoreFullError
from io_managers.store import SceneStore
from resources.observability import Progress

EPISODES = 3


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(episodes, "write_picture_page", lambda units, out, **_: out.write_text(str(len(units))))
    folder = recordings_folder(tmp_path / "job")
    return finished_job(tmp_path / "job", [recorded_episode(folder, number, frames=4) for number in range(EPISODES)])


def run(
    job: Path, root: Path, workers: int = 0, told: Callable[[Progress], None] = lambda step: None
) -> dict[str, bytes]:
    """An import as an asset makes it."""
    store = SceneStore(root)
    with store.kept("squares", "episodes", "f") as kept, store.staging() as out:
        import_episodes(job, out, SquareRenderer(), told, workers=workers, kept=kept)
        return tree(out)


@pytest.mark.parametrize(("workers", "free"), [(0, tuple(range(3, 200, 2))), (2, (6, 40, 900))])
def test_importing_on_a_full_disk(job: Path, tmp_path: Path, workers: int, free: tuple[int, ...]) -> None:
    undisturbed = run(job, tmp_path / "undisturbed")
    disk = tmp_path / "disk"

    def inside() -> None:
        seen = set()
        for pages in free:
            root = disk / f"root{pages}"
            root.mkdir()
            leave_free(disk, pages)
            error = None
            try:
                assert run(job, root, workers) == undisturbed
            except StoreFullError as caught:
                error = str(caught)
            if error is None:
                break
            assert "no space left" in error
            assert "free space" in error
            finished = sorted((root / ".staging/kept/squares.episodes.f" / UNITS).glob("*"))
            for folder in finished:
                read_unit(folder)
            seen.add(len(finished))
            assert {path.name for path in (root / ".staging").iterdir()} <= {"kept"}, "no staging area is left"
            (disk / "ballast").unlink()
            told: list[Progress] = []
            assert run(job, root, 0, told.append) == undisturbed
            assert told[0].done == len(finished), "what was finished is taken over"
            shutil.rmtree(root)
        else:
            raise AssertionError("the disk was never large enough")
        assert len(seen) >= (1 if workers else 2), "it got full in more than one episode"

    on_small_disk(disk, inside)


def test_assembling_on_a_full_disk(tmp_path: Path) -> None:
    units = [make_unit(tmp_path / "units" / f"{seed}", frames=6, seed=seed) for seed in range(3)]
    assemble(units, tmp_path / "whole")
    whole = tree(tmp_path / "whole")
    disk = tmp_path / "disk"

    def inside() -> None:
        refused = 0
        for pages in range(1, 500):
            leave_free(disk, pages)
            error = None
            try:
                assemble(units, disk / "out/dataset")
            except StoreFullError as caught:
                error = str(caught)
            if error is None:
                break
            assert "o space left" in error
            refused += 1
            assert [path.name for path in (disk / "out").glob("*")] == []
        assert tree(disk / "out/dataset") == whole
        assert refused >= 10

    on_small_disk(disk, inside)
    for folder in (tmp_path / "units").iterdir():
        read_unit(folder)
