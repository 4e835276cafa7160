"""SIGKILL while a release or a retraction is written: what was there stays whole, and the next attempt ends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import PIL.ImageDraw
import pyarrow.parquet as pq
import pytest

from blueprint_assets.dataset import lerobot
from blueprint_assets.dataset.checksums import checksums, read_checksums
from blueprint_assets.release import catalogue, release, retraction
from blueprint_assets.release.catalogue import published, retractions
from blueprint_assets.release.release import make_release
from blueprint_assets.release.retraction import RetractionError, retract
from fixtures.committed_scenes import RULES, all_passed, commit_scene
from fixtures.kill_points import killed_before, lines_of, memory_folder, spread, tree
from io_managers import durable
from io_managers.store import SceneStore

POINTS = 20
MODULES = (release, retraction, catalogue, durable, lerobot)
LOADED = (av, np, pq, PIL.ImageDraw)
"""Before the first fork, so that no copy of this process has to import them."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with one release; read only. Its second release would hold the same scenes, by other code."""
    with memory_folder(tmp_path_factory.mktemp("original")) as folder:
        store = SceneStore(folder / "store")
        for name in ("a1", "a2", "a3", "a4", "a5"):
            commit_scene(store, name, 1)
        make_release(store, all_passed, RULES, "code")
        yield folder / "store"


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(tmp_path) as folder:
        yield folder


def release_again(root: Path) -> None:
    make_release(SceneStore(root), all_passed, RULES, "new code")


def retract_one(root: Path) -> None:
    retract(SceneStore(root), "a5", "private")


def killed(original: Path, work: Path, what: Callable[[Path], None]) -> Iterator[Path]:
    """Copies of the store in which a process was killed at a step of `what`, each at another one; at last the one in which
    nobody was."""
    whole = Path(shutil.copytree(original, work / "whole"))
    lines = lines_of(MODULES, lambda: what(whole))
    for line in spread(lines, POINTS):
        root = Path(shutil.copytree(original, work / str(line)))
        killed_before(line, MODULES, lambda root=root: what(root))  # type: ignore[misc]
        yield root
        shutil.rmtree(root)
    yield whole


def leftovers(root: Path) -> list[str]:
    staged = (root / ".staging").iterdir() if (root / ".staging").is_dir() else ()
    return [path.name for path in (*(root / "releases").glob(".making*"), *staged)]


def test_a_killed_release_leaves_the_old_one_whole_and_the_next_attempt_makes_it(original: Path, work: Path) -> None:
    old = tree(original / "releases" / "v1")
    made: set[bytes] = set()
    seen = set()
    for root in killed(original, work, release_again):
        found = published(root)
        seen.add(len(found))
        for item in found:
            assert read_checksums(item.folder) == checksums(item.folder), root.name
        assert tree(root / "releases" / "v1") == old
        release_again(root)
        made.add((root / "releases" / "v2" / "SHA256SUMS").read_bytes())
        assert read_checksums(root / "releases" / "v2") == checksums(root / "releases" / "v2")
        assert len(published(root)) == 2
        assert leftovers(root) == []
    assert seen == {1, 2}
    assert len(made) == 1, "whatever was killed before, the release is the same to the last byte"


def test_a_killed_retraction_is_made_or_not_and_can_be_made_again(original: Path, work: Path) -> None:
    seen = set()
    for root in killed(original, work, retract_one):
        made = bool(retractions(root))
        seen.add(made)
        if made:
            with pytest.raises(RetractionError, match="retracted already"):
                retract_one(root)
        else:
            retract_one(root)
        assert (root / "releases" / "v1.RETRACTED.md").is_file()
        assert tree(root / "releases" / "v1") == tree(original / "releases" / "v1")
        assert [len(item.retracted) for item in published(root)] == [1]
        assert leftovers(root) == []
    assert seen == {True, False}
