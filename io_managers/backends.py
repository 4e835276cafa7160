"""Which backend a root needs: a local folder, or an fsspec URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .backend import Backend


def open_backend(root: str, storage_options: dict[str, Any] | None = None, cache: Path | None = None) -> Backend:
    """The backend of a local folder or of an fsspec URL (`memory://…`, `gs://…`). Nothing is created before a write."""
    match = re.match(r"^([a-z][a-z0-9+.-]*)://", root)
    if match is None or match.group(1) in ("file", "local"):
        from .local_disk import LocalDisk

        return LocalDisk(Path(root[match.end() :] if match else root))
    from .object_store import ObjectStore

    return ObjectStore(root, storage_options or {}, cache)
