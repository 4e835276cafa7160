"""Who makes the posed meshes of a scene: a photograph's reconstructor, a text request's generator, an output's reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blueprint_assets.contracts.scene_request import NormalizedRequest
from blueprint_assets.contracts.source import Source
from resources.observability import ProgressSink
from resources.reconstruction import Reconstructor

from .readers import reader_of
from .text import NORMALIZED

STAGE1 = "stage1"
TEXTGEN = "textgen"


@dataclass(frozen=True)
class Maker:
    """`backend`: what really runs. `make(inputs, out, progress)` reads the scene's source below `inputs` and fills
    `out`/stage1; from words also `out`/textgen. `settings`: what that depends on besides."""

    backend: str
    make: Callable[[Path, Path, ProgressSink], object]
    settings: Mapping[str, Any] = field(default_factory=dict)


def maker_of(
    source: Source, reconstructor: Callable[[], Reconstructor], settings: Mapping[str, Any] | None = None
) -> Maker:
    """The one that fits the source's mode. `reconstructor` opens the one that is configured for photographs, `settings` is what
    its work depends on.
    """
    if source.mode == "text":
        return _from_words(source)
    if source.mode == "posed_meshes":
        return _from_output(source)
    backend = reconstructor()
    return Maker(
        backend.backend,
        lambda inputs, out, progress: backend.reconstruct(source, inputs, out / STAGE1, progress),
        settings or {},
    )


def _from_words(source: Source) -> Maker:
    from resources.scene_generation.embedded import EmbeddedSceneGenerator

    generator = EmbeddedSceneGenerator()

    def make(inputs: Path, out: Path, progress: ProgressSink) -> None:
        request = NormalizedRequest.read(inputs / (source.request or NORMALIZED))
        generator.generate(request, out / STAGE1, out / TEXTGEN, progress)
        (out / NORMALIZED).unlink(missing_ok=True)  # the source's own file; here it would be committed a second time

    return Maker(generator.backend, make)


def _from_output(source: Source) -> Maker:
    assert source.format is not None
    assert source.original is not None  # the contract of mode posed_meshes
    reader, kept = reader_of(source.format), source.original

    def make(inputs: Path, out: Path, progress: ProgressSink) -> None:
        place = inputs / kept
        if reader.one_file:
            (name,) = (Path(path).name for path in source.files if path.startswith(f"{kept}/"))
            place /= name
        reader.open(place).reconstruct(source, inputs, out / STAGE1, progress)

    return Maker(reader.backend, make)
