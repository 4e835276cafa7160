"""Reading a file to its end while its sha256 is taken."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

CHUNK = 1 << 20

Trace = Callable[[str], None]
"""Told the name of every step of the commit protocol, just after it was done."""


def untraced(step: str) -> None:
    """Takes a step and tells nobody."""


def hash_file(path: Path) -> str:
    """The sha256 of an ordinary file's bytes; a symbolic link is not followed (OSError)."""
    state = hashlib.sha256()
    with _open(path) as source:
        while chunk := source.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()


def copy_file(
    source: Path, target: Path, *, durable: bool, mode: int = 0o644, trace: Trace = untraced, name: str = ""
) -> str:
    """Copies into a file that does not exist yet and returns the sha256 of what was written.

    `durable` waits until the bytes are on the disk. `trace` hears `<name>:part` after every chunk.
    """
    state = hashlib.sha256()
    with _open(source) as incoming:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while chunk := incoming.read(CHUNK):
                state.update(chunk)
                write_all(writing, chunk)
                trace(f"{name}:part")
            if durable:
                os.fsync(writing)
        finally:
            os.close(writing)
    return state.hexdigest()


def _open(path: Path) -> io.FileIO:
    return io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte: a raw write may stop half way without an error when a disk fills up."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
