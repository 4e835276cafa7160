"""The Franka Emika Panda as MuJoCo sees it: where its model lies, what its parts are called, where it rests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import JOINT_NAMES

if TYPE_CHECKING:
    import mujoco

MODEL = Path(__file__).parent / "robots" / "franka_panda" / "panda.xml"

HOME = (0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785, 0.04)
"""The ready pose that Franka's own software moves to first, gripper open. Order and units as in JOINT_NAMES."""

FINGER_JOINTS = ("panda_finger_joint1", "panda_finger_joint2")
FINGER_BODIES = ("panda_leftfinger", "panda_rightfinger")
PAD_GEOMS = ("panda_leftfinger_pad", "panda_rightfinger_pad")
BASE_BODY = "panda_link0"
HAND_BODY = "panda_hand"
PREFIX = "panda_"
"""Put before every name of the model when it is attached; the names are then those of Franka's own URDF."""

TCP_SITE = "tcp"
TCP_OFFSET = (0.0, 0.0, 0.1034)
"""The tool centre point in the hand's frame, metres: between the fingertips (Franka's nominal frame of its hand)."""

FINGER_TRAVEL = (0.0, 0.04)
GRIP_FORCE = 40.0
"""The most that one finger presses with, newtons (the real hand: 70 N continuous)."""


class RobotError(RuntimeError):
    """The robot's model is missing or broken."""


def load_robot() -> mujoco.MjSpec:
    """The robot alone, base frame at the origin, z up, arm along +x. Its names lack PREFIX.

    Raises:
        RobotError: the model's files are not where the package keeps them.
    """
    import mujoco

    if not MODEL.is_file():
        raise RobotError(f"{MODEL}: the robot's model is missing; reinstall the package")
    return mujoco.MjSpec.from_file(str(MODEL))


def joint_limits(model: mujoco.MjModel) -> tuple[tuple[float, float], ...]:
    """(low, high) per entry of JOINT_NAMES: radians for the arm, metres for the finger."""
    return tuple((float(model.joint(name).range[0]), float(model.joint(name).range[1])) for name in JOINT_NAMES)
