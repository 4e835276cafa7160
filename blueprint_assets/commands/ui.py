"""`blueprint ui`: Dagster's web UI and daemon on a store's instance, and the preview server beside them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from blueprint_assets.commands.instance import environment, prepare
from blueprint_assets.commands.preview_server import PreviewServer
from blueprint_assets.presentation import PREVIEW_PORT


@dataclass
class Ui:
    """Open the Dagster UI on a store; drop pictures into `<root>/inbox` and watch them become datasets."""

    root: Path = Path("blueprint-data")
    """The store that `blueprint run` filled."""
    port: int = 3000
    """Port of the web UI on 127.0.0.1."""


class PortBusy(ValueError):  # noqa: N818
    """Somebody listens on the port already."""


def check_port(port: int, option: str) -> None:
    """Makes sure that a loopback port can be listened on.

    Raises:
        PortBusy: it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(f"{option} {port}: {error.strerror}; choose another port with {option}") from error


def ui(options: Ui) -> int:
    """Runs until it is interrupted; ends its processes with it."""
    console = Console(stderr=True)
    check_port(options.port, "--port")
    root = prepare(options.root)
    (root / "inbox").mkdir(exist_ok=True)
    preview = None
    try:
        preview = PreviewServer(root, PREVIEW_PORT)
    except OSError as error:
        console.print(f"[yellow]previews will not show[/]: port {PREVIEW_PORT}: {error.strerror}", highlight=False)
    location = ["-m", "blueprint_assets.definitions"]
    settings = environment(root)
    quiet = ["-W", "ignore", "-m"]
    web = ["dagster_webserver", "-h", "127.0.0.1", "-p", str(options.port), "--log-level", "warning", *location]
    daemon = ["dagster._daemon", "run", "--log-level", "warning", *location]
    processes = [subprocess.Popen([sys.executable, *quiet, *command], env=settings) for command in (web, daemon)]
    console.print(
        f"UI on http://127.0.0.1:{options.port}  (Ctrl-C ends it); pictures go into {root}/inbox", highlight=False
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return processes[0].wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)
        if preview is not None:
            preview.close()


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
