"""Taking in what was registered, whatever it is: a photograph, a text request, or another system's output."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.source import Intake, Source

from .intake import fetch, fetch_file
from .ready import prepare_output
from .source import SourceError, prepare_source
from .text import RequestError, prepare_request


def take_in(intake: Intake, out: Path) -> Source:
    """Fills `out`, laid out like the scene, with what was registered; returns its `input/source.json`. Messages name the files
    that somebody gave, not the copies that were read.

    Raises:
        IntakeError: a file is gone, or another than the one that was registered.
        SourceError, RequestError, ReadyOutputError, ContractError: it cannot be used.
    """
    if intake.mode == "text":
        return _request(intake, out)
    if intake.mode == "posed_meshes" and intake.image_uri is None:
        return prepare_output(intake, None, out)
    with fetch(intake) as (image, mask):
        try:
            if intake.mode == "posed_meshes":
                return prepare_output(intake, image, out)
            return prepare_source(intake, image, mask, out)
        except SourceError as error:
            raise SourceError(_given(error, {image: intake.image_uri, mask: intake.mask_uri})) from error


def told(source: Source) -> dict[str, Any]:
    """What the asset page shows of it."""
    shown: dict[str, Any] = {"made_from": source.mode}
    if source.image is not None:
        shown |= {"preview": source.image, "width": source.width, "height": source.height}
        shown["mask"] = source.mask or "none given"
    if source.format is not None:
        shown |= {"format": source.format, "files": len(source.files)}
    if source.notes:
        shown["notes"] = "; ".join(source.notes)
    return shown


def _request(intake: Intake, out: Path) -> Source:
    if intake.request_uri is None:
        return prepare_request(intake, None, out)
    with tempfile.TemporaryDirectory(prefix="blueprint-intake-") as folder:
        local = Path(folder) / f"request{Path(intake.request_uri).suffix[:8]}"
        fetch_file(intake.request_uri, local, intake.request_sha256 or "", intake.scene_id)
        try:
            return prepare_request(intake, local, out)
        except RequestError as error:
            raise RequestError(_given(error, {local: intake.request_uri})) from error
        except ContractError as error:
            raise ContractError(_given(error, {local: intake.request_uri})) from error


def _given(error: Exception, names: dict[Path | None, str | None]) -> str:
    said = str(error)
    for copy, uri in names.items():
        if copy is not None and uri is not None:
            said = said.replace(str(copy), uri)
    return said
