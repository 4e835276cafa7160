"""3D-RE-GEN's tree, read back: poses, floor, camera and scale exact to 1e-6."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

import checks.stage1_checks  # noqa: F401  makes its gates known
from blueprint_assets.contracts.posed_meshes import Camera, Pose
from blueprint_assets.geometry.camera import project
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.stage1.posed import demand_sound
from checks.verdict import MEASUREMENTS
from fixtures.generate_mock_regen3d import MockObject, Truth, write_native_tree
from fixtures.native_outputs import picture_source, ready_source
from fixtures.stage1_layout import box, textured
from resources.observability import silent
from resources.reconstruction.native_folder import NativeFolder, NativeOutputError
from resources.reconstruction.native_object import stand_up
from resources.reconstruction.regen3d import CONSUMES, Regen3dReconstructor
from resources.reconstruction.regen3d.reader import FORWARD, read_camera, read_ground, read_objects
from tests.resources.reconstruction.regen3d.native_tree import placed, read

Native = Callable[[str], str]


def test_real_meshes_come_back_exactly(real_tree: tuple[Path, Truth]) -> None:
    """Rotation, translation and scale of six objects, floor and camera, against the truth that the tree was written from."""
    root, truth = real_tree
    folder = NativeFolder(root, "3D-RE-GEN")
    objects = read_objects(folder)
    ground = read_ground(folder, objects)
    assert ground.evidence == "measured"
    world = stand_up(objects, ground, FORWARD)
    assert [item.obtained.native_name for item in world.objects] == [item.native_name for item in truth.objects]
    for found, true in zip(world.objects, truth.objects, strict=True):
        assert np.abs(np.asarray(found.world_from_object) - true.world_from_mesh).max() < 1e-6
        vertices = apply(found.world_from_object, found.mesh.vertices)
        assert np.abs(vertices - apply(true.world_from_mesh, found.mesh.vertices)).max() < 2e-6
        assert found.label == true.label
    supports = {item.label: item.support for item in world.objects}
    crate = next(item.id for item in world.objects if item.label == "crate")
    assert supports.pop("salt shaker") == crate
    assert set(supports.values()) == {"plane_01"}
    camera = read_camera(folder, world.from_frame, None)
    assert camera is not None
    assert np.abs(np.array(camera.camera_to_world) - np.array(truth.camera.camera_to_world)).max() < 1e-6
    assert (camera.fx, camera.cx, camera.cy) == (truth.camera.fx, 320, 240)


def test_the_whole_way(closed_tree: tuple[Path, Truth], tmp_path: Path) -> None:
    root, truth = closed_tree
    info = read(root, tmp_path / "stage1")
    assert demand_sound(tmp_path / "stage1") == info
    by_native = {item.obtained.native_name: item for item in info.objects}
    for true in truth.objects:
        item = by_native[true.native_name]
        pose = Pose.read(tmp_path / "stage1" / item.pose)
        assert np.abs(np.array(pose.transform_matrix) - true.world_from_mesh).max() < 1e-6
        assert pose.is_floor_contact == (true.on is None)
        assert item.confidence is None
        assert "no scores" in item.unknown["confidence"]
        assert item.id.endswith("_".join(part for part in true.native_name.split("__")[1].strip("()").split(", ")))
    assert (info.scale.factor, info.meters_per_unit) == (None, None)
    assert "not metres" in info.scale.reason
    assert info.reconstruction_method == "3d-re-gen"
    assert info.background is not None
    assert np.abs(load_glb(tmp_path / "stage1" / info.background.mesh).bounds[0, 2]) < 1e-5
    assert info.support_planes[0].color == pytest.approx(np.array([150, 118, 90]) / 255, abs=1e-3)
    assert {file.path.split("/")[0] for file in info.inputs} == {"output", "src", "tmp"}
    assert all(any(Path(file.path).match(pattern) for pattern in CONSUMES) for file in info.inputs)


def test_masks_are_where_the_camera_sees_the_meshes(closed_tree: tuple[Path, Truth], tmp_path: Path) -> None:
    info = read(closed_tree[0], tmp_path)
    camera = Camera.read(tmp_path / "camera.json")
    for item in info.objects:
        assert item.mask is not None
        mask = cv2.imread(str(tmp_path / item.mask), cv2.IMREAD_GRAYSCALE) > 127
        matrix = np.array(Pose.read(tmp_path / item.pose).transform_matrix)
        pixels, _ = project(camera, apply(matrix, load_glb(tmp_path / item.mesh).vertices))
        rows, columns = np.nonzero(mask)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        expected = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
        # The crate is hidden by nothing but the can's foot, the can by nothing: their outlines are whole.
        assert seen == pytest.approx(expected, abs=2.5), item.id


def test_the_photograph_may_be_larger_than_what_the_tool_worked_on(tree: Path, tmp_path: Path) -> None:
    info = read(tree, tmp_path / "stage1", (1600, 1200))
    demand_sound(tmp_path / "stage1")
    assert info.image_size == (1600, 1200)
    assert Camera.read(tmp_path / "stage1/camera.json").fx == pytest.approx(1400)
    with pytest.raises(NativeOutputError, match=r"camera\.npz: a picture of 640x480, but the scene's is 640x640"):
        read(tree, tmp_path / "other", (640, 640))


def test_without_a_picture_of_ours_its_own_is_taken(tree: Path, tmp_path: Path) -> None:
    info = Regen3dReconstructor(tree).reconstruct(ready_source("regen3d"), tree, tmp_path, silent)
    assert info.image_size == (640, 480)
    demand_sound(tmp_path)


def test_the_same_tree_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        read(tree, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_it_goes_on_to_a_manifest_and_a_layout(tree: Path, tmp_path: Path) -> None:
    info = read(tree, tmp_path / "stage1")
    build_manifest(tmp_path / "stage1", info, tmp_path)
    layout, report = lay_out_scene(tmp_path, tmp_path)
    heights = {item.id.rsplit("_", 2)[0]: item.size[2] for item in layout.objects}
    assert heights["crate"] / heights["mug"] == pytest.approx(0.09 / 0.095, rel=1e-5)
    assert len(layout.objects) == 5
    assert not [note for note in report.adjustments if "moved" in note], "the mock scene's things overlap"


def test_a_mesh_with_more_vertices_than_16_bits_keeps_its_faces(tmp_path: Path) -> None:
    """PyTorch3D's writer wraps indices; faces come from the canonical mesh."""
    ball = trimesh.creation.uv_sphere(radius=0.1, count=[185, 185])
    assert len(ball.vertices) > 65_535
    ball.apply_translation((0, 0, 0.1))
    truth = write_native_tree(tmp_path / "tree", objects=(MockObject("ball", ball, (0, 1, 0), 0.3),))
    (found,) = read_objects(NativeFolder(tmp_path / "tree", "3D-RE-GEN"))
    assert len(found.mesh.faces) == len(ball.faces)
    own = np.linalg.norm(found.frame_from_object[:3, 0])
    assert found.mesh.area * own**2 == pytest.approx(ball.area * 1.7**2, rel=1e-5)
    native = truth.objects[0].native_name
    wrapped = trimesh.load(tmp_path / f"tree/output/glb/{native}.glb", process=False).to_geometry()
    assert wrapped.area > 1.2 * ball.area * 1.7**2, "the tree does not show the fault that this guards against"


def test_a_floor_that_was_not_fitted_is_estimated_and_said(tree: Path, tmp_path: Path, closed_tree: Any) -> None:
    (tree / "output/pointclouds/PLANE_SAMPLED.ply").unlink()
    info = read(tree, tmp_path)
    demand_sound(tmp_path)
    assert info.support_planes[0].evidence == "estimated"
    assert "floor: the plane that the objects' lowest points rest on" in info.notes
    for item, true in zip(info.objects, closed_tree[1].objects, strict=True):
        found = np.array(Pose.read(tmp_path / item.pose).transform_matrix)
        assert np.abs(found - true.world_from_mesh).max() < 1e-4


def test_without_a_camera_there_are_no_masks_and_reasons(tree: Path, tmp_path: Path) -> None:
    (tree / "output/pre_3D/camera.npz").unlink()
    info = read(tree, tmp_path)
    demand_sound(tmp_path)
    assert info.camera is None
    assert "camera.npz is missing" in info.unknown["camera"]
    assert {item.mask for item in info.objects} == {None}


def test_masks_fall_back_to_the_eroded_ones_and_to_none(tree: Path, tmp_path: Path, native: Native) -> None:
    for folder in ("findings/fullSize", "masks"):
        (tree / f"output/{folder}/{native('book')}.png").unlink()
    (tree / f"output/findings/fullSize/{native('crate')}.png").unlink()
    info = read(tree, tmp_path)
    demand_sound(tmp_path)
    found = {item.label: item for item in info.objects}
    assert found["crate"].obtained.mask == "recorded (eroded by 3D-RE-GEN)"
    assert found["book"].mask is None
    assert "neither" in found["book"].unknown["mask"]


def test_white_inside_an_object_is_filled_only_where_the_photograph_is_white(tree: Path, native: Native) -> None:
    name = f"output/findings/fullSize/{native('book')}.png"
    alone, photo = cv2.imread(str(tree / name)), cv2.imread(str(tree / "tmp/converted_from_webp.png"))
    inside = np.argwhere(cv2.erode((alone != 255).any(axis=2).astype(np.uint8), np.ones((9, 9))) > 0)
    own, hole = inside[len(inside) // 3], inside[2 * len(inside) // 3]
    alone[tuple(own)] = alone[tuple(hole)] = 255
    photo[tuple(own)] = 255
    cv2.imwrite(str(tree / name), alone)
    cv2.imwrite(str(tree / "tmp/converted_from_webp.png"), photo)
    mask = next(o.mask for o in read_objects(NativeFolder(tree, "3D-RE-GEN")) if o.label == "book")
    assert mask is not None
    assert mask[tuple(own)]
    assert not mask[tuple(hole)]


def test_what_was_detected_but_not_placed_is_listed(tree: Path, tmp_path: Path, native: Native) -> None:
    lost = native("book")
    placed(tree, lost).unlink()
    info = read(tree, tmp_path)
    assert info.notes == (f"detected but not placed by 3D-RE-GEN: {lost}",)


def test_negative_places_and_names_that_are_alike(tree: Path, tmp_path: Path, native: Native) -> None:
    name = native("book")
    for new in ("kitchen_knife__(-3, 4)", "kitchen knife__(-3, 4)"):
        shutil.copytree(tree / f"output/3D/{name}", tree / f"output/3D/{new}")
        (tree / f"output/3D/{new}/{name}.glb").rename(tree / f"output/3D/{new}/{new}.glb")
        shutil.copyfile(placed(tree, name), placed(tree, new))
    ids = [item.id for item in read(tree, tmp_path).objects if item.label == "kitchen knife"]
    assert ids == ["kitchen_knife_m3_4", "kitchen_knife_m3_4_2"]


def test_a_marker_of_ours_names_the_commit(tree: Path, tmp_path: Path) -> None:
    marker = {"scene_id": "native", "commit": "9a6275f3" + "0" * 32, "image_sha256": "", "objects": []}
    (tree / ".regen3d_complete").write_text(json.dumps(marker))
    assert read(tree, tmp_path / "a").reconstruction_method == "3d-re-gen@9a6275f30000"
    (tree / ".regen3d_complete").write_text("{}")
    with pytest.raises(NativeOutputError, match=r"\.regen3d_complete"):
        read(tree, tmp_path / "b")


@pytest.mark.slow
def test_real_meshes_the_whole_way_past_the_gates(real_tree: tuple[Path, Truth], tmp_path: Path) -> None:
    """Five raw real meshes and a crate: closed on the way, still where they were; the project's own gates judge."""
    root, truth = real_tree
    info = read(root, tmp_path / "stage1")
    demand_sound(tmp_path / "stage1")
    picture_source().write(tmp_path / "input/source.json")
    for gate in ("meshes_are_watertight", "silhouettes_match_the_masks"):
        verdict = MEASUREMENTS[f"reconstruction/{gate}"](tmp_path)
        assert verdict.outcome == "passed", verdict
    for item, true in zip(info.objects, truth.objects, strict=True):
        found = np.array(Pose.read(tmp_path / "stage1" / item.pose).transform_matrix)
        assert np.abs(found - true.world_from_mesh).max() < 1e-6


def test_a_background_in_opencv_axes_is_turned(tree: Path, tmp_path: Path) -> None:
    path = tree / "output/pointclouds/meshed/ground_aligned.glb"
    room = trimesh.load(path, process=False).to_geometry()
    room.apply_transform(np.diag([0.5, -0.5, -0.5, 1.0]))  # vggt_scene_scale is 2
    path.write_bytes(room.export(file_type="glb"))
    info = read(tree, tmp_path)
    assert info.background is not None
    assert "turned from OpenCV axes" in info.background.obtained
    assert np.abs(load_glb(tmp_path / info.background.mesh).bounds[0, 2]) < 1e-5


def test_a_background_off_the_floor_or_damaged_is_left_out_with_the_reason(tree: Path, tmp_path: Path) -> None:
    path = tree / "output/pointclouds/meshed/ground_aligned.glb"
    adrift = trimesh.creation.icosphere(radius=0.1)
    adrift.apply_translation((3, 3, 3))
    path.write_bytes(adrift.export(file_type="glb"))
    info = read(tree, tmp_path / "a")
    assert "0.0% of its vertices lie on the floor plane" in info.unknown["background"]
    path.write_bytes(b"glTF")
    assert "cannot be used" in read(tree, tmp_path / "b").unknown["background"]


def test_a_mesh_that_cannot_be_closed_is_kept_and_said(tmp_path: Path) -> None:
    sheet = textured(box(0.2, 0.2, 0.002), (90, 90, 200), split=True)
    sheet.update_faces(sheet.face_normals[:, 2] > 0.5)
    write_native_tree(tmp_path / "tree", objects=(MockObject("sheet", sheet, (0, 1, 0), 0),))
    (item,) = read(tmp_path / "tree", tmp_path / "stage1").objects
    assert item.obtained.shape.startswith("generated (Hunyuan3D); not closed: ")
    demand_sound(tmp_path / "stage1")


def test_an_object_that_stands_nowhere_is_said_to_hang(tmp_path: Path) -> None:
    block = textured(box(0.1, 0.1, 0.1), (90, 90, 200), split=True)
    things = (MockObject("block", block, (0, 1, 0), 0), MockObject("cube", block, (0.3, 1, 0.05), 0))
    write_native_tree(tmp_path / "tree", objects=things)
    info = read(tmp_path / "tree", tmp_path / "stage1")
    assert "0.085 units above plane_01" in next(o.obtained.position for o in info.objects if o.label == "cube")


def test_a_raw_mesh_is_closed_on_the_way_and_keeps_its_pose(tmp_path: Path) -> None:
    """An open cube: a face is missing, as in raw reconstructions."""
    open_box = box(0.1, 0.12, 0.14).subdivide()
    open_box.update_faces(np.arange(len(open_box.faces)) != 5)
    truth = write_native_tree(tmp_path / "tree", objects=(MockObject("block", open_box, (0, 1, 0), 0.4),))
    info = read(tmp_path / "tree", tmp_path / "stage1")
    (item,) = info.objects
    assert item.obtained.shape.startswith("generated (Hunyuan3D); repaired: 47 to 48 faces, 3 open edges closed")
    mesh = load_glb(tmp_path / "stage1" / item.mesh)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight
    found = np.array(Pose.read(tmp_path / "stage1" / item.pose).transform_matrix)
    assert np.abs(found - truth.objects[0].world_from_mesh).max() < 1e-6
