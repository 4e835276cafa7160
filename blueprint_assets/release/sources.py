"""Which scenes of a store may enter a release, and what each of them offers: read off the commits, never off the view."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.contracts.import_manifest import ImportManifest
from blueprint_assets.contracts.release import InputLicence, LeftOut, ReleasedPhoto, TaskOutcome
from blueprint_assets.contracts.source import Intake, Mode, Source
from blueprint_assets.stage1.intake import find
from blueprint_assets.stage1.source import pixels_sha256, read_image
from io_managers.ancestry import ancestry, behind
from io_managers.errors import StoreError
from io_managers.record import CommitRecord
from io_managers.store import SceneStore

from .identity import content_keys, from_library
from .licence import forbids_datasets

EPISODES, DATASET = "episodes", "lerobot_dataset"
INPUT: Mapping[Mode, str] = {"image": "photograph", "text": "text request", "posed_meshes": "reconstruction"}
"""What people call that which a scene is made from."""
NOT_RECORDED = "not recorded"
GateWords = Callable[[str, Mapping[str, str]], Sequence[str]]
"""(scene, asset -> commit id) -> a sentence for every gate that did not pass about these very commits."""


@dataclass(frozen=True)
class StoredEpisode:
    """An episode in the store. `unit` is its folder, relative to the scene."""

    document: EncodedEpisode
    unit: str

    @property
    def kind(self) -> str:
        """The kind of its task."""
        return str(self.document.provenance.get("task_type", NOT_RECORDED))


@dataclass(frozen=True)
class Candidate:
    """A scene that may be released. `line`: every commit that its dataset came from; `record`: that of its episodes."""

    scene_id: str
    line: dict[str, CommitRecord]
    photo: ReleasedPhoto
    scene_sha256: str
    meshes: dict[str, str]
    manifest: ImportManifest
    episodes: tuple[StoredEpisode, ...]

    @property
    def record(self) -> CommitRecord:
        """The commit that holds the episodes."""
        return self.line[EPISODES]

    @property
    def commits(self) -> dict[str, str]:
        """Asset -> commit id."""
        return {asset: record.commit_id for asset, record in self.line.items()}

    @property
    def reconstruction(self) -> str:
        """The backend that made the meshes."""
        return self.line["reconstruction"].backend if "reconstruction" in self.line else NOT_RECORDED

    @cached_property
    def keys(self) -> frozenset[str]:
        """The hashes by which it is known to share content with another scene."""
        photo, meshes = self.photo, self.meshes.values()
        library = from_library(photo.mode, self.reconstruction)
        return content_keys(photo.identity, photo.pixels_sha256, self.scene_sha256, meshes, library=library)

    def licences(self) -> list[InputLicence]:
        """What its pictures were made from, and under what that is given."""
        photo = self.photo
        inputs = [
            InputLicence(
                what=f"{INPUT[photo.mode]} {photo.file} of scene {self.scene_id}",
                stated=photo.license,
                attribution=photo.attribution,
            )
        ]
        # The embedded backends take shapes and textures from the photograph or make them; another system's are the input.
        if not self.reconstruction.startswith("embedded") and photo.mode != "posed_meshes":
            what = f"meshes of scene {self.scene_id} by {self.reconstruction}"
            inputs.append(InputLicence(what=what, stated=None))
        return inputs

    def outcomes(self, released: Sequence[StoredEpisode]) -> dict[str, TaskOutcome]:
        """Kind of task -> how its recordings ended. A recording whose document was unreadable is of no known kind."""
        counts: dict[str, list[int]] = {}
        for item in self.manifest.imported:
            count = counts.setdefault(item.task_type or NOT_RECORDED, [0, 0, 0])
            count[0] += 1
            count[1] += item.accepted
        for episode in released:
            counts.setdefault(episode.kind, [0, 0, 0])[2] += 1
        return {
            kind: TaskOutcome(recorded=recorded, accepted=accepted, released=taken)
            for kind, (recorded, accepted, taken) in sorted(counts.items())
        }


def candidates(store: SceneStore, unpassed: GateWords) -> tuple[list[Candidate], list[LeftOut]]:
    """Every scene of the store: those that may be released, and those that may not, with the reason."""
    found: list[Candidate] = []
    left_out: list[LeftOut] = []
    for scene_id in store.scenes():
        try:
            made = _examine(store, scene_id, unpassed)
        except (ContractError, StoreError) as error:
            made = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if isinstance(made, Candidate):
            found.append(made)
        else:
            left_out.append(LeftOut(scene_id=scene_id, reason=made))
    return found, left_out


def photo_of(store: SceneStore, record: CommitRecord, intake: Intake | None) -> ReleasedPhoto:
    """What a `source` commit was made from, with what its owner said about the licence.

    Raises:
        StoreError, ContractError: the commit is damaged.
    """
    source = Source.parse(json.loads(store.read(record, "input/source.json")), f"{record.scene_id}/input/source.json")
    said = intake if intake is not None and intake.identity == source.identity else None
    uri = (said.uri if said else None) or ""
    name = PurePosixPath(urlsplit(uri).path if "://" in uri else uri).name
    return ReleasedPhoto(
        mode=source.mode,
        file=name or PurePosixPath(source.original or source.image or "").name,
        sha256=source.original_sha256,
        content_sha256=source.content_sha256,
        pixels_sha256=source.pixels_sha256 or _pixels(store, record, source),
        license=said.license if said else None,
        attribution=said.attribution if said else None,
    )


def _examine(store: SceneStore, scene_id: str, unpassed: GateWords) -> Candidate | str:
    """The candidate, or why the scene is left out."""
    records = {asset: record for asset in store.assets(scene_id) if (record := store.current(scene_id, asset))}
    lacking = [asset for asset in (EPISODES, DATASET) if asset not in records]
    if lacking:
        return f"{' and '.join(lacking)} {'was' if len(lacking) == 1 else 'were'} never made"
    line = ancestry(records, DATASET)
    stale = [asset for asset in line if asset in behind(records)]
    if stale:
        return f"behind its inputs: {', '.join(stale)}; materialize them again"
    missing = [asset for asset in ("source", "scene_usd", EPISODES) if asset not in line]
    if missing:
        return f"its dataset was not made from {', '.join(missing)}; materialize it again"
    failed = unpassed(scene_id, {asset: record.commit_id for asset, record in line.items()})
    if failed:
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        return f"not past its gates: {'; '.join(failed[:3])}{more}"
    intake = find(store.root, scene_id)
    photo = photo_of(store, line["source"], intake)
    if intake is not None and intake.identity != photo.identity:
        return f"another {INPUT[intake.mode]} was registered for it since; run it again"
    if reason := forbids_datasets(photo.license):
        return f"{INPUT[photo.mode]} {photo.file}: {reason}"
    manifest, episodes = _episodes(store, line[EPISODES])
    if not episodes:
        return "none of its episodes was accepted"
    return Candidate(
        scene_id=scene_id,
        line=line,
        photo=photo,
        scene_sha256=line["scene_usd"].file("usd/scene.usda").sha256,
        meshes={
            file.path: file.sha256
            for record in line.values()
            for file in record.files
            if PurePosixPath(file.path).match("assets/objects/*/mesh.*")
        },
        manifest=manifest,
        episodes=episodes,
    )


def _episodes(store: SceneStore, record: CommitRecord) -> tuple[ImportManifest, tuple[StoredEpisode, ...]]:
    (path,) = (file.path for file in record.files if PurePosixPath(file.path).match("episodes/*/import_manifest.json"))
    manifest = ImportManifest.parse(json.loads(store.read(record, path)), f"{record.scene_id}/{path}")
    folder = path.rpartition("/")[0]
    units = [f"{folder}/{item.unit}" for item in manifest.imported if item.accepted]
    return manifest, tuple(
        StoredEpisode(
            EncodedEpisode.parse(
                json.loads(store.read(record, f"{unit}/unit.json")), f"{record.scene_id}/{unit}/unit.json"
            ),
            unit,
        )
        for unit in units
    )


def _pixels(store: SceneStore, record: CommitRecord, source: Source) -> str | None:
    """For a source.json from before this hash was kept; None without a picture."""
    if source.image is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Path(file.name).write_bytes(store.read(record, source.image))
        return pixels_sha256(read_image(Path(file.name)).rgb)
