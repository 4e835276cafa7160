"""`blueprint ui`: Dagster's web UI and daemon on a store's instance, and the preview server beside them."""

from __future__ import annotations

import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from blueprint_assets.commands.instance import environment, open_instance, prepare
from blueprint_assets.commands.preview_server import PreviewServer


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
        ValueError: the number is not a port's.
    """
    if not 1 <= port <= 65535:
        raise ValueError(f"{option} {port}: a port is a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(f"{option} {port}: {error.strerror}; choose another port with {option}") from error


class UiError(RuntimeError):
    """One of the processes behind the UI ended by itself."""


def ui(options: Ui) -> int:
    """Runs until it is interrupted; ends its processes with it.

    Raises:
        UiError: the web server or the daemon ended; the other one is ended too, since neither is of use alone.
    """
    from blueprint_assets.presentation import PREVIEW_PORT  # brings Dagster, which no other command should wait for

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
    commands = {
        "web server": [
            "dagster_webserver",
            "-h",
            "127.0.0.1",
            "-p",
            str(options.port),
            "--log-level",
            "warning",
            *location,
        ],
        "daemon": ["dagster._daemon", "run", "--log-level", "warning", *location],
    }
    processes: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        open_instance().dispose()  # the two processes below would both make a new store's databases
        for name, command in commands.items():
            processes[name] = subprocess.Popen([sys.executable, *quiet, *command], env=settings)
        console.print(
            f"UI on http://127.0.0.1:{options.port}  (Ctrl-C ends it); pictures go into {root}/inbox",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        name, code = first_to_end(processes)
        raise UiError(f"the Dagster {name} ended with exit code {code}; its own words are above; start the UI again")
    except KeyboardInterrupt:
        return 0
    finally:
        end(processes.values())
        if preview is not None:
            preview.close()


def first_to_end(processes: Mapping[str, subprocess.Popen[bytes]]) -> tuple[str, int]:
    """Waits until one of the processes has ended; returns its name and exit code."""
    ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
    for name, process in processes.items():
        threading.Thread(target=lambda n=name, p=process: ended.put((n, p.wait())), daemon=True).start()
    return ended.get()


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Asks all of them to end, and kills what has not ended after 30 s."""
    for process in processes:
        process.terminate()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        process.kill()  # nothing happens to one that has ended
        process.wait()


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
