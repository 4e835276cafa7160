from __future__ import annotations

import mujoco
import numpy as np
import pytest

from blueprint_assets.tasks.tasks import PAYLOAD, TasksError, make_tasks
from resources.simulator.usd_to_mujoco import load_usd
from resources.simulator.world import build_world


def make(built, **changes):
    documents = {"layout": built.layout, "manifest": built.manifest, "physics": built.physics} | changes
    return make_tasks(load_usd(built.root / "usd/scene.usda", built.root), **documents)


@pytest.fixture(scope="module")
def config(built):
    return make(built)


def test_every_object_has_tasks_or_a_reason(built, config) -> None:
    asked = {task.target_object for task in config.suggested_tasks}
    skipped = {item.object_id: item.reason for item in config.skipped_objects}
    assert asked == {"can", "cube"}
    assert asked | set(skipped) == {item.id for item in built.layout.objects}
    assert skipped["base"] == "carries_others: cube stands on it"
    assert skipped["crate"].startswith("too_wide: crate: the narrowest grip is 0.1")
    assert {task.task_type for task in config.suggested_tasks} == {"pick_lift", "pick_place"}


def test_places_are_free_table_away_from_the_start(built, config) -> None:
    table = built.layout.support_surfaces[0]
    at = {item.id: np.array(item.position[:2]) for item in built.layout.objects}
    for task in config.suggested_tasks:
        if task.goal_region is None:
            continue
        center = np.array(task.goal_region.center)
        assert center[2] == table.height
        assert (np.abs(center[:2] - table.center) < np.array(table.size) / 2).all()
        assert np.linalg.norm(center[:2] - at[task.target_object]) > 2 * task.goal_region.radius
        for name in set(at) - {task.target_object, "cube"}:
            assert np.linalg.norm(center[:2] - at[name]) > 0.05


def test_the_robot_stands_clear_of_everything_and_opposite_the_camera(built, config) -> None:
    robot = config.robot_config
    world = build_world(built.root / "usd/scene.usda", built.root, robot)
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos()
    mujoco.mj_forward(world.model, data)
    for pair in world.model.geom_bodyid[data.contact.geom].reshape(-1, 2).tolist():
        assert len(world.robot_bodies & set(pair)) != 1, "the robot at home touches the scene"
    table, base = built.layout.support_surfaces[0], np.array(robot.base_position)
    assert base[2] == pytest.approx(table.height)
    beside = np.abs(base[:2] - table.center) - np.array(table.size) / 2
    mount = world.model.geom("robot_mount")
    assert beside.max() > 0, "a table of this size leaves room beside it"
    assert mount.contype[0], "so it stands on a pedestal"
    camera = np.array(built.layout.camera.camera_to_world)[:2, 3]
    assert (camera - table.center) @ (base[:2] - table.center) < 0


def test_the_same_scene_gives_the_same_tasks(built, config) -> None:
    assert make(built).to_json() == config.to_json()


def test_what_is_too_heavy_is_left_alone(built) -> None:
    heavy = tuple(item.model_copy(update={"mass_kg": 3.0}) for item in built.physics.objects)
    with pytest.raises(TasksError, match=f"can: too_heavy: 3.00 kg, the robot lifts {PAYLOAD} kg") as caught:
        make(built, physics=built.physics.model_copy(update={"objects": heavy}))
    assert "the robot can pick none of 4 objects" in str(caught.value)
