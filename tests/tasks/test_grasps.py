from __future__ import annotations

import contextlib

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.geometry.transforms import yaw_quaternion
from blueprint_assets.tasks import grasps
from blueprint_assets.tasks.grasps import Grasp, GraspError, grasp_candidates
from blueprint_assets.tasks.solids import ConvexPart, ObjectSolid

TABLE = 0.75
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)


def box(x: float, y: float, z: float, friction: float = 0.5) -> ObjectSolid:
    """A box of these sides that stands on z = 0."""
    points = CORNERS * np.array([x, y, z]) / 2 + [0, 0, z / 2]
    return ObjectSolid("box", (ConvexPart.around(points),), friction, np.array([0, 0, z / 2]), 0.1)


def cup(radius: float, height: float, wall: float, sides: int = 16) -> ObjectSolid:
    """An open ring of upright plates."""
    half = np.array([wall / 2, radius * np.tan(np.pi / sides), height / 2])
    parts = []
    for k in range(sides):
        angle = 2 * np.pi * k / sides
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
        parts.append(ConvexPart.around((CORNERS * half + [radius, 0, height / 2]) @ turn.T))
    return ObjectSolid("cup", tuple(parts), 0.5, np.array([0, 0, height / 2]), 0.1)


def find(solid: ObjectSolid, yaw: float = 0.0, seed: int = 0) -> tuple[Grasp, ...]:
    place = np.array([0.1, -0.2, TABLE])
    return grasp_candidates(solid, place, yaw_quaternion(yaw), TABLE, np.random.default_rng(seed))


def gripper_points(model: mujoco.MjModel, opening: float) -> dict[str, np.ndarray]:
    """Corners of the collision geometry of palm and fingers in the tool's frame, by body name."""
    data = mujoco.MjData(model)
    for joint in ("panda_finger_joint1", "panda_finger_joint2"):
        data.qpos[model.joint(joint).qposadr[0]] = opening
    mujoco.mj_kinematics(model, data)
    site = model.site("tcp").id
    found = {}
    for name in ("panda_hand", "panda_leftfinger", "panda_rightfinger"):
        body, points = model.body(name), []
        for geom in range(body.geomadr[0], body.geomadr[0] + body.geomnum[0]):
            if not model.geom_contype[geom]:
                continue
            if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH:
                mesh = model.mesh(model.geom_dataid[geom])
                local = model.mesh_vert[mesh.vertadr[0] : mesh.vertadr[0] + mesh.vertnum[0]]
            else:
                local = CORNERS * model.geom_size[geom]
            world = local @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
            points.append((world - data.site_xpos[site]) @ data.site_xmat[site].reshape(3, 3))
        found[name] = np.concatenate(points)
    return found


def test_the_gripper_is_as_large_as_the_simulated_one() -> None:
    from resources.simulator.world import assemble

    alone = RobotConfig(base_position=(0, 0, 0), workspace_bounds=((-1, -1, 0), (1, 1, 1)))
    points = gripper_points(assemble(mujoco.MjSpec(), alone).model, opening=0.02)
    palm = points["panda_hand"]
    assert np.abs(palm[:, :2]).max(axis=0) == pytest.approx(grasps.PALM_HALF_SIZE, abs=2e-3)
    assert -palm[:, 2].max() == pytest.approx(grasps.PALM_ABOVE_TCP, abs=2e-3)
    assert np.ptp(palm[:, 2]) == pytest.approx(grasps.PALM_HEIGHT, abs=2e-3)
    for name in ("panda_leftfinger", "panda_rightfinger"):
        finger = points[name]
        across = np.abs(finger[:, 1])
        assert np.abs(finger[:, 0]).max() == pytest.approx(grasps.FINGER_HALF_WIDTH, abs=1e-3)
        assert finger[:, 2].max() == pytest.approx(grasps.TIP_BELOW_TCP, abs=1e-3)
        assert across.min() == pytest.approx(0.02, abs=1e-3), "the pads' faces are at the finger's travel"
        assert across.max() - 0.02 <= grasps.FINGER_DEPTH + 3e-3


def test_a_block_is_held_across_its_narrow_side() -> None:
    found = find(box(0.05, 0.12, 0.06), yaw=0.4)
    best = found[0]
    assert best.width == pytest.approx(0.05, abs=1e-3)
    assert abs(best.tcp[:3, 1] @ [np.cos(0.4), np.sin(0.4), 0]) > 0.99
    assert best.tcp[:3, 2] @ [0, 0, -1] > 0.95, "from above"
    assert np.linalg.norm(best.tcp[:2, 3] - [0.1, -0.2]) < 0.02, "near the middle"
    assert len(found) > 5


def test_a_cup_too_wide_to_span_is_held_by_its_wall() -> None:
    found = find(cup(0.05, 0.1, 0.008))
    assert {round(grasp.width, 3) for grasp in found} == {0.008}
    assert found[0].tcp[2, 3] > TABLE + 0.05, "near the rim, where the palm is clear"


@pytest.mark.parametrize(
    ("solid", "reason", "said"),
    [
        (box(0.12, 0.10, 0.10), "too_wide", r"narrowest grip is 0\.100 m, the hand's limit 0\.075 m"),
        (box(0.05, 0.05, 0.004), "no_clearance", "no room|room for the hand"),
    ],
)
def test_what_cannot_be_held_says_why(solid, reason, said) -> None:
    with pytest.raises(GraspError, match=said) as caught:
        find(solid)
    assert caught.value.reason == reason


def test_slopes_steeper_than_the_friction_cone_are_not_held() -> None:
    tip = np.array([[-0.05, -0.05, 0], [0.05, -0.05, 0], [0.05, 0.05, 0], [-0.05, 0.05, 0], [0, 0, 0.06]])
    pyramid = ObjectSolid("pyramid", (ConvexPart.around(tip),), 0.2, np.array([0, 0, 0.015]), 0.1)
    with pytest.raises(GraspError) as caught:
        find(pyramid)
    assert caught.value.reason in ("no_antipodal_grasp", "too_wide")


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.floats(0.01, 0.1), st.floats(0.01, 0.1), st.floats(0.03, 0.2)),
    yaw=st.floats(-3.1, 3.1),
    seed=st.integers(0, 1000),
)
def test_every_grasp_of_a_box_can_hold_it(size, yaw, seed) -> None:
    solid = box(*size)
    if min(size[:2]) > grasps.MAX_GRIP - 0.002:
        return
    found: tuple[Grasp, ...] = ()
    with contextlib.suppress(GraspError):
        found = find(solid, yaw, seed)
    assert found or min(size[:2]) > 0.07, "a box that is not too wide and not flat has a grasp"
    cone = np.cos(np.arctan(solid.friction)) - 1e-9
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    for grasp in found:
        rotation = grasp.tcp[:3, :3]
        assert rotation.T @ rotation == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        assert grasps.MIN_GRIP <= grasp.width <= grasps.MAX_GRIP
        assert grasp.width / 2 < grasp.opening <= grasps.FULL_TRAVEL
        assert 0.0 <= grasp.score <= 1.0
        assert np.abs(turn.T @ rotation[:, 1]).max() >= cone, "the closing axis is in a face normal's cone"
        fingertip = grasp.tcp[2, 3] + grasps.TIP_BELOW_TCP * rotation[2, 2]
        assert fingertip > TABLE


def test_the_same_seed_finds_the_same_grasps() -> None:
    first, second = (find(cup(0.04, 0.09, 0.006), seed=7) for _ in range(2))
    assert all(np.array_equal(a.tcp, b.tcp) and a.score == b.score for a, b in zip(first, second, strict=True))
    other = find(cup(0.04, 0.09, 0.006), seed=8)
    assert not np.array_equal(first[0].tcp, other[0].tcp)


def test_flipped_exchanges_the_fingers_only() -> None:
    grasp = find(box(0.05, 0.1, 0.05))[0]
    turned = grasp.flipped()
    assert turned.tcp[:3, 1] == pytest.approx(-grasp.tcp[:3, 1])
    assert turned.tcp[:3, 2] == pytest.approx(grasp.tcp[:3, 2])
    assert turned.tcp[:3, 3] == pytest.approx(grasp.tcp[:3, 3])
