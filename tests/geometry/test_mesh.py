"""Mesh files: what is read, what is refused, and that writing and reading agree."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from blueprint_assets.geometry.mesh import (
    Z_UP_FROM_Y_UP,
    MeshError,
    load_glb,
    load_mesh,
    load_parts,
    read_mesh,
    save_glb,
)

PICTURE = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


def textured_box() -> trimesh.Trimesh:
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    uv = np.random.default_rng(0).random((len(box.vertices), 2))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=PICTURE, roughnessFactor=0.5)
    box.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return box


def with_document(path: Path, change: object) -> Path:
    """The same GLB with a changed JSON part, not padded: as PyTorch3D writes it."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    change(document)  # type: ignore[operator]
    text = json.dumps(document).encode()
    text += b" " * ((len(text) + 1) % 2)  # odd
    rest = data[20 + size :]
    path.write_bytes(
        struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
        + struct.pack("<II", len(text), 0x4E4F534A)
        + text
        + rest
    )
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    box = textured_box()
    read = load_glb(save_glb(box, tmp_path / "box.glb"))
    assert np.allclose(read.vertices, box.vertices, atol=1e-7)
    assert np.array_equal(read.faces, box.faces)
    assert np.allclose(read.visual.uv, box.visual.uv, atol=1e-6)
    assert np.array_equal(np.asarray(read.visual.material.baseColorTexture.convert("RGB")), np.asarray(PICTURE))
    assert read.visual.material.roughnessFactor == 0.5


def test_the_same_mesh_gives_the_same_bytes(tmp_path: Path) -> None:
    first = save_glb(textured_box(), tmp_path / "a.glb").read_bytes()
    assert save_glb(textured_box(), tmp_path / "b.glb").read_bytes() == first
    second = save_glb(load_glb(tmp_path / "a.glb"), tmp_path / "c.glb").read_bytes()
    assert save_glb(load_glb(tmp_path / "c.glb"), tmp_path / "d.glb").read_bytes() == second


def test_trimesh_reads_the_same_scene(tmp_path: Path) -> None:
    """An outside judge, on nodes below nodes with every kind of transform."""
    scene = trimesh.Scene()
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3])
    scene.add_geometry(trimesh.creation.icosphere(2, 0.2), node_name="ball", transform=turn)
    scene.add_geometry(
        trimesh.creation.box((1, 2, 3)), node_name="box", parent_node_name="ball", transform=np.diag([2, 1, 0.5, 1])
    )
    path = tmp_path / "scene.glb"
    path.write_bytes(scene.export(file_type="glb"))
    expected = trimesh.load(path, process=False).to_geometry()
    expected.apply_transform(Z_UP_FROM_Y_UP)
    read = load_glb(path)
    assert len(read.faces) == len(expected.faces)
    assert np.allclose(np.sort(read.triangles_center, axis=0), np.sort(expected.triangles_center, axis=0), atol=1e-6)
    parts, _ = load_parts(path, tmp_path)
    placed = [trimesh.transform_points(part.mesh.vertices, part.matrix) for part in parts]
    assert [part.name for part in parts] == ["ball", "box"]
    assert np.allclose(np.concatenate(placed), read.vertices, atol=1e-6)


def test_a_mirrored_part_has_the_mirror_in_its_mesh(tmp_path: Path) -> None:
    path = with_document(
        save_glb(trimesh.creation.box((1, 2, 3)), tmp_path / "box.glb"),
        lambda d: d["nodes"][0].update(matrix=np.diag([-2.0, 1, 1, 1]).T.reshape(-1).tolist(), mesh=0),
    )
    parts, notes = load_parts(path, tmp_path)
    assert np.linalg.det(parts[0].matrix[:3, :3]) > 0
    assert parts[0].mesh.volume > 0
    assert any("mirrors" in note for note in notes)


def test_a_chunk_that_is_not_padded_is_read(tmp_path: Path) -> None:
    path = with_document(save_glb(textured_box(), tmp_path / "box.glb"), lambda d: None)
    assert len(load_glb(path).faces) == 12


def gltf_with_files(folder: Path) -> Path:
    folder.mkdir()
    for name, data in trimesh.Scene(textured_box()).export(file_type="gltf").items():
        (folder / name).write_bytes(data)
    return folder / "model.gltf"


def test_external_buffers_inside_the_folder_are_read(tmp_path: Path) -> None:
    assert len(load_mesh(gltf_with_files(tmp_path / "a"), tmp_path / "a").faces) == 12


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    path = gltf_with_files(tmp_path / "a")
    name = sorted((tmp_path / "a").glob("*.bin"))[0].name
    (tmp_path / "a" / name).rename(tmp_path / "outside.bin")
    (tmp_path / "a" / name).symlink_to(tmp_path / "outside.bin")
    with pytest.raises(MeshError, match=r"buffers\[\d\]\.uri: .*leads out of the folder"):
        load_mesh(path, tmp_path / "a")
    assert len(load_mesh(path, tmp_path).faces) == 12  # the folder above holds both


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("v nan 0 0", "line 1: v"),
        ("v 1 2", "line 1: v"),
        ("f 1 2 9", "face index 9"),
        ("f 1 2 0", "from 1 on"),
        ("f 1 2 -7", "face index -7"),
        ("mtllib ../secret.mtl", "leads out of the folder"),
        ("mtllib /etc/passwd", "not a relative path"),
    ],
)
def test_bad_obj(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "secret.mtl").write_text("newmtl a")
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "mesh.obj").write_text(f"{line}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(MeshError) as refused:
        load_mesh(folder / "mesh.obj", folder)
    assert "mesh.obj" in str(refused.value)
    assert said in str(refused.value)


def test_a_picture_that_a_material_names_outside_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mesh"
    folder.mkdir()
    (folder / "mesh.obj").write_text("mtllib mesh.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n")
    (folder / "mesh.mtl").write_text("newmtl a\nmap_Kd ../secret.png\n")
    PICTURE.save(tmp_path / "secret.png")
    with pytest.raises(MeshError, match=r"mesh\.mtl line 2: map_Kd: .*leads out"):
        load_mesh(folder / "mesh.obj", folder)
    (folder / "mesh.mtl").write_text("newmtl a\nmap_Kd gone.png\n")
    read = read_mesh(folder / "mesh.obj", folder)
    assert any("gone.png" in note for note in read.notes)


def test_obj_and_ply_keep_their_axes_unless_told(tmp_path: Path) -> None:
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    for name in ("box.obj", "box.ply"):
        box.export(tmp_path / name)
        assert load_mesh(tmp_path / name, tmp_path).extents == pytest.approx([0.1, 0.2, 0.3])
        assert load_mesh(tmp_path / name, tmp_path, up="y").extents == pytest.approx([0.1, 0.3, 0.2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"element vertex 8", b"element vertex 4294967296"), "over the limits"),
        ((b"element face 12", b"element face 120000"), "truncated"),
        ((b"element face 12", b"element face x"), "header.element"),
        ((b"end_header", b"comment TextureFile ../a.png\nend_header"), "leads out of the folder"),
        ((b"property float x", b"property float99 x"), "unknown type"),
    ],
)
def test_bad_ply(change: tuple[bytes, bytes], said: str, tmp_path: Path) -> None:
    folder = tmp_path / "mesh"
    folder.mkdir()
    PICTURE.save(tmp_path / "a.png")
    data = trimesh.creation.box().export(file_type="ply")
    assert change[0] in data
    (folder / "mesh.ply").write_bytes(data.replace(*change))
    with pytest.raises(MeshError) as refused:
        load_mesh(folder / "mesh.ply", folder)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["mesh.stl", "mesh", "gone.glb"])
def test_other_files(name: str, tmp_path: Path) -> None:
    if name != "gone.glb":
        (tmp_path / name).write_bytes(b"solid")
    with pytest.raises(MeshError, match=name):
        load_mesh(tmp_path / name, tmp_path)


@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.none() | st.integers(0, 10**6),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_gives_an_error_or_a_valid_mesh(
    places: list[tuple[int, int]], cut: int | None, tmp_path: Path
) -> None:
    good = tmp_path / "good.glb"
    if not good.exists():
        save_glb(textured_box(), good)
    data = bytearray(good.read_bytes())
    for place, value in places:
        data[place % len(data)] = value
    path = tmp_path / "changed.glb"
    path.write_bytes(bytes(data[: cut % len(data)]) if cut is not None and cut % 7 == 0 else bytes(data))
    try:
        mesh = load_glb(path)
    except MeshError as error:
        refused: MeshError | None = error
    else:
        refused = None
    if refused is not None:
        assert "changed.glb" in str(refused)
        return
    assert np.isfinite(mesh.vertices).all()
    assert len(mesh.faces)
    assert 0 <= mesh.faces.min() <= mesh.faces.max() < len(mesh.vertices)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=JSON, data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_field_gives_an_error_or_a_valid_mesh(
    value: object, data: st.DataObject, tmp_path: Path
) -> None:
    path = save_glb(textured_box(), tmp_path / "box.glb")

    def change(document: dict[str, object]) -> None:
        at: object = document
        for _ in range(data.draw(st.integers(1, 5))):
            if not isinstance(at, dict | list) or not at:
                return
            keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            inner = at[key]  # type: ignore[index, call-overload]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
                at[key] = value  # type: ignore[index, call-overload]
                return
            at = inner

    try:
        mesh = load_glb(with_document(path, change))
    except MeshError:
        return
    assert np.isfinite(mesh.vertices).all()
    assert mesh.faces.max() < len(mesh.vertices)
