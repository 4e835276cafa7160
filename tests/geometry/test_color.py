from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.color import linear_from_srgb, srgb_from_linear


@given(st.floats(0, 1))
@settings(deadline=None)
def test_there_and_back(value: float) -> None:
    assert float(srgb_from_linear(linear_from_srgb(value))) == pytest.approx(value, abs=1e-9)


def test_known_values() -> None:
    """Mid grey 128/255 is 0.2158605 linear (IEC 61966-2-1)."""
    assert float(linear_from_srgb(128 / 255)) == pytest.approx(0.2158605, abs=1e-6)
    assert np.asarray(linear_from_srgb([0, 1, 2])).tolist() == [0, 1, 1]
