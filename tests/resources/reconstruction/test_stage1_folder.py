"""What a backend found becomes a stage 1 layout that its contract's judge accepts, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from blueprint_assets.contracts.posed_meshes import Candidate, Obtained, Pose, Scale, SupportPlane
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, compose, yaw_quaternion
from blueprint_assets.stage1.posed import demand_sound
from resources.reconstruction import ReconstructionError
from resources.reconstruction.stage1_folder import Found, write_stage1

FLOOR = SupportPlane(
    id="floor",
    normal=(0, 0, 1),
    point=(0, 0, 0),
    polygon=((-1, -1, 0), (1, -1, 0), (0, 1, 0)),
    color=(0, 0, 0),
    evidence="default",
)
NO_SCALE = Scale(factor=None, evidence="default", confidence=0.0, reason="nobody measured it")
UNKNOWN = dict.fromkeys(("camera", "image_size", "confidence", "environment_type", "background"), "made by a test")
MATRIX = compose((0.1, 0.2, 0.3), yaw_quaternion(0.7), (0.5, 0.5, 2.0))


def found(matrix: Any = MATRIX, **other: Any) -> Found:
    words = {"mask": "no picture", "confidence": "nobody said", "category": "nobody said"}
    obtained = Obtained(mask="none", shape="generated", position="recorded", texture="none", native_name="Box 1")
    mesh = trimesh.creation.box((0.2, 0.4, 0.1))
    return Found(**{"id": "box", "label": "box", "category": None, "mesh": mesh, "world_from_object": matrix,
                    "support": "floor", "obtained": obtained, "confidence": None, "unknown": words} | other)  # fmt: skip


def write(folder: Path, *objects: Found, planes: tuple[SupportPlane, ...] = (FLOOR,), **other: Any) -> Any:
    words = {"scene_id": "made", "method": "test", "generated_at": "2026-01-01T00:00:00Z", "scale": NO_SCALE,
             "camera": None, "confidence": None, "environment": None, "unknown": UNKNOWN}  # fmt: skip
    return write_stage1(folder, objects, planes, **words | other)


def test_what_is_written_is_sound_and_in_its_place(tmp_path: Path) -> None:
    info = write(tmp_path, found(), background=(trimesh.creation.box((3, 3, 0.1)), "a made wall"),
                 unknown={key: why for key, why in UNKNOWN.items() if key != "background"})  # fmt: skip
    assert demand_sound(tmp_path) == info
    pose = Pose.read(tmp_path / info.objects[0].pose)
    np.testing.assert_allclose(pose.transform_matrix, MATRIX, atol=1e-12)
    corners = apply(pose.transform_matrix, load_glb(tmp_path / info.objects[0].mesh).vertices)
    np.testing.assert_allclose(corners.mean(axis=0), (0.1, 0.2, 0.3), atol=1e-6)
    assert info.meters_per_unit is None


def test_the_same_objects_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, found())
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 4
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


SHEARED = np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (found(SHEARED), r"object box: its transform cannot be used: axes 11\.\d+ degrees off a right angle: sheared"),
        (found(np.diag([1, 1, -1, 1.0])), "mirrors"),
        (found(np.diag([1, 1, 0, 1.0])), "flattens"),
        (found(np.full((4, 4), np.nan)), "not a finite 4x4 matrix"),
        (found(unknown={}), "category is null without a reason"),
        (found(id="../../box"), r"object '\.\./\.\./box': an id is a file name"),
        (found(mesh=trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]])), "vertices without extent"),
        (found(support="ceiling"), "stands on 'ceiling'"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, item: Found, said: str) -> None:
    with pytest.raises(ReconstructionError, match=said):
        write(tmp_path / "stage1", item)
    assert not (tmp_path / "box").exists()


def test_no_floor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReconstructionError, match="support_planes"):
        write(tmp_path, found(), planes=())


def test_candidates_travel_with_their_shares(tmp_path: Path) -> None:
    shares = [Candidate(category="box", share=0.6), Candidate(category="book", share=0.3)]
    info = write(tmp_path / "a", found(candidates=shares))
    assert demand_sound(tmp_path / "a").objects[0].candidates == tuple(shares) == info.objects[0].candidates
    with pytest.raises(ReconstructionError, match=r"box: the shares of its candidates add up to 1\.2"):
        write(tmp_path / "b", found(candidates=[*shares, Candidate(category="sponge", share=0.3)]))
