from __future__ import annotations

import time
import warnings
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.task_config import RobotConfig
from resources.simulator.world import World, WorldError, assemble, build_world, state_hash

BOUNDS = ((-1.0, -1.0, 0.0), (1.0, 1.0, 2.0))


def _scene(names: tuple[str, ...] = ("block",), table: float = 0.4) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2, 2, 0.1])
    spec.worldbody.add_geom(
        name="table", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.3, 0.3, table / 2], pos=[0.3, 0, table / 2]
    )
    for k, name in enumerate(names):
        body = spec.worldbody.add_body(name=name, pos=[0.2 + 0.1 * k, 0, table + 0.02])
        body.add_freejoint()
        body.add_geom(name=f"{name}_shape", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.02, 0.03, 0.02])
    return spec


def _mount(world: World) -> tuple[float, float]:
    """Lowest and highest point of the mount."""
    geom = world.model.geom("robot_mount")
    return geom.pos[2] - geom.size[2], geom.pos[2] + geom.size[2]


def test_a_scene_becomes_a_world(world, scene: Path) -> None:
    assert world.object_ids == ("cube", "can", "board")
    assert {world.model.camera(i).name for i in range(world.model.ncam)} == {"scene", "left", "right", "wrist"}
    options = world.model.opt
    assert options.timestep == 0.002
    assert options.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert options.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert options.impratio == 10
    assert world.model.vis.quality.offsamples == 0
    np.testing.assert_allclose(world.object_dimensions["board"], [0.12, 0.02, 0.06], atol=1e-6)
    position, quaternion = world.object_pose(world.initial_qpos(), "can")
    np.testing.assert_allclose(position, [0, 0.12, 0.8], atol=1e-9)
    np.testing.assert_allclose(quaternion, [1, 0, 0, 0], atol=1e-9)


def test_loading_takes_less_than_two_seconds_of_cpu(scene: Path, robot: RobotConfig) -> None:
    start = time.process_time()
    build_world(scene, scene.parent, robot)
    assert time.process_time() - start < 2.0


def test_no_warning_is_given(scene: Path, robot: RobotConfig) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_world(scene, scene.parent, robot)


def test_joint_vectors_and_object_poses_go_in_and_out(world) -> None:
    joints = world.home + 0.01
    joints[7] = 0.02
    qpos = world.with_object(world.initial_qpos(joints), "can", [0.1, 0.2, 0.9], [0, 1, 0, 0])
    np.testing.assert_allclose(world.joints(qpos), joints)
    np.testing.assert_allclose(world.object_pose(qpos, "can")[0], [0.1, 0.2, 0.9])
    np.testing.assert_allclose(world.object_pose(qpos, "cube")[0], world.object_pose(world.initial_qpos(), "cube")[0])


@pytest.mark.parametrize(
    ("height", "low"),
    [(0.4, 0.4), (0.7, 0.4)],
    ids=["standing on the table: a plate", "floating above the table: a pedestal on it"],
)
def test_the_mount_stands_on_what_is_below(height: float, low: float) -> None:
    world = assemble(_scene(), RobotConfig(base_position=(0.1, 0, height), workspace_bounds=BOUNDS))
    assert _mount(world)[0] == pytest.approx(low, abs=1e-4)
    assert _mount(world)[1] == pytest.approx(height, abs=5e-3)


def test_beside_the_table_the_pedestal_goes_down_to_the_floor_and_collides() -> None:
    world = assemble(_scene(), RobotConfig(base_position=(-0.3, 0, 0.4), workspace_bounds=BOUNDS))
    assert _mount(world) == pytest.approx((0.0, 0.4), abs=1e-4)
    assert world.model.geom("robot_mount").contype[0] == 1


def test_objects_are_no_ground() -> None:
    """A robot whose flange hangs over a block gets a pedestal that goes past it, down to the table."""
    world = assemble(_scene(), RobotConfig(base_position=(0.2, 0, 0.8), workspace_bounds=BOUNDS))
    assert _mount(world)[0] == pytest.approx(0.4, abs=1e-4)


def test_the_base_stands_where_it_is_told_and_turned() -> None:
    config = RobotConfig(base_position=(-0.3, 0.1, 0.4), base_yaw=np.pi / 2, workspace_bounds=BOUNDS)
    world = assemble(_scene(), config)
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos()
    mujoco.mj_kinematics(world.model, data)
    np.testing.assert_allclose(data.body("panda_link0").xpos, [-0.3, 0.1, 0.4], atol=1e-9)
    tool = data.site_xpos[world.tcp_site] - data.body("panda_link0").xpos
    assert tool[1] > 0.25
    assert abs(tool[0]) < 0.01


@settings(max_examples=12, deadline=None)
@given(x=st.floats(-0.9, -0.3), yaw=st.floats(-0.8, 0.8), count=st.integers(1, 4))
def test_every_fixed_camera_sees_every_object(x: float, yaw: float, count: int) -> None:
    world = assemble(
        _scene(tuple(f"block{k}" for k in range(count))),
        RobotConfig(base_position=(x, 0, 0.4), base_yaw=yaw, workspace_bounds=BOUNDS),
    )
    data = mujoco.MjData(world.model)
    data.qpos[:] = world.initial_qpos()
    mujoco.mj_kinematics(world.model, data)
    mujoco.mj_comPos(world.model, data)
    mujoco.mj_camlight(world.model, data)
    for name in ("scene", "left", "right"):
        camera = world.model.camera(name)
        for object_id in world.object_ids:
            seen = data.cam_xmat[camera.id].reshape(3, 3).T @ (data.body(object_id).xpos - data.cam_xpos[camera.id])
            half = -seen[2] * np.tan(np.radians(camera.fovy[0] / 2))
            assert seen[2] < 0
            assert max(abs(seen[0]), abs(seen[1])) < half


def test_an_object_called_like_a_part_of_the_robot_is_refused() -> None:
    with pytest.raises(WorldError, match="panda_hand; rename the objects"):
        assemble(_scene(("panda_hand",)), RobotConfig(base_position=(-0.3, 0, 0.4), workspace_bounds=BOUNDS))


def test_a_scene_that_does_not_compile_is_refused() -> None:
    spec = _scene()
    spec.worldbody.add_body(name="weightless").add_freejoint()
    with pytest.raises(WorldError, match="MuJoCo cannot compile the scene"):
        assemble(spec, RobotConfig(base_position=(-0.3, 0, 0.4), workspace_bounds=BOUNDS))


def test_the_state_hash_tells_the_smallest_difference_and_shapes_apart() -> None:
    a = np.arange(6.0)
    assert state_hash([a]) == state_hash([a.copy()])
    assert state_hash([a]) != state_hash([np.nextafter(a, 10)])
    assert state_hash([a.reshape(2, 3)]) != state_hash([a.reshape(3, 2)])
    assert state_hash([a, a]) != state_hash([a])
