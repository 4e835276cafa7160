"""Text requests: words or a `scene_request_v1` file in, the normalised request of one scene out."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from blueprint_assets.contracts.scene_request import (
    MAX_REQUEST_BYTES,
    NormalizedRequest,
    SceneRequest,
    normalize,
    read_request,
)
from blueprint_assets.contracts.source import Intake, Source
from io_managers.record import digest

NORMALIZED = "textgen/request.normalized.json"
REQUEST_SUFFIXES = (".json", ".txt")
"""`.json`: a scene_request_v1; `.txt`: the words alone."""
_OF_THE_REGISTER: dict[str, Any] = {
    **dict.fromkeys(("scene_id", "received_at", "variant", "seed_count", "request_sha256"), True),
    "constraints": {"seed"},
}
"""Fields of a normalised request that do not decide what the scene holds (`seed` is the variant's own)."""


class RequestError(ValueError):
    """A text request cannot be used. The message names the file or the words, the field and the remedy."""


def read_words(path: Path) -> str:
    """The words in a text file.

    Raises:
        RequestError: it is missing, empty, too large, or no UTF-8 text.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_REQUEST_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_REQUEST_BYTES:
        raise RequestError(f"{path}: over {MAX_REQUEST_BYTES} bytes: a request is a few sentences; shorten it")
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: not UTF-8 text: {error}; save it as UTF-8") from error
    if not words.strip():
        raise RequestError(f"{path}: the file is empty: write what should be there, such as 'a mug on a table'")
    return words


def request_of(words: str, scene_id: str, name: str) -> SceneRequest:
    """The request that somebody makes with words alone; `name` is what an error calls them.

    Raises:
        ContractError: they are empty, too long, or hold what is no text.
    """
    return SceneRequest.parse({"schema_version": "v1", "scene_id": scene_id, "prompt": words}, name)


def read_request_file(path: Path, scene_id: str) -> SceneRequest:
    """The request in a .json file (which names its scene itself), or in a .txt file (then `scene_id` names it).

    Raises:
        ContractError, RequestError: it cannot be used; the message names the file and the field.
    """
    if path.is_dir():
        raise RequestError(f"{path}: is a folder: give the request's file itself")
    if path.suffix.lower() == ".txt":
        return request_of(read_words(path), scene_id, str(path))
    request = read_request(path)
    if request.source_mode == "text" and request.text_backend != "embedded":
        raise RequestError(
            f"{path}: text_backend: {request.text_backend} does not run here: run it and give its output with --format, or set "
            "text_backend to embedded"
        )
    return request


def adjusted(request: SceneRequest, scene_id: str, seed: int | None, variants: int | None) -> SceneRequest:
    """The request under another id, and with the seed and the number of variants that were asked for; None: its own.

    Raises:
        ContractError: one of them is not allowed.
    """
    changed: dict[str, Any] = {
        "scene_id": scene_id,
        "seed_count": request.seed_count if variants is None else variants,
        "constraints": request.constraints.model_dump() | ({} if seed is None else {"seed": seed}),
    }
    return SceneRequest.parse(request.model_dump() | changed, f"scene request {request.scene_id}")


def picture_of(request: SceneRequest, path: Path) -> tuple[Path, Path | None]:
    """The picture, and its mask if there is one, that a request in image mode names. They lie in the request's folder or
    below: a path in a file is a claim, not a permission.

    Raises:
        RequestError: a name leads out of that folder.
    """
    folder = path.resolve().parent
    found: list[Path | None] = []
    for field in ("image", "mask"):
        name = getattr(request, field)
        if name is None:
            found.append(None)
            continue
        try:
            place = (folder / name).resolve()
            inside = place.is_relative_to(folder) and "\0" not in name
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise RequestError(
                f"{path}: {field}: {name[:80]!r} is outside the request's folder; put the picture beside the request and "
                "give its relative path"
            )
        found.append(place)
    image, mask = found
    if image is None:
        raise RequestError(f"{path}: image is missing; image mode needs a picture's path")
    return image, mask


def request_identity(request: NormalizedRequest) -> str:
    """The hash of everything in a normalised request that decides what the scene holds: not its name, and not when it came."""
    return digest(request.model_dump(mode="json", exclude=_OF_THE_REGISTER))


def prepare_request(intake: Intake, received: Path | None, out: Path) -> Source:
    """Fills `out` with what was received (`input/original.json` or `.txt`), the normalised request of this scene and
    `input/source.json`; returns the last.

    `received` is the request's file; None: the words were typed, and are in the intake.

    Raises:
        RequestError: the file is not the one that was registered.
    """
    if intake.request is None or intake.variant is None:
        raise RequestError(f"scene {intake.scene_id}: registered without a request; register it again")
    normalized = normalize(intake.request, intake.received_at)[intake.variant]
    suffix = ".txt" if received is None else received.suffix.lower()
    original = f"input/original{suffix if suffix in REQUEST_SUFFIXES else '.txt'}"
    (out / "input").mkdir(parents=True, exist_ok=True)
    if received is None:
        (out / original).write_bytes((intake.request.prompt or "").encode())
    else:
        shutil.copyfile(received, out / original)
    found = hashlib.sha256((out / original).read_bytes()).hexdigest()
    if found != intake.request_sha256:
        raise RequestError(
            f"{intake.request_uri or 'the typed request'}: sha256 {found[:12]}… is not the registered "
            f"{(intake.request_sha256 or '')[:12]}…: register the request again"
        )
    normalized.write(out / NORMALIZED)
    changed = normalized.prompt != intake.request.prompt
    source = Source(
        scene_id=intake.scene_id,
        mode="text",
        original=original,
        original_sha256=found,
        content_sha256=request_identity(normalized),
        files={original: found},
        request=NORMALIZED,
        notes=("the words were put into NFKC form on one line",) if changed else (),
        received_at=intake.received_at,
    )
    source.write(out / "input/source.json")
    return source
