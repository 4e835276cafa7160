"""The register of pictures: which scene is to be made from which file. One small document per scene, `intake/<scene_id>.json`."""

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
from blueprint_assets.contracts.source import Intake

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


LICENSE_SUFFIX = ".license"
"""`photo.jpg.license` says under which licence `photo.jpg` is given (a name that the REUSE specification gives it)."""
_REUSE_TAGS = ("spdx-license-identifier:", "spdx-filecopyrighttext:")
MAX_LICENSE_BYTES = 4096
"""An id or a sentence, and whom to name. A whole licence text is longer, and says neither."""


class IntakeError(ValueError):
    """A picture cannot be registered, or a scene has none. The message names the scene and the file."""


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
    """Notes that `scene_id` is to be made from `image_uri`. Registering the same bytes again changes nothing, but what is
    said about the licence then replaces what was said before; None says nothing.

    Raises:
        IntakeError: a file cannot be read.
    """
    image_sha256 = sha256_of(image_uri)
    mask_sha256 = sha256_of(mask_uri) if mask_uri else None
    known = find(root, scene_id)
    if known and known.image_sha256 == image_sha256:
        license, attribution = license or known.license, attribution or known.attribution
    if known and (known.image_sha256, known.mask_sha256) == (image_sha256, mask_sha256):
        said = {"image_uri": image_uri, "mask_uri": mask_uri, "license": license, "attribution": attribution}
        intake = known.model_copy(update=said)
        if intake == known:
            return known
    else:
        intake = Intake(
            scene_id=scene_id,
            image_uri=image_uri,
            image_sha256=image_sha256,
            mask_uri=mask_uri,
            mask_sha256=mask_sha256,
            received_at=datetime.now(UTC).isoformat(timespec="seconds"),
            license=license,
            attribution=attribution,
        )
    filesystem, path = _place(root, scene_id)
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    temporary = f"{path}.{intake.image_sha256[:12]}.tmp"
    with filesystem.open(temporary, "wb") as stream:
        stream.write(intake.to_json().encode())
    filesystem.mv(temporary, path)
    return intake


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


def free_scene_id(root: str, wanted: str, image_uri: str) -> str:
    """`wanted`, or `wanted` and a piece of the picture's hash when another picture has that name already.

    The same file, changed or not, and the same bytes from elsewhere keep their scene; `IMG_0001.jpg` of another folder
    must not take it over.

    Raises:
        IntakeError: the file cannot be read.
    """
    known = find(root, wanted)
    if known is None or known.image_uri == image_uri:
        return wanted
    content = sha256_of(image_uri)
    return wanted if known.image_sha256 == content else f"{wanted[:54]}_{content[:8]}"


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
            f"scene {scene_id!r} has no picture in {root}/intake: drop one into a watched folder, or run "
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
            found = sha256_of(uri)
            if found != expected:
                raise IntakeError(
                    f"{uri}: changed since scene {intake.scene_id!r} was registered (sha256 {found[:12]}…, registered "
                    f"{(expected or '')[:12]}…); register it again with `blueprint run`"
                )
            local = Path(folder) / f"{len(fetched)}{Path(uri).suffix[:8]}"
            with _open(uri) as remote, local.open("wb") as copy:
                shutil.copyfileobj(remote, copy)
            fetched.append(local)
        yield fetched[0], fetched[1] if len(fetched) > 1 else None


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
