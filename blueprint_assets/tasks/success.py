"""Did the robot do what it was asked? Judged from recorded simulator states after a hold, never from what was planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Frame, ObjectPose
from blueprint_assets.contracts.task_config import SuggestedTask
from blueprint_assets.geometry.transforms import quaternion_to_matrix
from blueprint_assets.tasks.grasps import FULL_TRAVEL
from blueprint_assets.tasks.solids import ObjectSolid
from resources.simulator import ARM_JOINTS, CONTROL_HZ
from resources.simulator.robot import FINGER_BODIES

Array = NDArray[np.float64]

HOLD_SECONDS = 1.0
"""How long the end state must last (the hold of the SimReady FET005 grasp test)."""
LIFT_HEIGHT_MIN = 0.10
"""An object counts as lifted this far above its start, metres: twice the 5 cm of the published physics certification."""
SLIP_MAX = 0.01
"""Furthest that a held object may move in the hand during the hold, metres: a tenth of what SimReady FET005 allows."""
PLACE_SPEED_MAX, PLACE_SPIN_MAX = 0.01, 0.1
"""A placed object rests when it is slower than this over the hold, m/s and rad/s: 1 cm and 6 degrees a second."""
PLACE_HEIGHT_TOLERANCE = 0.01
"""Resting on its support: its lowest point is this near the surface, metres (10 mm: the settling gate's sink limit)."""
TILT_MAX = float(np.radians(15.0))
"""Upright: its axis turned by no more than this from how it stood at the start, radians."""
OPEN_TRAVEL_MIN = 0.9 * FULL_TRAVEL
"""The gripper is open from this finger travel on, metres."""

TRACKING_SCALE = 0.05
"""Joint tracking error, root mean square, that scores 0, radians: 3 cm at the hand of an arm reaching 0.6 m."""
ACCELERATION_SCALE = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0]) / 2
"""Root mean square joint acceleration that scores 0, rad/s2: half of the Panda's limits."""
COLLISION_DEPTH_MIN = 0.001
"""Overlaps below this are not counted as collisions, metres (scenesmith counts penetration from 1 mm on)."""
DISTURBANCE_SCALE = 0.05
"""Displacement of another object that scores 0, metres (the 5 cm drift limit of the scene stability tests)."""


@dataclass(frozen=True)
class Verdict:
    """`values`: what was measured, beside its limit. `reason` is None only when the task was done."""

    success: bool
    values: dict[str, float]
    reason: str | None


@dataclass(frozen=True)
class Track:
    """One object over an episode: positions (n, 3), rotations (n, 3, 3), and its centre of mass (n, 3) in the world."""

    position: Array
    rotation: Array
    center: Array

    @classmethod
    def of(cls, frames: Sequence[Frame], solid: ObjectSolid) -> Track:
        """Reads an object's way out of recorded frames.

        Raises:
            ValueError: a frame does not tell where the object is.
        """
        poses = [_pose(frame, solid.object_id) for frame in frames]
        position = np.array([pose.position for pose in poses])
        rotation = np.stack([quaternion_to_matrix(pose.rotation_quaternion) for pose in poses])
        return cls(position, rotation, position + rotation @ solid.center_of_mass)


def judge(task: SuggestedTask, frames: Sequence[Frame], solid: ObjectSolid) -> Verdict:
    """The success predicate of a task over a whole recorded episode, whose last `HOLD_SECONDS` are the hold.

    `solid` is the target's shape.

    Raises:
        ValueError: the recording is shorter than the hold, or lacks the target.
    """
    hold = hold_frames()
    if len(frames) <= hold:
        raise ValueError(f"{len(frames)} frames cannot be judged: the hold alone takes {hold}")
    track = Track.of(frames, solid)
    if task.task_type == "pick_lift":
        return _judge_lift(task, frames, track, hold)
    bottom = float((track.position[-1] + solid.vertices @ track.rotation[-1].T)[:, 2].min())
    return _judge_place(task, frames, track, bottom, hold)


def hold_frames() -> int:
    """The hold, in control steps."""
    return round(HOLD_SECONDS * CONTROL_HZ)


def quality(frames: Sequence[Frame], target: str, verdict: Verdict) -> dict[str, float]:
    """What can be measured about how well an episode was done, each 0..1, 1 is best.

    tracking = 1 - rms(commanded - reached one step later) / TRACKING_SCALE, arm joints;
    smoothness = 1 - max over joints of rms(acceleration) / ACCELERATION_SCALE, measured velocities differenced;
    contact = 1 - share of frames with an unintended overlap of more than COLLISION_DEPTH_MIN;
    undisturbed = 1 - largest displacement of another object / DISTURBANCE_SCALE (left out when there is none);
    steadiness = 1 - slip in the hold / SLIP_MAX (pick_lift), or 1 - distance to the place's middle / its radius.
    """
    arm = len(ARM_JOINTS)
    reached = np.array([frame.observation.joint_positions[:arm] for frame in frames[1:]])
    commanded = np.array([frame.action[:arm] for frame in frames[:-1]])
    velocity = np.array([frame.observation.joint_velocities[:arm] for frame in frames])
    acceleration = np.sqrt((np.diff(velocity, axis=0) ** 2).mean(axis=0)) * CONTROL_HZ
    hit = [any(c.depth > COLLISION_DEPTH_MIN for c in frame.observation.physics.collisions) for frame in frames]
    components = {
        "tracking": 1.0 - float(np.sqrt(((commanded - reached) ** 2).mean())) / TRACKING_SCALE,
        "smoothness": 1.0 - float((acceleration / ACCELERATION_SCALE).max()),
        "contact": 1.0 - float(np.mean(hit)),
    }
    others = [pose.object_id for pose in frames[0].observation.objects if pose.object_id != target]
    if others:
        moved = max(float(np.linalg.norm(np.subtract(*_ends(frames, name)))) for name in others)
        components["undisturbed"] = 1.0 - moved / DISTURBANCE_SCALE
    if "slip_m" in verdict.values:
        components["steadiness"] = 1.0 - verdict.values["slip_m"] / verdict.values["slip_max_m"]
    elif "goal_distance_m" in verdict.values:
        components["steadiness"] = 1.0 - verdict.values["goal_distance_m"] / verdict.values["goal_radius_m"]
    return {name: round(min(1.0, max(0.0, value)), 6) for name, value in components.items()}


def _judge_lift(task: SuggestedTask, frames: Sequence[Frame], track: Track, hold: int) -> Verdict:
    """Lifted: high enough in every frame of the hold, held by both fingers, not slipping."""
    height_min = task.constraints.get("lift_height_m", LIFT_HEIGHT_MIN)
    lifted = track.center[:, 2] - track.center[0, 2]
    in_hand = _in_hand(frames[-hold:], track.center[-hold:])
    slip = float(np.linalg.norm(in_hand - in_hand[0], axis=1).max())
    gripped = sum(len(_fingers_on(frame, task.target_object)) == 2 for frame in frames[-hold:])
    values = {
        "lifted_m": float(lifted[-hold:].min()), "lift_height_min_m": height_min,
        "slip_m": slip, "slip_max_m": SLIP_MAX,
        "gripped_frames": float(gripped), "hold_frames": float(hold),
    }  # fmt: skip
    reason = None
    if values["lifted_m"] < height_min:
        reason = "dropped" if lifted.max() >= height_min else "not_lifted"
    elif slip >= SLIP_MAX:
        reason = "slipped"
    elif gripped < hold:
        reason = "grip_lost"
    return Verdict(reason is None, values, reason)


def _judge_place(task: SuggestedTask, frames: Sequence[Frame], track: Track, bottom: float, hold: int) -> Verdict:
    """Placed: in the goal, standing as it stood, at rest, and the open gripper off it through the hold."""
    goal = task.goal_region
    if goal is None:
        raise ValueError(f"task {task.task_id}: no goal region to judge by")
    distance = float(np.linalg.norm(track.center[-1, :2] - np.array(goal.center[:2])))
    tilt = float(np.arccos(np.clip(_axis_cosine(track.rotation[0], track.rotation[-1]), -1.0, 1.0)))
    steps = np.linalg.norm(np.diff(track.center[-hold:], axis=0), axis=1)
    turns = [_angle(a, b) for a, b in zip(track.rotation[-hold:-1], track.rotation[-hold + 1 :], strict=True)]
    touched = sum(bool(_fingers_on(frame, task.target_object)) for frame in frames[-hold:])
    values = {
        "goal_distance_m": distance, "goal_radius_m": goal.radius,
        "above_support_m": bottom - goal.center[2], "height_tolerance_m": PLACE_HEIGHT_TOLERANCE,
        "tilt_rad": tilt, "tilt_max_rad": TILT_MAX,
        "speed_m_s": float(steps.max() * CONTROL_HZ), "speed_max_m_s": PLACE_SPEED_MAX,
        "spin_rad_s": float(max(turns) * CONTROL_HZ), "spin_max_rad_s": PLACE_SPIN_MAX,
        "finger_travel_m": frames[-1].observation.joint_positions[len(ARM_JOINTS)], "finger_travel_min_m": OPEN_TRAVEL_MIN,
        "touched_frames": float(touched), "carried_m": float(np.linalg.norm(track.center[-1, :2] - track.center[0, :2])),
    }  # fmt: skip
    reason = None
    if values["finger_travel_m"] < OPEN_TRAVEL_MIN or touched:
        reason = "not_released"
    elif tilt > TILT_MAX:
        reason = "toppled"
    elif abs(values["above_support_m"]) > PLACE_HEIGHT_TOLERANCE:
        reason = "not_on_support"
    elif distance > goal.radius:
        reason = "outside_goal"
    elif values["speed_m_s"] > PLACE_SPEED_MAX or values["spin_rad_s"] > PLACE_SPIN_MAX:
        reason = "not_at_rest"
    return Verdict(reason is None, values, reason)


def _in_hand(frames: Sequence[Frame], points: Array) -> Array:
    """World points, one per frame, seen from the tool centre point of that frame, shape (n, 3)."""
    tool = np.array([frame.observation.robot_state for frame in frames])
    turns = np.stack([quaternion_to_matrix(q) for q in tool[:, 3:7]])
    seen: Array = np.einsum("nji,nj->ni", turns, points - tool[:, :3])
    return seen


def _fingers_on(frame: Frame, object_id: str) -> set[str]:
    """The fingers that pressed on the object during the frame."""
    pairs = [{c.body_a, c.body_b} for c in frame.observation.physics.contacts if c.impulse > 0]
    return {finger for pair in pairs if object_id in pair for finger in pair & set(FINGER_BODIES)}


def _axis_cosine(start: Array, end: Array) -> float:
    """Cosine of how far the direction that pointed up at the start has turned from up."""
    return float(end[2] @ start[2])


def _angle(one: Array, other: Array) -> float:
    return float(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1.0, 1.0)))


def _ends(frames: Sequence[Frame], object_id: str) -> tuple[Array, Array]:
    return np.array(_pose(frames[0], object_id).position), np.array(_pose(frames[-1], object_id).position)


def _pose(frame: Frame, object_id: str) -> ObjectPose:
    for pose in frame.observation.objects:
        if pose.object_id == object_id:
            return pose
    raise ValueError(f"frame {frame.step} does not tell where {object_id} is")
