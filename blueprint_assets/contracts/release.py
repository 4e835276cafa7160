"""`releases/<version>/release.json`: what a release holds, by which rules, and from where; and `releases/retractions/*.json`.

The split datasets hold the same episodes in the order of `scenes` and of each scene's `episodes`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import Document, SceneId, Sha256
from .source import Mode

VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
Version = Annotated[str, Field(pattern=VERSION_PATTERN)]
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Rules(Document):
    """How episodes were chosen. `fractions` are what the splits aim at, in episodes; they add up to 1."""

    max_scene_share: float = Field(gt=0, le=1, description="no scene holds a greater part of the episodes")
    fractions: dict[Split, float] = Field(description="train, val and test")

    @model_validator(mode="after")
    def _add_up(self) -> Rules:
        if set(self.fractions) != set(SPLITS) or any(value < 0 for value in self.fractions.values()):
            raise ValueError(f"fractions {self.fractions}: one for each of {', '.join(SPLITS)}, none negative")
        if abs(sum(self.fractions.values()) - 1) > 1e-6 or not self.fractions["train"]:
            raise ValueError(f"fractions {self.fractions}: they must add up to 1, and train must have a part")
        return self


class InputLicence(Document):
    """What one input is given under. `stated` is null when nobody said."""

    what: str = Field(min_length=1)
    stated: str | None
    attribution: str | None = None


class ReleaseLicence(Document):
    """The dataset's licence. `hub` is the Hub's name for it, `other` when it could not be determined."""

    hub: str
    spdx: str | None = Field(description="null when it could not be determined")
    reasons: tuple[str, ...] = Field(description="sentences: why this one, or what is not known")
    inputs: tuple[InputLicence, ...]


class ReleasedEpisode(Document):
    """`index` is its place in its split's dataset."""

    index: int = Field(ge=0)
    episode_uuid: str = Field(min_length=1)
    task: str
    frames: int = Field(ge=1)
    rows_sha256: Sha256
    packets_sha256: dict[str, Sha256] = Field(description="stream -> hash of its packets, the same in every container")


class TaskOutcome(Document):
    """Recordings of one kind of task: all that there are, those that were accepted, and those in the release."""

    recorded: int = Field(ge=0)
    accepted: int = Field(ge=0)
    released: int = Field(ge=0)


class ReleasedPhoto(Document):
    """What a scene was made from: a photograph, or (`mode`) a text request or another system's output."""

    mode: Mode = "image"
    file: str = Field(description="the name under which it was registered, without the folder")
    sha256: Sha256 = Field(description="of the file as received; of another system's output: over its files")
    content_sha256: Sha256 | None = Field(
        default=None, description="the same for the same content under any name; null: sha256 says it"
    )
    pixels_sha256: Sha256 | None = Field(description="null: there is no picture")
    license: str | None
    attribution: str | None

    @property
    def identity(self) -> str:
        """The hash by which two scenes are known to be made from the same."""
        return self.content_sha256 or self.sha256


class ReleasedScene(Document):
    """One scene's part. `group` is the same for scenes that share content and therefore stand in one split."""

    scene_id: SceneId
    split: Split
    group: str
    photo: ReleasedPhoto
    scene_sha256: Sha256 = Field(description="of usd/scene.usda")
    meshes: dict[str, Sha256] = Field(description="file of the scene -> sha256")
    reconstruction: str = Field(description="the backend that made the meshes")
    commits: dict[str, Sha256] = Field(description="asset -> commit id, for everything that the episodes came from")
    tasks: dict[str, TaskOutcome] = Field(description="by kind of task")
    rejected: dict[str, int] = Field(description="reason -> recordings that were not accepted")
    episodes: tuple[ReleasedEpisode, ...] = Field(min_length=1)


class LeftOut(Document):
    scene_id: SceneId
    reason: str


class SplitFigures(Document):
    """`empty_because` is null exactly when there are episodes."""

    scenes: int = Field(ge=0)
    groups: int = Field(ge=0)
    episodes: int = Field(ge=0)
    frames: int = Field(ge=0)
    seconds: float = Field(ge=0)
    tasks: int = Field(ge=0, description="different instructions")
    empty_because: str | None = None


class Release(Document):
    """Same inputs, rules and code: same document but for `version`, `number` and `previous`."""

    schema_version: Literal["1.0"] = "1.0"
    version: Version
    number: int = Field(ge=1, description="counts the releases of a store; the greatest is the latest")
    previous: Version | None
    content_sha256: Sha256 = Field(description="over everything that decides what the release holds")
    code_version: str
    code_commit: str
    fps: int = Field(ge=1)
    robot: str
    rules: Rules
    licence: ReleaseLicence
    splits: dict[Split, SplitFigures]
    scenes: tuple[ReleasedScene, ...] = Field(min_length=1, description="sorted by scene_id")
    left_out: tuple[LeftOut, ...]

    def in_split(self, split: Split) -> tuple[ReleasedScene, ...]:
        """The scenes of one split, in the order of its dataset."""
        return tuple(scene for scene in self.scenes if scene.split == split)


class Retraction(Document):
    """A scene that no release may hold from now on, under whatever name: its photograph and its scene file are barred."""

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    reason: str
    retracted_at: str = Field(description="ISO 8601, UTC")
    photo_sha256: tuple[Sha256, ...]
    pixels_sha256: tuple[Sha256, ...]
    scene_sha256: tuple[Sha256, ...]
    releases: tuple[Version, ...] = Field(description="those that held it at the time")
