"""What every part of the conformance run shares: the report, LeRobot's environment, and episodes that can be drawn again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.dataset.tables import episode_key
from blueprint_assets.dataset.unit import Unit, read_unit
from blueprint_assets.dataset.video import Codec
from fixtures.synthetic_episodes import arm, images, make_unit

HERE = Path(__file__).resolve().parent
TASKS = ("Pick up the red square.", "Put the red square into the corner.")
SAMPLES = 24


@dataclass
class Report:
    """What was compared and what differed."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def expect(self, what: str, holds: bool, detail: object = "") -> None:
        """Notes a comparison; `detail` is shown when it failed."""
        (self.passed if holds else self.failed).append(what)
        print(f"{'ok  ' if holds else 'FAIL'} {what}" + ("" if holds else f": {detail}"), flush=True)

    def attempt(self, what: str, work: Callable[[], object]) -> None:
        """Does something with LeRobot's programs; that it could be done is a comparison of its own."""
        try:
            work()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self.expect(what, False, error)
        else:
            self.expect(what, True)


@dataclass(frozen=True)
class LeRobot:
    """LeRobot's environment. Offline, one thread, no GPU."""

    environment: Path

    def run(self, *command: str | Path, timeout: float = 900) -> str:
        """Runs a program of the environment and returns its output.

        Raises:
            RuntimeError: it failed; with the end of what it said.
        """
        program, *arguments = [str(part) for part in command]
        settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "WANDB_MODE": "disabled"}
        done = subprocess.run(
            [str(self.environment / "bin" / program), *arguments],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{program} {' '.join(arguments)} gave {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
            )
        return done.stdout

    def script(self, name: str, *arguments: str | Path) -> dict[str, Any]:
        """Runs one of this folder's scripts in the environment; what it printed last, which is JSON.

        Raises:
            RuntimeError: it failed.
        """
        found: dict[str, Any] = json.loads(self.run("python", HERE / name, *arguments).splitlines()[-1])
        return found

    def read(self, dataset: Path, samples: Sequence[int], scratch: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """What LeRobotDataset says about a dataset, and the items at `samples`."""
        out = scratch / "items.npz"
        seen = self.script("read_with_lerobot.py", dataset, ",".join(str(i) for i in samples), out)
        with np.load(out, allow_pickle=False) as items:
            return seen, {name: items[name] for name in items.files}


def drawn_unit(folder: Path, frames: int, seed: int, size: tuple[int, int], codec: Codec | None = None) -> Unit:
    """An encoded episode of the fixtures, verified; its pictures can be drawn again with `pictures`."""
    make_unit(folder, frames, seed, TASKS[seed % 2], size, codec)
    unit = read_unit(folder)
    state, action = arm(frames, seed)
    stored = unit.arrays()
    if not (np.array_equal(stored[0], state) and np.array_equal(stored[1], action)):
        raise AssertionError(f"{folder}: the unit does not hold the arrays that were given")
    return unit


def pictures(unit: Unit, stream: str) -> Iterator[NDArray[np.uint8]]:
    """The frames of a unit's camera as they were before encoding."""
    video = unit.document.streams[stream]
    number = list(unit.document.streams).index(stream)
    return images(unit.arrays()[0], int(unit.document.provenance["seed"]) + number, video.width, video.height)


def rows(unit: Unit) -> dict[str, NDArray[Any]]:
    """What a user of LeRobot's writer would give for every frame, by feature; pictures not among it."""
    state, action = unit.arrays()
    last = np.arange(len(state)) == len(state) - 1
    return {
        "observation.state": state,
        "action": action,
        "next.done": last,
        "next.success": last & unit.document.success,
        "episode_key": np.full(len(state), episode_key(unit.document.episode_uuid)),
    }


def totals(dataset: Path) -> tuple[int, int]:
    """Episodes and frames, as info.json has them."""
    info = json.loads((dataset / "meta" / "info.json").read_text())
    return info["total_episodes"], info["total_frames"]


def nth(frames: Iterator[NDArray[np.uint8]], index: int) -> NDArray[np.uint8]:
    """One frame of many."""
    return next(frame for i, frame in enumerate(frames) if i == index)
