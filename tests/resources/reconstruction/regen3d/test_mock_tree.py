"""The mock tree is a possible scene, in a possible 3D-RE-GEN tree: else what it shows of a reader is worth nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
import trimesh

from blueprint_assets.geometry.transforms import apply, compose, yaw_quaternion
from fixtures.generate_mock_regen3d import Truth, mock_objects, write_native_tree
from fixtures.native_outputs import closed_objects


@pytest.mark.parametrize("seed", range(6))
def test_things_have_real_sizes_rest_and_do_not_touch(seed: int) -> None:
    footprints, tops = {}, {}
    for item in mock_objects(seed):
        points = apply(compose(item.place, yaw_quaternion(item.yaw)), item.mesh.vertices)
        assert 0.05 < np.ptp(points, axis=0).max() < 0.5
        footprints[item.label] = shapely.MultiPoint(points[:, :2]).convex_hull
        tops[item.label] = points[:, 2].max()
        assert points[:, 2].min() == pytest.approx(0.0 if item.on is None else tops[item.on], abs=1e-9)
        if item.on is not None:
            assert footprints[item.on].contains(footprints[item.label])
    on_table = [label for label in footprints if label != "salt shaker"]
    for k, one in enumerate(on_table):
        for other in on_table[k + 1 :]:
            assert footprints[one].distance(footprints[other]) > 0.005, (one, other)


def test_the_tree_has_what_the_tool_writes(real_tree: tuple[Path, Truth]) -> None:
    root, truth = real_tree
    for item in truth.objects:
        name = item.native_name
        canonical = trimesh.load(root / f"output/3D/{name}/{name}.glb", process=False).to_geometry()
        assert np.abs(canonical.bounds).max() <= 1.0
        placed = trimesh.load(root / f"output/glb/{name}.glb", process=False).to_geometry()
        assert len(placed.vertices) == len(canonical.vertices)
        assert (placed.vertices[:, 2] < 0).all(), "in front of an OpenGL camera"
        for picture in ("findings/fullSize", "findings/cropped", "masks"):
            assert (root / f"output/{picture}/{name}.png").is_file()
    plane = trimesh.load(root / "output/pointclouds/PLANE_SAMPLED.ply").vertices
    assert len(plane) == 10_000
    distance = np.linalg.norm(np.array(truth.camera.camera_to_world)[2, 3])
    centred = plane - plane.mean(axis=0)
    normal = np.linalg.svd(centred, full_matrices=False)[2][2]
    assert abs(plane.mean(axis=0) @ normal) == pytest.approx(distance, rel=1e-5)


def test_the_same_seed_gives_the_same_bytes(closed_tree: tuple[Path, Truth], tmp_path: Path) -> None:
    write_native_tree(tmp_path / "again", objects=closed_objects())
    files = sorted(path.relative_to(closed_tree[0]) for path in closed_tree[0].rglob("*") if path.is_file())
    assert len(files) > 30
    assert all((closed_tree[0] / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in files)


def test_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fixtures.generate_mock_regen3d", str(tmp_path / "tree")]
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("6 objects in ")
    again = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 2
    assert "exists; give a new folder" in again.stderr
