from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.transforms import apply, compose, yaw_quaternion
from resources.reconstruction.ground import fit_ground, given_ground, resting_ground, support_plane, world_from
from resources.reconstruction.native_folder import NativeOutputError

number = st.floats(-1, 1)
turns = st.tuples(number, number, number, number).filter(lambda q: np.linalg.norm(q) > 0.1)


def cube(x: float, y: float, z: float, size: float) -> np.ndarray:
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    return corners * size + (x, y, z)


@settings(deadline=None, max_examples=60)
@given(turns, st.tuples(number, number, number))
def test_a_fitted_plane_is_z_0_of_the_world(turn: tuple[float, ...], move: tuple[float, ...]) -> None:
    frame = compose(move, np.array(turn) / np.linalg.norm(turn))
    flat = np.random.default_rng(0).uniform(-3, 3, (50, 3)) * (1, 1, 0)
    up = frame[:3, 2] + 0.2 * frame[:3, 0]
    ground = fit_ground(apply(frame, flat), up, "samples")
    assert ground.normal == pytest.approx(frame[:3, 2], abs=1e-9)
    world = world_from(ground, frame[:3, 1])
    assert apply(world @ frame, flat)[:, 2] == pytest.approx(0, abs=1e-9)
    assert (world @ frame)[:3, :3] == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(world[:3, :3]) == pytest.approx(1)


@settings(deadline=None, max_examples=40)
@given(turns, st.floats(0, 0.4), st.floats(-3, 3))
def test_things_show_the_plane_that_they_rest_on(turn: tuple[float, ...], tilt: float, side: float) -> None:
    """Two cubes on a plane and a smaller one on top of one of them, in any frame, with a guess of up that is off."""
    frame = compose((0.3, 0.1, -2), np.array(turn) / np.linalg.norm(turn))
    points = np.concatenate([cube(0, 0, 0, 0.2), cube(0.6, 0.3, 0, 0.1), cube(0.05, 0.05, 0.2, 0.08)])
    up = frame[:3, :3] @ (np.sin(tilt) * np.cos(side), np.sin(tilt) * np.sin(side), np.cos(tilt))
    ground = resting_ground(apply(frame, points), up)
    assert ground.evidence == "estimated"
    assert ground.normal == pytest.approx(frame[:3, 2], abs=1e-6)
    assert apply(np.linalg.inv(frame), ground.point[None])[0, 2] == pytest.approx(0, abs=1e-6)


def test_where_nothing_rests_the_plane_is_level_and_says_so() -> None:
    line = np.outer(np.linspace(0, 1, 5), (0, 0, 1))
    ground = resting_ground(line, (0, 0, 1))
    assert (ground.evidence, ground.point.tolist()) == ("default", [0, 0, 0])
    spike = np.concatenate([cube(0, 0, 0, 0.2), [[0.1, 0.1, -5]]])  # on its tip nothing stands
    assert resting_ground(spike, (0, 0, 1)).evidence == "default"


def test_a_given_plane_may_face_either_way() -> None:
    for sign in (1, -1):
        ground = given_ground((0, 2.0 * sign, 0), (0, -1, 0), up=(0, 1, 0.3))
        assert ground.normal.tolist() == [0, 1, 0]
        assert ground.evidence == "measured"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: fit_ground(np.zeros((2, 3)), (0, 0, 1), "samples"), "samples: 2 points; a plane needs three"),
        (
            lambda: fit_ground(np.outer(np.arange(9), (1, 1, 0)), (0, 0, 1), "samples"),
            "samples: the points lie on a line",
        ),
        (lambda: fit_ground(cube(0, 0, 0, 1) * (1, 1, 0), (1, 0, 0), "samples"), "at right angles to up"),
        (lambda: given_ground((0, 0, 0), (0, 0, 0)), "normal not 0"),
        (lambda: given_ground((0, 0, np.nan), (0, 0, 0)), "finite"),
        (lambda: world_from(given_ground((0, 0, 1), (0, 0, 0)), (0, 0, 1)), "along the support plane's normal"),
    ],
)
def test_refusals(make: object, said: str) -> None:
    with pytest.raises(NativeOutputError, match=said):
        make()  # type: ignore[operator]


def test_the_polygon_runs_round_the_feet_counter_clockwise() -> None:
    feet = apply(compose((1, 2, 0), yaw_quaternion(0.4)), cube(0, 0, 0, 0.5))
    plane = support_plane(given_ground((0, 0, 1), (0, 0, 0)), feet, label="table")
    ring = np.array(plane.polygon)
    x, y = ring[:, 0], ring[:, 1]
    assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0
    assert ring[:, :2].min(axis=0) == pytest.approx(
        feet[:, :2].min(axis=0) - 0.1 * np.ptp(feet, axis=0)[:2].max(), abs=0.01
    )
    assert (plane.evidence, plane.label) == ("measured", "table")
