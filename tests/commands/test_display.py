from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from blueprint_assets.commands.display import RunDisplay
from resources.observability import Progress, StageEvent, StageState


def test_the_time_left_counts_only_what_this_run_made(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    display = RunDisplay(Console(file=out, width=200))
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def hear(state: StageState, done: int = 0) -> str:
        display.hear(StageEvent("shelf", "episodes", state, Progress(done, 100, "encoding"), now))
        line = out.getvalue().splitlines()[-1:]
        return line[0].strip() if line else ""

    hear("started")
    now = 1.0
    assert hear("progress", 60) == "episodes: 60/100 encoding"  # taken over from an interrupted run
    now = 11.0
    assert hear("progress", 65) == "episodes: 65/100 encoding, about 77 s left"
    assert hear("progress", 100) == "episodes: 100/100 encoding"
    assert "made" in hear("committed")
