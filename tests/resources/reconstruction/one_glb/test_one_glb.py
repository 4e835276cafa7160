"""A node per object: poses and scales of nodes come back, names are made unique, shear is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from blueprint_assets.contracts.posed_meshes import Pose, SceneInfo
from blueprint_assets.geometry.mesh import MeshError, load_glb
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.stage1.posed import demand_sound
from fixtures.native_outputs import closed_objects, ready_source, write_one_glb
from resources.observability import silent
from resources.reconstruction.native_folder import NativeOutputError
from resources.reconstruction.one_glb import Gravity, OneGlbReconstructor
from resources.reconstruction.one_glb.reader import label_of

NAMES = ["crate", "geometry_1", "Kaffee-Becher.obj", "book_02", "knife"]


def read(path: Path, stage1: Path, gravity: Gravity = "gltf") -> SceneInfo:
    return OneGlbReconstructor(path, "midi", gravity).reconstruct(ready_source("glb"), path, stage1, silent)


def test_nodes_come_back_as_objects(tmp_path: Path) -> None:
    truth = write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES)
    info = read(tmp_path / "scene.glb", tmp_path / "stage1")
    assert demand_sound(tmp_path / "stage1") == info
    assert info.reconstruction_method == "midi"
    found = {item.obtained.native_name: item for item in info.objects}
    for name, matrix in truth.items():
        pose = Pose.read(tmp_path / "stage1" / found[name].pose)
        assert np.abs(np.array(pose.transform_matrix) - matrix).max() < 1e-6
        assert pose.scale == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)
    assert found["geometry_1"].support == "crate"
    assert [found[name].label for name in NAMES] == ["crate", "object", "kaffee becher", "book", "knife"]
    assert {item.category for item in info.objects} == {None}
    assert (info.camera, info.image_size, info.scale.factor) == (None, None, None)
    (read_file,) = info.inputs
    assert read_file.path == "scene.glb"


def test_a_scene_in_a_camera_frame_is_stood_up_by_how_its_objects_rest(tmp_path: Path) -> None:
    truth = write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES, spin=0.35)
    info = read(tmp_path / "scene.glb", tmp_path / "stage1", "objects")
    demand_sound(tmp_path / "stage1")
    assert info.support_planes[0].evidence == "estimated"
    for item in info.objects:
        matrix = np.array(Pose.read(tmp_path / "stage1" / item.pose).transform_matrix)
        mesh = load_glb(tmp_path / "stage1" / item.mesh)
        low = apply(matrix, mesh.vertices)[:, 2].min()
        true = apply(truth[item.obtained.native_name], mesh.vertices)[:, 2].min()
        assert low == pytest.approx(true, abs=1e-5)


def test_it_goes_on_to_a_layout_without_a_camera(tmp_path: Path) -> None:
    write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES)
    info = read(tmp_path / "scene.glb", tmp_path / "stage1")
    build_manifest(tmp_path / "stage1", info, tmp_path, {"knife": 0.38})
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    assert len(layout.objects) == 5


def edited(path: Path, change: dict[str, object]) -> Path:
    """The file with keys of its first node with a mesh replaced, by an outside hand."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    node = next(node for node in document["nodes"] if "mesh" in node)
    node.update(change)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    whole = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(data) - 20 - size, len(text), 0x4E4F534A)
    path.write_bytes(whole + text + data[20 + size :])
    return path


def test_names_that_are_alike_become_unique_ids(tmp_path: Path) -> None:
    write_one_glb(tmp_path / "scene.glb", closed_objects(), ["Cup", "cup", "cup ", "1 cup", "杯"])
    info = read(tmp_path / "scene.glb", tmp_path / "stage1")
    assert sorted(item.id for item in info.objects) == ["cup", "cup_2", "cup_3", "object", "object_1_cup"]


def test_shear_is_refused(tmp_path: Path) -> None:
    write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES)
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    path = edited(tmp_path / "scene.glb", {"matrix": sheared.T.reshape(-1).tolist()})
    with pytest.raises(NativeOutputError, match=r"object crate .*: its transform: .* sheared"):
        read(path, tmp_path / "stage1")


def test_a_mirrored_node_becomes_a_mirrored_mesh(tmp_path: Path) -> None:
    write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES)
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    path = edited(tmp_path / "scene.glb", {"matrix": mirror.T.reshape(-1).tolist()})
    info = read(path, tmp_path / "stage1")
    demand_sound(tmp_path / "stage1")
    assert len(info.objects) == 5


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.full((4, 4), 1e300)])
def test_nodes_that_flatten_or_explode(tmp_path: Path, matrix: np.ndarray) -> None:
    write_one_glb(tmp_path / "scene.glb", closed_objects(), NAMES)
    path = edited(tmp_path / "scene.glb", {"matrix": matrix.reshape(-1).tolist()})
    with pytest.raises((MeshError, NativeOutputError), match=r"scene\.glb|object crate"):
        read(path, tmp_path / "stage1")


def test_files_that_are_no_scene(tmp_path: Path) -> None:
    for name, data, said in (
        ("a.glb", b"", "empty"),
        ("b.glb", b"glTF", r"b\.glb"),
        ("c.gltf", b"{}", "a GLB file is read"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises((MeshError, NativeOutputError), match=said):
            read(tmp_path / name, tmp_path / "stage1")
    with pytest.raises(NativeOutputError, match=r"no\.glb: no such file"):
        read(tmp_path / "no.glb", tmp_path / "stage1")
    with pytest.raises(NativeOutputError, match="no such folder"):
        read(tmp_path / "nowhere/no.glb", tmp_path / "stage1")


def test_too_many_objects(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for k in range(201):
        ball = trimesh.creation.icosahedron()
        scene.add_geometry(ball, node_name=f"n{k}", transform=trimesh.transformations.translation_matrix((3 * k, 0, 0)))
    (tmp_path / "many.glb").write_bytes(scene.export(file_type="glb"))
    with pytest.raises(NativeOutputError, match="201 objects; a scene has 1 to 200"):
        read(tmp_path / "many.glb", tmp_path / "stage1")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("mesh_0", "object"),
        ("world", "object"),
        ("Mug.001", "mug"),
        ("red_mug", "red mug"),
        ("", "object"),
        ("a" * 99, "a" * 60),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert label_of(name) == label
