from __future__ import annotations

import mujoco
import numpy as np
import pytest

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.tasks.grasps import grasp_candidates
from blueprint_assets.tasks.phases import LIFT_HEIGHT, PLACE_YAWS, Goal, plan_pick
from blueprint_assets.tasks.scene import Surface, task_scene
from resources.planner import PlanningError
from resources.planner.embedded import EmbeddedPlanner
from resources.simulator import ObjectState, SimulatorState
from resources.simulator.world import World, assemble

TABLE = 0.75


def table_world(x: float) -> World:
    """A table with one block at (x, 0), and the robot beside it."""
    spec = mujoco.MjSpec()
    box = mujoco.mjtGeom.mjGEOM_BOX
    spec.worldbody.add_body(name="table").add_geom(type=box, size=[0.4, 0.4, 0.02], pos=[0, 0, TABLE - 0.02])
    block = spec.worldbody.add_body(name="block", pos=[x, 0.0, TABLE + 0.04])
    block.add_freejoint()
    block.add_geom(type=box, size=[0.02, 0.03, 0.04], mass=0.1)
    robot = RobotConfig(base_position=(-0.56, 0.0, TABLE), workspace_bounds=((-1, -1, 0), (1, 1, 2)))
    return assemble(spec, robot)


def setting(x: float):
    world = table_world(x)
    table = Surface("table", np.array([-0.4, -0.4]), np.array([0.4, 0.4]), TABLE)
    scene = task_scene(world, (table,), {"block": "table"})
    position, quaternion = world.object_pose(world.model.qpos0, "block")
    block = ObjectState("block", position, quaternion, np.zeros(3), np.zeros(3))
    state = SimulatorState(world.home, np.zeros(8), np.zeros(3), np.array([1.0, 0, 0, 0]), 0.08, (block,), 0.0, 0)
    planner = EmbeddedPlanner(world)
    planner.observe(state, 0)
    grasps = grasp_candidates(scene.solids["block"], position, quaternion, TABLE, np.random.default_rng(0))
    return world, scene, planner, grasps


def test_a_pick_goes_through_its_phases_without_a_jump() -> None:
    world, _, planner, grasps = setting(0.0)
    plan = plan_pick(planner, grasps, world.home[:7])
    assert [segment.phase for segment in plan.segments] == ["approach", "pre_grasp", "grasp"]
    path = np.concatenate([segment.motion.positions for segment in (*plan.segments, plan.lift)])
    steps = np.abs(np.diff(np.vstack([world.home[:7], path]), axis=0)).max(axis=1)
    assert steps.max() < 2.61 / 20, "no joint is asked for more than its speed"
    grasped = planner.forward(plan.segments[-1].motion.end)
    assert grasped == pytest.approx(plan.grasp.tcp, abs=2e-3)
    raised = planner.forward(plan.lift.motion.end)
    assert raised[:3, 3] - grasped[:3, 3] == pytest.approx([0, 0, LIFT_HEIGHT], abs=1e-3)
    assert planner.checker.collision(world.home[:7], 0.04) is None, "nothing is left in the planner's hand"


def test_goal_poses_stand_on_the_surface_over_the_middle() -> None:
    _, scene, _, _ = setting(0.0)
    solid = scene.solids["block"]
    goal = Goal(solid, scene.rest["block"], np.array([0.2, -0.1, 0.9]))
    poses = goal.poses(raised=0.01)
    assert len(poses) == len(PLACE_YAWS)
    for pose in poses:
        corners = solid.vertices @ pose[:3, :3].T + pose[:3, 3]
        assert corners[:, 2].min() == pytest.approx(0.91)
        assert (pose[:3, :3] @ solid.center_of_mass + pose[:3, 3])[:2] == pytest.approx([0.2, -0.1])


def test_why_there_is_no_pick_is_counted() -> None:
    world, _, planner, grasps = setting(0.38)
    with pytest.raises(PlanningError, match=rf"none of {len(grasps)} grasps works \(.*ik_unreachable \d+") as caught:
        plan_pick(planner, grasps, world.home[:7])
    assert caught.value.reason == "ik_unreachable"


def test_a_place_out_of_reach_makes_no_plan() -> None:
    world, scene, planner, grasps = setting(0.0)
    far = Goal(scene.solids["block"], scene.rest["block"], np.array([0.39, 0.39, TABLE]))
    with pytest.raises(PlanningError, match="ik_unreachable"):
        plan_pick(planner, grasps, world.home[:7], far)
