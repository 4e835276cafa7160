from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.planner.embedded.rrt import RESOLUTION, connect, edge_is_free, shorten

LOW, HIGH = np.full(2, -1.0), np.full(2, 1.0)


def wall_with_gap(gap: float, slack: float = 0.0):
    """A wall along x = 0 with a gap of width 0.3 around y = gap."""
    return lambda q: abs(q[0]) > 0.1 - slack or abs(q[1] - gap) < 0.15 + slack


@settings(deadline=None, max_examples=25)
@given(gap=st.floats(-0.8, 0.8), seed=st.integers(0, 999))
def test_paths_go_through_the_gap(gap, seed) -> None:
    is_free = wall_with_gap(gap)
    start, goal = np.array([-0.8, 0.3]), np.array([0.8, -0.3])
    rng = np.random.default_rng(seed)
    path = connect(start, goal, LOW, HIGH, is_free, rng)
    assert path is not None
    short = shorten(path, is_free, rng)
    # Between two configurations that were looked at, a path may cut a corner by as much as their distance.
    nearly_free = wall_with_gap(gap, RESOLUTION)
    for found in (path, short):
        assert np.array_equal(found[0], start)
        assert np.array_equal(found[-1], goal)
        assert all(edge_is_free(a, b, nearly_free) for a, b in pairwise(found))
    assert length(short) <= length(path) + 1e-9


def test_no_gap_no_path() -> None:
    closed = lambda q: abs(q[0]) > 0.1  # noqa: E731
    assert connect(np.array([-0.8, 0.0]), np.array([0.8, 0.0]), LOW, HIGH, closed, np.random.default_rng(0)) is None


def test_an_edge_is_looked_at_as_finely_as_it_says() -> None:
    seen = []
    edge_is_free(np.zeros(2), np.array([1.0, 0.2]), lambda q: seen.append(q[0]) or True)
    assert np.diff(sorted(seen)).max() <= RESOLUTION + 1e-9
    assert {0.0, 1.0} <= set(seen)
    thin = lambda q: not 0.503 < q[0] < 0.503 + RESOLUTION  # noqa: E731
    assert not edge_is_free(np.zeros(2), np.array([1.0, 0.0]), thin)


def length(path: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
