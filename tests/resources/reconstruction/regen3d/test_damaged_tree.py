"""What is broken in 3D-RE-GEN's tree is refused by file and field; no damage gets past the errors."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.mesh import MeshError, load_glb
from fixtures.generate_mock_regen3d import Truth, pytorch3d_glb
from resources.reconstruction.native_folder import NativeOutputError
from resources.reconstruction.regen3d.tree import placed_positions
from tests.resources.reconstruction.regen3d.native_tree import placed, read

Native = Callable[[str], str]


def test_no_placed_object(tree: Path, tmp_path: Path) -> None:
    shutil.rmtree(tree / "output/glb")
    with pytest.raises(NativeOutputError, match=r"output/glb: no placed object .* look at its log"):
        read(tree, tmp_path)


def test_a_missing_canonical_mesh(tree: Path, tmp_path: Path, native: Native) -> None:
    shutil.rmtree(tree / f"output/3D/{native('book')}")
    with pytest.raises(NativeOutputError, match=r"output/3D/book__.*\.glb: no such file"):
        read(tree, tmp_path)


def rewrite(tree: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    canonical = load_glb(tree / f"output/3D/{name}/{name}.glb")
    document = trimesh.load(placed(tree, name), process=False).to_geometry()
    vertices = change(np.asarray(document.vertices))
    placed(tree, name).write_bytes(pytorch3d_glb(vertices, np.asarray(canonical.faces)))


def shear(vertices: np.ndarray) -> np.ndarray:
    return vertices + 0.05 * vertices[:, [1]] * (1, 0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v[:-1], r"vertices, but .* has \d+: not the same mesh; they are from different runs"),
        (shear, "a sheared or unevenly scaled copy"),
        (lambda v: v * (1, 1.01, 1), "a sheared or unevenly scaled copy"),
        (lambda v: v * (-1, 1, 1), "a mirrored copy"),
        (
            lambda v: v + np.random.default_rng(0).normal(scale=1e-3, size=v.shape),
            r"of its extent off \(limit 0.0001\)",
        ),
        (lambda v: np.zeros_like(v), "no pose can be recovered: the target points lie on a line"),
        (lambda v: np.where(np.arange(len(v))[:, None] == 3, np.nan, v), "POSITION: a vertex is not finite"),
    ],
)
def test_placed_vertices_that_are_no_moved_copy(
    tree: Path, tmp_path: Path, native: Native, change: Callable[[np.ndarray], np.ndarray], said: str
) -> None:
    rewrite(tree, native("mug"), change)
    with pytest.raises(NativeOutputError, match=rf"output/glb/mug__.*{said}"):
        read(tree, tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: b"", "not a binary glTF file"),
        (lambda data: data[: len(data) // 2], "bytes of its binary part; the file ends before"),
        (lambda data: data.replace(b'"version": "2.0"', b'"version": "2.0"')[:200], "not a whole glTF 2 file"),
        (lambda data: data[:4] + b"\x01" + data[5:], "version 1"),
        (lambda data: data.replace(b'"POSITION"', b'"POSITIOM"'), "not one mesh with one set of positions"),
        (
            lambda data: re.sub(rb'"count": 1\d*', lambda m: m[0].replace(b"1", b"9", 1), data, count=1),
            "but the file ends",
        ),
        (lambda data: data.replace(b'"name": "Node0"', b'"scale":[2,2,2]'), "a node with a transform"),
        (lambda data: data.replace(b"5126", b"5125"), "not tightly packed 32-bit floats"),
    ],
)
def test_damaged_placed_files(
    tree: Path, tmp_path: Path, native: Native, damage: Callable[[bytes], bytes], said: str
) -> None:
    path = placed(tree, native("mug"))
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(NativeOutputError, match=rf"output/glb/mug__.*{said}"):
        read(tree, tmp_path)


def test_a_damaged_canonical_mesh(tree: Path, tmp_path: Path, native: Native) -> None:
    name = native("mug")
    (tree / f"output/3D/{name}/{name}.glb").write_bytes(b"glTF")
    with pytest.raises(MeshError, match=r"output/3D/mug__"):
        read(tree, tmp_path)


def test_a_foreign_file_among_the_objects(tree: Path, tmp_path: Path, native: Native) -> None:
    shutil.copyfile(placed(tree, native("mug")), placed(tree, "notes"))
    with pytest.raises(NativeOutputError, match=r"output/glb/notes\.glb: not a name that 3D-RE-GEN gives"):
        read(tree, tmp_path)


def test_links_out_of_the_tree(tree: Path, tmp_path: Path, native: Native) -> None:
    name = native("mug")
    canonical = tree / f"output/3D/{name}/{name}.glb"
    canonical.rename(tmp_path / "elsewhere.glb")
    canonical.symlink_to(tmp_path / "elsewhere.glb")
    with pytest.raises(NativeOutputError, match="outside the folder"):
        read(tree, tmp_path / "stage1")


@pytest.mark.parametrize("values", [{"focal": -5.0}, {"image_size": [0, 480]}, {"focal": [500.0, 500.0]}])
def test_a_camera_that_makes_no_sense(tree: Path, tmp_path: Path, values: dict[str, Any]) -> None:
    whole = {"focal": np.float32(500), "image_size": np.array([640, 480]), **values}
    np.savez(tree / "output/pre_3D/camera.npz", **whole)
    with pytest.raises(NativeOutputError, match=r"camera\.npz: focal .* image_size .*; both must be positive"):
        read(tree, tmp_path)


def test_a_plane_that_is_a_line(tree: Path, tmp_path: Path) -> None:
    line = trimesh.PointCloud(np.outer(np.arange(50.0), (1, 0, 0)))
    (tree / "output/pointclouds/PLANE_SAMPLED.ply").write_bytes(line.export(file_type="ply"))
    with pytest.raises(NativeOutputError, match=r"PLANE_SAMPLED\.ply: the points lie on a line"):
        read(tree, tmp_path)


def test_a_mask_of_another_shape(tree: Path, tmp_path: Path, native: Native) -> None:
    cv2.imwrite(str(tree / f"output/findings/fullSize/{native('mug')}.png"), np.zeros((480, 480, 3), np.uint8))
    with pytest.raises(NativeOutputError, match=r"the mask of mug__.* is 480x480, the picture 640x480"):
        read(tree, tmp_path)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), head=st.booleans())
def test_no_damage_to_a_placed_file_gets_past_the_errors(
    closed_tree: tuple[Path, Truth], tmp_path: Path, place: float, byte: int, head: bool
) -> None:
    """Any byte of the header and JSON, or of the whole file: positions that are finite, or a NativeOutputError."""
    whole = placed(closed_tree[0], closed_tree[1].objects[0].native_name).read_bytes()
    data = bytearray(whole)
    data[int(place * (1400 if head else len(data)))] = byte
    path = tmp_path / "damaged.glb"
    path.write_bytes(data)
    try:
        positions = placed_positions(path)
    except NativeOutputError:
        return
    assert np.isfinite(positions).all()
