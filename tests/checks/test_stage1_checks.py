from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from blueprint_assets.contracts.posed_meshes import Camera, Pose, SceneInfo
from blueprint_assets.geometry.camera import project
from blueprint_assets.geometry.mesh import load_glb, save_glb
from blueprint_assets.geometry.transforms import apply
from fixtures.stage1_layout import write_source, write_stage1

INFO = "stage1/scene_info.json"
CAN = "stage1/objects/can/mesh.glb"


def relist(scene: Path, **masks: str) -> None:
    """Writes the table of contents anew: hashes of what is there now, and where the given objects' masks are."""
    stage1 = scene / "stage1"
    info = SceneInfo.read(scene / INFO)
    objects = tuple(item.model_copy(update={"mask": masks.get(item.id, item.mask)}) for item in info.objects)
    files = sorted(path for path in stage1.rglob("*") if path.is_file() and path.name != "scene_info.json")
    hashes = {path.relative_to(stage1).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    info.model_copy(update={"objects": objects, "sha256": hashes}).write(scene / INFO)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A reconstruction whose masks are the objects' outlines, drawn by OpenCV, the nearer over the farther."""
    info = write_stage1(tmp_path / "stage1")
    write_source(tmp_path)
    stage1 = tmp_path / "stage1"
    camera = Camera.read(stage1 / "camera.json")
    ids = np.zeros((camera.height, camera.width), np.uint8)
    matrices = {item.id: np.asarray(Pose.read(stage1 / item.pose).transform_matrix) for item in info.objects}
    names = sorted(matrices, key=lambda name: -matrices[name][1, 3])
    for number, name in enumerate(names, start=1):
        corners, _ = project(camera, apply(matrices[name], load_glb(stage1 / f"objects/{name}/mesh.glb").vertices))
        cv2.fillConvexPoly(ids, cv2.convexHull(corners.round().astype(np.int32)), number)
    masks = {}
    for number, name in enumerate(names, start=1):
        masks[name] = f"objects/{name}/mask.png"
        cv2.imwrite(str(stage1 / masks[name]), np.where(ids == number, 255, 0).astype(np.uint8))
    relist(tmp_path, **masks)
    return tmp_path


def test_a_good_reconstruction_passes(scene: Path, measure: Callable[..., Any]) -> None:
    for name in ("source/picture_is_sharp", "source/picture_is_what_was_registered"):
        assert measure(name, scene).outcome == "passed", name
    assert measure("reconstruction/meshes_are_watertight", scene).measured == {"objects": 4, "wrong": 0}
    found = measure("reconstruction/silhouettes_match_the_masks", scene)
    assert found.outcome == "passed"
    assert found.measured["mean_iou"] > 0.9
    assert found.measured["without_mask"] == 0


def blur(scene: Path) -> None:
    picture = cv2.imread(str(scene / "input/image.png"))
    cv2.imwrite(str(scene / "input/image.png"), cv2.GaussianBlur(picture, (0, 0), 40))


def test_a_blurred_picture_fails(scene: Path, measure: Callable[..., Any]) -> None:
    blur(scene)
    found = measure("source/picture_is_sharp", scene)
    assert found.outcome == "failed"
    assert found.measured["sharpness"] < found.limits["sharpness"]
    assert "take a sharper picture" in found.reason


def test_a_picture_that_cannot_be_decoded_is_unmeasured(scene: Path, measure: Callable[..., Any]) -> None:
    (scene / "input/image.png").write_bytes(b"no picture")
    assert measure("source/picture_is_sharp", scene).outcome == "unmeasured"


def test_a_changed_byte_of_the_picture_fails(scene: Path, measure: Callable[..., Any]) -> None:
    data = bytearray((scene / "input/original.png").read_bytes())
    data[-1] ^= 1
    (scene / "input/original.png").write_bytes(data)
    found = measure("source/picture_is_what_was_registered", scene)
    assert found.outcome == "failed"
    assert "input/original.png: sha256" in found.reason


def open_mesh(scene: Path) -> None:
    mesh = load_glb(scene / CAN)
    mesh.update_faces(np.arange(len(mesh.faces)) > 0)
    save_glb(mesh, scene / CAN)
    relist(scene)


def inside_out(scene: Path) -> None:
    mesh = load_glb(scene / CAN)
    mesh.invert()
    save_glb(mesh, scene / CAN)
    relist(scene)


def other_mesh(scene: Path) -> None:
    save_glb(trimesh.creation.box((1, 1, 1)), scene / CAN)


def lost_mesh(scene: Path) -> None:
    (scene / CAN).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (open_mesh, "can: mesh is open"),
        (inside_out, "can: volume -"),
        (other_mesh, "objects/can/mesh.glb: sha256 differs"),
        (lost_mesh, "can/mesh.glb"),
    ],
)
def test_a_damaged_mesh_fails(
    scene: Path, measure: Callable[..., Any], damage: Callable[[Path], None], said: str
) -> None:
    damage(scene)
    found = measure("reconstruction/meshes_are_watertight", scene)
    assert found.outcome == "failed"
    assert said in found.reason


def test_meshes_that_stand_elsewhere_than_their_masks_fail(scene: Path, measure: Callable[..., Any]) -> None:
    for path in scene.glob("stage1/objects/*/pose.json"):
        pose = Pose.read(path)
        matrix = np.asarray(pose.transform_matrix)
        matrix[0, 3] += 0.2
        pose.model_copy(update={"transform_matrix": tuple(map(tuple, matrix.tolist()))}).write(path)
    found = measure("reconstruction/silhouettes_match_the_masks", scene)
    assert found.outcome == "failed"
    assert found.measured["mean_iou"] < 0.5


def test_masks_that_cannot_be_compared(scene: Path, measure: Callable[..., Any]) -> None:
    mask = scene / "stage1/objects/can/mask.png"
    cv2.imwrite(str(mask), np.zeros((10, 20), np.uint8))
    found = measure("reconstruction/silhouettes_match_the_masks", scene)
    assert found.outcome == "failed"
    assert "a mask of 20x10 for a picture of 640x480" in found.reason
    mask.unlink()
    found = measure("reconstruction/silhouettes_match_the_masks", scene)
    assert found.outcome == "failed"
    assert "not a readable mask" in found.reason
    write_stage1(scene / "stage1")
    assert measure("reconstruction/silhouettes_match_the_masks", scene).outcome == "unmeasured"
