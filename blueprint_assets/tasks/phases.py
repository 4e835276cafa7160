"""From a grasp to motions: the phases of a pick and of a place, each planned and collision-checked before it is executed.

Phase names and their order follow the motion phases that published episode formats use: home, approach, pre_grasp, grasp,
close_gripper, lift, then hold, or transport, place, release, retract, hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix, yaw_quaternion
from blueprint_assets.tasks.grasps import FULL_TRAVEL, Grasp
from blueprint_assets.tasks.solids import ObjectSolid
from resources.planner import Motion, Planner, PlanningError, Touch

Array = NDArray[np.float64]

APPROACH_DISTANCE = 0.10
"""The straight way to a grasp begins this far back, metres: beyond the fingers' length, so they enter from outside."""
PRE_GRASP_DISTANCE = 0.03
"""The last, slow part of it, metres: more than the fingers reach past the tool centre point plus a hull's error."""
LIFT_HEIGHT = 0.13
"""How far the tool rises, metres: the predicate's 0.10 m, and room for the object to settle between the pads."""
PLACE_DROP = 0.002
"""The object is let go this far above its support, metres, so that the hand does not press it into the table."""
TRANSPORT_HEIGHT = 0.10
"""How high above its place an object arrives before it is lowered, metres."""
RETRACT_DISTANCE = 0.10
SPEEDS = {
    "approach": 1.0, "pre_grasp": 0.7, "grasp": 0.45, "lift": 0.7, "transport": 0.8, "place": 0.5, "retract": 0.7,
}  # fmt: skip
"""Share of the planner's speed, per phase: slower where contact is near."""
PLACE_YAWS = tuple(np.radians([0.0, 45.0, -45.0, 90.0, -90.0, 135.0, -135.0, 180.0]))
"""Turns about the vertical that an object may be put down with, tried in this order."""
PLACES_TRIED = 4
"""How many reachable grasps are tried for a pick whose place cannot be reached, before giving up."""


@dataclass(frozen=True)
class Segment:
    """One phase's motion. `opening`: one finger's travel while it lasts, metres; None while an object is held."""

    phase: str
    motion: Motion
    opening: float | None


@dataclass(frozen=True)
class Goal:
    """Where an object is to stand.

    `pose` is world-from-object as it stands now, `solid` its shape, `center` the middle of the place: x, y and the height
    of the surface there, metres.
    """

    solid: ObjectSolid
    pose: Array
    center: Array

    def poses(self, raised: float) -> list[Array]:
        """World-from-object at the place, one per turn of `PLACE_YAWS`, standing as now and `raised` above the surface."""
        found = []
        for yaw in PLACE_YAWS:
            pose = from_rotation(quaternion_to_matrix(yaw_quaternion(yaw)) @ self.pose[:3, :3], np.zeros(3))
            pose[:2, 3] = self.center[:2] - (pose[:3, :3] @ self.solid.center_of_mass)[:2]
            pose[2, 3] = self.center[2] + raised - (self.solid.vertices @ pose[2, :3]).min()
            found.append(pose)
        return found


@dataclass(frozen=True)
class PickPlan:
    """A grasp and the motions to it and off the table with it."""

    grasp: Grasp
    segments: tuple[Segment, ...]
    lift: Segment


def plan_pick(planner: Planner, grasps: Sequence[Grasp], arm: Array, goal: Goal | None = None) -> PickPlan:
    """The first grasp that can be approached, taken, lifted and, with a goal, carried to its place, all without collision.

    The planner must have observed the scene. `arm`: where the arm is, shape (7,).

    Raises:
        PlanningError: no grasp can; `reason` is the most frequent one over the grasps.
    """
    failures: list[PlanningError] = []
    places_left = PLACES_TRIED
    for grasp in grasps:
        try:
            plan = _pick(planner, *_easier_side(planner, grasp, arm), arm)
        except PlanningError as error:
            failures.append(error)
            continue
        if goal is None:
            return plan
        try:
            planner.carry(grasp.object_id, plan.segments[-1].motion.end)
            held = np.linalg.inv(planner.forward(plan.segments[-1].motion.end)) @ goal.pose
            plan_place(planner, grasp, held, plan.lift.motion.end, goal)
            return plan
        except PlanningError as error:
            failures.append(error)
            places_left -= 1
            if places_left == 0:
                break
        finally:
            planner.release()
    counts = Counter(error.reason for error in failures)
    commonest = min(failures, key=lambda error: (-counts[error.reason], error.reason))
    said = ", ".join(f"{name} {counts[name]}" for name in sorted(counts))
    raise PlanningError(commonest.reason, f"none of {len(grasps)} grasps works ({said}); for one of them {commonest}")


def plan_place(planner: Planner, grasp: Grasp, held: Array, arm: Array, goal: Goal) -> tuple[Segment, Segment]:
    """Carrying an object to its place and lowering it there: the phases transport and place.

    The planner must carry the object. `held`: tool-from-object, shape (4, 4); `arm`: where the arm is, shape (7,).

    Raises:
        PlanningError: at no turn of the object can the place be reached without collision.
    """
    opening = grasp.width / 2
    failure: PlanningError | None = None
    for place in goal.poses(PLACE_DROP):
        above = place.copy()
        above[2, 3] += TRANSPORT_HEIGHT
        try:
            ready = planner.inverse(above @ np.linalg.inv(held), [arm], opening, _touching(grasp, gripping=True))
            transport = planner.move(arm, ready, opening, SPEEDS["transport"])
            resting = _touching(grasp, resting=True, gripping=True)
            lower = planner.straight(ready, place @ np.linalg.inv(held), opening, resting, SPEEDS["place"])
            return Segment("transport", transport, None), Segment("place", lower, None)
        except PlanningError as error:
            failure = failure or error
    assert failure is not None, "a goal has at least one pose"
    raise failure


def plan_retract(planner: Planner, grasp: Grasp, arm: Array) -> Segment:
    """Drawing the open hand back along its approach, or upwards where that is blocked.

    Raises:
        PlanningError: both ways are blocked.
    """
    tool = planner.forward(arm)
    back, up = tool.copy(), tool.copy()
    back[:3, 3] -= RETRACT_DISTANCE * tool[:3, 2]
    up[2, 3] += RETRACT_DISTANCE
    touch = _touching(grasp, gripping=True)
    try:
        motion = planner.straight(arm, back, FULL_TRAVEL, touch, SPEEDS["retract"])
    except PlanningError:
        motion = planner.straight(arm, up, FULL_TRAVEL, touch, SPEEDS["retract"])
    return Segment("retract", motion, FULL_TRAVEL)


def plan_lift(planner: Planner, grasp: Grasp, arm: Array) -> Segment:
    """Straight up with what is carried.

    Raises:
        PlanningError: the way is blocked, or leaves the arm's reach.
    """
    raised = planner.forward(arm)
    raised[2, 3] += LIFT_HEIGHT
    touch = _touching(grasp, resting=True, gripping=True)
    return Segment("lift", planner.straight(arm, raised, grasp.width / 2, touch, SPEEDS["lift"]), None)


def _pick(planner: Planner, grasp: Grasp, ready: Array, arm: Array) -> PickPlan:
    near = grasp.tcp.copy()
    near[:3, 3] -= PRE_GRASP_DISTANCE * near[:3, 2]
    touch = _touching(grasp)
    pre_grasp = planner.straight(ready, near, grasp.opening, touch, SPEEDS["pre_grasp"])
    final = planner.straight(pre_grasp.end, grasp.tcp, grasp.opening, touch, SPEEDS["grasp"])
    planner.carry(grasp.object_id, final.end)
    try:
        lift = plan_lift(planner, grasp, final.end)
    finally:
        planner.release()
    # The free motion comes last: it is the dearest, and rarely the one that fails.
    approach = planner.move(arm, ready, grasp.opening, SPEEDS["approach"])
    segments = tuple(
        Segment(phase, motion, grasp.opening)
        for phase, motion in (("approach", approach), ("pre_grasp", pre_grasp), ("grasp", final))
    )
    return PickPlan(grasp, segments, lift)


def _easier_side(planner: Planner, grasp: Grasp, arm: Array) -> tuple[Grasp, Array]:
    """The grasp or its flip, whichever approach pose is nearer to `arm`, and the arm joints there."""
    found: list[tuple[float, Grasp, Array]] = []
    failure: PlanningError | None = None
    for side in (grasp, grasp.flipped()):
        away = side.tcp.copy()
        away[:3, 3] -= APPROACH_DISTANCE * away[:3, 2]
        try:
            ready = planner.inverse(away, [arm], side.opening)
        except PlanningError as error:
            failure = failure or error
            continue
        found.append((float(np.abs(ready - arm).max()), side, ready))
    if not found:
        assert failure is not None, "both sides were tried"
        raise failure
    _, side, ready = min(found, key=lambda item: item[0])
    return side, ready


def _touching(grasp: Grasp, resting: bool = False, gripping: bool = False) -> Touch:
    return Touch(frozenset({grasp.object_id}), resting, gripping)
