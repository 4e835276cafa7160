"""The commit record: what a committed artifact is made of and where it came from (`.commits/<asset>.json`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from blueprint_assets.contracts.base import SCENE_ID_PATTERN, Document, SceneId, Sha256

from .errors import StoreError

ASSET_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
METADATA_LIMIT = 64 * 1024
"""Bytes of a record's metadata as JSON. A record is read whole at every look-up; what is bigger belongs into a file."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text.

    Raises:
        ValueError, TypeError: the value is not JSON, or holds a NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """The sha256 of a value's canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _sorted_json(value: Any) -> Any:
    """The same JSON value with keys in order, tuples as lists: what it is after one trip through a file."""
    try:
        return json.loads(canonical_json(value))
    except TypeError as error:
        raise ValueError(f"not JSON: {error}") from None


JsonObject = Annotated[dict[str, JsonValue], BeforeValidator(_sorted_json)]


class CommittedFile(Document):
    """`path` is relative to the scene, with forward slashes; `size` in bytes."""

    path: str = Field(min_length=1)
    sha256: Sha256
    size: int = Field(ge=0)


class Provenance(Document):
    """What decides an artifact's content: the same provenance is expected to give the same bytes."""

    inputs: Annotated[dict[str, Sha256], BeforeValidator(_sorted_json)] = Field(
        default={}, description="upstream asset -> the commit id that was read"
    )
    code_version: str
    config: JsonObject = Field(default={})
    seeds: Annotated[dict[str, int], BeforeValidator(_sorted_json)] = Field(default={})
    tool_versions: Annotated[dict[str, str], BeforeValidator(_sorted_json)] = Field(default={})
    backend: str = Field(description="what really ran: embedded, 3d-re-gen@<commit>, …")

    def digest(self) -> str:
        """The fingerprint: sha256 over these fields, and over nothing that changes from run to run."""
        return digest({name: getattr(self, name) for name in Provenance.model_fields})


class CommitRecord(Provenance):
    """One committed artifact. `commit_id` names its files and its provenance; times and metadata do not enter it."""

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    asset: str = Field(pattern=ASSET_PATTERN)
    commit_id: Sha256
    fingerprint: Sha256
    files: tuple[CommittedFile, ...] = Field(min_length=1, description="sorted by path")
    started_at: str = Field(description="ISO 8601, UTC")
    seconds: float = Field(ge=0)
    peak_memory_bytes: int | None = Field(ge=0, description="null when nobody measured it")
    metadata: JsonObject = Field(default={})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            raise ValueError("files are not sorted by path, or a path is there twice")
        if self.fingerprint != self.digest():
            raise ValueError(f"fingerprint {self.fingerprint} is not that of the record's own fields, {self.digest()}")
        expected = commit_id_of(self.files, self.fingerprint)
        if self.commit_id != expected:
            raise ValueError(f"commit_id {self.commit_id} is not that of the record's own files, {expected}")
        size = len(canonical_json(self.metadata))
        if size > METADATA_LIMIT:
            raise ValueError(f"metadata has {size} bytes, the limit is {METADATA_LIMIT}: write it into a file instead")
        return self

    @property
    def total_bytes(self) -> int:
        """The sum of the files' sizes."""
        return sum(file.size for file in self.files)

    def file(self, path: str) -> CommittedFile:
        """The entry of one file.

        Raises:
            StoreError: the commit has no such file.
        """
        for file in self.files:
            if file.path == path:
                return file
        raise StoreError(f"{path}: not a file of {self.asset} of scene {self.scene_id} (commit {self.commit_id[:12]})")


def commit_id_of(files: Iterable[CommittedFile], fingerprint: str) -> str:
    """The name of a commit: sha256 over its files (path, sha256, size) and its provenance's fingerprint."""
    return digest({"files": [[file.path, file.sha256, file.size] for file in files], "fingerprint": fingerprint})


@dataclass(frozen=True)
class ArtifactRef:
    """A small reference to a committed artifact: what travels between assets in the artifact's place."""

    root: str
    scene_id: str
    asset: str
    commit_id: str


def check_names(scene_id: str, asset: str | None = None) -> None:
    """Raises StoreError unless both may be part of a path."""
    if not re.fullmatch(SCENE_ID_PATTERN, scene_id):
        raise StoreError(f"scene id {scene_id!r} must match {SCENE_ID_PATTERN}; choose another one")
    if asset is not None and not re.fullmatch(ASSET_PATTERN, asset):
        raise StoreError(f"asset name {asset!r} must match {ASSET_PATTERN}; choose another one")
