"""How long work tells how far it is. Whoever starts the work decides what a step of progress becomes: a log line, a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Progress:
    """One step of progress. `total` is None when nobody can know it."""

    done: int
    total: int | None
    message: str = ""


ProgressSink = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Takes progress and tells nobody."""


StageState = Literal["started", "progress", "committed", "reused", "failed"]


@dataclass(frozen=True)
class StageEvent:
    """Something happened to an asset of a scene."""

    scene_id: str
    asset: str
    state: StageState
    progress: Progress | None = None
    seconds: float = 0.0


Listener = Callable[[StageEvent], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While the block runs, `listener` hears of every stage in this process."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def announce(event: StageEvent) -> None:
    """Tells every listener."""
    for listener in tuple(_listeners):
        listener(event)
