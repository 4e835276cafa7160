"""Which backend a root needs: a local folder, or an fsspec URL."""

from __future__ import annotations

import re
from pathlib import Path

from .backend import Backend


def open_backend(root: str, cache: Path | None = None) -> Backend:
    """The backend of a local folder or of an fsspec URL. Nothing is created before a write.

    A commit needs a write with a precondition, which is known for `memory://` alone so far: other URLs refuse it.
    """
    match = re.match(r"^([a-z][a-z0-9+.-]*)://", root)
    if match is None or match.group(1) in ("file", "local"):
        from .local_disk import LocalDisk

        return LocalDisk(Path(root[match.end() :] if match else root))
    from .object_store import ObjectStore

    return ObjectStore(root, cache)
