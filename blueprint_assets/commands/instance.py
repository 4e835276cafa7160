"""The Dagster instance of a store: its home is `<root>/.dagster`, so a store and the history of its runs travel together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from resources.storage import STORE_VARIABLE

if TYPE_CHECKING:
    import dagster as dg

SETTINGS = Path(__file__).resolve().parents[2] / "deployments" / "local" / "dagster.yaml"


class RootError(ValueError):
    """The folder that was named as the store's root cannot be one."""


def environment(root: Path) -> dict[str, str]:
    """What Dagster's own processes need to find the same store and the same instance."""
    return {
        **os.environ,
        "DAGSTER_HOME": str(root / ".dagster"),
        STORE_VARIABLE: str(root),
        "PYTHONWARNINGS": "ignore",
    }


def prepare(root: Path) -> Path:
    """Makes the root and its Dagster home ready, points this process at them and returns the absolute root.

    Raises:
        RootError: the root is a file, or cannot be written.
    """
    root = root.expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise RootError(f"--root {root}: is a file; name a folder that may be made or filled")
    home = root / ".dagster"
    try:
        home.mkdir(parents=True, exist_ok=True)
        settings = home / "dagster.yaml"
        if not settings.exists():
            temporary = home / "dagster.yaml.tmp"
            temporary.write_bytes(SETTINGS.read_bytes())
            temporary.replace(settings)
    except OSError as error:
        raise RootError(f"--root {root}: {error.strerror or error}; choose a folder that can be written") from error
    os.environ.update(environment(root))
    return root


def open_instance() -> dg.DagsterInstance:
    """The instance that `prepare` chose."""
    import dagster as dg

    return dg.DagsterInstance.get()
