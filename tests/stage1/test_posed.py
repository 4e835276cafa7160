"""A folder of posed meshes that breaks its contract is refused, each time with the file and the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.geometry.mesh import MeshError, load_glb, save_glb
from blueprint_assets.stage1.posed import PosedMeshesError, demand_sound, objects_table
from fixtures.stage1_layout import write_stage1
from resources.reconstruction.stage1_folder import hashes

Json = dict[str, Any]


@pytest.fixture
def stage1(tmp_path: Path) -> Path:
    write_stage1(tmp_path)
    return tmp_path


def edit(path: Path, change: Callable[[Json], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def relist(stage1: Path) -> None:
    """Makes the listed hashes those of what is there now."""
    edit(stage1 / "scene_info.json", lambda info: info.update(sha256=hashes(stage1)))


def test_a_sound_folder_is_read(stage1: Path) -> None:
    info = demand_sound(stage1)
    assert [item.id for item in info.objects] == ["carton", "cube", "can", "mug"]
    assert objects_table(info)[0]["category"] == "unknown"


def test_a_missing_mesh(stage1: Path) -> None:
    (stage1 / "objects/can/mesh.glb").unlink()
    with pytest.raises(PosedMeshesError, match=r"objects/can/mesh\.glb: named by scene_info\.json but missing"):
        demand_sound(stage1)


def test_a_mesh_without_faces(stage1: Path) -> None:
    (stage1 / "objects/can/mesh.glb").write_bytes(b"glTF")
    relist(stage1)
    with pytest.raises(MeshError, match=r"objects/can/mesh\.glb"):
        demand_sound(stage1)


def test_a_changed_and_an_unlisted_file(stage1: Path) -> None:
    (stage1 / "notes.txt").write_text("hello")
    with pytest.raises(PosedMeshesError, match=r"notes\.txt: not listed"):
        demand_sound(stage1)
    (stage1 / "notes.txt").unlink()
    with (stage1 / "camera.json").open("a") as file:
        file.write("\n")
    with pytest.raises(PosedMeshesError, match=r"camera\.json: sha256 .* it was changed"):
        demand_sound(stage1)


def turn(pose: Json) -> None:
    pose["rotation_quaternion"] = [2 * part for part in pose["rotation_quaternion"]]


def shear(pose: Json) -> None:
    pose["transform_matrix"][0][1] += 0.1


def mirror(pose: Json) -> None:
    for row in pose["transform_matrix"][:3]:
        row[0] = -row[0]


def move(pose: Json) -> None:
    pose["translation"][0] += 0.01


def float_up(pose: Json) -> None:
    pose["is_floor_contact"] = not pose["is_floor_contact"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (turn, r"rotation_quaternion: .*not a unit quaternion"),
        (shear, r"transform_matrix: .*sheared"),
        (mirror, r"transform_matrix: .*mirrors"),
        (move, r"transform_matrix differs by 0\.01 from T @ R @ S"),
        (float_up, r"is_floor_contact is false, but can stands on plane_0"),
    ],
)
def test_a_pose_that_cannot_be(stage1: Path, change: Callable[[Json], None], said: str) -> None:
    edit(stage1 / "objects/can/pose.json", change)
    relist(stage1)
    with pytest.raises(PosedMeshesError, match=r"can/pose\.json: " + said):
        demand_sound(stage1)


def test_bounds_of_another_mesh(stage1: Path) -> None:
    mesh = load_glb(stage1 / "objects/can/mesh.glb")
    mesh.apply_scale(1.01)
    save_glb(mesh, stage1 / "objects/can/mesh.glb")
    relist(stage1)
    with pytest.raises(PosedMeshesError, match=r"can/bounds\.json: min is .* but the placed mesh's is"):
        demand_sound(stage1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda info: info.update(support_planes=[]), r"support_planes"),
        (lambda info: info.update(camera=None), r"camera is null without a reason"),
        (lambda info: info["objects"][0]["unknown"].pop("mask"), r"mask is null without a reason"),
        (lambda info: info["objects"][0].update(support="shelf"), r"stands on 'shelf', which is neither"),
        (lambda info: info["objects"][0].update(id="cube"), r"object cube appears twice"),
        (lambda info: info["scale"].update(factor=None), r"factor is null without a reason"),
        (lambda info: info["scale"].update(factor=0.0), r"scale\.factor"),
        (lambda info: info["unknown"].update(camera="lost"), r"says why camera is null, but it is not"),
        (lambda info: info["support_planes"][0].update(id="can"), r"can is the id of an object and of a support plane"),
    ],
)
def test_a_table_of_contents_that_cannot_be(stage1: Path, change: Callable[[Json], None], said: str) -> None:
    edit(stage1 / "scene_info.json", change)
    with pytest.raises(ContractError, match=said):
        demand_sound(stage1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"normal": [0, 0, 2.0]}, r"plane_0: normal of length 2"),
        ({"normal": [1.0, 0, 0]}, r"plane_0: normal .* is not up"),
        ({"point": [0, 0, 0.5]}, r"plane_0 lies at z = 0\.5"),
    ],
)
def test_a_support_plane_that_cannot_be(stage1: Path, change: Json, said: str) -> None:
    edit(stage1 / "scene_info.json", lambda info: info["support_planes"][0].update(change))
    with pytest.raises(PosedMeshesError, match=said):
        demand_sound(stage1)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.full((10, 10), 255, np.uint8), r"a mask of 10x10 for a picture of \(640, 480\)"),
        (np.zeros((480, 640), np.uint8), r"an empty mask"),
    ],
)
def test_a_mask_that_cannot_be(stage1: Path, mask: np.ndarray, said: str) -> None:
    cv2.imwrite(str(stage1 / "objects/can/mask.png"), mask)

    def list_it(info: Json) -> None:
        can = next(item for item in info["objects"] if item["id"] == "can")
        can.update(mask="objects/can/mask.png", unknown={"category": "nobody said"})

    edit(stage1 / "scene_info.json", list_it)
    relist(stage1)
    with pytest.raises(PosedMeshesError, match=said):
        demand_sound(stage1)
