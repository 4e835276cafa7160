from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets.dataset.exports.export import ExportError, new_folder
from io_managers.errors import StoreBusyError


def stop_half_way(out: Path) -> None:
    with new_folder(out) as folder:
        (folder / "half").touch()
        raise RuntimeError("half way")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        stop_half_way(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "out") as folder:
        (folder / "whole").touch()
        assert not (tmp_path / "out").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["out", "out/whole"]
    with pytest.raises(ExportError, match="exists already"), new_folder(tmp_path / "out"):
        pass


def test_a_second_writer_leaves_the_first_ones_work_alone(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out") as folder:
        (folder / "mine").touch()
        with pytest.raises(StoreBusyError, match="another process is making it"), new_folder(tmp_path / "out"):
            pass
        assert (folder / "mine").is_file()
    assert (tmp_path / "out" / "mine").is_file()
