"""`SHA256SUMS`: one line per file of a folder, as `sha256sum` writes it and `sha256sum --check SHA256SUMS` reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from io_managers.digest import hash_file

from .layout import DatasetFileError, inside

CHECKSUMS = "SHA256SUMS"


def checksums(folder: Path, but: Sequence[str] = (CHECKSUMS,)) -> dict[str, str]:
    """Path, relative to the folder -> sha256 of every file below it but these; sorted."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path: hash_file(folder / path) for path in paths if path not in but}


def write_checksums(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Writes the list, sorted by path, so that the same files give the same list. `files`: what `checksums` would find, by
    who knows it already; left out, every file below `folder` is hashed."""
    target = folder / CHECKSUMS
    lines = [f"{sha256}  {path}\n" for path, sha256 in sorted((checksums(folder) if files is None else files).items())]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def write_listed(folder: Path, file: str, text: str) -> None:
    """Writes a file of a folder that has its list already, and its line in the list with it.

    Raises:
        DatasetFileError: the list cannot be read.
    """
    listed = read_checksums(folder)
    (folder / file).write_text(text, encoding="utf-8")
    write_checksums(folder, listed | {file: hash_file(folder / file)})


def read_checksums(folder: Path) -> dict[str, str]:
    """The list: path, relative to the folder -> sha256.

    Raises:
        DatasetFileError: a line is not of the format, a path stands there twice or leads out of the folder.
    """
    found: dict[str, str] = {}
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetFileError(folder, CHECKSUMS, f"cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if match is None or match[2] in found:
            raise DatasetFileError(folder, CHECKSUMS, f"line {number} is {line!r:.100}; expected <sha256>  <new path>")
        inside(folder, match[2])
        found[match[2]] = match[1]
    return found
