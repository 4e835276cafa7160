"""The downhill simplex against scipy's, step for step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize, rosen

from resources.reconstruction.embedded.descent import descend

Array = NDArray[np.float64]


def ragged(x: Array) -> float:
    """As a drawn outline's overlap: steps on a slope."""
    return float(np.round(np.abs(x - 0.3).sum(), 2) + 0.01 * (x**2).sum())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    st.floats(0.05, 0.5),
    st.integers(12, 300),
    st.sampled_from([rosen, ragged]),
)
def test_it_takes_the_steps_of_scipy(start: list[float], step: float, budget: int, cost: object) -> None:
    assert callable(cost)
    place = np.array(start)
    simplex = place + np.vstack([np.zeros(len(place)), step * np.eye(len(place))])
    least, x = descend(cost, simplex, budget, 5e-4, 2e-5)
    options = {"initial_simplex": simplex, "maxfev": budget, "xatol": 5e-4, "fatol": 2e-5}
    known = minimize(cost, place, method="Nelder-Mead", options=options)
    assert least == pytest.approx(float(cost(x)))
    assert least <= float(known.fun) + 1e-9 or least == pytest.approx(float(known.fun), rel=0.2, abs=0.05)


def test_it_finds_the_bottom_of_a_bowl() -> None:
    middle = np.array([1.0, -2.0, 0.5])
    least, x = descend(
        lambda at: float(((at - middle) ** 2).sum()), np.vstack([np.zeros(3), np.eye(3)]), 600, 1e-6, 1e-12
    )
    assert x == pytest.approx(middle, abs=1e-4)
    assert least < 1e-8


def test_it_keeps_to_its_budget() -> None:
    asked = []
    descend(lambda x: asked.append(1) or float((x**2).sum()), np.vstack([np.ones(4), np.eye(4)]), 37, 0.0, 0.0)
    assert 37 <= len(asked) <= 37 + 5
