"""The register: which scene is to be made from which picture, request or output. One small document per scene,
`intake/<scene_id>.json`."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.scene_request import MAX_REQUEST_BYTES, SceneRequest, normalize
from blueprint_assets.contracts.source import Format, Intake
from io_managers.digest import hash_file

from .ready import identity_of, output_files
from .text import RequestError, adjusted, read_request_file, request_identity

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


LICENSE_SUFFIX = ".license"
"""`photo.jpg.license` says under which licence `photo.jpg` is given (a name that the REUSE specification gives it)."""
_REUSE_TAGS = ("spdx-license-identifier:", "spdx-filecopyrighttext:")
MAX_LICENSE_BYTES = 4096
"""An id or a sentence, and whom to name. A whole licence text is longer, and says neither."""


class IntakeError(ValueError):
    """A picture or request cannot be registered, or a scene has none. The message names the scene and the file."""


def sha256_of(uri: str) -> str:
    """The hash of a file anywhere that fsspec reaches.

    Raises:
        IntakeError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with _open(uri) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise IntakeError(f"{uri}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def register(
    root: str,
    scene_id: str,
    image_uri: str,
    mask_uri: str | None = None,
    license: str | None = None,
    attribution: str | None = None,
) -> Intake:
    """Notes that `scene_id` is to be made from the picture at `image_uri`. Registering the same bytes again changes nothing,
    but what is said about the licence then replaces what was said before; None says nothing.

    Raises:
        IntakeError: a file cannot be read.
    """
    intake = Intake(
        scene_id=scene_id,
        image_uri=image_uri,
        image_sha256=sha256_of(image_uri),
        mask_uri=mask_uri,
        mask_sha256=sha256_of(mask_uri) if mask_uri else None,
        received_at=_now(),
        license=license,
        attribution=attribution,
    )
    return _keep(root, intake)


def register_request(
    root: str,
    request: SceneRequest,
    variant: int,
    received_sha256: str,
    request_uri: str | None,
    license: str | None = None,
    attribution: str | None = None,
) -> Intake:
    """Notes that a scene is to be made from one variant of a text request; the scene's id is the variant's.

    `received_sha256`: of the file at `request_uri`, or of the typed words where that is None.

    Raises:
        ContractError: the variant's id is no scene id.
    """
    received_at = _now()
    normalized = normalize(request, received_at)[variant]
    intake = Intake(
        scene_id=normalized.scene_id,
        mode="text",
        request=request,
        request_uri=request_uri,
        request_sha256=received_sha256,
        variant=variant,
        content_sha256=request_identity(normalized),
        received_at=received_at,
        license=license,
        attribution=attribution,
    )
    return _keep(root, intake)


def register_variants(
    root: str, uri: str, scene_id: str, license: str | None = None, attribution: str | None = None
) -> list[str]:
    """Registers every variant of the request file at `uri`, anywhere that fsspec reaches; returns their scenes. `scene_id`
    names those of a .txt file, a .json file names its own.

    Raises:
        ContractError, RequestError: the request cannot be used, or is about a picture: pictures are dropped in themselves.
        IntakeError: the file cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blueprint-intake-") as folder:
        local = Path(folder) / f"request{Path(uri).suffix[:8]}"
        copy_start(uri, local, MAX_REQUEST_BYTES + 1)
        try:
            request = read_request_file(local, scene_id)
            if request.source_mode != "text":
                raise RequestError(f"{local}: source_mode image: drop the picture itself into the inbox")
        except (ContractError, RequestError) as error:
            raise type(error)(str(error).replace(str(local), uri)) from error
        received = hash_file(local)
    content = request_identity(normalize(request, "now")[0])
    named = adjusted(request, free_scene_id(root, request.scene_id, uri, content), None, None)
    made = [
        register_request(root, named, number, received, uri, license, attribution) for number in range(named.seed_count)
    ]
    return [intake.scene_id for intake in made]


def register_output(
    root: str,
    scene_id: str,
    output: Path,
    format: Format,
    photo: Path | None = None,
    license: str | None = None,
    attribution: str | None = None,
) -> Intake:
    """Notes that `scene_id` is to be made from what another system wrote: its folder or file `output` on this machine, and
    the photograph that it was made from, if that is there.

    Raises:
        ReadyOutputError: there is nothing of that format, or more than is read.
        IntakeError: the photograph cannot be read.
    """
    files = {name: hash_file(path) for name, path in output_files(output, format).items()}
    photo_sha256 = sha256_of(str(photo)) if photo else None
    intake = Intake(
        scene_id=scene_id,
        mode="posed_meshes",
        output_uri=str(output),
        format=format,
        files=files,
        content_sha256=identity_of(format, files, photo_sha256),
        image_uri=str(photo) if photo else None,
        image_sha256=photo_sha256,
        received_at=_now(),
        license=license,
        attribution=attribution,
    )
    return _keep(root, intake)


def _keep(root: str, intake: Intake) -> Intake:
    """Writes what was registered. The same content keeps the time when it first came, and what was said about its licence."""
    known = find(root, intake.scene_id)
    if known and known.identity == intake.identity:
        said = {
            "license": intake.license or known.license,
            "attribution": intake.attribution or known.attribution,
            "received_at": known.received_at if known.mask_sha256 == intake.mask_sha256 else intake.received_at,
        }
        intake = intake.model_copy(update=said)
        if intake == known:
            return known
    filesystem, path = _place(root, intake.scene_id)
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    temporary = f"{path}.{intake.identity[:12]}.tmp"
    with filesystem.open(temporary, "wb") as stream:
        stream.write(intake.to_json().encode())
    filesystem.mv(temporary, path)
    return intake


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_license(uri: str) -> tuple[str | None, str | None]:
    """(licence, whom to name) of a `.license` file: its first line, an SPDX id or free text, and the rest; or the tags of
    the REUSE specification, `SPDX-License-Identifier:` and `SPDX-FileCopyrightText:`. An empty file says nothing.

    Raises:
        IntakeError: the file cannot be read, is no UTF-8 text, or is longer than MAX_LICENSE_BYTES.
    """
    try:
        with _open(uri) as stream:
            content = stream.read(MAX_LICENSE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise IntakeError(f"{uri}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise IntakeError(f"{uri}: not UTF-8 text: {error}; save it as UTF-8") from error
    if len(content) > MAX_LICENSE_BYTES:
        raise IntakeError(
            f"{uri}: over {MAX_LICENSE_BYTES} bytes: write the licence's SPDX id into the first line, and below it whom to name"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    tagged = [[line.split(":", 1)[1].strip() for line in lines if line.lower().startswith(tag)] for tag in _REUSE_TAGS]
    if any(tagged):
        license, credits = tagged[0], tagged[1]
    else:
        license, credits = lines[:1], lines[1:]
    return " ".join(license) or None, "; ".join(credits) or None


def free_scene_id(root: str, wanted: str, uri: str | None, content: str | None = None) -> str:
    """`wanted`, or `wanted` and a piece of the content's hash when another picture, request or output has that name already.

    The same file, changed or not, and the same content from elsewhere keep their scene; `IMG_0001.jpg` of another folder
    must not take it over. `content`: the content's `Intake.identity`; None: a picture's, the hash of the file.

    Raises:
        IntakeError: the file cannot be read.
    """
    known = find(root, wanted)
    if known is None or (uri is not None and known.uri == uri):
        return wanted
    content = content or sha256_of(uri or "")
    return wanted if known.identity == content else f"{wanted[:54]}_{content[:8]}"


def find(root: str, scene_id: str) -> Intake | None:
    """What was registered for the scene, or None."""
    filesystem, path = _place(root, scene_id)
    if not filesystem.exists(path):
        return None
    with filesystem.open(path, "rb") as stream:
        content = stream.read()
    try:
        return Intake.parse(json.loads(content), path)
    except json.JSONDecodeError as error:
        raise ContractError(f"{path}: not JSON: {error}") from None


def require(root: str, scene_id: str) -> Intake:
    """What was registered for the scene.

    Raises:
        IntakeError: nothing was.
    """
    intake = find(root, scene_id)
    if intake is None:
        raise IntakeError(
            f"scene {scene_id!r} has no picture and no request in {root}/intake: drop one into a watched folder, or run "
            f"`blueprint run PHOTO --scene-id {scene_id} --root {root}`"
        )
    return intake


@contextmanager
def fetch(intake: Intake) -> Iterator[tuple[Path, Path | None]]:
    """Local copies of the picture and its mask, checked against the registered hashes, gone when the block ends.

    Raises:
        IntakeError: a file is gone or is not the one that was registered.
    """
    with tempfile.TemporaryDirectory(prefix="blueprint-intake-") as folder:
        fetched: list[Path] = []
        for uri, expected in ((intake.image_uri, intake.image_sha256), (intake.mask_uri, intake.mask_sha256)):
            if uri is None:
                continue
            local = Path(folder) / f"{len(fetched)}{Path(uri).suffix[:8]}"
            fetch_file(uri, local, expected or "", intake.scene_id)
            fetched.append(local)
        yield fetched[0], fetched[1] if len(fetched) > 1 else None


def fetch_file(uri: str, local: Path, registered: str, scene_id: str) -> None:
    """Copies a registered file to `local`, if it still is the one that was registered.

    Raises:
        IntakeError: it is gone, or its hash is another.
    """
    found = sha256_of(uri)
    if found != registered:
        raise IntakeError(
            f"{uri}: changed since scene {scene_id!r} was registered (sha256 {found[:12]}…, registered "
            f"{registered[:12]}…); register it again with `blueprint run`"
        )
    with _open(uri) as remote, local.open("wb") as copy:
        shutil.copyfileobj(remote, copy)


def copy_start(uri: str, local: Path, limit: int) -> None:
    """Copies a file to `local`, but no more than `limit` bytes of it.

    Raises:
        IntakeError: it cannot be read.
    """
    try:
        with _open(uri) as remote:
            local.write_bytes(remote.read(limit))
    except OSError as error:
        raise IntakeError(f"{uri}: cannot be read: {error.strerror or error}") from error


def _open(uri: str) -> AbstractContextManager[Any]:
    """The file's bytes. A local name may hold `::`, which fsspec takes for a chain of URLs."""
    import fsspec

    if uri.startswith(("/", "file:///")):
        return Path(uri.removeprefix("file://")).open("rb")
    opened: AbstractContextManager[Any] = fsspec.open(uri, "rb")
    return opened


def _place(root: str, scene_id: str) -> tuple[Any, str]:
    import fsspec

    filesystem, base = fsspec.core.url_to_fs(root)
    return filesystem, f"{base.rstrip('/')}/intake/{scene_id}.json"
