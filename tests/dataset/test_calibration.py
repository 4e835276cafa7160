"""Calibration against two judges: OpenCV projects, MuJoCo's OpenGL draws."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import mujoco
import numpy as np
import pytest

from blueprint_assets.contracts.dataset_calibration import DatasetCalibration
from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.dataset.calibration import CalibrationError, calibration, dataset_calibration, rays
from resources.simulator.render import REMEDY, Renderer, available_backend
from resources.simulator.world import build_world

SCENE = Path(__file__).resolve().parents[1] / "resources" / "simulator" / "table_scene.usda"
ROBOT = RobotConfig(base_position=(-0.5, 0.0, 0.75), workspace_bounds=((-0.4, -0.4, 0.75), (0.4, 0.4, 1.35)))
SIZE = (160, 120)
needs_opengl = pytest.mark.skipif(available_backend() is None, reason=f"no OpenGL here: {REMEDY}")


@pytest.fixture(scope="module")
def world():
    return build_world(SCENE, SCENE.parent, ROBOT)


@pytest.fixture(scope="module")
def renderer(world):
    with Renderer(world, *SIZE) as opened:
        yield opened


def _world_from_camera(world, camera, qpos) -> np.ndarray:
    data = mujoco.MjData(world.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(world.model, data)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = data.body(camera.parent).xmat.reshape(3, 3), data.body(camera.parent).xpos
    return pose @ np.array(camera.parent_from_camera)


@needs_opengl
@pytest.mark.parametrize("name", ["scene", "left", "right", "wrist"])
def test_opencv_projects_known_points_onto_the_pixels_that_show_them(world, renderer: Renderer, name: str) -> None:
    """Points on what is drawn, found by rays; OpenCV says at which pixel; there the picture must show that thing."""
    joints = world.home + np.array([0.2, 0.1, 0, 0.2, 0, 0, 0, 0])
    qpos = world.initial_qpos(joints)
    camera = calibration(world.model, name, *SIZE)
    view = renderer.view(name, qpos, depth=True, segmentation=True)
    world_from_camera = _world_from_camera(world, camera, qpos)
    np.testing.assert_allclose(view.world_from_camera, world_from_camera, atol=1e-9)

    data = mujoco.MjData(world.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(world.model, data)
    random = np.random.default_rng(2)
    directions = rays(camera)[random.integers(2, 118, 900), random.integers(2, 158, 900)]
    directions += random.uniform(-0.3, 0.3, directions.shape) / camera.intrinsics[0][0] * [1, 1, 0]
    points, geoms = [], []
    for local in directions:
        geom = np.zeros(1, np.int32)
        ray, origin = world_from_camera[:3, :3] @ local, world_from_camera[:3, 3].copy()
        groups = np.array([1, 1, 1, 0, 0, 0], np.uint8)
        distance = mujoco.mj_ray(world.model, data, origin, ray, groups, 1, -1, geom, None)
        if distance > 0:
            points.append(origin + distance * ray)
            geoms.append(int(geom[0]))
    inverse = np.linalg.inv(world_from_camera)
    pixels, _ = cv2.projectPoints(
        np.array(points), cv2.Rodrigues(inverse[:3, :3])[0], inverse[:3, 3], np.array(camera.intrinsics), None
    )
    tested = 0
    for (x, y), geom, point in zip(pixels.reshape(-1, 2), geoms, points, strict=True):
        row, column = int(y), int(x)  # the first pixel reaches from 0 to 1
        around = (slice(row - 1, row + 2), slice(column - 1, column + 2))
        if np.ptp(view.segmentation[around]) or np.ptp(view.depth[around]) > 0.02:
            continue
        tested += 1
        assert view.segmentation[row, column] == renderer.labels.of_geom[geom]
        assert abs(view.depth[row, column] - (inverse @ [*point, 1.0])[2]) < 0.02
    assert tested > 100


def test_the_wrist_camera_rides_on_the_hand_and_the_others_stand_in_the_world(world) -> None:
    parents = {name: calibration(world.model, name, *SIZE).parent for name in ("scene", "left", "right", "wrist")}
    assert parents == {"scene": "world", "left": "world", "right": "world", "wrist": "panda_hand"}


def test_a_larger_picture_has_a_longer_focal_length_and_the_same_place(world) -> None:
    small, large = (calibration(world.model, "scene", *size) for size in ((64, 48), (640, 480)))
    np.testing.assert_allclose(np.array(large.intrinsics)[:2], 10 * np.array(small.intrinsics)[:2])
    assert large.parent_from_camera == small.parent_from_camera


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ('<camera name="a" pos="0 0 1"/>', "no camera called 'scene'; there are a"),
        ('<camera name="scene" mode="track"/>', "camera 'scene' is no fixed pinhole camera"),
        ('<camera name="scene" sensorsize="1 1" resolution="4 4" focal="1 1"/>', "no fixed pinhole camera"),
    ],
)
def test_a_camera_that_this_calibration_does_not_describe_is_refused(camera: str, message: str) -> None:
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco><worldbody><body>{camera}<geom size='1'/></body></worldbody></mujoco>"
    )
    with pytest.raises(CalibrationError, match=message):
        calibration(model, "scene", 64, 64)


def test_a_dataset_keeps_every_calibration_once_with_its_episodes(world) -> None:
    near, far = ({"scene": calibration(world.model, name, *SIZE)} for name in ("scene", "left"))
    episodes = [
        SimpleNamespace(episode_uuid=uuid, calibration=cameras)
        for uuid, cameras in (("a", near), ("b", far), ("c", {}), ("d", near))
    ]
    found = dataset_calibration(episodes)
    assert found is not None
    assert [entry.episodes for entry in found.sets] == [("a", "d"), ("b",)]
    assert DatasetCalibration.parse(found.model_dump(mode="json"), "copy") == found
    assert dataset_calibration([episodes[2]]) is None
