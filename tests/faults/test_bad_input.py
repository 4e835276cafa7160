"""Whatever is wrong with the input: one clear error that names the file and the remedy, exit code not 0, an untouched store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.cli import main

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
MASK = PHOTO.with_name("shelf_mask.png")


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Runs the command line, asserts that it refuses with one line, and returns the line."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code not in (0, None)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("blueprint: error: ")
    return lines[0]


@pytest.mark.parametrize(("kind", "said"), [("folder", "is a folder"), ("missing", "no such file")])
def test_a_picture_that_is_not_there(kind: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"{kind}.png"
    if kind == "folder":
        path.mkdir()
    root = tmp_path / "root"
    line = refused(["run", str(path), "--root", str(root)], capsys)
    assert path.name in line
    assert said in line.lower()
    assert not root.exists()


def test_a_mask_of_another_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = tmp_path / "small_mask.png"
    Image.new("L", (64, 64), 1).save(mask)
    root = tmp_path / "root"
    line = refused(["run", str(PHOTO), "--mask", str(mask), "--root", str(root)], capsys)
    assert "small_mask.png" in line
    assert "64x64" in line
    assert "1024x1024" in line
    assert not root.exists()


def test_a_mask_whose_ids_were_changed_by_compression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = tmp_path / "mask.jpg"
    Image.open(MASK).convert("L").save(mask)
    line = refused(["run", str(PHOTO), "--mask", str(mask), "--root", str(tmp_path / "root")], capsys)
    assert "mask.jpg: a mask in JPEG" in line
    assert "save it as PNG" in line


@pytest.mark.parametrize("scene_id", ["a/b", "../up", "Über"])
def test_a_scene_id_that_is_no_name(scene_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(["run", str(PHOTO), "--scene-id", scene_id, "--root", str(tmp_path / "root")], capsys)
    assert repr(scene_id) in line
    assert not (tmp_path / "root").exists()


def test_a_root_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "file"
    root.write_text("mine")
    line = refused(["run", str(PHOTO), "--root", str(root)], capsys)
    assert "is a file" in line
    assert root.read_text() == "mine"


def test_a_busy_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(["ui", "--root", str(tmp_path / "root"), "--port", str(port)], capsys)
    assert f"--port {port}" in line
    assert "choose another port" in line


def textured_wall(path: Path) -> Path:
    """Noise from edge to edge: a picture without a plane and without a thing on it."""
    noise = np.random.default_rng(7).integers(0, 255, (240, 320, 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def bare_table(path: Path) -> Path:
    """A table top with nothing on it, under soft light."""
    rows, columns = np.mgrid[0:240, 0:320]
    shade = 150 + 40 * rows / 240 + 10 * columns / 320
    grain = np.random.default_rng(3).normal(0, 1.5, (240, 320))
    picture = np.stack([shade + grain, 0.9 * shade + grain, 0.75 * shade + grain], axis=-1)
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(("make", "said"), [(textured_wall, "no "), (bare_table, "no object")])
def test_a_picture_without_a_scene(make: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = make(tmp_path / "picture.png")  # type: ignore[operator]
    root = tmp_path / "root"
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(photo), "--root", str(root), "--episodes", "0"])
    assert stopped.value.code == 1
    out = capsys.readouterr().out
    assert "ReconstructionError" in out
    assert said in out
    assert "--mask" in out
    assert not (root / "scenes" / "picture" / "stage1").exists()
    assert not (root / "scenes" / "picture" / ".commits" / "reconstruction.json").exists()
