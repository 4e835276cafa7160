from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueprint_assets.contracts.encoded_episode import Sidecar
from blueprint_assets.dataset.sketch import VectorSketch
from blueprint_assets.dataset.stats import ImageHistogram
from blueprint_assets.dataset.unit import Description, UnitError, UnitWriter, read_unit, write_unit
from blueprint_assets.dataset.video import VideoError, decode
from fixtures.synthetic_episodes import arm, images, make_unit


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(folder: Path, **changes: Any) -> None:
    state, action = arm(12, 0)
    provenance = changes.pop("provenance", {"episode_uuid": "a"})
    names = changes.pop("joint_names", tuple("abcdefgh"))
    arguments: dict[str, Any] = {"frames": {"scene": images(state, 0)}, "state": state, "action": action, "fps": 20}
    write_unit(folder, Description("Pick.", True, "panda", names, provenance), **(arguments | changes))


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
    np.testing.assert_array_equal(unit.histogram("observation.images.wrist").counts, counted.counts)
    assert unit.histogram("observation.images.wrist").frames == 15
    assert len(list(decode(unit.segment("observation.images.scene")))) == 15
    assert list(unit.document.streams) == ["observation.images.scene", "observation.images.wrist"]
    assert unit.statistics()[1]["action"].to_json() == VectorSketch.of(action).to_json()
    assert unit.document.provenance["seed"] == 3
    assert type(unit.document.provenance["quality_score"]) is float


def test_the_same_episode_gives_the_same_bytes(tmp_path: Path) -> None:
    make_unit(tmp_path / "a", seed=5)
    make_unit(tmp_path / "b", seed=5)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    make_unit(tmp_path / "c", seed=6)
    assert contents(tmp_path / "a")["scene.mp4"] != contents(tmp_path / "c")["scene.mp4"]


@pytest.mark.parametrize("name", ["scene.mp4", "wrist.mp4", "frames.parquet", "statistics.json", "unit.json"])
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
        ({"state": STATE[:-1]}, "and action"),
        ({"joint_names": ("a", "b")}, "8 joints, but 2 are named"),
        ({"state": STATE[:0], "action": ACTION[:0]}, "frames > 0"),
        ({"state": STATE * np.float32("nan")}, "observation.state of frame 0 holds a value not finite"),
        ({"action": ACTION * np.float32("inf")}, "action of frame 0 holds a value not finite"),
        ({"frames": {}}, "no camera"),
        ({"frames": {"scene": images(STATE[:-1], 0)}}, "11 frames but there are 12 rows"),
        ({"frames": {"scene": images(np.vstack([STATE, STATE[:1]]), 0)}}, "more frames than there are rows"),
        ({"frames": {"scene": iter(())}}, "0 frames but there are 12 rows"),
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

    def shrinking() -> Iterator[np.ndarray]:
        for index, image in enumerate(images(STATE, 0)):
            yield image if index < 7 else image[:32]

    with pytest.raises(OSError, match="no more pictures"):
        write(tmp_path / "u", frames={"scene": breaking()})
    with pytest.raises(VideoError, match="frame 7 is uint8"):
        write(tmp_path / "u", frames={"scene": shrinking()})
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_killed_writer_are_replaced(tmp_path: Path) -> None:
    write(tmp_path / "clean")
    (tmp_path / ".u.partial").mkdir()
    (tmp_path / ".u.partial" / "wrist.mp4").write_bytes(b"torn")
    write(tmp_path / "u")
    assert contents(tmp_path / "u") == contents(tmp_path / "clean")
    assert not (tmp_path / ".u.partial").exists()


def test_frames_are_taken_as_they_come_and_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    drawn = list(images(STATE, 0))
    with UnitWriter(tmp_path / "u", fps=20) as writer:
        for image, state, action in zip(drawn, STATE, ACTION, strict=True):
            writer.add({"scene": image}, state, action)
            assert not (tmp_path / "u").exists()
        note = writer.sidecar("scene_ids.npz", Sidecar(sha256="0" * 64, kind="segmentation", camera="scene"))
        note.write_bytes(b"ids")
        made = writer.finish(Description("Pick.", True, "panda", tuple("abcdefgh"), {"episode_uuid": "a"}))
    assert read_unit(tmp_path / "u").document == made.document
    assert made.sidecar("scene_ids.npz").read_bytes() == b"ids"
    write(tmp_path / "v")
    assert (tmp_path / "u" / "scene.mp4").read_bytes() == (tmp_path / "v" / "scene.mp4").read_bytes()
    (tmp_path / "u" / "scene_ids.npz").write_bytes(b"idz")
    with pytest.raises(UnitError, match=r"scene_ids\.npz"):
        read_unit(tmp_path / "u")


def test_a_writer_that_is_left_early_leaves_nothing(tmp_path: Path) -> None:
    with UnitWriter(tmp_path / "u", fps=20) as writer:
        writer.add({"scene": next(images(STATE, 0))}, STATE[0], ACTION[0])
        with pytest.raises(UnitError, match="frame 1 has the cameras wrist; frame 0 had scene"):
            writer.add({"wrist": next(images(STATE, 0))}, STATE[1], ACTION[1])
    assert not list(tmp_path.iterdir())
