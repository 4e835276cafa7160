"""A ready reconstruction: which of another system's files are kept, within what limits, and that they still are the same."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blueprint_assets.contracts.source import Format, Intake, Source
from io_managers.digest import copy_file, hash_file
from io_managers.record import digest

from .readers import ReadyOutputError, reader_of
from .source import SOURCE, keep_picture

KEPT = "input/original"
MAX_FILES = 5_000
"""A scene of 3D-RE-GEN with 40 objects has about 300 files, a house of SceneSmith about 1,000."""
MAX_FILE_BYTES = 256 << 20
"""What the readers read of one mesh (`resources.reconstruction.native_folder`)."""
MAX_TOTAL_BYTES = 2 << 30


def output_files(output: Path, format: Format) -> dict[str, Path]:
    """Relative name -> place of every file of `output` that its reader may read; sorted. Nothing else is ever kept.

    `output` is a folder, or the one file where a format is one file.

    Raises:
        ReadyOutputError: there is nothing of that format, a file leads out of the folder or is no ordinary one, or there is
            more than is read.
    """
    reader = reader_of(format)
    if reader.one_file:
        if not output.is_file():
            what = "is a folder" if output.is_dir() else "no such file"
            raise ReadyOutputError(f"{output}: {what}: --format {format} needs {reader.needs}")
        if output.suffix.lower() != ".glb":
            raise ReadyOutputError(f"{output}: no .glb file: --format {format} needs {reader.needs}")
        return {output.name: _ordinary(output.parent, output.name)[0]}
    if not output.is_dir():
        what = "is a file" if output.exists() else "no such folder"
        raise ReadyOutputError(f"{output}: {what}: --format {format} needs {reader.needs}")
    if not any(output.glob(reader.mark)):
        raise ReadyOutputError(f"{output}: no {reader.mark} in it: --format {format} needs {reader.needs}")
    found: dict[str, Path] = {}
    total = 0
    for pattern in reader.consumes:
        for path in output.glob(pattern):
            name = path.relative_to(output).as_posix()
            if name in found or path.is_dir():
                continue
            found[name], size = _ordinary(output, name)
            total += size
            if len(found) > MAX_FILES or total > MAX_TOTAL_BYTES:
                raise ReadyOutputError(
                    f"{output}: more than {MAX_FILES} files or {MAX_TOTAL_BYTES >> 30} GiB: give the folder of one scene"
                )
    return dict(sorted(found.items()))


def output_identity(output: Path, format: Format, photo: Path | None) -> str:
    """The hash of everything that a scene is made from: the output's files and the photograph.

    Raises:
        ReadyOutputError: as `output_files`.
    """
    files = {name: hash_file(path) for name, path in output_files(output, format).items()}
    return identity_of(format, files, hash_file(photo.resolve()) if photo else None)


def identity_of(format: Format, files: Mapping[str, str], photo_sha256: str | None) -> str:
    """The hash over a format, its files (name -> sha256) and the photograph's."""
    return digest({"format": format, "files": dict(files), "photo": photo_sha256})


def prepare_output(intake: Intake, photo: Path | None, out: Path) -> Source:
    """Fills `out` with what was registered of the output (`input/original/…`), the photograph if there is one, and
    `input/source.json`; returns the last.

    Raises:
        ReadyOutputError: a file is gone, is another by now, or cannot be copied.
        SourceError: the photograph cannot be used.
    """
    if intake.output_uri is None or intake.format is None:
        raise ReadyOutputError(f"scene {intake.scene_id}: registered without an output; register it again")
    there = output_files(Path(intake.output_uri), intake.format)
    changed = sorted(there.keys() ^ intake.files.keys())
    for name in () if changed else sorted(there):
        target = out / KEPT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy_file(there[name], target, durable=False) != intake.files[name]:
            changed = [name]
            break
    if changed:
        raise ReadyOutputError(
            f"{Path(intake.output_uri) / changed[0]}: changed since scene {intake.scene_id!r} was registered; register it again "
            "with `blueprint run`"
        )
    picture: dict[str, Any] = {}
    kept = {f"{KEPT}/{name}": sha256 for name, sha256 in intake.files.items()}
    if photo is not None:
        picture = keep_picture(intake, photo, None, out)
        kept |= picture["files"]
    source = Source(
        scene_id=intake.scene_id,
        mode="posed_meshes",
        format=intake.format,
        received_at=intake.received_at,
        **picture
        | {
            "original": KEPT,
            "original_sha256": digest(intake.files),
            "content_sha256": intake.content_sha256,
            "files": kept,
        },
    )
    source.write(out / SOURCE)
    return source


def _ordinary(folder: Path, name: str) -> tuple[Path, int]:
    """Where a file below `folder` really is, and its size in bytes.

    Raises:
        ReadyOutputError: it is a link out of the folder, no ordinary file, or too large.
    """
    path = folder / name
    try:
        place = path.resolve(strict=True)
        status = place.stat()
    except (OSError, RuntimeError) as error:
        raise ReadyOutputError(f"{path}: cannot be read: {error}") from error
    if not place.is_relative_to(folder.resolve()):
        raise ReadyOutputError(
            f"{path}: a link that leads out of the folder: only files in it are read; copy the file here"
        )
    if not stat.S_ISREG(status.st_mode):
        raise ReadyOutputError(f"{path}: not an ordinary file")
    if status.st_size > MAX_FILE_BYTES:
        raise ReadyOutputError(
            f"{path}: {status.st_size >> 20} MiB, at most {MAX_FILE_BYTES >> 20} are read of a file: simplify what it holds"
        )
    return place, status.st_size
