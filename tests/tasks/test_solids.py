from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.tasks.solids import ConvexPart, ObjectSolid, SolidError, object_solid

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
side = st.floats(0.005, 0.5)


def solid(*parts: ConvexPart) -> ObjectSolid:
    return ObjectSolid("thing", parts, 0.5, np.zeros(3), 0.1)


def box(half, at=(0.0, 0.0, 0.0)) -> ConvexPart:
    return ConvexPart.around(CORNERS * np.asarray(half) + np.asarray(at))


def body(**geom) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    added = spec.worldbody.add_body(name="thing")
    added.add_freejoint()
    added.add_geom(**geom)
    return spec.compile()


@settings(deadline=None, max_examples=40)
@given(half=st.tuples(side, side, side), share=st.tuples(st.floats(-0.95, 0.95), st.floats(-0.95, 0.95)))
def test_thickness_of_a_box_is_its_side(half, share) -> None:
    x, y = share[0] * half[0], share[1] * half[1]
    width, normal = solid(box(half)).thickness(np.array([[x, y, half[2]]]), np.array([[0.0, 0.0, -1.0]]))
    assert width[0] == pytest.approx(2 * half[2], rel=1e-9)
    assert normal[0] == pytest.approx([0, 0, -1], abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(half=st.tuples(side, side, side), seed=st.integers(0, 10_000))
def test_surface_points_lie_on_the_surface(half, seed) -> None:
    points, normals = solid(box(half)).surface(200, np.random.default_rng(seed))
    share = np.abs(points) / np.asarray(half)
    assert share.max(axis=1) == pytest.approx(1.0)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0)
    assert (np.einsum("ij,ij->i", points, normals) > 0).all(), "normals point out of a box around the origin"


def test_parts_that_touch_count_as_one_and_a_gap_ends_the_material() -> None:
    down, top = np.array([[0.0, 0.0, -1.0]]), np.array([[0.0, 0.0, 0.3]])
    touching = solid(box((0.1, 0.1, 0.1), (0, 0, 0.2)), box((0.1, 0.1, 0.1)))
    assert touching.thickness(top, down)[0][0] == pytest.approx(0.4)
    apart = solid(box((0.1, 0.1, 0.05), (0, 0, 0.25)), box((0.1, 0.1, 0.1)))
    assert apart.thickness(top, down)[0][0] == pytest.approx(0.1)
    assert apart.thickness(top, down, through=True)[0][0] == pytest.approx(0.4)


def test_where_two_parts_meet_is_no_surface_and_what_they_share_outside_is() -> None:
    halves = solid(box((0.05, 0.05, 0.05), (-0.05, 0, 0)), box((0.05, 0.05, 0.05), (0.05, 0, 0)))
    points, normals = halves.surface(4000, np.random.default_rng(0))
    assert not ((np.abs(points[:, 0]) < 1e-9) & (np.abs(normals[:, 0]) > 0.5)).any()
    flush = solid(box((0.1, 0.1, 0.1)), box((0.05, 0.05, 0.05), (0.0, 0.0, 0.05)))
    points, normals = flush.surface(4000, np.random.default_rng(0))
    top = (normals[:, 2] > 0.5) & (np.abs(points[:, :2]).max(axis=1) < 0.05)
    assert top.sum() > 50, "both parts have that face"


def test_hidden_faces_are_no_surface() -> None:
    inner = solid(box((0.1, 0.1, 0.1)), box((0.05, 0.05, 0.05)))
    points, _ = inner.surface(2000, np.random.default_rng(0))
    assert np.abs(points).max(axis=1) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("geom", "size", "extents"),
    [
        ("BOX", [0.01, 0.02, 0.03], [0.02, 0.04, 0.06]),
        ("SPHERE", [0.03, 0, 0], [0.06, 0.06, 0.06]),
        ("CYLINDER", [0.02, 0.05, 0], [0.04, 0.04, 0.1]),
        ("CAPSULE", [0.02, 0.05, 0], [0.04, 0.04, 0.14]),
        ("ELLIPSOID", [0.01, 0.02, 0.03], [0.02, 0.04, 0.06]),
    ],
)
def test_every_solid_geom_has_its_size(geom, size, extents) -> None:
    model = body(type=getattr(mujoco.mjtGeom, f"mjGEOM_{geom}"), size=size, friction=[0.7, 0.005, 0.0001])
    found = object_solid(model, "thing")
    assert found.extents(np.eye(3)) == pytest.approx(extents, rel=1e-6)
    assert found.friction == pytest.approx(0.7)


def test_a_mesh_keeps_its_place_in_the_body() -> None:
    spec = mujoco.MjSpec()
    spec.add_mesh(name="block", uservert=(CORNERS * [0.1, 0.2, 0.3] + [1.0, 2.0, 3.0]).ravel())
    added = spec.worldbody.add_body(name="thing")
    added.add_freejoint()
    added.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="block")
    found = object_solid(spec.compile(), "thing")
    assert found.vertices.min(axis=0) == pytest.approx([0.9, 1.8, 2.7], abs=1e-6)
    assert found.vertices.max(axis=0) == pytest.approx([1.1, 2.2, 3.3], abs=1e-6)
    assert found.center_of_mass == pytest.approx([1, 2, 3], abs=1e-6)


def test_what_is_not_there_is_named() -> None:
    model = body(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.1, 0.1, 0.1])
    with pytest.raises(SolidError, match="no body named 'other'"):
        object_solid(model, "other")
    ghost = body(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.1, 0.1, 0.1], contype=0, conaffinity=0)
    with pytest.raises(SolidError, match="'thing' has no geometry that collides"):
        object_solid(ghost, "thing")
    with pytest.raises(SolidError, match="span no volume"):
        ConvexPart.around(np.zeros((5, 3)))
