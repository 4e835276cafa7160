"""Motion planning for one arm among known obstacles: configurations, paths, and why there is none.

A planner is told what the simulator measured (`observe`), asked whether a pose can be reached (`inverse`), and returns
motions that are sampled at the control rate, free of collisions and within the arm's limits. A backend is a folder here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from resources.simulator import SimulatorState

Array = NDArray[np.float64]

PlanningReason = Literal[
    "ik_unreachable", "pose_in_collision", "start_in_collision", "segment_in_collision", "segment_not_straight", "no_path",
    "not_parametrizable",
]  # fmt: skip


class PlanningError(RuntimeError):
    """No motion was found. `reason` is one word for counting; the message names the bodies, poses and limits."""

    def __init__(self, reason: PlanningReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason: PlanningReason = reason


@dataclass(frozen=True)
class Motion:
    """Arm joint targets, shape (n, 7), one per control step; the first is one step after the start, the last the goal."""

    positions: Array

    @property
    def end(self) -> Array:
        """The last targets, shape (7,)."""
        last: Array = self.positions[-1]
        return last


@dataclass(frozen=True)
class Touch:
    """Which contacts a motion may have.

    `fingers_on`: objects that the fingers (never the palm) may touch. `resting`: the carried object may touch what it
    stands on. `gripping`: the fingers have closed, so their overlap with `fingers_on` is intended.
    """

    fingers_on: frozenset[str] = frozenset()
    resting: bool = False
    gripping: bool = False


NO_TOUCH = Touch()


class Planner(Protocol):
    """Plans for the robot of one scene. The same calls after the same `observe` give the same motions."""

    name: str

    def observe(self, state: SimulatorState, seed: int) -> None:
        """The world is now as `state` says; nothing is carried; random choices start over from `seed`."""
        ...

    def carry(self, object_id: str, arm: Array) -> None:
        """From now on the object moves with the hand: held where it was last observed by a hand that is where the arm
        joints `arm`, shape (7,), put it.
        """
        ...

    def release(self) -> None:
        """Nothing is carried any more, and the object that was lies where it was observed."""
        ...

    def forward(self, arm: Array) -> Array:
        """The tool centre point in the world, shape (4, 4), at arm joints, shape (7,)."""
        ...

    def inverse(self, tcp: Array, near: Sequence[Array], opening: float, touch: Touch = NO_TOUCH) -> Array:
        """Arm joints, shape (7,), that bring the tool centre point to `tcp` without a collision.

        Args:
            tcp: world-from-tool, shape (4, 4).
            near: configurations to start the search from; the answer is the free one closest to the first of them.
            opening: one finger's travel, metres.
            touch: contacts that are intended.

        Raises:
            PlanningError: `ik_unreachable` or `pose_in_collision`.
        """
        ...

    def move(self, start: Array, goal: Array, opening: float, speed: float = 1.0) -> Motion:
        """A collision-free way between two configurations; `speed` scales the limits (0..1).

        Raises:
            PlanningError: `start_in_collision`, `pose_in_collision`, `no_path` or `not_parametrizable`.
        """
        ...

    def straight(self, start: Array, tcp: Array, opening: float, touch: Touch = NO_TOUCH, speed: float = 1.0) -> Motion:
        """The tool centre point goes in a straight line, turning evenly, to `tcp`; every waypoint is collision-checked.

        Raises:
            PlanningError: `ik_unreachable`, `segment_not_straight`, `segment_in_collision` or `not_parametrizable`.
        """
        ...
