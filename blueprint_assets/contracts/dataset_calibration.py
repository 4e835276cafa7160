"""`meta/calibration.json` of a dataset: how its cameras saw, and in which episodes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document
from .encoded_episode import Calibration


class CameraSet(Document):
    """Cameras as they stood in some of the episodes, by name."""

    cameras: dict[str, Calibration] = Field(min_length=1)
    episodes: tuple[str, ...] = Field(min_length=1, description="their episode_uuids")


class DatasetCalibration(Document):
    """Every set of calibrations once; an episode is in one set at most."""

    schema_version: Literal["1.0"] = "1.0"
    sets: tuple[CameraSet, ...] = Field(min_length=1)
