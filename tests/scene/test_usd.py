from __future__ import annotations

import shutil
import time
from pathlib import Path

import mujoco
import numpy as np
import pytest
from PIL import Image
from pxr import Usd, UsdGeom

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.scene.preview import PreviewError, render_photo_view, render_preview
from blueprint_assets.scene.settle import UnmeasuredError, opened_prims, settle, validate
from blueprint_assets.scene.usd import SCENE, SceneUsdError, compose_scene, write_scene
from fixtures.stage1_layout import PLANE_COLOR
from fixtures.usda import usda
from resources.simulator.usd_stage import UsdError
from resources.simulator.usd_to_mujoco import load_usd


def test_the_scene_composes_its_objects(built_scene: Path) -> None:
    stage = Usd.Stage.Open(str(built_scene / SCENE))
    assert stage.GetDefaultPrim().GetPath() == "/World"
    assert not stage.GetCompositionErrors()
    for each in ("carton", "cube", "can", "mug"):
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/World/Objects/{each}/visual"))
        assert len(mesh.GetPointsAttr().Get()) >= 8
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default", "render"])
    cube = box.ComputeWorldBound(stage.GetPrimAtPath("/World/Objects/cube")).ComputeAlignedRange()
    assert cube.GetMin()[2] == pytest.approx(0.75 + 0.12, abs=1e-4)
    top = box.ComputeWorldBound(stage.GetPrimAtPath("/World/Table/top")).ComputeAlignedRange()
    assert top.GetMax()[2] == pytest.approx(0.75, abs=1e-6)
    assert opened_prims(built_scene / SCENE, built_scene) == len(list(stage.Traverse()))


def test_the_outside_judge_finds_no_error(built_scene: Path) -> None:
    found = validate(built_scene / SCENE)
    assert (found.errors, found.warnings, found.by_rule) == ((), (), {})


def test_the_outside_judge_would_find_one(built_scene: Path, tmp_path: Path) -> None:
    for name in ("assets", "usd"):
        shutil.copytree(built_scene / name, tmp_path / name)
    text = (tmp_path / SCENE).read_text()
    (tmp_path / SCENE).write_text(text.replace("../assets/obj_can/", "../assets/obj_lost/").replace('"Z"', '"X"'))
    assert validate(tmp_path / SCENE).errors


def test_everything_stands_still(built_scene: Path) -> None:
    report = settle(built_scene / SCENE, built_scene, 2.0)
    assert {motion.object_id for motion in report.objects} == {"carton", "cube", "can", "mug"}
    for motion in report.objects:
        assert motion.drift_m < 1e-3
        assert -1e-4 < motion.sink_m < 1e-3
        assert motion.turn_rad < 0.01
    assert report.initial_penetration_m < 1e-6
    assert report.max_penetration_m < 1e-3
    assert report.speed < 1e-3
    assert report.warnings == 0


def test_what_does_not_stand_still_is_measured(built_scene: Path, tmp_path: Path) -> None:
    """The can 10 cm up in the air, the mug 2 cm deep in the table."""
    for name in ("assets", "usd"):
        shutil.copytree(built_scene / name, tmp_path / name)
    layout = SceneLayout.read(built_scene / "layout/scene_layout_scaled.json")
    shift = {"can": 0.1, "mug": -0.02}
    moved = [
        item.model_copy(update={"position": (*item.position[:2], item.position[2] + shift.get(item.id, 0.0))})
        for item in layout.objects
    ]
    write_scene(layout.model_copy(update={"objects": tuple(moved)}), tmp_path / SCENE)
    report = settle(tmp_path / SCENE, tmp_path, 1.0)
    motions = {motion.object_id: motion for motion in report.objects}
    assert motions["can"].sink_m == pytest.approx(0.1, abs=2e-3)
    assert motions["mug"].sink_m < -0.015
    assert report.initial_penetration_m == pytest.approx(0.02, abs=2e-3)


def test_the_ground_reaches_beyond_what_stands_far_away(built_scene: Path, tmp_path: Path) -> None:
    """A room's things may stand further from its middle than any table is wide: they must not fall off the world."""
    for name in ("assets", "usd"):
        shutil.copytree(built_scene / name, tmp_path / name)
    layout = SceneLayout.read(built_scene / "layout/scene_layout_scaled.json")
    away = [
        item.model_copy(update={"position": (item.position[0], -7.5, 0.0)}) if item.id == "can" else item
        for item in layout.objects
    ]
    write_scene(layout.model_copy(update={"objects": tuple(away)}), tmp_path / SCENE)
    can = next(motion for motion in settle(tmp_path / SCENE, tmp_path, 1.0).objects if motion.object_id == "can")
    assert abs(can.sink_m) < 1e-3


def test_nothing_to_settle_is_not_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "scene.usda"
    path.write_text(usda('def Xform "World" { def Cube "c" (prepend apiSchemas = ["PhysicsCollisionAPI"]) {} }'))
    with pytest.raises(UnmeasuredError, match="no free body"):
        settle(path, tmp_path)


def test_loading_is_fast(built_scene: Path) -> None:
    """Simulation-ready under 2 s (the project's limit), library imports aside."""
    load_usd(built_scene / SCENE, built_scene)
    began = time.process_time()
    model = load_usd(built_scene / SCENE, built_scene).compile()
    mujoco.mj_forward(model, mujoco.MjData(model))
    assert time.process_time() - began < 2.0


def test_a_missing_asset_is_named(built_scene: Path, tmp_path: Path) -> None:
    shutil.copytree(built_scene, tmp_path / "scene")
    shutil.rmtree(tmp_path / "scene/assets/obj_can")
    with pytest.raises(SceneUsdError, match=r"obj_can/simready\.usda: no such asset"):
        compose_scene(tmp_path / "scene", tmp_path / "out")
    with pytest.raises(UsdError, match="obj_can"):
        load_usd(tmp_path / "scene" / SCENE, tmp_path / "scene")


def test_the_same_layout_gives_the_same_bytes(built_scene: Path, tmp_path: Path) -> None:
    compose_scene(built_scene, tmp_path)
    for name in (SCENE, "usd/preview.png"):
        assert (tmp_path / name).read_bytes() == (built_scene / name).read_bytes()


def shares_colour(pixels: np.ndarray, region: np.ndarray, channel: int) -> float:
    """Share of a region's pixels in which one channel is the largest by far."""
    chosen = pixels[region].astype(int)
    others = np.delete(chosen, channel, axis=1).max(axis=1)
    return float((chosen[:, channel] > others + 25).mean())


@pytest.mark.parametrize("offset", [(0.0, 0.0), (60.0, -40.0)])
def test_the_render_shows_things_where_the_photograph_does(
    built_scene: Path, tmp_path: Path, offset: tuple[float, float]
) -> None:
    """Every object's centre falls on pixels of its colour, also with a principal point off the middle."""
    from blueprint_assets.geometry.transforms import apply

    for name in ("assets", "usd"):
        shutil.copytree(built_scene / name, tmp_path / name)
    layout = SceneLayout.read(built_scene / "layout/scene_layout_scaled.json")
    camera = layout.camera.model_copy(update={"cx": layout.camera.cx + offset[0], "cy": layout.camera.cy + offset[1]})
    write_scene(layout.model_copy(update={"camera": camera}), tmp_path / SCENE)
    pixels = render_photo_view(tmp_path / SCENE, tmp_path, camera.width, camera.height)
    assert pixels.shape == (480, 640, 3)
    rows, columns = np.mgrid[0:480, 0:640]
    for item in layout.objects:
        if item.id == "mug":
            continue
        middle = np.add(item.position, (0, 0, item.size[2] * 0.35))
        x, y, z = apply(np.linalg.inv(np.asarray(camera.camera_to_world)), middle[None])[0]
        u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
        region = (columns + 0.5 - u) ** 2 + (rows + 0.5 - v) ** 2 < 6**2
        channel = {"carton": 0, "cube": 1, "can": 2}[item.id]
        assert shares_colour(pixels, region, channel) > 0.5, item.id
    table = pixels[round(380 + offset[1]), 100:600:20]
    seen = np.median(table.reshape(-1, 3), axis=0) / 255
    assert seen / seen.sum() == pytest.approx(np.array(PLANE_COLOR) / sum(PLANE_COLOR), abs=0.04)


def test_the_preview_shows_both_sides(built_scene: Path) -> None:
    sheet = np.asarray(Image.open(built_scene / "usd/preview.png"))
    assert sheet.shape == (480 + 28, 2 * 640 + 8, 3)
    photo = np.asarray(Image.open(built_scene / "input/image.png"))
    assert (sheet[:480, :640] == photo).all()
    assert sheet[:480, 648:].std() > 20


def test_a_photograph_that_cannot_be_read_is_named(built_scene: Path, tmp_path: Path) -> None:
    broken = tmp_path / "photo.png"
    broken.write_bytes(b"no picture")
    layout = SceneLayout.read(built_scene / "layout/scene_layout_scaled.json")
    with pytest.raises(PreviewError, match=r"photo\.png"):
        render_preview(built_scene / SCENE, built_scene, layout, broken, tmp_path / "out.png")


def test_without_a_photograph_the_render_stands_alone(built_scene: Path, tmp_path: Path) -> None:
    layout = SceneLayout.read(built_scene / "layout/scene_layout_scaled.json")
    sheet = np.asarray(Image.open(render_preview(built_scene / SCENE, built_scene, layout, None, tmp_path / "out.png")))
    both = np.asarray(Image.open(built_scene / "usd/preview.png"))
    assert sheet.shape == (480 + 28, 640, 3)
    assert (sheet[:480] == both[:480, 648:]).all()
