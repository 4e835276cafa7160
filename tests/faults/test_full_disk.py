"""A real full disk (a small tmpfs): one clear error, and the store as it was."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprint_assets.cli import main
from io_managers.store import SceneStore

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
MASK = PHOTO.with_name("shelf_mask.png")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=7m", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        # The store's own tests inject ENOSPC at every step and need no mount.
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


def test_a_full_disk_is_one_error_and_keeps_what_was_committed(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = small_disk / "store"
    arguments = ["run", str(PHOTO), "--mask", str(MASK), "--root", str(root), "--episodes", "0"]
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    said = capsys.readouterr()
    assert stopped.value.code not in (0, None)
    assert "space" in said.out + said.err
    store = SceneStore(root)
    assert store.verify("shelf") == []
    assert "scene_usd" not in store.assets("shelf")
