"""Mergeable statistics of vectors: moments, extremes, and counts over bins, from which quantiles follow.

A bin holds the float32 values that share their sign, exponent and eleven leading bits of the fraction, so it is at most
2^-11 of its value wide; in the order of the numbers, a bin's key is an integer. Sketches of two sets of rows add up to the
sketch of both. A quantile from the sketch alone is right to its bin; `exact_quantiles` looks at the rows once more, keeps
only those in the few bins that quantiles fall into, and is exact in bounded memory.

Moments merge by the pairwise formula of Chan, Golub and LeVeque (1983); quantiles interpolate linearly between order
statistics (numpy's default, Hyndman and Fan type 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .stats import QUANTILES, Statistics, finite_rows

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

DROPPED_BITS = 12
"""Of float32's 32: sign, 8 bits of exponent and 11 of the fraction stay."""


@dataclass(frozen=True)
class VectorSketch:
    """Statistics of `count` rows of n columns. Moments: float64, shape (n,). `keys[i]`, `counts[i]`: column i's bins that
    hold something, int64, ascending."""

    count: int
    min: Float64
    max: Float64
    mean: Float64
    m2: Float64
    keys: tuple[Int64, ...]
    counts: tuple[Int64, ...]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """The sketch of `values`, shape (rows, n) or (rows,). False is 0, True 1.

        Raises:
            ValueError: no rows, or a value that is not finite.
        """
        rows = finite_rows(values)
        mean = rows.mean(axis=0)
        bins = bin_keys(rows)
        found = [np.unique(bins[:, i], return_counts=True) for i in range(rows.shape[1])]
        return cls(
            count=len(rows),
            min=rows.min(axis=0),
            max=rows.max(axis=0),
            mean=mean,
            m2=((rows - mean) ** 2).sum(axis=0),  # centred, so that a constant column gives exactly or nearly 0
            keys=tuple(keys for keys, _ in found),
            counts=tuple(counts for _, counts in found),
        )

    @classmethod
    def merged(cls, sketches: Sequence[VectorSketch]) -> Self:
        """The sketch of all rows together.

        Raises:
            ValueError: none given, or of different widths.
        """
        if not sketches or len({len(sketch.mean) for sketch in sketches}) != 1:
            raise ValueError("sketches to merge must be of the same number of columns, and at least one")
        weights = np.array([sketch.count for sketch in sketches], float)[:, None]
        means = np.array([sketch.mean for sketch in sketches])
        mean = (weights * means).sum(axis=0) / weights.sum()
        keys: list[Int64] = []
        counts: list[Int64] = []
        for column in range(len(mean)):
            joined, place = np.unique(np.concatenate([s.keys[column] for s in sketches]), return_inverse=True)
            added = np.zeros(len(joined), np.int64)
            np.add.at(added, place, np.concatenate([s.counts[column] for s in sketches]))
            keys.append(joined)
            counts.append(added)
        return cls(
            count=sum(sketch.count for sketch in sketches),
            min=np.min([sketch.min for sketch in sketches], axis=0),
            max=np.max([sketch.max for sketch in sketches], axis=0),
            mean=mean,
            m2=np.sum([sketch.m2 for sketch in sketches], axis=0) + (weights * (means - mean) ** 2).sum(axis=0),
            keys=tuple(keys),
            counts=tuple(counts),
        )

    def statistics(self, quantiles: dict[str, Float64] | None = None) -> Statistics:
        """LeRobot's ten statistics. `quantiles` from `exact_quantiles`; without them, the middle of the bin."""
        found: Statistics = {
            "min": self.min,
            "max": self.max,
            "mean": self.mean,
            "std": np.sqrt(self.m2 / self.count),
            "count": np.array([self.count], np.int64),
        }
        return found | (self.quantiles() if quantiles is None else quantiles)

    def quantiles(self) -> dict[str, Float64]:
        """Quantiles to the bin, clipped to the extremes; shape (n,) each."""
        found = {}
        for name, q in QUANTILES.items():
            keys = [k[_bin_of(c, q * (self.count - 1))] for k, c in zip(self.keys, self.counts, strict=True)]
            found[name] = np.clip(_middle(np.array(keys)), self.min, self.max)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` gives the same sketch."""
        return {
            "count": self.count,
            **{name: getattr(self, name).tolist() for name in ("min", "max", "mean", "m2")},
            "keys": [keys.tolist() for keys in self.keys],
            "counts": [counts.tolist() for counts in self.counts],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Reads what `to_json` gave.

        Raises:
            KeyError, ValueError: it is not that.
        """
        moments = {name: np.array(value[name], float) for name in ("min", "max", "mean", "m2")}
        keys, counts = (tuple(np.array(part, np.int64) for part in value[name]) for name in ("keys", "counts"))
        count = int(value["count"])
        if any(int(part.sum()) != count for part in counts) or len(keys) != len(moments["mean"]):
            raise ValueError(f"a sketch of {count} rows has columns whose bins hold {[int(c.sum()) for c in counts]}")
        return cls(count=count, keys=keys, counts=counts, **moments)


def bin_keys(values: Float64) -> Int64:
    """The bin of every value; ascending with the value."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)  # + 0: no negative zero
    # Negative floats count down as their bits count up.
    ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF) - 1, bits)
    return np.asarray(ordered >> DROPPED_BITS, np.int64)


def exact_quantiles(sketch: VectorSketch, batches: Iterable[NDArray[Any]]) -> dict[str, Float64]:
    """The exact quantiles of the rows that `sketch` was made of, given once more as `batches`, shape (rows, n) or (rows,).

    Raises:
        ValueError: the batches are not the rows of the sketch.
    """
    columns = [_Column(sketch, i) for i in range(len(sketch.mean))]
    seen = 0
    for batch in batches:
        rows = finite_rows(batch)
        seen += len(rows)
        for i, column in enumerate(columns):
            column.look(rows[:, i])
    if seen != sketch.count:
        raise ValueError(f"{seen} rows were given, but the sketch is of {sketch.count}")
    found = np.array([column.quantiles() for column in columns])
    return {name: found[:, k] for k, name in enumerate(QUANTILES)}


class _Column:
    """The values of one column that its quantiles need: those in the bins of their order statistics."""

    def __init__(self, sketch: VectorSketch, column: int) -> None:
        self._name, self._last = column, sketch.count - 1
        counts = sketch.counts[column]
        bins = sorted({_bin_of(counts, rank) for q in QUANTILES.values() for rank in self._ranks(q)[:2]})
        self._bins = sketch.keys[column][bins]
        self._held = counts[bins]
        self._below = np.concatenate([[0], counts.cumsum()])[bins]
        self._values: Float64 = np.empty(0)
        self._counts: Int64 = np.empty(0, np.int64)

    def look(self, values: Float64) -> None:
        """Keeps what falls into the bins: distinct values, ascending, with how often each occurs."""
        new, often = np.unique(values[np.isin(bin_keys(values), self._bins)], return_counts=True)
        joined, place = np.unique(np.concatenate([self._values, new]), return_inverse=True)
        added = np.zeros(len(joined), np.int64)
        np.add.at(added, place, np.concatenate([self._counts, often]))
        self._values, self._counts = joined, added

    def quantiles(self) -> list[float]:
        """In the order of QUANTILES."""
        place = np.searchsorted(self._bins, bin_keys(self._values)) if len(self._values) else np.empty(0, np.int64)
        if not np.array_equal(np.bincount(place, self._counts, len(self._bins)), self._held):
            raise ValueError(f"column {self._name}: the rows given are not those of the sketch")
        # How many of all values are at most this one: those below its bin, and those of its bin up to it.
        before_bin = np.concatenate([[0], self._held.cumsum()])[place]
        upto = self._below[place] + self._counts.cumsum() - before_bin
        found = []
        for q in QUANTILES.values():
            low, high, share = self._ranks(q)
            a, b = (float(self._values[np.searchsorted(upto, rank, side="right")]) for rank in (low, high))
            found.append(a + (b - a) * share)
        return found

    def _ranks(self, q: float) -> tuple[int, int, float]:
        """The two order statistics between which a quantile lies, and where."""
        position = q * self._last
        return int(position), min(int(position) + 1, self._last), position - int(position)


def _bin_of(counts: Int64, rank: float) -> int:
    """The position of the bin that holds the value of this rank (0 = smallest)."""
    return int(np.searchsorted(counts.cumsum(), int(rank), side="right"))


def _middle(keys: Int64) -> Float64:
    low = (keys << DROPPED_BITS) + (1 << (DROPPED_BITS - 1))
    bits = np.where(low < 0, (-(low + 1)) | 0x80000000, low)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)
