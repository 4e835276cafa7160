"""The planner against MuJoCo itself: kinematics, contacts and motions are checked on the simulated model."""

from __future__ import annotations

import contextlib

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix, yaw_quaternion
from resources.planner import PlanningError, Touch
from resources.planner.embedded import EmbeddedPlanner
from resources.planner.embedded.trajectory import (
    ACCELERATION_LIMITS,
    ACCELERATION_SHARE,
    VELOCITY_LIMITS,
    VELOCITY_SHARE,
)
from resources.simulator import CONTROL_HZ, ObjectState, SimulatorState
from resources.simulator.world import World, assemble

TABLE = 0.75
BASE = RobotConfig(base_position=(-0.6, 0.0, TABLE), base_yaw=0.3, workspace_bounds=((-1, -1, 0), (1, 1, 2)))
DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def world() -> World:
    """A table, a cube on it, a wall that stands across the table, and the robot."""
    spec = mujoco.MjSpec()
    box = mujoco.mjtGeom.mjGEOM_BOX
    spec.worldbody.add_body(name="table").add_geom(type=box, size=[0.5, 0.5, 0.02], pos=[0, 0, TABLE - 0.02])
    spec.worldbody.add_body(name="wall").add_geom(type=box, size=[0.25, 0.01, 0.15], pos=[0.1, 0.0, TABLE + 0.15])
    cube = spec.worldbody.add_body(name="cube", pos=[-0.05, 0.22, TABLE + 0.025])
    cube.add_freejoint()
    cube.add_geom(type=box, size=[0.025] * 3, mass=0.1)
    return assemble(spec, BASE)


@pytest.fixture
def planner(world: World) -> EmbeddedPlanner:
    made = EmbeddedPlanner(world)
    made.observe(at_rest(world), 0)
    return made


def at_rest(world: World) -> SimulatorState:
    position, quaternion = world.object_pose(world.model.qpos0, "cube")
    cube = ObjectState("cube", position, quaternion, np.zeros(3), np.zeros(3))
    return SimulatorState(world.home, np.zeros(8), np.zeros(3), np.array([1.0, 0, 0, 0]), 0.08, (cube,), 0.0, 0)


def tool_at(x: float, y: float, z: float) -> np.ndarray:
    return from_rotation(DOWN, [x, y, z])


def simulated_tool(world: World, arm) -> np.ndarray:
    """The site tcp on the whole simulated model."""
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos([*arm, 0.04])
    mujoco.mj_kinematics(world.model, data)
    return from_rotation(data.site_xmat[world.tcp_site].reshape(3, 3), data.site_xpos[world.tcp_site])


def touched(world: World, arm, opening: float, cube=None) -> set[frozenset[str]]:
    """Pairs of bodies that MuJoCo's own step finds in contact, robot with anything but itself."""
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos([*arm, opening])
    if cube is not None:
        data.qpos[:] = world.with_object(data.qpos, "cube", *cube)
    mujoco.mj_forward(world.model, data)
    pairs = world.model.geom_bodyid[data.contact.geom[data.contact.dist < 0]].reshape(-1, 2)
    robot = world.robot_bodies
    return {
        frozenset(world.model.body(int(b)).name for b in pair) for pair in pairs if len(robot & set(pair.tolist())) == 1
    }


@settings(deadline=None, max_examples=25)
@given(share=st.tuples(*[st.floats(0.02, 0.98)] * 7))
def test_forward_is_the_simulated_tool(world, share) -> None:
    planner = EmbeddedPlanner(world)
    arm = planner.arm.lower + np.array(share) * (planner.arm.upper - planner.arm.lower)
    assert planner.forward(arm) == pytest.approx(simulated_tool(world, arm), abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(x=st.floats(-0.3, 0.1), y=st.floats(0.06, 0.35), z=st.floats(0.12, 0.35), yaw=st.floats(-1.5, 1.5))
def test_inverse_reaches_what_it_says(world, x, y, z, yaw) -> None:
    planner = EmbeddedPlanner(world)
    planner.observe(at_rest(world), 1)
    turned = quaternion_to_matrix(yaw_quaternion(yaw)) @ DOWN
    pose = from_rotation(turned, [x, y, TABLE + z])
    with contextlib.suppress(PlanningError):
        check_reached(world, pose, turned, planner.inverse(pose, [world.home[:7]], 0.04))


def check_reached(world, pose, turned, arm) -> None:
    found = simulated_tool(world, arm)
    assert found[:3, 3] == pytest.approx(pose[:3, 3], abs=2e-4)
    assert found[:3, :3] == pytest.approx(turned, abs=2e-3)
    assert (arm >= world.limits[:7, 0]).all()
    assert (arm <= world.limits[:7, 1]).all()
    assert not touched(world, arm, 0.04)


def test_the_wall_is_gone_around(world, planner) -> None:
    over = planner.inverse(tool_at(0.05, 0.2, TABLE + 0.12), [world.home[:7]], 0.04)
    other = planner.inverse(tool_at(0.05, -0.2, TABLE + 0.12), [over], 0.04)
    line = [over + (other - over) * s for s in np.linspace(0, 1, 60)]
    assert any(touched(world, arm, 0.04) for arm in line), "the straight way must be blocked, or this tests nothing"
    motion = planner.move(over, other, 0.04)
    dense = np.concatenate(
        [np.linspace(a, b, 5) for a, b in zip(motion.positions[:-1], motion.positions[1:], strict=True)]
    )
    assert not any(touched(world, arm, 0.04) for arm in dense)
    assert motion.end == pytest.approx(other, abs=1e-9)


def test_motions_keep_the_limits_and_rest_at_both_ends(world, planner) -> None:
    goal = planner.inverse(tool_at(0.0, 0.2, TABLE + 0.2), [world.home[:7]], 0.04)
    for speed in (1.0, 0.4):
        positions = np.vstack([world.home[:7], planner.move(world.home[:7], goal, 0.04, speed).positions])
        velocity = np.diff(positions, axis=0) * CONTROL_HZ
        acceleration = np.diff(velocity, axis=0) * CONTROL_HZ
        assert (np.abs(velocity).max(axis=0) <= VELOCITY_LIMITS * VELOCITY_SHARE * speed * 1.001).all()
        # The last step may be cut short by the sampling: it is the only one that may brake harder.
        allowed = ACCELERATION_LIMITS * ACCELERATION_SHARE * speed**2
        assert (np.abs(acceleration[:-1]).max(axis=0) <= allowed * 1.05 + 1e-6).all()
        assert np.abs(velocity[0]).max() <= (allowed / CONTROL_HZ).max()


def test_straight_is_straight(world, planner) -> None:
    start = planner.inverse(tool_at(-0.05, 0.22, TABLE + 0.25), [world.home[:7]], 0.04)
    motion = planner.straight(start, tool_at(-0.05, 0.22, TABLE + 0.12), 0.04)
    tools = np.stack([simulated_tool(world, arm) for arm in motion.positions])
    assert tools[-1][:3, 3] == pytest.approx([-0.05, 0.22, TABLE + 0.12], abs=2e-4)
    assert np.abs(tools[:, :2, 3] - [-0.05, 0.22]).max() < 1e-3
    assert (np.diff(tools[:, 2, 3]) < 1e-6).all()
    assert np.abs(tools[:, :3, :3] - DOWN).max() < 5e-3


def test_only_fingers_and_only_where_meant_may_touch(world, planner) -> None:
    grasp = tool_at(-0.05, 0.22, TABLE + 0.03)
    above = planner.inverse(tool_at(-0.05, 0.22, TABLE + 0.14), [world.home[:7]], 0.026)
    with pytest.raises(PlanningError) as caught:
        planner.straight(above, grasp, 0.026)
    assert caught.value.reason == "segment_in_collision"
    assert "cube" in str(caught.value)
    meant = Touch(frozenset({"cube"}))
    motion = planner.straight(above, grasp, 0.026, meant)
    with pytest.raises(PlanningError, match=r"cube and panda_hand|panda_hand and cube"):
        planner.straight(
            motion.end, tool_at(-0.05, 0.22, TABLE - 0.02), 0.04, Touch(frozenset({"cube"}), gripping=True)
        )
    with pytest.raises(PlanningError, match="table"):
        planner.straight(above, tool_at(-0.2, 0.1, TABLE - 0.005), 0.04)


def test_clearance_is_kept_before_anything_touches(world, planner) -> None:
    near = Touch(frozenset({"cube"}))
    arm = planner.inverse(tool_at(-0.05, 0.22, TABLE + 0.03), [world.home[:7]], 0.03, near)
    assert not touched(world, arm, 0.03)
    first, second, distance = planner.checker.collision(arm, 0.03, clearance=0.006)
    assert "cube" in (first, second)
    assert distance == pytest.approx(0.005, abs=5e-4), "fingers at 30 mm, half the cube is 25 mm"
    assert planner.checker.collision(arm, 0.03, clearance=0.004) is None


def test_what_is_carried_collides_too(world, planner) -> None:
    held = planner.inverse(tool_at(-0.05, 0.22, TABLE + 0.03), [world.home[:7]], 0.026, Touch(frozenset({"cube"})))
    gripping = Touch(frozenset({"cube"}), gripping=True)
    alone = planner.inverse(tool_at(0.05, 0.0, TABLE + 0.325), [held], 0.025)
    assert planner.checker.collision(alone, 0.025, clearance=0.001) is None, "the bare hand fits above the wall"
    planner.carry("cube", held)
    contact = planner.checker.collision(alone, 0.025, gripping, clearance=0.001)
    assert contact is not None
    assert {"cube", "wall"} == set(contact[:2])
    raised = planner.straight(held, tool_at(-0.05, 0.22, TABLE + 0.15), 0.025, Touch(frozenset({"cube"}), True, True))
    with pytest.raises(PlanningError, match="cube"):
        planner.straight(held, tool_at(-0.05, 0.22, TABLE + 0.01), 0.025, gripping)
    planner.release()
    assert planner.checker.collision(raised.end, 0.04) is None


def test_reasons(world, planner) -> None:
    home = world.home[:7]
    with pytest.raises(PlanningError, match=r"the arm reaches 0\.807 m") as caught:
        planner.inverse(tool_at(0.9, 0.5, TABLE + 0.1), [home], 0.04)
    assert caught.value.reason == "ik_unreachable"
    with pytest.raises(PlanningError) as caught:
        planner.inverse(tool_at(0.05, 0.0, TABLE + 0.1), [home], 0.04)
    assert caught.value.reason == "pose_in_collision"
    inside = planner.arm.solve(tool_at(-0.2, 0.2, TABLE - 0.03), home)
    assert inside is not None
    with pytest.raises(PlanningError) as caught:
        planner.move(inside, home, 0.04)
    assert caught.value.reason == "start_in_collision"
    with pytest.raises(PlanningError) as caught:
        planner.move(home, inside, 0.04)
    assert caught.value.reason == "pose_in_collision"
    with pytest.raises(PlanningError) as caught:
        planner.straight(home, planner.forward(home), 0.04)
    assert caught.value.reason == "not_parametrizable"


def test_the_same_observation_and_seed_give_the_same_motion(world) -> None:
    motions = []
    for _ in range(2):
        planner = EmbeddedPlanner(world)
        planner.observe(at_rest(world), 5)
        over = planner.inverse(tool_at(0.05, 0.2, TABLE + 0.12), [world.home[:7]], 0.04)
        other = planner.inverse(tool_at(0.05, -0.2, TABLE + 0.12), [over], 0.04)
        motions.append(planner.move(over, other, 0.04).positions)
    assert np.array_equal(*motions)


def test_standing_elsewhere_moves_robot_and_mount(world) -> None:
    planner = EmbeddedPlanner(world)
    planner.observe(at_rest(world), 0)
    pose = from_rotation(quaternion_to_matrix(yaw_quaternion(-1.2)), [0.1, 0.75, TABLE])
    planner.stand(pose)
    there = RobotConfig(base_position=(0.1, 0.75, TABLE), base_yaw=-1.2, workspace_bounds=((-1, -1, 0), (1, 1, 2)))
    spec = mujoco.MjSpec()
    moved = assemble(spec, there)
    data = mujoco.MjData(moved.model)
    data.qpos[:] = moved.initial_qpos()
    mujoco.mj_kinematics(moved.model, data)
    assert planner.forward(world.home[:7])[:3, 3] == pytest.approx(data.site_xpos[moved.tcp_site], abs=1e-9)
    assert planner.checker.base == pytest.approx(pose, abs=1e-9)
