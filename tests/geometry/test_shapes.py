from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.shapes import ShapeError, cuboid, hollowed, joined, revolved, thick_outline

sides = st.floats(0.01, 10)


@given(x=sides, y=sides, z=sides)
@settings(deadline=None, max_examples=25)
def test_a_cuboid_is_closed_stands_on_zero_and_has_its_volume(x: float, y: float, z: float) -> None:
    mesh = cuboid((x, y, z), segments=3)
    assert mesh.is_volume
    assert mesh.volume == pytest.approx(x * y * z, rel=1e-9)
    assert np.allclose(mesh.bounds, [[-x / 2, -y / 2, 0], [x / 2, y / 2, z]])


@given(radii=st.lists(st.floats(0, 3), min_size=2, max_size=12).filter(lambda r: max(r) > 0.01))
@settings(deadline=None, max_examples=40)
def test_a_revolved_profile_is_closed_with_outward_normals(radii: list[float]) -> None:
    mesh = revolved(radii, np.arange(len(radii)) * 0.5)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert mesh.bounds[0, 2] == 0
    assert mesh.bounds[1, 2] == pytest.approx(0.5 * (len(radii) - 1))


def test_a_cylinder_has_a_cylinders_volume() -> None:
    mesh = revolved([0.4, 0.4], [0.0, 1.5], sections=128)
    assert mesh.volume == pytest.approx(math.pi * 0.16 * 1.5, rel=1e-3)


@pytest.mark.parametrize("upright", [True, False])
def test_a_thick_outline_keeps_its_hole(upright: bool) -> None:
    ring = shapely.Point(2, 3).buffer(1.0, 32).difference(shapely.Point(2, 3).buffer(0.5, 32))
    mesh = thick_outline(ring, 0.2, upright)
    assert mesh.is_volume
    assert mesh.volume == pytest.approx(ring.area * 0.2)
    assert mesh.bounds[0, 2] == pytest.approx(0)
    assert mesh.euler_number == 0  # a torus, not a ball
    assert np.ptp(mesh.bounds[:, 1 if upright else 2]) == pytest.approx(0.2)


def test_joined_is_one_closed_solid_and_leaves_what_does_not_touch() -> None:
    body = revolved([0.5, 0.5], [0, 1])
    near, far = thick_outline(shapely.box(0.3, 0.3, 0.9, 0.6), 0.1), thick_outline(shapely.box(3, 0, 4, 1), 0.1)
    union = joined(body, near)
    assert union.is_volume
    assert body.volume < union.volume < body.volume + near.volume
    assert joined(body, far) is body


@pytest.mark.parametrize(
    "make",
    [
        lambda: cuboid((1, 0, 1)),
        lambda: cuboid((1, 1)),
        lambda: revolved([1], [0]),
        lambda: revolved([1, 1], [0, 0]),
        lambda: revolved([0, 0], [0, 1]),
        lambda: revolved([1, float("nan")], [0, 1]),
        lambda: thick_outline(shapely.Polygon(), 1),
        lambda: thick_outline(shapely.box(0, 0, 1, 1), 0),
        lambda: thick_outline(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), 1),
    ],
)
def test_numbers_that_are_no_solid_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ShapeError):
        make()


@given(wall=st.floats(0.02, 0.3), floor=st.floats(0.02, 0.5))
@settings(deadline=None, max_examples=15)
def test_hollowed_opens_a_body_and_keeps_it_closed(wall: float, floor: float) -> None:
    cavity = revolved([0.5 - wall, 0.5 - wall], [0, 1])
    cavity.apply_translation([0, 0, floor])
    body = revolved([0.5, 0.5], [0, 1])
    cup = hollowed(body, cavity)
    assert cup.is_volume
    assert cup.euler_number == 2  # open at the top, not through
    removed = cavity.volume * (1 - floor)
    assert cup.volume == pytest.approx(body.volume - removed, rel=1e-6)


def test_hollowed_leaves_what_would_fall_apart_and_refuses_open_meshes() -> None:
    body = cuboid((1, 1, 1), 1)
    slice_through = cuboid((2, 0.2, 2), 1)
    slice_through.apply_translation([0, 0, -0.5])
    assert hollowed(body, slice_through) is body
    broken = body.copy()
    broken.update_faces([True] * (len(broken.faces) - 1) + [False])
    with pytest.raises(ShapeError, match="closed"):
        hollowed(broken, body)
