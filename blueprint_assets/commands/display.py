"""What a person sees while a scene is made: one line per asset, and how the episodes are going."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from resources.observability import StageEvent, listening


def own_console(stream: TextIO) -> Console:
    """A console on a copy of the stream's descriptor.

    While a step runs, Dagster redirects descriptors 1 and 2 to keep what is printed; a live display must not go there.
    """
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError):  # no real stream behind it, as under a test's capture
        return Console(file=stream)
    copy = os.fdopen(descriptor, "w", encoding=stream.encoding or "utf-8", errors="replace", buffering=1)
    return Console(file=copy, force_terminal=stream.isatty())


class RunDisplay:
    """Shows stages as they come. On a terminal the running stage has a bar; elsewhere each finished stage is a line."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self.finished: set[str] = set()
        """Assets that this run made, or found made."""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._found: dict[str, int] = {}
        """What was done when an asset first told: taken over from an interrupted run, perhaps, in no time."""

    def hear(self, event: StageEvent) -> None:
        """Takes an event of the running process."""
        if event.state == "started":
            self._began[event.asset] = time.monotonic()
            self._tasks[event.asset] = self._progress.add_task(event.asset, total=None, message="")
        elif event.state == "progress" and event.progress is not None:
            step = event.progress
            left = self._time_left(event.asset, step.done, step.total)
            message = f"{step.message}{left}"
            if event.asset in self._tasks:
                self._progress.update(self._tasks[event.asset], completed=step.done, total=step.total, message=message)
            if not self.console.is_terminal and step.message:
                of = f"/{step.total}" if step.total is not None else ""
                self.console.print(
                    f"  {event.asset}: {step.done}{of} {message}", highlight=False, markup=False, soft_wrap=True
                )
        else:
            if event.asset in self._tasks:
                self._progress.remove_task(self._tasks.pop(event.asset))
            self.seconds[event.asset] = event.seconds
            if event.state != "failed":
                self.finished.add(event.asset)
            mark = {"committed": "[green]made[/]", "reused": "[cyan]unchanged[/]", "failed": "[red]failed[/]"}[
                event.state
            ]
            self.console.print(f"{event.asset:<18} {mark:<12} {event.seconds:6.1f} s", highlight=False)

    def _time_left(self, asset: str, done: int, total: int | None) -> str:
        made = done - self._found.setdefault(asset, done)
        if not total or not made or done >= total or asset not in self._began:
            return ""
        left = (time.monotonic() - self._began[asset]) / made * (total - done)
        return f", about {left:.0f} s left"

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Listens and shows while the block runs."""
        with self._progress, listening(self.hear):
            yield


def table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """A plain table; columns whose cells are all numbers are right-aligned."""
    result = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numeric = all(row[index].replace(".", "", 1).isdigit() for row in rows if row[index])
        result.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result
