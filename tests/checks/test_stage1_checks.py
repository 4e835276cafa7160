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
from blueprint_assets.contracts.source import Source
from blueprint_assets.geometry.camera import project
from blueprint_assets.geometry.mesh import load_glb, save_glb
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.stage1.source import pixels_sha256
from fixtures.stage1_layout import write_source, write_stage1

INFO = "stage1/scene_info.json"
CAN = "stage1/objects/can/mesh.glb"


def relist(scene: Path, **masks: str) -> None:
    """Writes the table of contents anew: hashes of what is there now, and where the given objects' masks are."""
    stage1 = scene / "stage1"
    info = SceneInfo.read(scene / INFO)
    objects = tuple(
        item.model_copy(update={"mask": masks[item.id], "unknown": {"category": "nobody said"}})
        if item.id in masks
        else item
        for item in info.objects
    )
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
    for name in ("source/picture_is_sharp", "source/source_is_what_was_registered"):
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
    found = measure("source/source_is_what_was_registered", scene)
    assert found.outcome == "failed"
    assert "input/original.png: sha256" in found.reason


def without_a_picture(scene: Path, mode: str) -> None:
    """The same meshes as if no picture had been there: the source says so, no camera, no masks."""
    kept = scene / "input/original.txt"
    kept.write_text("a mug")
    files = {"input/original.txt": hashlib.sha256(b"a mug").hexdigest()}
    Source.parse(
        {
            "scene_id": "fixture",
            "mode": mode,
            "original": "input/original.txt",
            "original_sha256": files["input/original.txt"],
            "files": files,
            "request": "textgen/request.normalized.json" if mode == "text" else None,
            "format": None if mode == "text" else "glb",
            "received_at": "2026-01-01T00:00:00Z",
        },
        "source",
    ).write(scene / "input/source.json")
    info = SceneInfo.read(scene / INFO)
    unknown = {**info.unknown, "camera": "no camera", "image_size": "no picture"}
    info.model_copy(update={"camera": None, "image_size": None, "unknown": unknown}).write(scene / INFO)


@pytest.mark.parametrize("mode", ["text", "posed_meshes"])
def test_a_scene_without_a_picture_has_nothing_to_measure_there(
    mode: str, scene: Path, measure: Callable[..., Any]
) -> None:
    without_a_picture(scene, mode)
    for name in ("source/picture_is_sharp", "reconstruction/silhouettes_match_the_masks"):
        found = measure(name, scene)
        assert found.outcome == "not_applicable", name
        assert found.reason.startswith("unmeasured, and nothing to measure: ")
    assert measure("source/source_is_what_was_registered", scene).outcome == "passed"
    (scene / "input/original.txt").write_text("a jug")
    found = measure("source/source_is_what_was_registered", scene)
    assert found.outcome == "failed"
    assert "input/original.txt: sha256" in found.reason


def test_a_photograph_without_a_camera_is_unmeasured_and_blocks(scene: Path, measure: Callable[..., Any]) -> None:
    source = Source.read(scene / "input/source.json")
    without_a_picture(scene, "text")
    source.write(scene / "input/source.json")
    assert measure("reconstruction/silhouettes_match_the_masks", scene).outcome == "unmeasured"


def test_of_a_file_that_is_not_kept_the_pixels_count(scene: Path, measure: Callable[..., Any]) -> None:
    rgb = cv2.cvtColor(cv2.imread(str(scene / "input/image.png")), cv2.COLOR_BGR2RGB).astype(np.uint8)
    source = Source.read(scene / "input/source.json")
    source.model_copy(update={"original": None, "pixels_sha256": pixels_sha256(rgb)}).write(scene / "input/source.json")
    assert measure("source/source_is_what_was_registered", scene).outcome == "passed"
    rgb[0, 0] ^= 1
    cv2.imwrite(str(scene / "input/image.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    found = measure("source/source_is_what_was_registered", scene)
    assert found.outcome == "failed"
    assert "input/image.png: pixels" in found.reason


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
