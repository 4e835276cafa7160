"""How long work tells how far it is. Whoever starts the work decides what a step of progress becomes: a log line, a bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One step of progress. `total` is None when nobody can know it."""

    done: int
    total: int | None
    message: str = ""


ProgressSink = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Takes progress and tells nobody."""
