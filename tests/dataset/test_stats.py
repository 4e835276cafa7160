from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blueprint_assets.dataset import stats
from blueprint_assets.dataset.stats import (
    QUANTILES,
    STATISTIC_NAMES,
    ImageHistogram,
    table_statistics,
    vector_statistics,
)

frames = hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 7), st.just(3)))


def histogram_of(images: np.ndarray) -> ImageHistogram:
    histogram = ImageHistogram()
    for image in images:
        histogram.add(image)
    return histogram


@settings(max_examples=150, deadline=None)
@given(images=frames)
def test_image_statistics_equal_numpy_on_every_pixel(images: np.ndarray) -> None:
    found = histogram_of(images).statistics()
    pixels = images.reshape(-1, 3).astype(np.float64) / 255
    expected = {"min": pixels.min(0), "max": pixels.max(0), "mean": pixels.mean(0), "std": pixels.std(0)}
    expected |= {name: np.quantile(pixels, q, axis=0) for name, q in QUANTILES.items()}
    assert tuple(found) == STATISTIC_NAMES
    for name, values in expected.items():
        assert found[name].shape == (3, 1, 1)
        np.testing.assert_allclose(found[name].ravel(), values, atol=1e-12)
    assert found["count"].tolist() == [len(images)]


@settings(max_examples=50, deadline=None)
@given(images=st.lists(frames, min_size=1, max_size=4))
def test_merged_counts_equal_one_pass_over_everything(images: list[np.ndarray]) -> None:
    total = ImageHistogram()
    for part in images:
        total.include(histogram_of(part))
    merged = total.statistics()
    pixels = np.concatenate([part.reshape(-1, 3) for part in images]).astype(np.float64) / 255
    np.testing.assert_allclose(merged["std"].ravel(), pixels.std(0), atol=1e-12)
    for name, q in QUANTILES.items():
        np.testing.assert_allclose(merged[name].ravel(), np.quantile(pixels, q, axis=0), atol=1e-12)
    assert merged["count"].tolist() == [sum(len(part) for part in images)]


def test_std_stays_exact_for_ten_million_nearly_equal_pixels() -> None:
    """Where one pass in float32 loses the variance altogether."""
    counts = np.zeros((3, 256), np.int64)
    counts[:, 200] = 10_000_000_000
    counts[:, 201] = 1
    std = ImageHistogram(counts, 1).statistics()["std"].ravel()
    np.testing.assert_allclose(std, 1e-5 / 255, rtol=1e-6)


def test_histograms_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no frame"):
        ImageHistogram().statistics()
    counts = np.zeros((3, 256), np.int64)
    counts[0, 5] = 1
    with pytest.raises(ValueError, match="equal sum"):
        ImageHistogram(counts, 1)


@settings(max_examples=100, deadline=None)
@given(
    values=hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.floats(-4, 4, width=32))
)
def test_vector_statistics_equal_numpy_in_float64(values: np.ndarray) -> None:
    found = vector_statistics(values)
    rows = values.astype(np.float64)
    assert tuple(found)[:5] == STATISTIC_NAMES[:5]
    np.testing.assert_array_equal(found["min"], rows.min(0))
    np.testing.assert_array_equal(found["max"], rows.max(0))
    np.testing.assert_allclose(found["mean"], rows.mean(0), atol=1e-12)
    np.testing.assert_allclose(found["std"], rows.std(0), atol=1e-9)
    np.testing.assert_array_equal(found["q90"], np.quantile(rows, 0.9, axis=0))


def test_booleans_count_as_numbers_and_bad_values_are_refused() -> None:
    found = vector_statistics(np.array([False, False, False, True]))
    assert (found["mean"].tolist(), found["max"].tolist(), found["count"].tolist()) == ([0.25], [1.0], [4])
    for bad in (np.array([1.0, np.nan]), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="finite"):
            vector_statistics(bad)


def test_large_pictures_and_views_are_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV counts in float32, so a picture of more pixels than that can count is counted in bands."""
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (37, 50, 3), np.uint8)
    whole = histogram_of(image[None])
    monkeypatch.setattr(stats, "EXACT_IN_FLOAT32", 200)
    banded = histogram_of(image[None])
    expected = [np.bincount(image[:, :, channel].ravel(), minlength=256) for channel in range(3)]
    np.testing.assert_array_equal(whole.counts, expected)
    np.testing.assert_array_equal(banded.counts, expected)
    flipped = histogram_of(image[None, ::-1, ::-2])
    np.testing.assert_array_equal(
        flipped.counts, [np.bincount(image[:, 1::2, c].ravel(), minlength=256) for c in range(3)]
    )


def test_a_tables_statistics_are_those_of_its_columns() -> None:
    generator = np.random.default_rng(1)
    columns = {
        "vector": generator.normal(size=(50, 4)).astype(np.float32),
        "flag": generator.random(50) < 0.3,
        "index": np.arange(50),
    }
    found = table_statistics(columns)
    for name, values in columns.items():
        for kind, value in vector_statistics(values).items():
            np.testing.assert_array_equal(found[name][kind], value)
    with pytest.raises(ValueError, match="must match exactly"):
        table_statistics({"a": np.arange(3), "b": np.arange(4)})
