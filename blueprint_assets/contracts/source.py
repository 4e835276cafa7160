"""What a scene is made from: a photograph, a text request, or what another system made (`input/source.json`)."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from .base import Document, SceneId, Sha256
from .scene_request import SceneRequest

Mode = Literal["image", "text", "posed_meshes"]
Format = Literal["regen3d", "sam3d", "glb", "embodiedgen", "scenesmith", "sage", "stage1"]
"""Whose output a ready reconstruction is. `glb`: one file with a node per object. `stage1`: our own posed meshes."""
FORMATS: tuple[Format, ...] = get_args(Format)


class Intake(Document):
    """What a scene is to be made from, not read yet: what the sensor or the command line knows about it.

    What its owner said about its licence stands here and not in `Source`: it may be said or put right at any time, and
    nothing has to be made again for it.
    """

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    mode: Mode = "image"
    image_uri: str | None = Field(
        default=None, min_length=1, description="the photograph; beside posed meshes it is optional"
    )
    image_sha256: Sha256 | None = None
    mask_uri: str | None = None
    mask_sha256: Sha256 | None = None
    request: SceneRequest | None = Field(default=None, description="text mode: what is asked for, options applied")
    request_uri: str | None = Field(default=None, description="the request's file; null: it was typed")
    request_sha256: Sha256 | None = Field(default=None, description="of the file, or of the typed words in UTF-8")
    variant: int | None = Field(default=None, ge=0, description="text mode: which of the request's variants")
    output_uri: str | None = Field(default=None, description="posed_meshes mode: another system's folder or file")
    format: Format | None = None
    files: dict[str, Sha256] = Field(default={}, description="posed_meshes mode: what is read of the output")
    content_sha256: Sha256 | None = Field(
        default=None, description="the same for the same content under any name; null: image_sha256 says it"
    )
    received_at: str = Field(description="ISO 8601, UTC: when it was registered")
    license: str | None = Field(
        default=None,
        min_length=1,
        description="an SPDX id, or what the owner wrote; null: nobody said, and nobody guesses",
    )
    attribution: str | None = Field(default=None, min_length=1, description="whom to name, as they want to be named")

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Self:
        needed = {
            "image": ("image_uri", "image_sha256"),
            "text": ("request", "request_sha256", "variant", "content_sha256"),
            "posed_meshes": ("output_uri", "format", "files", "content_sha256"),
        }
        _demand(self, self.mode, needed)
        return self

    @property
    def identity(self) -> str:
        """The hash of the content: two scenes with the same one are made from the same."""
        return self.content_sha256 or self.image_sha256 or ""

    @property
    def uri(self) -> str | None:
        """Where it was found; None: it was typed."""
        return {"image": self.image_uri, "text": self.request_uri, "posed_meshes": self.output_uri}[self.mode]


class Source(Document):
    """What was received, kept byte for byte below `input/`, read once and found fit for use.

    `mode` says what the scene is made from. In image mode that is the picture. In text mode it is `request`, and there is
    no picture. In posed_meshes mode it is the kept output of another system (`original`, a folder), and a picture only if
    one came with it.
    """

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    mode: Mode = "image"
    original: str | None = Field(
        description="the bytes as received, relative to the scene; posed_meshes mode: the folder that holds them. Null: the "
        "photograph's file says where it was taken, and is not kept; `image` has its pixels"
    )
    original_sha256: Sha256 = Field(description="of the file as received; posed_meshes mode: over `files`")
    content_sha256: Sha256 | None = Field(
        default=None, description="the same for the same content under any name; null: original_sha256 says it"
    )
    files: dict[str, Sha256] = Field(
        default={}, description="what is kept as it was received, relative to the scene; empty in old documents"
    )
    pixels_sha256: Sha256 | None = Field(
        default=None,
        description="over the upright picture (`stage1.source.pixels_sha256`); null without one, and in old documents",
    )
    image: str | None = Field(
        default=None,
        description="upright 8-bit RGB PNG, relative to the scene; every pixel number refers to it. Null: there is no picture",
    )
    width: int | None = Field(default=None, gt=0, description="of `image`, pixels")
    height: int | None = Field(default=None, gt=0)
    mask: str | None = Field(
        default=None, description="instance ids, 0 = background; 16-bit or 8-bit PNG of the same size"
    )
    exif_focal_35mm: float | None = Field(default=None, gt=0)
    request: str | None = Field(default=None, description="text mode: the normalised request, relative to the scene")
    format: Format | None = Field(default=None, description="posed_meshes mode: who wrote it")
    notes: tuple[str, ...] = Field(default=(), description="what was changed on the way in, in sentences")
    received_at: str

    @model_validator(mode="after")
    def _has_what_its_mode_needs(self) -> Self:
        needed = {"image": ("image",), "text": ("original", "request"), "posed_meshes": ("original", "format", "files")}
        _demand(self, self.mode, needed)
        if (self.image is None) != (self.width is None) or (self.image is None) != (self.height is None):
            raise ValueError(f"image is {self.image!r}, but its size {self.width}x{self.height}; both or neither")
        return self

    @property
    def identity(self) -> str:
        """The hash of the content: two scenes with the same one are made from the same."""
        return self.content_sha256 or self.original_sha256

    def picture(self) -> tuple[str, int, int]:
        """Path relative to the scene, width and height of the picture.

        Raises:
            ValueError: there is none.
        """
        if self.image is None or self.width is None or self.height is None:
            raise ValueError(f"scene {self.scene_id}: input/source.json: there is no picture, in mode {self.mode}")
        return self.image, self.width, self.height


def _demand(document: Document, mode: Mode, needed: dict[str, tuple[str, ...]]) -> None:
    """Raises ValueError unless every field that `mode` needs is there."""
    lacking = [name for name in needed[mode] if getattr(document, name) in (None, {})]
    if lacking:
        raise ValueError(f"{lacking[0]} is missing, which mode {mode} needs")
