"""Footprints against shapely, which decides overlap independently."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import Point, Polygon

from blueprint_assets.scene.footprints import contains, convex_footprint, nearest_inside, separation


@st.composite
def polygons(draw: st.DrawFn) -> NDArray[np.float64]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.uniform(-1, 1, (draw(st.integers(3, 12)), 2)) * rng.uniform(0.1, 2, 2)
    return convex_footprint(points + rng.uniform(-1.5, 1.5, 2))


@given(polygons(), polygons(), st.floats(0, 0.1))
@settings(deadline=None, max_examples=200)
def test_separated_footprints_keep_the_gap(one: NDArray[np.float64], other: NDArray[np.float64], gap: float) -> None:
    moved = other + separation(one, other, gap) * (1 + 1e-9)
    assert Polygon(one).distance(Polygon(moved)) >= gap - 1e-6
    assert Polygon(one).intersection(Polygon(moved)).area < 1e-9


@given(polygons(), polygons())
@settings(deadline=None, max_examples=200)
def test_the_move_is_zero_without_overlap_and_least_with(one: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    move = separation(one, other)
    overlap = Polygon(one).intersection(Polygon(other)).area
    if overlap < 1e-12:
        assert np.linalg.norm(move) < 1e-6
        return
    for angle in np.linspace(0, 2 * np.pi, 36, endpoint=False):
        shorter = 0.98 * float(np.linalg.norm(move)) * np.array([np.cos(angle), np.sin(angle)])
        assert Polygon(one).intersection(Polygon(other + shorter)).area > 0


@given(polygons(), st.floats(-3, 3), st.floats(-3, 3))
@settings(deadline=None, max_examples=100)
def test_nearest_inside_is_nearest(polygon: NDArray[np.float64], x: float, y: float) -> None:
    nearest = nearest_inside(polygon, (x, y))
    shape = Polygon(polygon)
    assert np.hypot(*(nearest - (x, y))) == pytest.approx(shape.distance(Point(x, y)), abs=1e-9)
    assert shape.buffer(1e-9).covers(Point(*nearest))
    if abs(shape.exterior.distance(Point(x, y))) > 1e-9:
        assert contains(polygon, (x, y)) == shape.covers(Point(x, y))


def test_points_on_a_line_have_no_footprint() -> None:
    with pytest.raises(ValueError, match="one line"):
        convex_footprint([[0, 0, 0], [1, 1, 5], [2, 2, 3], [3, 3, 1]])
