"""The robot simulator as its users see it: a robot, objects, and time that passes only when it is told to.

`client.SimulatorClient` speaks gRPC to any server of the protocol; `embedded.start_embedded` runs our own (MuJoCo) on
a free loopback port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ARM_JOINTS = tuple(f"panda_joint{i}" for i in range(1, 8))
JOINT_NAMES = (*ARM_JOINTS, "panda_finger_joint1")
"""What a joint vector holds, shape (8,): seven arm joints, radians, and one finger's travel, metres (0 closed, 0.04 open;
the fingers mirror each other, so the opening is twice the travel)."""

CONTROL_HZ = 20.0
CAMERAS = ("scene", "wrist", "left", "right")


class SimulatorError(RuntimeError):
    """The simulator refused, failed or went away. The message says which, and what to do."""


class RecordingError(SimulatorError):
    """The simulator cannot write its recordings, to a full disk for example: another attempt would fail the same way."""


@dataclass(frozen=True)
class ObjectState:
    """`position` metres, `quaternion` (w, x, y, z), world frame; velocities m/s and rad/s."""

    object_id: str
    position: Array
    quaternion: Array
    linear_velocity: Array
    angular_velocity: Array


@dataclass(frozen=True)
class SimulatorState:
    """What the simulator measures. `joint_positions` as in JOINT_NAMES; `ee_*` is the tool centre point in the world."""

    joint_positions: Array
    joint_velocities: Array
    ee_position: Array
    ee_quaternion: Array
    gripper_width: float
    objects: tuple[ObjectState, ...]
    simulation_time: float
    step_count: int


@dataclass(frozen=True)
class RecordingInfo:
    """What a stopped recording left behind. `path` is the episode's JSON; `<stem>.states.npz` stands beside it."""

    path: Path
    frames: int
    duration: float


class Simulator(Protocol):
    """One scene, one robot. Calls are made one at a time; the same calls after the same reset give the same states."""

    name: str

    def reset(self, object_poses: dict[str, tuple[Array, Array]] | None = None) -> SimulatorState:
        """Robot home, objects at their scene poses or at the given ones (position, quaternion), then settled."""
        ...

    def state(self) -> SimulatorState:
        """The state now; no time passes."""
        ...

    def set_joint_position(self, positions: Array, duration: float = 1.0 / CONTROL_HZ) -> Array:
        """Commands joint targets, lets `duration` seconds pass, returns the measured positions, shape (8,)."""
        ...

    def start_recording(self, episode_id: str, output_directory: Path) -> None:
        """From now on every set_joint_position is one frame."""
        ...

    def stop_recording(self) -> RecordingInfo:
        """Ends the recording and writes it.

        Raises:
            RecordingError: it cannot be written.
            SimulatorError: there is none, or the physics went wrong.
        """
        ...

    def images(self, camera_ids: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """What the cameras see now, (height, width, 3) RGB each."""
        ...
