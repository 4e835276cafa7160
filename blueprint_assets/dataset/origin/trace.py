"""The way back from an episode of a dataset to the photograph: its rows and packets hashed now, and all that the scene store
still has of what it was made from.

    tree = trace(Path("releases/v1/train"), "0e21486f", find_store(Path("releases/v1/train")))
    wrong = [node for node in tree.walk() if node.state in WRONG]
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.release import Release
from io_managers.record import CommitRecord
from io_managers.store import SceneStore

from ..layout import INFO, DatasetFileError
from ..mp4 import VideoError
from ..reader import KEY, UUID, Dataset, DatasetEpisode, open_dataset
from ..sidecar_tables import PROVENANCE_PATH
from ..tables import episode_key
from ..unit import DOCUMENT, rows_sha256
from ..video import Segment, decode, segment_sha256
from .lineage import Lineage, Node

RELEASE = "release.json"
SIDECAR = PROVENANCE_PATH.rpartition("/")[0]
"""What LeRobot's own delete and split leave out."""
SAME_PICTURES_DB = 25.0
"""PSNR from which on pictures count as the original's, encoded again. Measured: 44.7 and 45.6 dB after LeRobot 0.6.1's delete;
13.6 to 18.4 dB between two episodes of one scene."""
SHOWN_PROVENANCE = ("task_id", "seed", "quality_score", "scene_id", "robot", "simulator", "simulator_version", "planner",
                    "code_commit", "run_id", "episode_id", "attempt", "max_penetration_m")  # fmt: skip


class TraceError(ValueError):
    """There is no such episode, or nothing says where it comes from. The message names the remedy."""


@dataclass(frozen=True)
class _Original:
    """What is known of an episode from its making: the document, where that was read, and the pictures beside it."""

    document: EncodedEpisode
    place: str
    own: bool
    """The dataset itself says so; its packets are then expected to be the original ones."""
    segments: dict[str, Segment]


def trace(dataset: Path, episode: str, store: SceneStore | None = None, provenance: Path | None = None) -> Node:
    """The tree of where an episode comes from, every file on the way compared with its hash.

    Args:
        dataset: a LeRobot v3.0 folder, or a folder with such folders in it (a release with its splits).
        episode: its index (in a dataset), its uuid, or the beginning of its uuid.
        store: the scene store that the dataset was made in.
        provenance: the dataset that this one was cut out of by a tool that left meta/provenance out.

    Raises:
        TraceError: no such episode, several, or nothing says where it comes from.
        DatasetError: a dataset is damaged.
    """
    found, uuid = _find(dataset, episode, store, provenance)
    original = _original(found, uuid, store, provenance)
    document = original.document
    facts = {"task": document.task, "success": str(document.success).lower(), "frames": str(document.frames)}
    facts |= {name: _plain(document.provenance[name]) for name in SHOWN_PROVENANCE if name in document.provenance}
    facts["dataset"] = str(found.dataset.folder)
    facts["told by"] = original.place
    origin = found.dataset.folder if original.own or provenance is None else provenance
    measured = (_rows(found, document), *(_packets(found, original, name) for name in document.streams))
    return Node(f"episode {uuid}", "", facts, "", (*measured, _origin(origin, document, store)), "episode")


def find_store(place: Path) -> Path | None:
    """The root of the scene store that a path lies in."""
    for folder in (place.resolve(), *place.resolve().parents):
        if (folder / "blobs").is_dir() and (folder / "scenes").is_dir():
            return folder
    return None


def _find(folder: Path, episode: str, store: SceneStore | None, provenance: Path | None) -> tuple[DatasetEpisode, str]:
    """The episode that is asked for, and its uuid."""
    datasets = [open_dataset(place, None if (place / SIDECAR).is_dir() else provenance) for place in _datasets(folder)]
    uuids = [_uuids(dataset, store, provenance) for dataset in datasets]
    if episode.isdecimal() and str(int(episode)) == episode and int(episode) < max(map(len, uuids)):
        if len(datasets) > 1:
            names = ", ".join(dataset.folder.name for dataset in datasets)
            raise TraceError(f"{folder}: has an episode {episode} in each of {names}; name one of them, or give a uuid")
        return datasets[0].episodes[int(episode)], uuids[0][int(episode)]
    hits = [
        (dataset.episodes[index], uuid)
        for dataset, listed in zip(datasets, uuids, strict=True)
        for index, uuid in enumerate(listed)
        if uuid.startswith(episode)
    ]
    if not hits or not episode:
        raise TraceError(
            f"{folder}: no episode {episode!r} among {sum(map(len, uuids))}; give an index from 0 on, or the beginning of a "
            "uuid"
        )
    if len(hits) > 1:
        some = ", ".join(uuid for _, uuid in hits[:4])
        raise TraceError(f"{folder}: {len(hits)} episodes begin with {episode!r} ({some}, …); give more of the uuid")
    return hits[0]


def _uuids(dataset: Dataset, store: SceneStore | None, provenance: Path | None) -> list[str]:
    """The episodes' uuids: as the dataset or `provenance` tells them, else those in the store that have its rows' keys."""
    told = UUID in dataset.table.column_names or (dataset.folder / SIDECAR).is_dir() or provenance is not None
    if told or KEY not in dataset.info.features:
        return dataset.uuids
    if store is None:
        raise _untraceable(dataset.folder, "no scene store is at hand")
    by_key = {episode_key(uuid): uuid for uuid in _units(store)}
    keys = [int(dataset.rows(index, [KEY])[KEY][0].as_py()) for index in range(len(dataset.episodes))]
    for index, key in enumerate(keys):
        if key not in by_key:
            raise _untraceable(dataset.folder, f"the store {store.root} has no episode {index} ({KEY} {key})")
    return [by_key[key] for key in keys]


def _untraceable(folder: Path, looked: str) -> TraceError:
    return TraceError(
        f"{folder}: has no {SIDECAR}, which LeRobot's own delete and split leave out, and {looked}; name the dataset that it "
        "was made from (--provenance), or the store (--root)"
    )


def _datasets(folder: Path) -> list[Path]:
    if (folder / INFO).is_file():
        return [folder]
    inside = sorted(path.parent.parent for path in folder.glob(f"*/{INFO}"))
    if not inside:
        raise TraceError(
            f"{folder}: neither a LeRobot dataset nor a release: no {INFO} in it or in a folder of it; give the folder "
            "that holds meta/info.json"
        )
    return inside


def _original(found: DatasetEpisode, uuid: str, store: SceneStore | None, provenance: Path | None) -> _Original:
    """Reads the episode's document: from the dataset itself, else from `provenance`, else from the store."""
    if (found.dataset.folder / SIDECAR).is_dir():
        return _Original(found.document, str(found.dataset.folder / SIDECAR), True, {})
    if provenance is not None:
        elsewhere = open_dataset(provenance)
        if uuid not in elsewhere.uuids:
            raise TraceError(f"{provenance}: has no episode {uuid}; name the dataset that this one was made from")
        episode = elsewhere.episodes[elsewhere.uuids.index(uuid)]
        segments = {name: episode.segment(name) for name in episode.document.streams}
        return _Original(episode.document, str(provenance / SIDECAR), False, segments)
    if store is None:
        raise _untraceable(found.dataset.folder, "no scene store is at hand")
    if uuid not in (units := _units(store)):
        raise _untraceable(found.dataset.folder, f"the store {store.root} has no episode {uuid}")
    record, path = units[uuid]
    place = store.url(record.scene_id, path)
    document = EncodedEpisode.parse(json.loads(store.read(record, path)), place)
    files = {stream: Path(place).parent / video.file for stream, video in document.streams.items()}
    segments = {
        stream: Segment(file, 0, document.streams[stream].frames) for stream, file in files.items() if file.is_file()
    }
    return _Original(document, place, False, segments)


def _units(store: SceneStore) -> dict[str, tuple[CommitRecord, str]]:
    """Uuid -> the current commit and the path of the episode's document, over every scene of the store."""
    found: dict[str, tuple[CommitRecord, str]] = {}
    for scene_id in store.scenes():
        record = store.current(scene_id, "episodes")
        for file in record.files if record is not None else ():
            parts = file.path.split("/")
            if record is not None and len(parts) > 2 and parts[-1] == DOCUMENT and parts[-3] == "units":
                found[parts[-2]] = (record, file.path)
    return found


def _rows(found: DatasetEpisode, document: EncodedEpisode) -> Node:
    """The episode's rows as they stand in the dataset now."""
    digest = rows_sha256(*found.arrays())
    facts = {"sha256": digest, "file": found.dataset.data_file(found.index)}
    if digest == document.rows_sha256:
        return Node("rows of state and action", "ok", facts, kind="measured")
    return Node(
        "rows of state and action",
        "changed",
        facts,
        f"expected {document.rows_sha256}, found {digest}",
        kind="measured",
    )


def _packets(found: DatasetEpisode, original: _Original, stream: str) -> Node:
    """A stream's packets as they stand in the dataset now."""
    name, video = f"packets of {stream}", original.document.streams[stream]
    if stream not in found.dataset.info.streams:
        return Node(
            name,
            "missing",
            {},
            f"the dataset has no {stream}; expected packets {video.packets_sha256}",
            kind="measured",
        )
    facts = {"file": found.dataset.video_file(found.index, stream)}
    try:
        segment = found.segment(stream)
        digest, said = _hashed(segment, found.dataset.info.fps)
        if digest:
            facts["sha256"] = digest
        if digest == video.packets_sha256:
            return Node(name, "ok", facts, kind="measured")
        if original.own or segment.frames != video.frames:
            return Node(name, "changed", facts, f"expected {video.packets_sha256}, {said}", kind="measured")
        if stream in original.segments and video.depth is None:
            likeness = _psnr(segment, original.segments[stream])
            facts["PSNR to the original"] = f"{likeness:.1f} dB"
            if likeness < SAME_PICTURES_DB:
                said = f"other pictures: {likeness:.1f} dB to the original, the same encoded again have over {SAME_PICTURES_DB:g}"
                return Node(name, "changed", facts, said, kind="measured")
        else:
            deque(decode(segment), maxlen=0)  # whether there are pictures at all
    except (VideoError, DatasetFileError) as error:
        return Node(name, "changed", facts, f"expected {video.packets_sha256}: {error}", kind="measured")
    remark = f"encoded again by another tool, which leaves nothing to compare with the recorded {video.packets_sha256}"
    return Node(name, "re-encoded", facts, remark, kind="measured")


def _hashed(segment: Segment, fps: int) -> tuple[str, str]:
    """The sha256 of a segment's packets, empty when they cannot be cut out, and a sentence about it."""
    try:
        digest = segment_sha256(segment, fps)
    except VideoError as error:
        return "", str(error)
    return digest, f"found {digest}"


def _psnr(one: Segment, other: Segment) -> float:
    """Peak signal-to-noise ratio of two videos of one length, over all values, dB; infinite for equal pictures."""
    import numpy as np

    squares = [float(np.square(a.astype(np.int32) - b).mean()) for a, b in zip(decode(one), decode(other), strict=True)]
    return float(10 * np.log10(255.0**2 / np.mean(squares))) if any(squares) else float("inf")


def _origin(folder: Path, document: EncodedEpisode, store: SceneStore | None) -> Node:
    scene_id = str(document.provenance.get("scene_id", ""))
    if store is None:
        return Node(f"scene {scene_id}", "not here", {}, "no scene store is at hand; name it (--root)")
    if scene_id not in store.scenes():
        return Node(f"scene {scene_id}", "not here", {}, f"not in the store {store.root}")
    first, commits = "episodes", _released_commits(folder, scene_id)
    record = store.current(scene_id, "lerobot_dataset")
    if record is not None and _is_view_of(folder, store, scene_id, str(record.metadata.get("dataset"))):
        first, commits = "lerobot_dataset", {"lerobot_dataset": record.commit_id}
    return Lineage(store, document).node(first, commits)


def _released_commits(folder: Path, scene_id: str) -> dict[str, str]:
    """Asset -> commit id, as the release that a dataset is a split of says; nothing when it is in no release."""
    path = folder.resolve().parent / RELEASE
    if not path.is_file():
        return {}
    return next((scene.commits for scene in Release.read(path).scenes if scene.scene_id == scene_id), {})


def _is_view_of(folder: Path, store: SceneStore, scene_id: str, dataset: str) -> bool:
    return folder.resolve() == Path(store.url(scene_id, dataset)).resolve()


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
