"""Exact statistics, as LeRobot stores them: mean, std, min, max, count and five quantiles per feature.

Images: every pixel of every frame, from 256-bin counts per channel, so that nothing is sampled and two episodes' counts
add up to exactly what one pass over both would give. (LeRobot 0.6.1 sums float32 values one by one and is off by up to
50 % in std at 256x256, and it averages the episodes' quantiles; these do neither.) `count` of an image feature is the
number of frames, as in LeRobot's default writer.

Vectors: float64 moments and quantiles of the values themselves. Quantiles interpolate linearly between order
statistics (numpy's default, Hyndman and Fan type 7).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistics = dict[str, NDArray[np.float64] | NDArray[np.int64]]
"""Keyed by STATISTIC_NAMES. Vectors: shape (n,). Images: shape (3, 1, 1) in [0, 1]. `count`: int64, shape (1,)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
STATISTIC_NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
LEVELS = np.arange(256, dtype=np.int64)


class ImageHistogram:
    """How often each of 256 levels occurs in each of three channels. `counts`: int64, shape (3, 256)."""

    def __init__(self, counts: NDArray[np.int64] | None = None, frames: int = 0) -> None:
        self.counts = np.zeros((3, 256), np.int64) if counts is None else counts.astype(np.int64)
        self.frames = frames
        if self.counts.shape != (3, 256) or (self.counts < 0).any() or len(set(self.counts.sum(axis=1).tolist())) != 1:
            raise ValueError("an image histogram needs counts of shape (3, 256), >= 0, of equal sum in each channel")

    def add(self, image: NDArray[np.uint8]) -> None:
        """Counts one frame, uint8, shape (height, width, 3)."""
        for channel in range(3):
            self.counts[channel] += np.bincount(image[:, :, channel].ravel(), minlength=256)
        self.frames += 1

    def statistics(self) -> Statistics:
        """Exact statistics of all pixels counted, scaled to [0, 1].

        Raises:
            ValueError: no frame was counted.
        """
        total = int(self.counts[0].sum())
        if total == 0:
            raise ValueError("no frame was counted; statistics need at least one")
        # Integer sums: exact up to 2^63 / 255^2, which is 1.4e14 pixels.
        sums = self.counts @ LEVELS
        squares = self.counts @ (LEVELS * LEVELS)
        mean = sums / total
        # total * sum(x^2) - sum(x)^2 in Python's integers: no cancellation whatever the count.
        spread = [total * int(q) - int(s) ** 2 for q, s in zip(squares, sums, strict=True)]
        values: dict[str, Array] = {
            "min": np.array([LEVELS[c > 0][0] for c in self.counts], float),
            "max": np.array([LEVELS[c > 0][-1] for c in self.counts], float),
            "mean": mean,
            "std": np.array([np.sqrt(v / total / total) for v in spread]),
        }
        cumulative = self.counts.cumsum(axis=1)
        for name, q in QUANTILES.items():
            values[name] = np.array([_quantile(c, q, total) for c in cumulative])
        scaled: Statistics = {name: (value / 255.0).reshape(3, 1, 1) for name, value in values.items()}
        scaled["count"] = np.array([self.frames], np.int64)
        return {name: scaled[name] for name in STATISTIC_NAMES}


def _quantile(cumulative: NDArray[np.int64], q: float, total: int) -> float:
    position = q * (total - 1)
    low = int(np.floor(position))
    high = min(low + 1, total - 1)
    a, b = (int(np.searchsorted(cumulative, rank, side="right")) for rank in (low, high))
    return a + (b - a) * (position - low)


def merge(histograms: Sequence[ImageHistogram]) -> ImageHistogram:
    """The histogram of all frames together."""
    total = ImageHistogram()
    for histogram in histograms:
        total.counts += histogram.counts
        total.frames += histogram.frames
    return total


def vector_statistics(values: NDArray[np.generic]) -> Statistics:
    """Statistics of each column of `values`, shape (rows, n), or of one column, shape (rows,). False is 0, True 1.

    Raises:
        ValueError: no rows, or a value that is not finite.
    """
    rows = np.asarray(values, dtype=np.float64)
    if len(rows) == 0 or not np.isfinite(rows).all():
        raise ValueError(f"statistics need at least one row of finite values; got shape {rows.shape}")
    rows = rows.reshape(len(rows), -1)
    mean = rows.mean(axis=0)
    found: Statistics = {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": mean,
        "std": np.sqrt(
            ((rows - mean) ** 2).mean(axis=0)
        ),  # centred, so that a constant column gives exactly or nearly 0
        "count": np.array([len(rows)], np.int64),
    }
    quantiles = np.quantile(rows, list(QUANTILES.values()), axis=0)
    found.update(zip(QUANTILES, quantiles, strict=True))
    return found
