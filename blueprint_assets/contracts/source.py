"""What a scene is made from: the photograph as received (`input/source.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, SceneId, Sha256


class Intake(Document):
    """A registered picture that has not been read yet: what the sensor or the command line knows about it.

    What its owner said about its licence stands here and not in `Source`: it may be said or put right at any time, and
    nothing has to be made again for it.
    """

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    image_uri: str = Field(min_length=1)
    image_sha256: Sha256
    mask_uri: str | None = None
    mask_sha256: Sha256 | None = None
    received_at: str = Field(description="ISO 8601, UTC: when the picture was registered")
    license: str | None = Field(
        default=None,
        min_length=1,
        description="an SPDX id, or what the owner wrote; null: nobody said, and nobody guesses",
    )
    attribution: str | None = Field(default=None, min_length=1, description="whom to name, as they want to be named")


class Source(Document):
    """The photograph, decoded once and found fit for use."""

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    mode: Literal["image"] = "image"
    original: str = Field(description="the bytes as received, relative to the scene")
    original_sha256: Sha256
    pixels_sha256: Sha256 | None = Field(
        default=None,
        description="over the decoded, upright picture (`stage1.source.pixels_sha256`); null in old documents",
    )
    image: str = Field(description="upright 8-bit RGB PNG, relative to the scene; every pixel number refers to it")
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    mask: str | None = Field(
        default=None, description="instance ids, 0 = background; 16-bit or 8-bit PNG of the same size"
    )
    exif_focal_35mm: float | None = Field(default=None, gt=0)
    received_at: str
