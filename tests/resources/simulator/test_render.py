from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import mujoco
import numpy as np
import pytest

from resources.simulator import render
from resources.simulator.render import Renderer, RenderError, available_backend

pytestmark = pytest.mark.skipif(available_backend() is None, reason=f"no OpenGL here: {render.REMEDY}")


@pytest.fixture(scope="module")
def renderer(world):
    with Renderer(world, 128, 128) as opened:
        yield opened


def _red(picture: np.ndarray) -> np.ndarray:
    """Pixels of the objects' colour, whatever the light: red over twice green."""
    values = picture.astype(float)
    return (values[..., 0] > 40) & (values[..., 0] > 2 * values[..., 1])


def _project(world, qpos, camera: str, point, size: int) -> tuple[int, int]:
    """Row and column at which a camera sees a point: pinhole arithmetic, not OpenGL."""
    data = mujoco.MjData(world.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(world.model, data)
    mujoco.mj_comPos(world.model, data)
    mujoco.mj_camlight(world.model, data)
    view = world.model.camera(camera)
    x, y, z = data.cam_xmat[view.id].reshape(3, 3).T @ (np.asarray(point) - data.cam_xpos[view.id])
    focal = size / 2 / np.tan(np.radians(view.fovy[0] / 2))
    return round(size / 2 + y / z * focal), round(size / 2 - x / z * focal)


@pytest.mark.parametrize("camera", ["scene", "left", "right"])
@pytest.mark.parametrize("name", ["cube", "can", "board"])
def test_objects_are_where_a_pinhole_camera_sees_them(world, renderer: Renderer, camera: str, name: str) -> None:
    qpos = world.initial_qpos()
    row, column = _project(world, qpos, camera, world.object_pose(qpos, name)[0], 128)
    picture = renderer.image(camera, qpos)
    assert picture.shape == (128, 128, 3)
    assert picture.dtype == np.uint8
    assert _red(picture)[row, column]


def test_the_picture_follows_the_state(world, renderer: Renderer) -> None:
    qpos = world.initial_qpos()
    moved = world.with_object(qpos, "can", [0.0, 0.12, 5.0], [1, 0, 0, 0])
    row, column = _project(world, qpos, "scene", world.object_pose(qpos, "can")[0], 128)
    assert not _red(renderer.image("scene", moved))[row, column]


def test_the_wrist_camera_sees_what_is_between_the_fingers(world, renderer: Renderer, reach) -> None:
    cube = world.object_pose(world.initial_qpos(), "cube")[0]
    qpos = world.initial_qpos(reach(cube, 0.0, world.home))
    assert _red(renderer.image("wrist", qpos))[64:, 32:96].mean() > 0.2


def test_states_are_rendered_one_by_one_and_alike_in_any_renderer(world, renderer: Renderer) -> None:
    rows = np.stack([world.initial_qpos(), world.initial_qpos(world.home + 0.05)])
    rows[1, world.finger_qpos] = 0.0
    pictures = list(renderer.render_states(rows, "scene"))
    assert len(pictures) == 2
    assert not np.array_equal(pictures[0], pictures[1])
    with Renderer(world, 128, 128) as other:
        np.testing.assert_array_equal(other.image("scene", rows[1]), pictures[1])


def test_another_thread_may_render(world, renderer: Renderer) -> None:
    expected, got = renderer.image("scene", world.initial_qpos()), []
    thread = threading.Thread(target=lambda: got.append(renderer.image("scene", world.initial_qpos())))
    thread.start()
    thread.join(timeout=60)
    np.testing.assert_array_equal(got[0], expected)


def _rays(world, view, qpos, camera: str, pixels: list[tuple[int, int]]) -> list[tuple[float, int]]:
    """Per pixel (row, column) of a 128 px picture what a ray through its centre hits: depth, geom. No OpenGL."""
    data = mujoco.MjData(world.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(world.model, data)
    focal = 64 / np.tan(np.radians(world.model.camera(camera).fovy[0] / 2))
    groups = np.array([1, 1, 1, 0, 0, 0], np.uint8)
    found = []
    for row, column in pixels:
        local = np.array([(column + 0.5 - 64) / focal, (row + 0.5 - 64) / focal, 1.0])
        geom = np.zeros(1, np.int32)
        direction = view.world_from_camera[:3, :3] @ local
        origin = view.world_from_camera[:3, 3].copy()
        # In multiples of `direction`, whose part along the optical axis is 1: the depth.
        depth = mujoco.mj_ray(world.model, data, origin, direction, groups, 1, -1, geom, None)
        found.append((float(depth), int(geom[0])))
    return found


@pytest.mark.parametrize("camera", ["scene", "left", "right", "wrist"])
def test_depth_and_segmentation_are_what_rays_hit(world, renderer: Renderer, camera: str) -> None:
    qpos = world.initial_qpos()
    view = renderer.view(camera, qpos, depth=True, segmentation=True)
    assert view.depth is not None
    assert view.segmentation is not None
    assert (view.depth.dtype, view.depth.shape) == (np.float32, (128, 128))
    assert (view.segmentation.dtype, view.segmentation.shape) == (np.uint8, (128, 128))
    pixels = [(int(r), int(c)) for r, c in np.random.default_rng(5).integers(2, 126, (800, 2))]
    tested = 0
    for (row, column), (depth, geom) in zip(pixels, _rays(world, view, qpos, camera, pixels), strict=True):
        around = view.depth[row - 1 : row + 2, column - 1 : column + 2]
        labels = view.segmentation[row - 1 : row + 2, column - 1 : column + 2]
        if depth < 0 or np.ptp(labels) or np.ptp(around) > 0.02 * depth:
            continue  # the sky, or an edge, where a pixel's centre may fall on either side
        tested += 1
        # 1 mm at 1 m, growing with the square as a depth buffer's steps do: round shapes are drawn with flat facets, up to
        # 0.3 mm inside (flat ones measured 0.02 mm off at 1 to 3 m).
        assert abs(view.depth[row, column] - depth) < 0.001 * max(1.0, depth**2)
        assert view.segmentation[row, column] == renderer.labels.of_geom[geom]
    assert tested > 150


def test_where_nothing_is_depth_is_far_and_the_label_is_nothing(world, renderer: Renderer) -> None:
    view = renderer.view("left", world.initial_qpos(), depth=True, segmentation=True)
    assert view.depth is not None
    sky = view.segmentation == 0
    assert sky.any()
    assert view.depth[sky].min() > 20.0
    assert view.depth[~sky].min() > 0.1


def test_colours_do_not_change_when_more_is_asked_for(world, renderer: Renderer) -> None:
    qpos = world.initial_qpos()
    plain = renderer.view("scene", qpos)
    assert plain.depth is None
    assert plain.segmentation is None
    full = renderer.view("scene", qpos, depth=True, segmentation=True)
    np.testing.assert_array_equal(plain.image, full.image)
    np.testing.assert_array_equal(renderer.image("scene", qpos), full.image)


def test_an_unknown_camera_is_refused(world, renderer: Renderer) -> None:
    with pytest.raises(RenderError, match="no camera called 'top'; there are scene, left, right, wrist"):
        renderer.image("top", world.initial_qpos())


@pytest.mark.parametrize("size", [(0, 10), (5000, 10)])
def test_an_impossible_size_is_refused(world, size: tuple[int, int]) -> None:
    with pytest.raises(RenderError, match="1 to 1280x960"):
        Renderer(world, *size)


def test_closing_twice_is_fine(world) -> None:
    renderer = Renderer(world, 16, 16)
    renderer.close()
    renderer.close()


def test_without_opengl_the_error_names_the_packages(world, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str, *rest: Any, **more: Any) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    render.select_backend.cache_clear()
    monkeypatch.setattr(render.ctypes, "CDLL", nothing)
    try:
        assert available_backend() is None
        with pytest.raises(RenderError, match="as root: apt-get install -y libegl1 libgl1-mesa-dri"):
            Renderer(world, 16, 16)
    finally:
        render.select_backend.cache_clear()


def test_a_process_that_imported_mujoco_first_and_never_closes_ends_quietly() -> None:
    """No variable of the environment is needed, and the interpreter's end finds no dangling context."""
    program = """
import mujoco
from resources.simulator.render import Renderer
from types import SimpleNamespace
model = mujoco.MjModel.from_xml_string(
    '<mujoco><worldbody><camera name="c" pos="0 -1 0" xyaxes="1 0 0 0 0 1"/><geom size=".1"/></worldbody></mujoco>')
picture = Renderer(SimpleNamespace(model=model), 32, 32).image("c", model.qpos0)
keep = Renderer(SimpleNamespace(model=model), 32, 32)
print(picture.max() > 0)
"""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "True", "")
