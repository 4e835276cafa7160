"""Exact statistics, as LeRobot stores them: mean, std, min, max, count and five quantiles per feature.

Images: every pixel of every frame, from 256-bin counts per channel, so that nothing is sampled and two episodes' counts
add up to exactly what one pass over both would give. (LeRobot 0.6.1 sums float32 values one by one and is off by up to
50 % in std at 256x256, and it averages the episodes' quantiles; these do neither.) `count` of an image feature is the
number of frames, as in LeRobot's default writer.

Vectors: float64 moments and quantiles of the values themselves. Quantiles interpolate linearly between order
statistics (numpy's default, Hyndman and Fan type 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistics = dict[str, NDArray[np.float64] | NDArray[np.int64]]
"""Keyed by STATISTIC_NAMES. Vectors: shape (n,). Images: shape (3, 1, 1) in [0, 1]. `count`: int64, shape (1,)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
STATISTIC_NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
LEVELS = np.arange(256, dtype=np.int64)
EXACT_IN_FLOAT32 = 1 << 24


class ImageHistogram:
    """How often each of 256 levels occurs in each of three channels. `counts`: int64, shape (3, 256)."""

    SHAPE: ClassVar[tuple[int, int]] = (3, 256)
    """Channels and levels."""

    def __init__(self, counts: NDArray[np.int64] | None = None, frames: int = 0) -> None:
        self.counts = np.zeros(self.SHAPE, np.int64) if counts is None else counts.astype(np.int64)
        self.frames = frames
        if (
            self.counts.shape != self.SHAPE
            or (self.counts < 0).any()
            or len(set(self.counts.sum(axis=1).tolist())) != 1
        ):
            raise ValueError(
                f"an image histogram needs counts of shape {self.SHAPE}, >= 0, of equal sum in each channel"
            )

    def add(self, image: NDArray[Any]) -> None:
        """Counts one frame, uint8, shape (height, width, 3)."""
        import cv2

        # OpenCV counts in a quarter of np.bincount's time, but returns float32: whole numbers up to 2^24 are exact there.
        rows = max(1, EXACT_IN_FLOAT32 // image.shape[1])
        for top in range(0, len(image), rows):
            part = np.ascontiguousarray(image[top : top + rows])
            for channel in range(3):
                counts = cv2.calcHist([part], [channel], None, [256], [0, 256])
                self.counts[channel] += counts.ravel().astype(np.int64)
        self.frames += 1

    def include(self, other: ImageHistogram) -> None:
        """Adds another histogram's counts: the histogram of all frames together."""
        self.counts += other.counts
        self.frames += other.frames

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
        positions = np.array(list(QUANTILES.values())) * (total - 1)
        low = np.floor(positions).astype(np.int64)
        ranks = np.concatenate([low, np.minimum(low + 1, total - 1)])
        found = np.array([np.searchsorted(c, ranks, side="right") for c in self.counts.cumsum(axis=1)])
        below, above = found[:, : len(low)], found[:, len(low) :]
        values |= dict(zip(QUANTILES, (below + (above - below) * (positions - low)).T, strict=True))
        scaled: Statistics = {name: (value / 255.0).reshape(3, 1, 1) for name, value in values.items()}
        scaled["count"] = np.array([self.frames], np.int64)
        return {name: scaled[name] for name in STATISTIC_NAMES}


def finite_rows(values: NDArray[np.generic]) -> Array:
    """`values`, shape (rows, n) or (rows,), as float64 of shape (rows, n). False is 0, True 1.

    Raises:
        ValueError: no rows, or a value that is not finite.
    """
    rows = np.asarray(values, dtype=np.float64)
    if len(rows) == 0 or not np.isfinite(rows).all():
        raise ValueError(f"statistics need at least one row of finite values; got shape {rows.shape}")
    return rows.reshape(len(rows), -1)


def vector_statistics(values: NDArray[np.generic]) -> Statistics:
    """Exact statistics of each column of `values`, shape (rows, n), or of one column, shape (rows,).

    Raises:
        ValueError: no rows, or a value that is not finite.
    """
    return table_statistics({"": values})[""]


def table_statistics(columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Statistics]:
    """`vector_statistics` of every column of a table, in one pass over all of them.

    Raises:
        ValueError: as there, or columns of different lengths.
    """
    parts = [finite_rows(values).T for values in columns.values()]
    # A line each: numpy adds along a line in pairs, whatever other lines there are.
    lines = np.ascontiguousarray(np.concatenate(parts))
    lines.sort(axis=1)
    mean = lines.mean(axis=1)
    found = {
        "min": lines[:, 0],
        "max": lines[:, -1],
        "mean": mean,
        # Centred, so that a constant column gives exactly or nearly 0.
        "std": np.sqrt(((lines - mean[:, None]) ** 2).mean(axis=1)),
    }
    for name, q in QUANTILES.items():
        position = q * (lines.shape[1] - 1)
        low = int(position)
        a, b = lines[:, low], lines[:, min(low + 1, lines.shape[1] - 1)]
        share = position - low
        # From the nearer end, as numpy does: the result never leaves [a, b].
        found[name] = a + (b - a) * share if share < 0.5 else b - (b - a) * (1 - share)
    count = np.array([lines.shape[1]], np.int64)
    statistics: dict[str, Statistics] = {}
    first = 0
    for name, part in zip(columns, parts, strict=True):
        end = first + len(part)
        statistics[name] = {kind: count if kind == "count" else found[kind][first:end] for kind in STATISTIC_NAMES}
        first = end
    return statistics
