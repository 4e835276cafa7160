from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from blueprint_assets.geometry.transforms import quaternion_to_matrix
from blueprint_assets.scene.hulls import MAX_HULL_VERTICES, Box, Hull, HullError, bounded_hull, collision_geometry
from fixtures.stage1_layout import can, cup


@st.composite
def turns(draw: st.DrawFn) -> np.ndarray:
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=4)
    return quaternion_to_matrix(values / np.linalg.norm(values))


@given(turns(), st.tuples(*[st.floats(0.01, 0.3)] * 3))
@settings(deadline=None, max_examples=30)
def test_a_box_stays_a_box_however_it_is_turned(turn: np.ndarray, size: tuple[float, float, float]) -> None:
    mesh = trimesh.creation.box(size)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, (0.1, -0.2, 0.3)
    mesh.apply_transform(matrix)
    found = collision_geometry(mesh)
    assert found.kind == "box"
    (part,) = found.parts
    assert isinstance(part, Box)
    assert sorted(part.size) == pytest.approx(sorted(size), rel=1e-4)
    assert part.center == pytest.approx([0.1, -0.2, 0.3], abs=1e-6)
    local = (mesh.vertices - part.center) @ part.rotation
    assert np.abs(local).max(axis=0) == pytest.approx(part.size / 2, rel=1e-4)


def test_a_can_is_one_hull_on_a_flat_base() -> None:
    found = collision_geometry(can(0.03, 0.1))
    assert found.kind == "convex_hull"
    (part,) = found.parts
    assert isinstance(part, Hull)
    assert len(part.vertices) <= MAX_HULL_VERTICES
    assert (part.vertices[:, 2] < 1e-9).sum() >= 12
    assert part.vertices.min(axis=0) == pytest.approx([-0.03, -0.03, 0])
    assert part.vertices.max(axis=0) == pytest.approx([0.03, 0.03, 0.1])
    assert found.volume_ratio == pytest.approx(1, abs=0.03)


def test_a_cup_keeps_its_hollow() -> None:
    mesh = cup(0.045, 0.095, 0.008)
    found = collision_geometry(mesh)
    assert found.kind == "convex_decomposition"
    assert 4 <= len(found.parts) <= 16
    assert 0.9 < found.volume_ratio < 2.0
    centre = np.array([0, 0, 0.06])
    for part in found.parts:
        assert isinstance(part, Hull)
        low, high = mesh.bounds
        assert (part.vertices >= low - 1e-9).all()
        assert (part.vertices <= high + 1e-9).all()
        assert not _inside(part, centre), "a part fills the cup"
    again = collision_geometry(cup(0.045, 0.095, 0.008))
    assert all(a.vertices.tobytes() == b.vertices.tobytes() for a, b in zip(found.parts, again.parts, strict=True))


def _inside(part: Hull, point: np.ndarray) -> bool:
    return bool(trimesh.Trimesh(part.vertices, part.faces, process=False).contains([point])[0])


@given(st.integers(0, 2**32 - 1), st.integers(8, 400))
@settings(deadline=None, max_examples=25)
def test_a_bounded_hull_is_convex_closed_and_within_the_points(seed: int, count: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, 3)) * 0.05
    hull = bounded_hull(points)
    assert len(hull.vertices) <= MAX_HULL_VERTICES
    mesh = trimesh.Trimesh(hull.vertices, hull.faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(hull.volume, rel=1e-6)
    assert hull.volume <= ConvexHull(points).volume * (1 + 1e-9)
    assert hull.vertices.min(axis=0) == pytest.approx(points.min(axis=0))
    assert hull.vertices.max(axis=0) == pytest.approx(points.max(axis=0))


def test_a_ball_keeps_most_of_itself_in_64_corners() -> None:
    hull = bounded_hull(np.asarray(trimesh.creation.icosphere(4, 0.04).vertices))
    assert hull.volume > 0.9 * 4 / 3 * np.pi * 0.04**3


def test_flat_points_have_no_hull() -> None:
    with pytest.raises(HullError, match="no volume"):
        bounded_hull(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.0]]))
