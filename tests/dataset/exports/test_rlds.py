from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.dataset.exports import rlds
from blueprint_assets.dataset.exports.export import ExportError
from blueprint_assets.dataset.exports.rlds import export_rlds, observation_names
from blueprint_assets.dataset.exports.tfrecord import _example_class
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.mp4 import VideoError
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from blueprint_assets.dataset.video import decode
from fixtures.synthetic_episodes import make_unit
from fixtures.synthetic_modalities import make_rich_unit

TASKS = ("Pick up the red square.", "Lege das Quadrat ab: „ja“.")
BY_TFDS = json.loads((Path(__file__).parent / "features_by_tfds.json").read_text())
"""What TensorFlow Datasets 4.9.10 makes of the same features, declared in its own classes."""


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    root = tmp_path_factory.mktemp("units")
    return [make_unit(root / f"u{i}", frames=12 + i, seed=i, task=TASKS[i % 2]) for i in range(3)]


def examples(path: Path) -> list[dict[str, Any]]:
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        message = _example_class().FromString(data[12 : 12 + length])
        found.append(
            {name: list(getattr(f, f.WhichOneof("kind")).value) for name, f in message.features.feature.items()}
        )
        data = data[16 + length :]
    return found


def test_every_step_is_there(units: Sequence[Unit], tmp_path: Path) -> None:
    summary = export_rlds({"train": units[:2], "val": units[2:]}, tmp_path / "out", name="squares", image_format="png")
    folder = tmp_path / "out" / "squares" / "1.0.0"
    assert (summary.path, summary.episodes, summary.frames, summary.left_out) == (folder, 3, 12 + 13 + 14, ())
    found = examples(folder / "squares-train.tfrecord-00000-of-00001")
    found += examples(folder / "squares-val.tfrecord-00000-of-00001")
    for unit, example in zip(units, found, strict=True):
        state, action = unit.arrays()
        frames = unit.document.frames
        assert np.array_equal(np.float32(example["steps/observation/state"]).reshape(-1, 8), state)
        assert np.array_equal(np.float32(example["steps/action"]).reshape(-1, 8), action)
        last = [0] * (frames - 1) + [1]
        assert example["steps/is_first"] == last[::-1]
        assert example["steps/is_last"] == example["steps/is_terminal"] == example["steps/reward"] == last
        assert example["steps/discount"] == [1.0] * frames
        assert example["steps/language_instruction"] == [unit.document.task.encode()] * frames
        for camera, name in (("scene", "image"), ("wrist", "wrist_image")):
            pictures = [np.asarray(Image.open(io.BytesIO(p))) for p in example[f"steps/observation/{name}"]]
            decoded = list(decode(unit.segment(f"observation.images.{camera}")))
            assert np.array_equal(pictures, decoded)
        assert json.loads(example["episode_metadata/document"][0]) == unit.document.model_dump(mode="json")
        assert example["episode_metadata/episode_uuid"] == [unit.document.episode_uuid.encode()]
        assert example["episode_metadata/fps"] == [20]


def test_the_features_are_declared_as_tensorflow_datasets_does(units: Sequence[Unit], tmp_path: Path) -> None:
    folder = export_rlds({"train": units}, tmp_path / "out", name="squares", image_format="png").path
    assert json.loads((folder / "features.json").read_text()) == BY_TFDS
    declared: dict[str, Any] = {}

    def flatten(node: dict[str, Any], path: str) -> None:
        if "sequence" in node:
            flatten(node["sequence"]["feature"], path)
        elif "featuresDict" in node:
            for name, child in node["featuresDict"]["features"].items():
                flatten(child, f"{path}/{name}" if path else name)
        else:
            declared[path] = node

    flatten(BY_TFDS, "")
    assert set(examples(next(folder.glob("*tfrecord*")))[0]) == set(declared)


def test_jpeg_is_close_and_smaller_on_what_was_filmed(tmp_path: Path) -> None:
    unit = make_unit(tmp_path / "u", frames=4, size=(128, 96))
    folder = export_rlds({"train": [unit]}, tmp_path / "out", name="squares").path
    picture = examples(next(folder.glob("*tfrecord*")))[0]["steps/observation/image"][0]
    image = Image.open(io.BytesIO(picture))
    assert image.format == "JPEG"
    difference = np.asarray(image, float) - next(iter(decode(unit.segment("observation.images.scene"))))
    assert 10 * np.log10(255**2 / (difference**2).mean()) > 30
    image_feature = json.loads((folder / "features.json").read_text())["featuresDict"]["features"]["steps"]["sequence"]
    image_feature = image_feature["feature"]["featuresDict"]["features"]["observation"]["featuresDict"]["features"][
        "image"
    ]
    assert image_feature["image"]["encodingFormat"] == "jpeg"
    assert image_feature["image"]["shape"]["dimensions"] == ["96", "128", "3"]


def test_files_are_begun_at_the_limit_and_counted(units: Sequence[Unit], tmp_path: Path) -> None:
    folder = export_rlds({"train": units}, tmp_path / "out", name="squares", version="2.0.1", shard_megabytes=0).path
    assert sorted(path.name for path in folder.glob("*tfrecord*")) == [
        f"squares-train.tfrecord-{i:05d}-of-00003" for i in range(3)
    ]
    info = json.loads((folder / "dataset_info.json").read_text())
    assert (info["version"], info["splits"][0]["shardLengths"]) == ("2.0.1", ["1", "1", "1"])
    framing = 16 * 3
    assert int(info["splits"][0]["numBytes"]) == sum(p.stat().st_size for p in folder.glob("*tfrecord*")) - framing


def test_units_and_the_dataset_of_them_give_the_same_bytes(units: Sequence[Unit], tmp_path: Path) -> None:
    assemble(units, tmp_path / "dataset")
    sources = {"units": units, "again": units, "dataset": open_dataset(tmp_path / "dataset").episodes}
    made = [export_rlds({"train": s}, tmp_path / f"of-{name}", name="squares").path for name, s in sources.items()]
    for file in made[0].iterdir():
        assert len({(folder / file.name).read_bytes() for folder in made}) == 1, file.name


def test_cameras_are_named_as_open_x_embodiment_names_them() -> None:
    streams = [f"observation.images.{camera}" for camera in ("wrist", "left", "right")]
    assert list(observation_names(streams).values()) == ["wrist_image", "image", "right_image"]
    assert list(observation_names(streams[:1]).values()) == ["wrist_image"]


def test_an_attempt_that_failed_is_no_terminal_state(tmp_path: Path) -> None:
    unit = make_unit(tmp_path / "u", frames=4, success=False)
    folder = export_rlds({"train": [unit]}, tmp_path / "out", name="squares").path
    example = examples(next(folder.glob("*tfrecord*")))[0]
    assert example["steps/is_last"] == [0, 0, 0, 1]
    assert not any(example["steps/is_terminal"])
    assert not any(example["steps/reward"])
    assert example["episode_metadata/success"] == [0]


def test_what_has_no_place_in_rlds_is_told(tmp_path: Path) -> None:
    unit = make_rich_unit(tmp_path / "u", frames=12)
    summary = export_rlds({"train": [unit]}, tmp_path / "out", name="squares")
    assert [text.split()[0] for text in summary.left_out] == ["depth", "sidecars", "camera", "subtasks"]
    example = examples(next(summary.path.glob("*tfrecord*")))[0]
    assert {name for name in example if "observation" in name} == {
        f"steps/observation/{name}" for name in ("image", "wrist_image", "state")
    }
    document = json.loads(example["episode_metadata/document"][0])
    assert document["calibration"]["scene"]["parent"] == "world"
    assert document["subtasks"][0]["frame"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../up"}, "name '../up'"),
        ({"name": "Squares"}, "name 'Squares'"),
        ({"version": "1"}, "version '1'"),
        ({"splits": ("Train/x",)}, "split 'Train/x'"),
    ],
)
def test_names_that_lead_astray_are_refused(
    units: Sequence[Unit], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    options = {"name": "squares"} | changes
    splits = dict.fromkeys(options.pop("splits", ("train",)), units)
    with pytest.raises(ExportError, match=message):
        export_rlds(splits, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_an_episode_may_not_be_in_two_splits(units: Sequence[Unit], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="was given already"):
        export_rlds({"train": units, "test": units[:1]}, tmp_path / "out", name="squares")


def test_a_damaged_video_leaves_nothing_behind(tmp_path: Path) -> None:
    units = [make_unit(tmp_path / f"u{i}", frames=6, seed=i) for i in range(2)]
    video = units[1].folder / "wrist.mp4"
    video.write_bytes(video.read_bytes()[:-400])
    with pytest.raises((VideoError, ExportError)):
        export_rlds({"train": units}, tmp_path / "out", name="squares")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["u0", "u1"]


def test_one_episode_is_in_memory_at_a_time(
    units: Sequence[Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    example, write = rlds._example, rlds._Shards.write
    monkeypatch.setattr(rlds, "_example", lambda episode, layout: order.append("read") or example(episode, layout))
    monkeypatch.setattr(rlds._Shards, "write", lambda self, record: order.append("write") or write(self, record))
    done: list[tuple[int, int]] = []
    export_rlds({"train": units}, tmp_path / "out", name="squares", progress=lambda i, n: done.append((i, n)))
    assert order == ["read", "write"] * 3
    assert done == [(1, 3), (2, 3), (3, 3)]
