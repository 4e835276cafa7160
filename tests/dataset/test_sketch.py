from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blueprint_assets.dataset.sketch import VectorSketch, bin_keys, exact_quantiles
from blueprint_assets.dataset.stats import QUANTILES, STATISTIC_NAMES

rows = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(1, 4)),
    elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.0, -0.0, 0.04, -1.5])),
)


@settings(max_examples=200, deadline=None)
@given(values=rows, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_merged_sketches_give_the_exact_statistics_of_all_rows(values: np.ndarray, cuts: list[int]) -> None:
    parts = [part for part in np.split(values, sorted(min(cut, len(values)) for cut in cuts)) if len(part)]
    sketch = VectorSketch.merged([VectorSketch.of(part) for part in parts])
    found = sketch.statistics(exact_quantiles(sketch, parts))
    truth = values.astype(np.float64)
    assert tuple(found) == STATISTIC_NAMES
    assert found["count"].tolist() == [len(values)]
    np.testing.assert_array_equal(found["min"], truth.min(0))
    np.testing.assert_array_equal(found["max"], truth.max(0))
    np.testing.assert_allclose(found["mean"], truth.mean(0), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found["std"], truth.std(0), rtol=1e-9, atol=1e-7)
    for name, q in QUANTILES.items():
        np.testing.assert_allclose(found[name], np.quantile(truth, q, axis=0), rtol=1e-12, atol=1e-300)


@settings(max_examples=100, deadline=None)
@given(values=rows)
def test_a_quantile_from_the_sketch_alone_is_right_to_its_bin(values: np.ndarray) -> None:
    sketch = VectorSketch.of(values)
    for name, q in QUANTILES.items():
        low = np.sort(values.astype(float), axis=0)[int(q * (len(values) - 1))]
        np.testing.assert_allclose(sketch.quantiles()[name], low, rtol=2**-11, atol=1e-37)
    assert tuple(sketch.statistics()) == STATISTIC_NAMES


@settings(max_examples=100, deadline=None)
@given(values=hnp.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_bins_are_in_the_order_of_the_numbers(values: np.ndarray) -> None:
    keys = bin_keys(np.sort(values).astype(np.float64))
    assert (np.diff(keys) >= 0).all()
    assert bin_keys(np.array([-0.0]))[0] == bin_keys(np.array([0.0]))[0]


def test_a_sketch_survives_json_and_takes_little_of_a_long_recording() -> None:
    values = np.random.default_rng(0).normal(size=(200_000, 2))
    sketch = VectorSketch.of(values)
    assert VectorSketch.from_json(sketch.to_json()).to_json() == sketch.to_json()
    assert max(len(keys) for keys in sketch.keys) < 60_000
    broken = sketch.to_json()
    broken["counts"][0][0] += 1
    with pytest.raises(ValueError, match="200001"):
        VectorSketch.from_json(broken)


def test_rows_that_are_not_the_sketchs_are_refused() -> None:
    values = np.arange(20.0)[:, None]
    sketch = VectorSketch.of(values)
    with pytest.raises(ValueError, match="19 rows were given, but the sketch is of 20"):
        exact_quantiles(sketch, [values[1:]])
    with pytest.raises(ValueError, match="not those of the sketch"):
        exact_quantiles(sketch, [values + 100])
    with pytest.raises(ValueError, match="same number of columns"):
        VectorSketch.merged([sketch, VectorSketch.of(np.zeros((3, 2)))])
    for bad in (np.array([[1.0], [np.inf]]), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="finite"):
            VectorSketch.of(bad)
