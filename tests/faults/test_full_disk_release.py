"""A disk that gets full while a release is written: it says so, leaves nothing, and the next attempt makes the release."""

from __future__ import annotations

import shutil
from pathlib import Path

from blueprint_assets.release.catalogue import published
from blueprint_assets.release.release import make_release
from fixtures.committed_scenes import RULES, all_passed, commit_scene
from fixtures.kill_points import tree
from fixtures.small_disk import leave_free, on_small_disk
from io_managers.errors import StoreFullError
from io_managers.store import SceneStore


def test_releasing_on_a_full_disk(tmp_path: Path) -> None:
    store = SceneStore(tmp_path / "store")
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 1)
    whole = tree(make_release(store, all_passed, RULES, "code").folder)
    shutil.rmtree(tmp_path / "store" / "releases")
    disk = tmp_path / "disk"

    def inside() -> None:
        shutil.copytree(tmp_path / "store", disk / "store")
        refused = 0
        for pages in range(2, 400, 16):
            leave_free(disk, pages)
            error = None
            try:
                made = make_release(SceneStore(disk / "store"), all_passed, RULES, "code")
            except StoreFullError as caught:
                error = str(caught)
            if error is None:
                assert tree(made.folder) == whole
                break
            refused += 1
            assert "no space left" in error
            assert published(disk / "store") == []
            assert [path.name for path in (disk / "store" / "releases").iterdir() if path.name != ".lock"] == []
            assert list((disk / "store" / ".staging").iterdir()) == []
        else:
            raise AssertionError("the disk was never large enough")
        assert refused >= 3

    on_small_disk(disk, inside)
