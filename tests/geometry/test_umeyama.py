from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.transforms import apply, compose
from blueprint_assets.geometry.umeyama import SimilarityError, umeyama

number = st.floats(-5, 5)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(number, number, number),
    st.tuples(number, number, number, number).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.floats(1e-3, 1e3),
)
def test_what_was_done_is_found(seed: int, move: tuple[float, ...], turn: tuple[float, ...], scale: float) -> None:
    points = np.random.default_rng(seed).normal(size=(40, 3))
    matrix = compose(move, np.array(turn) / np.linalg.norm(turn), (scale,) * 3)
    found = umeyama(points, apply(matrix, points))
    assert np.abs(found.matrix - matrix).max() < 1e-9 * max(1.0, scale)
    assert found.residual < 1e-9 * max(1.0, scale)
    assert not found.mirrored
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_noise_is_left_as_residual_and_averaged_away() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(4000, 3))
    matrix = compose((1, 2, 3), (0.5, 0.5, 0.5, 0.5), (2, 2, 2))
    found = umeyama(points, apply(matrix, points) + rng.normal(scale=1e-3, size=points.shape))
    assert np.abs(found.matrix - matrix).max() < 1e-4
    assert 1e-3 < found.residual < 1e-2


def test_a_mirror_is_told_from_a_rotation() -> None:
    points = np.random.default_rng(2).normal(size=(30, 3))
    found = umeyama(points, points * (1, 1, -1))
    assert found.mirrored
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert found.residual > 0.1


def test_a_flat_set_has_a_pose_and_no_mirror() -> None:
    points = np.random.default_rng(3).normal(size=(30, 3)) * (1, 1, 0)
    matrix = compose((0, 0, 1), (0.6, 0.8, 0, 0), (3, 3, 3))
    found = umeyama(points, apply(matrix, points))
    assert found.residual < 1e-12
    assert not found.mirrored


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (np.zeros((4, 3)), np.zeros((5, 3)), r"shape \(4, 3\) and \(5, 3\)"),
        (np.eye(3)[:2], np.eye(3)[:2], "2 points; three"),
        (np.outer(np.arange(5.0), (1, 2, 3)), np.outer(np.arange(5.0), (1, 2, 3)), "source points lie on a line"),
        (np.ones((4, 3)), np.eye(4)[:, :3], "source points lie on a line"),
        (np.eye(4)[:, :3], np.ones((4, 3)), "target points lie on a line"),
        (np.full((4, 3), np.nan), np.eye(4)[:, :3], "not finite"),
    ],
)
def test_sets_without_a_similarity(source: np.ndarray, target: np.ndarray, said: str) -> None:
    with pytest.raises(SimilarityError, match=said):
        umeyama(source, target)
