from __future__ import annotations

import numpy as np
import pytest
import trimesh

from blueprint_assets.geometry.transforms import quaternion_to_matrix
from blueprint_assets.scene.solid import SolidError, make_solid


def test_a_box_has_the_textbook_inertia() -> None:
    """Solid cuboid of 1 kg: (y2 + z2) / 12 and so on."""
    solid = make_solid(trimesh.creation.box((1, 1, 1)), (0.1, 0.2, 0.3))
    assert solid.volume == pytest.approx(0.006)
    assert solid.unit_inertia == pytest.approx(np.array([0.13, 0.10, 0.05]) / 12)
    assert solid.principal_axes.tolist() == [1, 0, 0, 0]
    assert solid.volume_evidence == "measured"
    assert solid.steps == ()


def test_turned_bodies_keep_their_moments_along_turned_axes() -> None:
    turn = quaternion_to_matrix(np.array([0.8, 0.2, -0.4, 0.4]) / np.linalg.norm([0.8, 0.2, -0.4, 0.4]))
    mesh = trimesh.creation.box((0.1, 0.2, 0.3))
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (1, 2, 3)
    mesh.apply_transform(matrix)
    solid = make_solid(mesh, (1, 1, 1))
    assert sorted(solid.unit_inertia) == pytest.approx(sorted(np.array([0.13, 0.10, 0.05]) / 12), rel=1e-6)
    axes = quaternion_to_matrix(solid.principal_axes)
    rebuilt = axes @ np.diag(solid.unit_inertia) @ axes.T
    assert rebuilt == pytest.approx(turn @ np.diag(np.array([0.13, 0.10, 0.05]) / 12) @ turn.T, abs=1e-9)
    assert solid.center_of_mass == pytest.approx([1, 2, 3])


def test_split_corners_and_doubled_faces_are_welded() -> None:
    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    mesh.unmerge_vertices()
    doubled = trimesh.Trimesh(mesh.vertices, np.vstack([mesh.faces, mesh.faces[:2], [[0, 0, 1]]]), process=False)
    solid = make_solid(doubled, (1, 1, 1))
    assert not solid.before.watertight
    assert solid.after.watertight
    assert solid.volume == pytest.approx(0.001)
    assert solid.after.faces == 12


def test_inverted_faces_are_turned() -> None:
    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    mesh.invert()
    solid = make_solid(mesh, (1, 1, 1))
    assert solid.volume == pytest.approx(0.001)
    assert any("outwards" in step for step in solid.steps)


def test_a_small_hole_is_filled_and_a_large_one_costs_the_hull() -> None:
    sphere = trimesh.creation.icosphere(3, 0.05)
    small = trimesh.Trimesh(sphere.vertices, sphere.faces[1:], process=False)
    assert make_solid(small, (1, 1, 1)).volume == pytest.approx(sphere.volume, rel=1e-3)
    half = trimesh.Trimesh(sphere.vertices, sphere.faces[sphere.triangles_center[:, 2] < 0.01], process=False)
    solid = make_solid(half, (1, 1, 1))
    assert "took the convex hull" in solid.steps
    assert solid.volume_evidence == "estimated"


def test_a_sheet_is_refused() -> None:
    sheet = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    with pytest.raises(SolidError, match="volume"):
        make_solid(sheet, (1, 1, 1))
    line = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(SolidError, match="no face"):
        make_solid(line, (1, 1, 1))
