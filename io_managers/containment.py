"""Which files an asset may commit: ordinary files, at clean relative paths, in the places that the asset owns.

An owned place is a path relative to the scene. With a slash at the end it is a folder and everything below it;
without one it is exactly one file. `*` stands for any characters inside one path component: `assets/obj_*/`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ContainmentError, explained

RESERVED = ".commits"
"""The folder of a scene that belongs to the store."""

NAME_LIMIT = 255
PATH_LIMIT = 700
"""Bytes of UTF-8 in one component (NAME_MAX of Linux) and in a whole path. An object name on Google Cloud Storage ends
at 1,024 bytes (cloud.google.com/storage/docs/objects#naming): that leaves 324 for the root's prefix and the scene."""


@dataclass(frozen=True)
class StagedFile:
    """A file found in a staging folder. `path` is relative to the scene, with forward slashes."""

    path: str
    source: Path
    size: int


def scan(folder: Path, asset: str, owns: Sequence[str]) -> tuple[StagedFile, ...]:
    """Every file below `folder`, sorted by path. Folders without a file are not part of a commit.

    Raises:
        ContainmentError: a symbolic link, a device, socket or pipe, a name that cannot be stored, a file outside what
            the asset owns, or no file at all.
    """
    places = [_place(own, asset) for own in owns]
    found: list[StagedFile] = []
    with explained("reading the staged files", folder):
        _walk(folder, "", found, asset)
    if not found:
        raise ContainmentError(f"{folder}: {asset} staged no file; an asset that made nothing must fail, saying why")
    for file in found:
        check_path(file.path, asset)
        if not any(place.fullmatch(file.path) for place in places):
            raise ContainmentError(
                f"{file.path}: {asset} does not own this path; it owns {', '.join(owns) or 'nothing'}: "
                "write it elsewhere, or declare it"
            )
    return tuple(sorted(found, key=lambda file: file.path))


def _walk(folder: Path, prefix: str, found: list[StagedFile], asset: str) -> None:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = prefix + entry.name
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                _walk(Path(entry.path), path + "/", found, asset)
            elif stat.S_ISREG(status.st_mode):
                found.append(StagedFile(path, Path(entry.path), status.st_size))
            else:
                kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not an ordinary file"
                raise ContainmentError(f"{path!r}: {kind}, staged by {asset}; a commit holds ordinary files only")


def check_path(path: str, asset: str) -> None:
    """Raises ContainmentError unless `path` is clean, relative, storable everywhere and not the store's own."""
    problem = _problem(path)
    if problem:
        raise ContainmentError(f"{path!r}: {problem}, staged by {asset}; choose another name")


def _problem(path: str) -> str | None:
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts):
        return "not a clean relative path"
    if re.search(r"[\x00-\x1f\x7f\\]", path):
        return "control characters and backslashes cannot be stored"
    if "::" in path:
        return "'::' chains file systems in an fsspec URL"
    if parts[0] == RESERVED:
        return f"{RESERVED} belongs to the store"
    if len(encoded) > PATH_LIMIT or any(len(part.encode("utf-8")) > NAME_LIMIT for part in parts):
        return f"longer than {NAME_LIMIT} bytes a name or {PATH_LIMIT} bytes in all"
    return None


def _place(own: str, asset: str) -> re.Pattern[str]:
    problem = _problem(own.removesuffix("/"))
    if problem:
        raise ContainmentError(f"{own!r}: {problem}; {asset} cannot own it")
    pattern = "[^/]*".join(re.escape(literal) for literal in own.split("*"))
    return re.compile(pattern + (".+" if own.endswith("/") else ""), re.DOTALL)


def check_disjoint(paths: Iterable[str], asset: str, others: Mapping[str, Iterable[str]]) -> None:
    """Checks that no path is, contains or lies below a path of another asset's current commit.

    Raises:
        ContainmentError: two assets want the same place; names the file and both.
    """
    files = {path: other for other in sorted(others) for path in others[other]}
    folders = {parent: other for path, other in files.items() for parent in _parents(path)}
    for path in paths:
        for candidate in (path, *_parents(path)):
            if candidate in files:
                raise ContainmentError(
                    f"{path}: {candidate} belongs to {files[candidate]} of the same scene; {asset} cannot commit it"
                )
        if path in folders:
            raise ContainmentError(
                f"{path}: is a folder of {folders[path]} of the same scene; {asset} cannot commit it"
            )


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
