"""RLDS: the folder that TensorFlow Datasets reads, as the Open X-Embodiment datasets are kept. TensorFlow is not needed.

    <name>/<version>/dataset_info.json  features.json
    <name>/<version>/<name>-<split>.tfrecord-00000-of-0000N         one tf.train.Example per episode

    episode_metadata    episode_uuid, file_path, scene_id, fps, success, document (the whole provenance, as JSON text)
    steps               observation {image, wrist_image, <camera>_image, state}, action, reward, discount,
                        is_first, is_last, is_terminal, language_instruction

Sources. RLDS: the README of google-research/rlds (steps, is_first, is_last, is_terminal). Names and conventions of Open
X-Embodiment: kpertsch/rlds_dataset_builder, example_dataset_dataset_builder.py (reward 1 on the last step of a
demonstration, discount 1, is_terminal on the last step of a demonstration, image and wrist_image). Files: the TensorFlow
Datasets guide "Load external tfrecord with TFDS" and what TFDS 4.9 itself writes (steps flattened to `steps/…`, booleans as
int64, JSON fields of features.json).

Pictures are decoded from the videos and compressed one by one: PNG keeps every decoded pixel, JPEG loses a little more.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.dataset.episode import Episode
from blueprint_assets.dataset.video import Image, decode

from .export import (
    ExportError,
    ExportSummary,
    Progress,
    colour_streams,
    demand_alike,
    folder_size,
    keep_card,
    new_folder,
)
from .tfrecord import RecordWriter, Values, example_bytes

ImageFormat = Literal["jpeg", "png"]

JPEG_QUALITY = 95
"""TFDS's own: tf.io.encode_jpeg's default."""
PNG_LEVEL = 3
"""Of 9: half the time of the usual 6, for files 5 % larger (measured on rendered pictures of 256x256)."""
SHARD_MEGABYTES = 256
"""TensorFlow's guide on TFRecord files asks for 100 MB and more each."""
NAME = r"[a-z][a-z0-9_]*"
VERSION = r"\d+\.\d+\.\d+"
LEFT_OUT = {
    "depth": "depth streams (RLDS has no one way to keep them; use the LeRobot dataset)",
    "sidecars": "sidecars (segmentation, point clouds)",
    "calibration": "camera calibration as a feature (it is in episode_metadata/document)",
    "subtasks": "subtasks as a feature (they are in episode_metadata/document)",
}

_FEATURES = "tensorflow_datasets.core.features"


@dataclass(frozen=True)
class _Layout:
    """What all steps hold."""

    joints: tuple[str, ...]
    images: dict[str, str]
    """stream -> name of the observation"""
    sizes: dict[str, tuple[int, int]]
    """stream -> (height, width)"""
    image_format: ImageFormat


def export_rlds(
    splits: Mapping[str, Sequence[Episode]],
    out: Path,
    *,
    name: str,
    version: str = "1.0.0",
    image_format: ImageFormat = "jpeg",
    shard_megabytes: int = SHARD_MEGABYTES,
    card: str | None = None,
    progress: Progress | None = None,
) -> ExportSummary:
    """Writes `out/<name>/<version>`. `out` must not exist; it appears whole or not at all. One episode is in memory at a time.
    `card`: the card of the dataset that the episodes come from, kept beside.

    Read it with `tfds.builder_from_directory(out / name / version).as_dataset(split="train")`, or
    `tfds.load(name, data_dir=out)`.

    Raises:
        ExportError: a name or version that TFDS does not take, no episode, episodes that do not fit together, or `out`
            exists.
        VideoError: a video is damaged.
        TfrecordError: an episode of more than 2 GiB.
    """
    for what, value, pattern in (("name", name, NAME), ("version", version, VERSION)):
        if not re.fullmatch(pattern, value):
            raise ExportError(f"{what} {value!r}: TensorFlow Datasets wants {pattern}")
    for split in splits:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", split):
            raise ExportError(
                f"split {split!r}: TensorFlow Datasets wants a word of small letters, as train, val, test"
            )
    everything = [episode for episodes in splits.values() for episode in episodes]
    first = demand_alike(everything)
    streams = colour_streams(first)
    layout = _Layout(
        joints=first.joint_names,
        images=observation_names(streams),
        sizes={s: (first.streams[s].height, first.streams[s].width) for s in streams},
        image_format=image_format,
    )
    with new_folder(out) as root:
        folder = root / name / version
        folder.mkdir(parents=True)
        entries = []
        done = 0
        for split, episodes in splits.items():
            with closing(_Shards(folder, f"{name}-{split}", shard_megabytes << 20)) as shards:
                for episode in episodes:
                    shards.write(example_bytes(_example(episode, layout)))
                    done += 1
                    if progress:
                        progress(done, len(everything))
                entries.append(_split_entry(split, shards.finish()))
        keep_card(root, card)
        _write_json(folder / "features.json", _features(layout, first.fps))
        _write_json(folder / "dataset_info.json", _info(name, version, entries, first))
    return ExportSummary(
        path=out / name / version,
        episodes=len(everything),
        frames=sum(episode.document.frames for episode in everything),
        size_bytes=folder_size(out),
        left_out=tuple(text for what, text in LEFT_OUT.items() if any(_has(e.document, what) for e in everything)),
    )


def observation_names(streams: Sequence[str]) -> dict[str, str]:
    """stream -> name: the first camera that is not on the wrist is `image`, any other `<camera>_image`."""
    cameras = {stream: stream.rpartition(".")[2] for stream in streams}
    main = next((stream for stream, camera in cameras.items() if camera != "wrist"), None)
    return {stream: "image" if stream == main else f"{camera}_image" for stream, camera in cameras.items()}


def _example(episode: Episode, layout: _Layout) -> dict[str, Values]:
    document = episode.document
    state, action = episode.arrays()
    index = np.arange(document.frames)
    last = index == document.frames - 1
    features: dict[str, Values] = {
        "episode_metadata/episode_uuid": [document.episode_uuid],
        "episode_metadata/file_path": [document.episode_uuid],
        "episode_metadata/scene_id": [str(document.provenance.get("scene_id", ""))],
        "episode_metadata/fps": np.array([document.fps]),
        "episode_metadata/success": np.array([document.success]),
        "episode_metadata/document": [json.dumps(document.model_dump(mode="json"), ensure_ascii=False)],
        "steps/observation/state": state,
        "steps/action": action,
        "steps/reward": (last & document.success).astype(np.float32),
        "steps/discount": np.ones(document.frames, np.float32),
        "steps/is_first": index == 0,
        "steps/is_last": last,
        "steps/is_terminal": last & document.success,
        "steps/language_instruction": [document.task] * document.frames,
    }
    for stream, name in layout.images.items():
        pictures = [_compressed(image, layout.image_format) for image in decode(episode.segment(stream))]
        if len(pictures) != document.frames:
            raise ExportError(
                f"{episode.origin}: {stream} has {len(pictures)} frames, but there are {document.frames} rows"
            )
        features[f"steps/observation/{name}"] = pictures
    return features


def _compressed(image: Image, image_format: ImageFormat) -> bytes:
    from PIL import Image as Pictures

    buffer = io.BytesIO()
    if image_format == "png":
        Pictures.fromarray(image).save(buffer, format="PNG", compress_level=PNG_LEVEL)
    else:
        Pictures.fromarray(image).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class _Shards:
    """One split's files. How many there are is known at the end, when they get their names."""

    def __init__(self, folder: Path, stem: str, limit: int) -> None:
        self._folder, self._stem, self._limit = folder, stem, limit
        self._finished: list[RecordWriter] = []
        self._open: RecordWriter | None = None

    def write(self, record: bytes) -> None:
        """Adds an episode, in a new file if it would fill the open one beyond the limit."""
        if self._open is not None and sum(self._open.sizes) + len(record) > self._limit:
            self.close()
        if self._open is None:
            self._open = RecordWriter(self._folder / f"{self._stem}.part-{len(self._finished):05d}")
        self._open.write(record)

    def finish(self) -> list[list[int]]:
        """Names the files; returns the sizes of the records in each."""
        self.close()
        for number, writer in enumerate(self._finished):
            name = f"{self._stem}.tfrecord-{number:05d}-of-{len(self._finished):05d}"
            writer.path.rename(self._folder / name)
        return [writer.sizes for writer in self._finished]

    def close(self) -> None:
        """Ends the open file."""
        if self._open is not None:
            self._open.close()
            self._finished.append(self._open)
            self._open = None


def _split_entry(split: str, shards: Sequence[Sequence[int]]) -> dict[str, Any]:
    return {
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "name": split,
        "numBytes": str(sum(map(sum, shards))),
        "shardLengths": [str(len(sizes)) for sizes in shards],
    }


def _info(name: str, version: str, splits: Sequence[dict[str, Any]], first: EncodedEpisode) -> dict[str, Any]:
    description = (
        f"Simulated manipulation episodes of the robot {first.robot} at {first.fps} Hz. `state` is what the simulator "
        f"measured and `action` what was commanded at that time: positions of {', '.join(first.joint_names)}. The last "
        "step's action was carried out too. Reward and is_terminal say that the task's predicate held at the end."
    )
    return {
        "description": description,
        "fileFormat": "tfrecord",
        "name": name,
        "releaseNotes": {version: "Exported from encoded episodes."},
        "splits": list(splits),
        "version": version,
    }


def _features(layout: _Layout, fps: int) -> dict[str, Any]:
    joints = ", ".join(layout.joints)
    width = len(layout.joints)
    observation = {
        name: _image(*layout.sizes[stream], layout.image_format, f"RGB picture of {stream}, {fps} a second.")
        for stream, name in layout.images.items()
    }
    observation["state"] = _tensor("float32", (width,), f"Measured joint positions: {joints}.")
    steps = {
        "observation": _dictionary(observation),
        "action": _tensor("float32", (width,), f"Commanded joint positions: {joints}."),
        "reward": _tensor("float32", (), "1 on the last step if the episode succeeded, else 0."),
        "discount": _tensor("float32", (), "Always 1."),
        "is_first": _tensor("bool", (), "True on the first step."),
        "is_last": _tensor("bool", (), "True on the last step."),
        "is_terminal": _tensor("bool", (), "True on the last step of an episode that succeeded."),
        "language_instruction": _text("What was to be done."),
    }
    metadata = {
        "episode_uuid": _text("The episode's name, the same in every dataset that holds it."),
        "file_path": _text("The same as episode_uuid, where Open X-Embodiment tools look for a unique name."),
        "scene_id": _text("The scene it was recorded in; empty if unknown."),
        "fps": _tensor("int64", (), "Steps a second."),
        "success": _tensor("bool", (), "Whether the task's predicate held at the end."),
        "document": _text("Everything known about the episode, with hashes of its rows and video packets, as JSON."),
    }
    return _dictionary(
        {
            "episode_metadata": _dictionary(metadata),
            "steps": {
                "pythonClassName": f"{_FEATURES}.dataset_feature.Dataset",
                "sequence": {"feature": _dictionary(steps), "length": "-1"},
            },
        }
    )


def _dictionary(features: dict[str, Any]) -> dict[str, Any]:
    return {
        "featuresDict": {"features": features},
        "pythonClassName": f"{_FEATURES}.features_dict.FeaturesDict",
    }


def _image(height: int, width: int, image_format: ImageFormat, description: str) -> dict[str, Any]:
    shape = {"dimensions": [str(height), str(width), "3"]}
    return {
        "description": description,
        "image": {"dtype": "uint8", "encodingFormat": image_format, "shape": shape},
        "pythonClassName": f"{_FEATURES}.image_feature.Image",
    }


def _tensor(dtype: str, shape: Sequence[int], description: str) -> dict[str, Any]:
    dimensions = {"dimensions": [str(side) for side in shape]} if shape else {}
    return {
        "description": description,
        "pythonClassName": f"{_FEATURES}.tensor_feature.Tensor" if shape else f"{_FEATURES}.scalar.Scalar",
        "tensor": {"dtype": dtype, "encoding": "none", "shape": dimensions},
    }


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "pythonClassName": f"{_FEATURES}.text_feature.Text", "text": {}}


def _has(document: EncodedEpisode, what: str) -> bool:
    if what == "depth":
        return len(colour_streams(document)) < len(document.streams)
    return bool(getattr(document, what))


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
