"""The predicates on made-up recordings in which exactly one thing is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from blueprint_assets.contracts.geniesim_local import Collision, Contact, Frame, FramePhysics, ObjectPose, Observation
from blueprint_assets.contracts.task_config import GoalRegion, SuggestedTask
from blueprint_assets.tasks.solids import ConvexPart, ObjectSolid
from blueprint_assets.tasks.success import hold_frames, judge, quality

TABLE = 0.75
BOX = ObjectSolid(
    "box",
    (ConvexPart.around(np.array([[x, y, z] for x in (-0.03, 0.03) for y in (-0.03, 0.03) for z in (0, 0.1)])),),
    0.5,
    np.array([0, 0, 0.05]),
    0.1,
)
FINGERS = ("panda_leftfinger", "panda_rightfinger")
LIFT = SuggestedTask(
    task_id="pick_lift_box", task_name="lift", task_type="pick_lift", target_object="box", difficulty="easy", priority=1
)
PLACE = SuggestedTask(
    task_id="pick_place_box", task_name="place", task_type="pick_place", target_object="box", difficulty="easy", priority=1,
    goal_region=GoalRegion(support="table", center=(0.2, 0.1, TABLE), radius=0.04),
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    position: tuple[float, float, float]
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    tool: tuple[float, float, float] | None = None
    fingers: tuple[str, ...] = ()
    travel: float = 0.04
    collision: float = 0.0


def frames(moments: list[Moment]) -> list[Frame]:
    made = []
    for step, m in enumerate(moments):
        tool = m.tool or m.position
        contacts = tuple(Contact(body_a="box", body_b=f, impulse=0.1, position=m.position) for f in m.fingers)
        hits = (
            (Collision(body_a="panda_hand", body_b="box", depth=m.collision, position=m.position),)
            if m.collision
            else ()
        )
        made.append(
            Frame(
                step=step,
                observation=Observation(
                    joint_positions=(0.0,) * 7 + (m.travel,),
                    joint_velocities=(0.0,) * 8,
                    robot_state=(*tool, 1.0, 0.0, 0.0, 0.0, 2 * m.travel),
                    physics=FramePhysics(contacts=contacts, collisions=hits),
                    objects=(
                        ObjectPose(object_id="box", position=m.position, rotation_quaternion=m.quaternion),
                        ObjectPose(object_id="other", position=(0, 0, TABLE), rotation_quaternion=(1.0, 0, 0, 0)),
                    ),
                ),
                action=(0.0,) * 7 + (m.travel,),
                timestamp=step / 20,
            )
        )
    return made


def lifted(height: float = 0.12) -> list[Moment]:
    start = [Moment((0, 0, TABLE))] * 10
    return start + [Moment((0, 0, TABLE + height), fingers=FINGERS, travel=0.03)] * hold_frames()


def placed() -> list[Moment]:
    return [Moment((0, 0, TABLE))] * 10 + [Moment((0.21, 0.1, TABLE))] * hold_frames()


def changed(moments: list[Moment], last: int, **values) -> list[Moment]:
    """The same with the last so many moments changed."""
    return moments[:-last] + [replace(m, **values) for m in moments[-last:]]


def test_a_held_object_is_lifted() -> None:
    verdict = judge(LIFT, frames(lifted()), BOX)
    assert verdict.success
    assert verdict.reason is None
    assert verdict.values["lifted_m"] == pytest.approx(0.12)
    assert verdict.values["slip_m"] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("moments", "reason"),
    [
        (lifted(0.09), "not_lifted"),
        (changed(lifted(), 1, position=(0, 0, TABLE)), "dropped"),
        (changed(lifted(), 3, tool=(0, 0.011, TABLE + 0.12)), "slipped"),
        (changed(lifted(), 1, fingers=FINGERS[:1]), "grip_lost"),
        (changed(lifted(), hold_frames(), fingers=()), "grip_lost"),
    ],
)
def test_what_goes_wrong_in_a_lift_is_named(moments, reason) -> None:
    verdict = judge(LIFT, frames(moments), BOX)
    assert (verdict.success, verdict.reason) == (False, reason)


def test_an_object_at_rest_in_its_goal_is_placed() -> None:
    verdict = judge(PLACE, frames(placed()), BOX)
    assert verdict.success
    assert verdict.values["goal_distance_m"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("moments", "reason"),
    [
        (changed(placed(), hold_frames(), position=(0.25, 0.1, TABLE)), "outside_goal"),
        (changed(placed(), hold_frames(), position=(0.21, 0.1, TABLE + 0.02)), "not_on_support"),
        (changed(placed(), hold_frames(), quaternion=(np.cos(0.15), np.sin(0.15), 0, 0)), "toppled"),
        (changed(placed(), 2, fingers=FINGERS[:1]), "not_released"),
        (changed(placed(), hold_frames(), travel=0.02), "not_released"),
        (changed(placed(), 1, position=(0.211, 0.1, TABLE)), "not_at_rest"),
    ],
)
def test_what_goes_wrong_in_a_place_is_named(moments, reason) -> None:
    verdict = judge(PLACE, frames(moments), BOX)
    assert (verdict.success, verdict.reason) == (False, reason)


def test_a_turn_about_the_vertical_is_upright() -> None:
    turned = changed(placed(), hold_frames(), quaternion=(np.cos(0.8), 0, 0, np.sin(0.8)))
    assert judge(PLACE, frames(turned), BOX).success


def test_what_cannot_be_judged_is_not_passed() -> None:
    with pytest.raises(ValueError, match="cannot be judged: the hold alone takes"):
        judge(LIFT, frames(lifted()[: hold_frames()]), BOX)
    with pytest.raises(ValueError, match="does not tell where ghost is"):
        judge(LIFT, frames(lifted()), replace(BOX, object_id="ghost"))


def test_quality_sees_collisions_and_slip() -> None:
    clean = frames(lifted())
    best = quality(clean, "box", judge(LIFT, clean, BOX))
    assert best == {"tracking": 1.0, "smoothness": 1.0, "contact": 1.0, "undisturbed": 1.0, "steadiness": 1.0}
    bumped = frames(changed(lifted(), 15, collision=0.002))
    assert quality(bumped, "box", judge(LIFT, bumped, BOX))["contact"] == pytest.approx(0.5)
    slipping = frames(changed(lifted(), 3, tool=(0, 0.005, TABLE + 0.12)))
    assert quality(slipping, "box", judge(LIFT, slipping, BOX))["steadiness"] == pytest.approx(0.5)
