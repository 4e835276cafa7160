"""SAM 3D Objects' poses in PyTorch3D's row-vector convention come back as ours; gravity is given or estimated, and said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checks.stage1_checks  # noqa: F401  makes its gates known
from blueprint_assets.contracts.posed_meshes import Camera, Pose, SceneInfo
from blueprint_assets.geometry.mesh import MeshError
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.stage1.posed import demand_sound
from checks.verdict import MEASUREMENTS
from fixtures.generate_mock_regen3d import MESHES, MockObject, standing
from fixtures.native_outputs import closed_objects, picture_source, ready_source, write_sam3d
from resources.observability import silent
from resources.reconstruction.native_folder import NativeOutputError
from resources.reconstruction.sam3d import Sam3dReconstructor
from resources.reconstruction.sam3d.reader import frame_from_object
from resources.reconstruction.sam3d.sidecar import SidecarObject

Json = dict[str, Any]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    write_sam3d(tmp_path / "output", closed_objects())
    return tmp_path / "output"


def read(output: Path, stage1: Path) -> SceneInfo:
    return Sam3dReconstructor(output).reconstruct(picture_source(), output, stage1, silent)


def edit(output: Path, change: Callable[[Json], None]) -> None:
    document = json.loads((output / "sam3d.json").read_text())
    change(document)
    (output / "sam3d.json").write_text(json.dumps(document))


def test_poses_are_recovered_and_gravity_is_estimated_exactly_without_noise(tmp_path: Path) -> None:
    truth = write_sam3d(tmp_path / "output", closed_objects())
    info = read(tmp_path / "output", tmp_path / "stage1")
    assert demand_sound(tmp_path / "stage1") == info
    for item in info.objects:
        pose = Pose.read(tmp_path / "stage1" / item.pose)
        assert np.abs(np.array(pose.transform_matrix) - truth[item.obtained.native_name]).max() < 1e-5
    supports = {item.label: item.support for item in info.objects}
    assert supports.pop("tin can") == "crate_1"
    assert set(supports.values()) == {"plane_01"}
    assert info.support_planes[0].evidence == "estimated"
    assert info.notes == ("support plane: the plane that the objects' lowest points rest on",)
    assert (info.scale.factor, info.camera) == (None, "camera.json")
    camera = Camera.read(tmp_path / "stage1/camera.json")
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((560, 560, 320, 240))
    assert camera.pitch_evidence == "estimated"
    assert info.objects[0].obtained.position == "recorded (layout optimised, IoU 0.90)"


def test_the_camera_sees_the_meshes_where_the_masks_are(output: Path, tmp_path: Path) -> None:
    """The project's own gate judges: silhouettes of the placed meshes against the masks. A transposed rotation fails it."""
    read(output, tmp_path / "scene/stage1")
    picture_source().write(tmp_path / "scene/input/source.json")
    verdict = MEASUREMENTS["reconstruction/silhouettes_match_the_masks"](tmp_path / "scene")
    assert verdict.measured["mean_iou"] > 0.95


def test_a_given_plane_is_taken_as_it_is(tmp_path: Path) -> None:
    camera = np.array(Camera.read(_with_camera(tmp_path)).camera_to_world)
    axes = np.diag([-1.0, -1.0, 1.0]) @ camera[:3, :3].T
    down = (-axes[:, 2]).tolist()  # its sense does not matter
    point = (axes @ (np.array([0, 0, 0]) - camera[:3, 3])).tolist()
    truth = write_sam3d(tmp_path / "output", closed_objects(), plane={"normal": down, "point": point})
    info = read(tmp_path / "output", tmp_path / "stage1")
    assert info.support_planes[0].evidence == "measured"
    assert info.notes == ()
    for item in info.objects:
        found = np.array(Pose.read(tmp_path / "stage1" / item.pose).transform_matrix)
        assert np.abs(found - truth[item.obtained.native_name]).max() < 1e-5


def _with_camera(tmp_path: Path) -> Path:
    write_sam3d(tmp_path / "first", closed_objects())
    read(tmp_path / "first", tmp_path / "first_stage1")
    return tmp_path / "first_stage1/camera.json"


def test_rows_are_multiplied_not_columns() -> None:
    """A quarter turn about x by PyTorch3D's row vectors takes y to -z; read as columns it would be +z."""
    half = np.sqrt(0.5)
    item = SidecarObject(
        name="a", mesh="a.glb", rotation=(half, half, 0, 0), translation=(0, 0, 2), scale=(0.5, 0.5, 0.5)
    )
    moved = apply(frame_from_object(item, "here"), np.array([[0.0, 1.0, 0.0]]))
    assert moved[0] == pytest.approx([0, 0, 2 - 0.5])


def test_real_meshes_keep_their_pose_while_they_are_repaired(tmp_path: Path) -> None:
    bear = MockObject("teddy bear", standing_mesh("teddy_bear"), (0, 1.1, 0), 0.4)
    truth = write_sam3d(tmp_path / "output", (bear,))
    info = read(tmp_path / "output", tmp_path / "stage1")
    demand_sound(tmp_path / "stage1")
    (item,) = info.objects
    assert item.obtained.shape.startswith("generated (SAM 3D Objects); re")
    found = np.array(Pose.read(tmp_path / "stage1" / item.pose).transform_matrix)
    assert np.abs(found - truth["teddy bear 1"])[:3, :3].max() < 0.05, "its feet are round: the plane is an estimate"


def standing_mesh(name: str) -> Any:
    from blueprint_assets.geometry.mesh import load_glb

    return standing(load_glb(MESHES / f"{name}.glb"))


def test_metres_only_where_the_point_map_had_them(tmp_path: Path) -> None:
    write_sam3d(tmp_path / "output", closed_objects(), pointmap={"source": "moge-2", "metric": True})
    info = read(tmp_path / "output", tmp_path / "stage1")
    assert (info.scale.factor, info.scale.evidence) == (1.0, "estimated")
    assert "moge-2" in info.scale.reason


def test_less_is_known_where_less_is_written(output: Path, tmp_path: Path) -> None:
    def forget(document: Json) -> None:
        document.pop("intrinsics")
        for item in document["objects"]:
            for key in ("label", "mask", "iou"):
                item.pop(key)

    edit(output, forget)
    info = Sam3dReconstructor(output).reconstruct(ready_source("sam3d"), output, tmp_path / "stage1", silent)
    demand_sound(tmp_path / "stage1")
    assert (info.camera, info.image_size) == (None, None)
    assert {item.category for item in info.objects} == {None}
    assert all({"category", "mask", "confidence"} <= set(item.unknown) for item in info.objects)
    build_manifest(tmp_path / "stage1", info, tmp_path, {"mug_3": 0.095})
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    assert len(layout.objects) == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda o: o.update(rotation=[2, 0, 0, 0]), r"crate 1: rotation: not a unit quaternion"),
        (lambda o: o.update(scale=[1, 1, 2]), r"crate 1: scale \[1.0, 1.0, 2.0\]; three equal positive numbers"),
        (lambda o: o.update(scale=[-1, -1, -1]), "three equal positive numbers"),
        (lambda o: o.update(mesh="../secret.glb"), r"'\.\./secret\.glb' leads out of the folder"),
        (lambda o: o.update(mesh="/etc/hostname"), "leads out of the folder"),
        (lambda o: o.update(mask="../mask.png"), "leads out of the folder"),
        (lambda o: o.update(mesh="no.glb"), r"no\.glb: no such file"),
        (lambda o: o.update(colour="red"), r"objects\.0\.colour: Extra inputs"),
        (lambda o: o.update(translation=[0, 0]), r"objects\.0\.translation"),
        (lambda o: o.pop("scale"), r"objects\.0\.scale: Field required"),
        (lambda o: o.update(name=""), r"objects\.0\.name"),
    ],
)
def test_broken_objects(output: Path, tmp_path: Path, change: Callable[[Json], None], said: str) -> None:
    edit(output, lambda document: change(document["objects"][0]))
    with pytest.raises(NativeOutputError, match=said):
        read(output, tmp_path / "stage1")
    assert not (tmp_path / "stage1/scene_info.json").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"intrinsics": [[560, 0, 320], [0, 560, 240], [0, 0, 1]]}, "normalised ones are expected"),
        ({"intrinsics": [[0.8, 0], [0, 0.8]]}, "intrinsics"),
        ({"plane": {"normal": [0, 0, 0], "point": [0, 0, 0]}}, "normal not 0"),
        ({"objects": []}, "objects: Tuple should have at least 1 item"),
        ({"image": {"width": 0, "height": 480}}, r"image\.width"),
        ({"image": {"width": 480, "height": 640}}, "not the same picture"),
        ({"schema_version": "9"}, "schema_version"),
    ],
)
def test_broken_documents(output: Path, tmp_path: Path, values: Json, said: str) -> None:
    edit(output, lambda document: document.update(values))
    with pytest.raises(NativeOutputError, match=said):
        read(output, tmp_path / "stage1")


def test_no_document_and_no_mesh(output: Path, tmp_path: Path) -> None:
    (output / "1.glb").write_bytes(b"glTF")
    with pytest.raises(MeshError, match=r"1\.glb"):
        read(output, tmp_path / "stage1")
    (output / "sam3d.json").unlink()
    with pytest.raises(NativeOutputError, match=r"sam3d\.json: no such file"):
        read(output, tmp_path / "stage1")
