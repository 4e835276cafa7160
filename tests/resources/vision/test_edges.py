from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vision.edges import sharpened

HEIGHT, WIDTH = 160, 220
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)


def half_plane(angle: float, distance: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture that is dark on one side of a line, the line's normal, and its point nearest to the picture's middle.

    The edge is a ramp one pixel wide, as a camera's pixel averages it.
    """
    normal = np.array([-np.sin(angle), np.cos(angle)])
    point = np.array([WIDTH / 2, HEIGHT / 2]) + distance * normal
    side = (COLUMNS - point[0]) * normal[0] + (ROWS - point[1]) * normal[1]
    grey = 60 + 120 * np.clip(side + 0.5, 0, 1)
    grey += np.random.default_rng(0).normal(0, noise, grey.shape) if noise else 0
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2), normal, point


@settings(deadline=None, max_examples=60)
@given(st.floats(0, np.pi), st.floats(-20, 20), st.floats(-2.5, 2.5), st.floats(-2.5, 2.5), st.sampled_from([0.0, 3.0]))
def test_a_segment_moves_onto_the_edge_beside_it(
    angle: float, distance: float, left: float, right: float, noise: float
) -> None:
    picture, normal, point = half_plane(angle, distance, noise)
    along = np.array([normal[1], -normal[0]])
    rough = np.concatenate([point - 50 * along + left * normal, point + 50 * along + right * normal])
    segments, scores = sharpened(picture, rough[None], np.array([0.5]))
    assert scores.tolist() == [0.5]
    off = (segments.reshape(2, 2) - point) @ normal
    assert np.abs(off).max() < 0.35
    assert np.linalg.norm(segments[0, 2:] - segments[0, :2]) > 95


def test_a_segment_without_an_edge_is_left_out() -> None:
    picture, _, _ = half_plane(0.0, 0.0, noise=3.0)
    nowhere = np.array([20.0, 20.0, 200.0, 20.0])
    across = np.array([110.0, 20.0, 110.0, 140.0])  # meets the edge at one point only
    segments, scores = sharpened(picture, np.array([nowhere, across]), np.array([0.9, 0.8]))
    assert segments.shape == (0, 4)
    assert scores.shape == (0,)


def test_an_edge_is_kept_once_under_its_best_score() -> None:
    picture, _, _ = half_plane(0.0, 0.0)
    row = HEIGHT / 2
    fan = np.array([[20, row - 2, 200, row + 1], [20, row, 200, row], [40, row + 2, 120, row - 1], [20, row, 95, row]])
    segments, scores = sharpened(picture, fan, np.array([0.9, 0.8, 0.7, 0.6]))
    assert scores.tolist() == [0.9]
    assert abs(segments[0, 1] - segments[0, 3]) < 0.1


def test_two_edges_side_by_side_are_two() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    picture[70:80] = 40
    rough = np.array([[20.0, 69.0, 200.0, 70.5], [20.0, 80.0, 200.0, 78.5]])
    segments, _ = sharpened(picture, rough, np.array([0.9, 0.8]))
    np.testing.assert_allclose(segments[:, [1, 3]], [[69.5, 69.5], [79.5, 79.5]], atol=0.15)


def test_segments_that_are_short_or_outside_are_left_out() -> None:
    picture, _, _ = half_plane(0.0, 0.0)
    rough = np.array([[100.0, 80.0, 108.0, 80.0], [-300.0, -80.0, -100.0, -80.0]])
    assert len(sharpened(picture, rough, np.array([0.9, 0.8]))[0]) == 0
    assert sharpened(picture, np.empty((0, 4)), np.empty(0))[0].shape == (0, 4)
