"""What `blueprint run` was given to make scenes from: told apart, read once before anything is written, and registered."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from blueprint_assets.contracts.scene_request import SceneRequest, normalize
from blueprint_assets.contracts.source import FORMATS, Format
from blueprint_assets.partitions import check_scene_id, scene_id_of
from blueprint_assets.stage1.intake import (
    LICENSE_SUFFIX,
    free_scene_id,
    read_license,
    register,
    register_output,
    register_request,
    sha256_of,
)
from blueprint_assets.stage1.ready import output_files, output_identity
from blueprint_assets.stage1.source import read_image, read_mask
from blueprint_assets.stage1.text import (
    REQUEST_SUFFIXES,
    adjusted,
    picture_of,
    read_request_file,
    request_identity,
    request_of,
)

WORDS_IN_AN_ID = 40
"""Characters of a typed request that its scene's id is made of."""


class GivenError(ValueError):
    """The options do not go together. The message says which, and what to give instead."""


@dataclass(frozen=True)
class Options:
    """What the command line says about the input; see `commands.run.Run`."""

    source: Path | None = None
    prompt: str | None = None
    mask: Path | None = None
    format: Format | None = None
    photo: Path | None = None
    scene_id: str | None = None
    license: str | None = None
    attribution: str | None = None
    seed: int | None = None
    variants: int | None = None


class Given(Protocol):
    """Something that scenes are made from."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def scene_ids(self, root: str) -> list[str]:
        """The scenes that are made from it in this store, one for each variant."""
        ...

    def register(self, root: str, scene_ids: list[str], number: int) -> None:
        """Notes what the scene of this number is made from."""
        ...


@dataclass(frozen=True)
class Picture:
    """A photograph, with its mask if there is one."""

    name: str
    image: Path
    mask: Path | None
    options: Options

    def scene_ids(self, root: str) -> list[str]:
        """One scene."""
        return [_free(self.options, root, scene_id_of(self.image.name), self.image)]

    def register(self, root: str, scene_ids: list[str], number: int) -> None:
        """Notes the picture."""
        mask = str(self.mask.absolute()) if self.mask else None
        register(root, scene_ids[number], str(self.image.absolute()), mask, *_licence(self.options))


@dataclass(frozen=True)
class Words:
    """A text request; `file` is None where it was typed."""

    name: str
    request: SceneRequest
    file: Path | None
    options: Options

    def scene_ids(self, root: str) -> list[str]:
        """One scene for each variant: `<id>`, `<id>-v2`, …"""
        content = request_identity(normalize(self.request, "now")[0])
        first = _free(self.options, root, self.request.scene_id, self.file, content)
        return [variant.scene_id for variant in normalize(self._named(first), "now")]

    def register(self, root: str, scene_ids: list[str], number: int) -> None:
        """Notes one variant of the request."""
        if self.file is None:
            received = hashlib.sha256((self.request.prompt or "").encode()).hexdigest()
        else:
            received = sha256_of(str(self.file.absolute()))
        uri = str(self.file.absolute()) if self.file else None
        register_request(root, self._named(scene_ids[0]), number, received, uri, *_licence(self.options))

    def _named(self, scene_id: str) -> SceneRequest:
        return adjusted(self.request, scene_id, None, None)


@dataclass(frozen=True)
class Output:
    """What another system made, with the photograph that it was made from, if that is there."""

    name: str
    place: Path
    format: Format
    options: Options

    def scene_ids(self, root: str) -> list[str]:
        """One scene."""
        content = output_identity(self.place, self.format, self.options.photo)
        name = self.place.absolute().name
        wanted = scene_id_of(name if self.place.is_file() else f"{name}.")  # a folder's name has no ending to cut off
        return [_free(self.options, root, wanted, self.place, content)]

    def register(self, root: str, scene_ids: list[str], number: int) -> None:
        """Notes the output and its files."""
        photo = self.options.photo.absolute() if self.options.photo else None
        register_output(root, scene_ids[number], self.place.absolute(), self.format, photo, *_licence(self.options))


def read_given(options: Options) -> Given:
    """What was given, after it was read and found fit. Writes nothing.

    Raises:
        GivenError, SceneIdError: options that do not go together, or no scene id.
        SourceError, RequestError, ContractError, ReadyOutputError: the input cannot be used.
    """
    if options.scene_id is not None:
        check_scene_id(options.scene_id)
    if (options.source is None) == (options.prompt is None):
        raise GivenError(
            "give one of: a photograph, a request (.json or .txt), another system's output, or --prompt TEXT"
        )
    if options.source is None:
        return _words(options, None)
    if options.format is not None or options.source.suffix.lower() == ".glb":
        return _output(options, options.source)
    if options.photo is not None:
        raise GivenError(f"--photo {options.photo}: belongs to another system's output; say whose with --format")
    if options.source.suffix.lower() in REQUEST_SUFFIXES:
        return _words(options, options.source)
    return _picture(options, options.source, options.mask)


def _picture(options: Options, image: Path, mask: Path | None) -> Picture:
    _demand_one_variant(options)
    if image.is_dir():
        raise GivenError(
            f"{image}: is a folder: give the picture itself, or say who wrote the folder with --format {'|'.join(FORMATS)}"
        )
    if not image.exists() and " " in str(image) and not image.suffix:
        raise GivenError(f"{image}: no such file: words are given with --prompt {str(image)!r}")
    size = read_image(image).size
    if mask is not None:
        read_mask(mask, size)
    return Picture(image.name, image, mask, options)


def _words(options: Options, file: Path | None) -> Given:
    if options.mask is not None or options.photo is not None or options.format is not None:
        raise GivenError("--mask, --photo and --format go with pictures and outputs, not with a text request")
    if file is not None:
        request = read_request_file(file, options.scene_id or scene_id_of(file.name))
        if request.source_mode == "image":
            return _picture(options, *picture_of(request, file))
    else:
        words = options.prompt or ""
        request = request_of(words, options.scene_id or _id_of_words(words), "--prompt")
    request = adjusted(request, options.scene_id or request.scene_id, options.seed, options.variants)
    normalize(request, "now")  # refuses ids that would be too long, before anything is registered
    return Words(file.name if file else f"“{' '.join(words.split())}”", request, file, options)


def _output(options: Options, place: Path) -> Output:
    _demand_one_variant(options)
    if options.mask is not None:
        raise GivenError("--mask belongs to a photograph; another system's output has its own masks")
    format = options.format or "glb"
    output_files(place, format)
    if options.photo is not None:
        read_image(options.photo)
    return Output(place.absolute().name, place, format, options)


def _demand_one_variant(options: Options) -> None:
    if options.variants not in (None, 1):
        raise GivenError(f"--variants {options.variants}: only a text request has variants")


def _id_of_words(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    if not any(character.isalnum() for character in plain):
        return f"scene_{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:8]}"
    return scene_id_of(plain.replace("/", " ").replace(".", " ").strip()[:WORDS_IN_AN_ID])


def _free(options: Options, root: str, wanted: str, file: Path | None, content: str | None = None) -> str:
    if options.scene_id:
        return options.scene_id
    return free_scene_id(root, wanted, str(file.absolute()) if file else None, content)


def _licence(options: Options) -> tuple[str | None, str | None]:
    """(licence, attribution) as the options say, or else the file beside the input."""
    license, attribution = None, None
    if options.source is not None:
        beside = Path(f"{options.source.absolute()}{LICENSE_SUFFIX}")
        license, attribution = read_license(str(beside)) if beside.is_file() else (None, None)
    return options.license or license, options.attribution or attribution
