"""The pointers: which commit of an asset is current, and what it needs."""

from __future__ import annotations

from pydantic import ValidationError

from .backend import SCENES, Backend, blob_key, pointer_key
from .errors import CorruptArtifactError
from .record import CommitRecord, CommittedFile


def read_record(backend: Backend, scene_id: str, asset: str) -> tuple[CommitRecord | None, str | None]:
    """The current commit and its pointer's version; (None, None) when there is none.

    Raises:
        CorruptArtifactError: the pointer is there and is not a record of this scene and asset.
    """
    key = pointer_key(scene_id, asset)
    stored = backend.read(key)
    if stored is None:
        return None, None
    name = f"{backend.url}/{key}"
    remedy = f"move the file away, then materialize {asset} again"
    try:
        record = CommitRecord.model_validate_json(stored.data)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))} {item['msg']}".strip() for item in error.errors()[:3])
        raise CorruptArtifactError(name, "a commit record", found, remedy) from None
    if (record.scene_id, record.asset) != (scene_id, asset):
        found = f"that of {record.asset} of {record.scene_id}"
        raise CorruptArtifactError(name, f"the record of {asset} of {scene_id}", found, remedy)
    return record, stored.version


def committed_scenes(backend: Backend) -> list[str]:
    """Names of the scenes in which something was committed, sorted."""
    return [scene_id for scene_id in backend.folders(SCENES) if committed_assets(backend, scene_id)]


def committed_assets(backend: Backend, scene_id: str) -> list[str]:
    """Names of the assets that have a pointer, sorted."""
    folder = pointer_key(scene_id, "").rpartition("/")[0]
    return [name.removesuffix(".json") for name in backend.names(folder) if name.endswith(".json")]


def missing_blobs(backend: Backend, record: CommitRecord) -> list[CommittedFile]:
    """Files of a commit whose content is not there, or has another length."""
    return [file for file in record.files if backend.size(blob_key(file.sha256)) != file.size]


def named_blobs(backend: Backend) -> set[str]:
    """The sha256 of everything that some pointer names.

    Raises:
        CorruptArtifactError: a pointer cannot be read, so nobody can know what it names.
    """
    named: set[str] = set()
    for scene_id in committed_scenes(backend):
        for asset in committed_assets(backend, scene_id):
            record, _ = read_record(backend, scene_id, asset)
            named.update(file.sha256 for file in (record.files if record else ()))
    return named
