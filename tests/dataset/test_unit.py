from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueprint_assets.dataset.stats import ImageHistogram
from blueprint_assets.dataset.unit import UnitError, read_unit, write_unit
from blueprint_assets.dataset.video import VideoError, decode
from fixtures.synthetic_episodes import arm, images, make_unit


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(folder: Path, **changes: Any) -> None:
    state, action = arm(12, 0)
    arguments: dict[str, Any] = {
        "frames": {"scene": images(state, 0)},
        "state": state,
        "action": action,
        "task": "Pick.",
        "fps": 20,
        "success": True,
        "provenance": {"episode_uuid": "a"},
    }
    write_unit(folder, **(arguments | changes))


def test_a_unit_gives_back_what_was_put_in(tmp_path: Path) -> None:
    make_unit(tmp_path / "u", frames=15, seed=3)
    unit = read_unit(tmp_path / "u")
    state, action = arm(15, 3)
    for stored, given in zip(unit.arrays(), (state, action), strict=True):
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, given)
    counted = ImageHistogram()
    for image in images(state, 4):
        counted.add(image)
    np.testing.assert_array_equal(unit.histogram("wrist").counts, counted.counts)
    assert unit.histogram("wrist").frames == 15
    assert len(list(decode(unit.video("scene")))) == 15
    assert list(unit.document.cameras) == ["scene", "wrist"]
    assert unit.document.provenance["seed"] == 3
    assert type(unit.document.provenance["quality_score"]) is float


def test_the_same_episode_gives_the_same_bytes(tmp_path: Path) -> None:
    make_unit(tmp_path / "a", seed=5)
    make_unit(tmp_path / "b", seed=5)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    make_unit(tmp_path / "c", seed=6)
    assert contents(tmp_path / "a")["scene.mp4"] != contents(tmp_path / "c")["scene.mp4"]


@pytest.mark.parametrize("name", ["scene.mp4", "wrist.mp4", "frames.parquet", "stats.json", "unit.json"])
def test_a_changed_or_missing_file_is_found(tmp_path: Path, name: str) -> None:
    make_unit(tmp_path / "u")
    path = tmp_path / "u" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(data)
    with pytest.raises(UnitError, match="u"):
        read_unit(tmp_path / "u")
    path.unlink()
    with pytest.raises(UnitError, match=r"missing|no such file"):
        read_unit(tmp_path / "u")


def test_a_unit_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "u")
    before = contents(tmp_path / "u")
    with pytest.raises(UnitError, match="exists already"):
        write(tmp_path / "u")
    assert contents(tmp_path / "u") == before


STATE, ACTION = arm(12, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": STATE[:-1]}, "but action"),
        ({"state": STATE[:0], "action": ACTION[:0]}, "frames > 0"),
        ({"state": STATE * np.float32("nan")}, "state holds values that are not finite"),
        ({"action": ACTION * np.float32("inf")}, "action holds values that are not finite"),
        ({"frames": {}}, "no camera"),
        ({"frames": {"scene": images(STATE[:-1], 0)}}, "11 frames but there are 12 rows"),
        ({"frames": {"../scene": images(STATE, 0)}}, "not a word"),
        ({"provenance": {}}, "lacks episode_uuid"),
    ],
)
def test_bad_episodes_are_refused_and_leave_nothing(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnitError, match=message):
        write(tmp_path / "u", **changes)
    assert not list(tmp_path.iterdir())


def test_a_renderer_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield from list(images(STATE, 0))[:5]
        raise OSError("no more pictures")

    with pytest.raises(OSError, match="no more pictures"):
        write(tmp_path / "u", frames={"scene": breaking()})
    with pytest.raises(VideoError, match="no frame"):
        write(tmp_path / "u", frames={"scene": iter(())})
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_killed_writer_are_replaced(tmp_path: Path) -> None:
    write(tmp_path / "clean")
    (tmp_path / ".u.partial").mkdir()
    (tmp_path / ".u.partial" / "wrist.mp4").write_bytes(b"torn")
    write(tmp_path / "u")
    assert contents(tmp_path / "u") == contents(tmp_path / "clean")
    assert not (tmp_path / ".u.partial").exists()
