"""Taking a scene back: what it touches, and the document that bars its content from every release from now on.

A release is never changed: those that hold the scene stay as they are and are marked. The photograph and the scene file are
barred by their hashes, so the same picture under another name stays out too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blueprint_assets.contracts.release import SPLITS, ReleasedScene, Retraction, Split
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.stage1.intake import find
from io_managers.store import SceneStore

from .catalogue import RETRACTIONS, Published, barred_keys, published, put_notices, retractions, write_whole, writing
from .identity import MESH, content_keys, keys_of
from .plan import ReleaseError
from .sources import photo_of


class RetractionError(ReleaseError):
    """A scene cannot be retracted: nobody knows it, or it is retracted already."""


@dataclass(frozen=True)
class Touched:
    """What a retraction takes from one split of one release. `files` of the split's dataset hold some of it."""

    version: str
    split: Split
    scene_ids: tuple[str, ...]
    episodes: int
    of: int
    frames: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """A retraction that nobody has made yet. `sharing`: other scenes with one of its meshes, which stay."""

    retraction: Retraction
    touched: tuple[Touched, ...]
    sharing: tuple[str, ...]


def propose(store: SceneStore, scene_id: str, reason: str) -> Proposal:
    """What retracting a scene would do. Reads only.

    Raises:
        RetractionError: neither the store nor a release knows the scene, or its content is retracted already.
        ContractError, StoreError: a document or a commit is damaged.
    """
    releases = published(store.root)
    own = _identities(store, scene_id, releases)
    if not own:
        known = (
            ", ".join(sorted({*store.scenes(), *(s.scene_id for r in releases for s in r.document.scenes)})) or "none"
        )
        raise RetractionError(f"scene {scene_id!r}: neither in {store.root} nor in a release of it; scenes: {known}")
    retraction = Retraction(
        scene_id=scene_id,
        reason=reason,
        retracted_at=datetime.now(UTC).isoformat(timespec="seconds"),
        photo_sha256=_hashes(own, "photo"),
        pixels_sha256=_hashes(own, "pixels"),
        scene_sha256=_hashes(own, "scene"),
        releases=(),
    )
    barred = barred_keys(retraction)
    already = frozenset(key for item in retractions(store.root) for key in barred_keys(item))
    if barred <= already:
        raise RetractionError(f"scene {scene_id!r}: its photograph and scene file are retracted already; nothing to do")
    touched = tuple(entry for item in releases for entry in _touched(item, barred))
    versions = tuple(dict.fromkeys(entry.version for entry in touched))
    meshes = {key for key in own if key.startswith(f"{MESH}:")}
    sharing = {
        scene.scene_id
        for item in releases
        for scene in item.document.scenes
        if keys_of(scene) & meshes and not keys_of(scene) & barred
    }
    return Proposal(retraction.model_copy(update={"releases": versions}), touched, tuple(sorted(sharing)))


def retract(store: SceneStore, scene_id: str, reason: str) -> Proposal:
    """Retracts a scene: one document, written whole; then the notices beside the releases that hold it.

    Raises:
        ReleaseBusyError: somebody writes a release or a retraction.
        RetractionError, ContractError, StoreError: as `propose`.
    """
    with writing(store.root) as folder:
        proposal = propose(store, scene_id, reason)
        place = folder / RETRACTIONS
        place.mkdir(exist_ok=True)
        number = len(list(place.glob("*.json"))) + 1
        write_whole(place / f"{number:04d}-{scene_id}.json", proposal.retraction.to_json())
        put_notices(store.root)
    return proposal


def _identities(store: SceneStore, scene_id: str, releases: Sequence[Published]) -> frozenset[str]:
    """The content keys of everything that had this name: in the store, in the register of pictures, in releases."""
    keys = {
        key
        for item in releases
        for scene in item.document.scenes
        if scene.scene_id == scene_id
        for key in keys_of(scene)
    }
    intake = find(store.root, scene_id)
    if intake is not None:
        keys.add(f"photo:{intake.identity}")
    record = store.current(scene_id, "source")
    if record is not None:
        photo = photo_of(store, record, intake)
        composed = store.current(scene_id, "scene_usd")
        scene = composed.file("usd/scene.usda").sha256 if composed else None
        keys |= {
            key for key in content_keys(photo.identity, photo.pixels_sha256, scene or "", ()) if not key.endswith(":")
        }
    return frozenset(keys)


def _hashes(keys: frozenset[str], kind: str) -> tuple[str, ...]:
    return tuple(sorted(key.partition(":")[2] for key in keys if key.startswith(f"{kind}:")))


def _touched(item: Published, barred: frozenset[str]) -> list[Touched]:
    found = []
    for split in SPLITS:
        held = [scene for scene in item.document.in_split(split) if keys_of(scene) & barred]
        if not held:
            continue
        found.append(
            Touched(
                version=item.document.version,
                split=split,
                scene_ids=tuple(scene.scene_id for scene in held),
                episodes=sum(len(scene.episodes) for scene in held),
                of=item.document.splits[split].episodes,
                frames=sum(episode.frames for scene in held for episode in scene.episodes),
                files=_files(item.folder / split, held),
            )
        )
    return found


def _files(dataset_folder: Path, held: Sequence[ReleasedScene]) -> tuple[str, ...]:
    """The data and video files of a split's dataset that hold these scenes' episodes."""
    dataset = open_dataset(dataset_folder)
    place = {uuid: index for index, uuid in enumerate(dataset.uuids)}
    files: set[str] = set()
    for scene in held:
        for episode in scene.episodes:
            index = place[episode.episode_uuid]
            files |= {dataset.data_file(index), *(dataset.video_file(index, name) for name in dataset.info.streams)}
    return tuple(f"{dataset_folder.name}/{file}" for file in sorted(files))


def latest_is_touched(store: SceneStore) -> bool:
    """Whether the latest release holds something retracted, so that the next one is due."""
    releases = published(store.root)
    return bool(releases and releases[-1].retracted)
