from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.scene.extents import Extents, extents_of

SIDE = st.floats(0.01, 5.0)


@settings(deadline=None, max_examples=60)
@given(SIDE, SIDE, SIDE, st.floats(0, math.tau), st.floats(-3, 3))
def test_a_box_has_its_sides_however_it_is_turned(x: float, y: float, z: float, turn: float, away: float) -> None:
    box = trimesh.creation.box((x, y, z))
    box.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))
    box.apply_translation((away, -away, away))
    found = extents_of(box.vertices)
    assert (found.width, found.depth, found.height) == pytest.approx((max(x, y), min(x, y), z), rel=1e-6)
    assert found.largest == pytest.approx(max(x, y, z), rel=1e-6)
    assert found.times(2.0).height == pytest.approx(2 * z, rel=1e-6)


def test_as_trimesh_measures_it() -> None:
    cone = trimesh.creation.cone(0.3, 0.8, sections=64)
    found = extents_of(cone.vertices)
    _, sides = trimesh.bounds.oriented_bounds_2D(cone.vertices[:, :2])
    assert sorted((found.width, found.depth)) == pytest.approx(sorted(sides), rel=1e-6)


def test_a_stick_and_a_point_have_no_depth() -> None:
    stick = extents_of(np.array([[0, 0, 0], [0.3, 0.4, 0], [0.6, 0.8, 1]]))
    assert stick == Extents(pytest.approx(1.0), 0.0, 1.0)
    assert extents_of(np.zeros((3, 3))) == Extents(0.0, 0.0, 0.0)
