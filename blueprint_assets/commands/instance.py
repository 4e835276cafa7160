"""The Dagster instance of a store: its home is `<root>/.dagster`, so a store and the history of its runs travel together."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from io_managers.locks import file_lock
from resources.storage import STORE_VARIABLE

if TYPE_CHECKING:
    import dagster as dg

SETTINGS = Path(__file__).resolve().parents[2] / "deployments" / "local" / "dagster.yaml"
OPENING_SECONDS = 120.0
"""Making the databases takes about 1 s."""


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
        with TemporaryFile(dir=home):  # a store that is there already may have become read-only
            pass
    except OSError as error:
        raise RootError(f"--root {root}: {error.strerror or error}; choose a folder that can be written") from error
    os.environ.update(environment(root))
    return root


def open_instance() -> dg.DagsterInstance:
    """The instance that `prepare` chose, for a run in this process.

    What is printed is left alone: to keep it, Dagster would start four processes around every step, which put their
    own words on the terminal when Ctrl-C reaches them. The events of the run are kept as everywhere.

    One process at a time: two that make Dagster's databases at the same moment leave them unusable for good.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef

    printed = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    home = Path(os.environ["DAGSTER_HOME"])
    with file_lock(home / "opening.lock", exclusive=True, timeout=OPENING_SECONDS):
        return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides={"compute_logs": printed}))
