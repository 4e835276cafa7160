"""`episodes/geniesim_{job_id}/import_manifest.json`: what was taken over from a simulator run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, SceneId, Sha256


def episodes_folder(job_id: str) -> str:
    """Where a job's episodes are, relative to the scene."""
    return f"episodes/geniesim_{job_id}"


class EpisodeCounts(Document):
    downloaded: int = Field(ge=0)
    passed_validation: int = Field(ge=0)
    rejected: int = Field(ge=0)


class ImportedEpisode(Document):
    episode_id: str
    episode_uuid: str
    task_type: str | None = Field(
        default=None, description="kind of task; null when the document was unreadable, and in old manifests"
    )
    accepted: bool
    reason: str | None = Field(description="why it was rejected; null when accepted")
    unit: str | None = Field(description="folder of the encoded episode, relative to the manifest")
    frames: int = Field(ge=0)
    quality_score: float = Field(ge=0, le=1)


class ImportedFile(Document):
    path: str
    size_bytes: int = Field(ge=0)
    sha256: Sha256


class QualitySummary(Document):
    average_score: float = Field(ge=0, le=1)


class ImportManifest(Document):
    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    run_id: str
    job_id: str
    status: Literal["completed", "failed"]
    recordings_format: Literal["json", "parquet", "mixed"] = "json"
    episodes: EpisodeCounts
    imported: tuple[ImportedEpisode, ...]
    quality: QualitySummary
    file_inventory: tuple[ImportedFile, ...]
