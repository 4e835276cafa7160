"""Where the store is: the one place that reads the environment variable that names the deployment's store."""

from __future__ import annotations

import os

STORE_VARIABLE = "BLUEPRINT_STORE"
DEFAULT_STORE = "blueprint-data"


def store_root() -> str:
    """The store's root: a folder, or a URL that fsspec knows (`gs://bucket/prefix`)."""
    return os.environ.get(STORE_VARIABLE) or DEFAULT_STORE
