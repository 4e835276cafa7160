"""The `blueprint` command. Each subcommand is a module of `blueprint_assets.commands`; this file is their table."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import tyro

from blueprint_assets.commands.dataset import DatasetTools, dataset_tools
from blueprint_assets.commands.demo import Demo, demo
from blueprint_assets.commands.doctor import Doctor, doctor
from blueprint_assets.commands.export import Export, export
from blueprint_assets.commands.models import Models, models
from blueprint_assets.commands.release import Release, release
from blueprint_assets.commands.retract import Retract, retract
from blueprint_assets.commands.run import Run, run
from blueprint_assets.commands.status import Status, status
from blueprint_assets.commands.trace import Trace, trace
from blueprint_assets.commands.ui import Ui, ui

COMMANDS: dict[type[Any], Callable[[Any], int]] = {
    Run: run,
    Ui: ui,
    Status: status,
    Doctor: doctor,
    Demo: demo,
    Models: models,
    Release: release,
    Retract: retract,
    DatasetTools: dataset_tools,
    Export: export,
    Trace: trace,
}

Command = (
    Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Ui, tyro.conf.subcommand("ui")]
    | Annotated[Status, tyro.conf.subcommand("status")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Models, tyro.conf.subcommand("models")]
    | Annotated[Release, tyro.conf.subcommand("release")]
    | Annotated[Retract, tyro.conf.subcommand("retract")]
    | Annotated[DatasetTools, tyro.conf.subcommand("dataset")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Trace, tyro.conf.subcommand("trace")]
)


def main(arguments: list[str] | None = None) -> None:
    """Parses the command line, runs the command and ends the process with its exit code.

    Input that cannot be used is one line on standard error and exit code 2. SIGTERM ends a command as Ctrl-C does, so that
    it cleans up.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = tyro.cli(
        Command,
        prog="blueprint",
        description="A photograph, words or a ready reconstruction in, a LeRobot dataset of physically simulated episodes out.",
        args=arguments,
    )
    try:
        code = COMMANDS[type(options)](options)
    except KeyboardInterrupt:
        print("blueprint: interrupted; what was committed stays", file=sys.stderr)
        code = 130
    except (ValueError, RuntimeError, OSError) as error:
        print(f"blueprint: error: {' '.join(str(error).split())}", file=sys.stderr)
        code = 2
    raise SystemExit(code)


if __name__ == "__main__":
    main()
