"""How well the sides of a thing that was seen fit what is usual of a category, at any scale.

The logarithms of width, depth and height are taken as normal about the catalogue's: things of a kind differ in size, all
sides together (`Category.log_sd`), and in proportions, each side alone but for the trusted one; on top comes what the
reconstruction gets wrong. A thing that usually stands may lie. So a scale that makes a box a cereal box is judged against
its proportions too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .category import Category

Array = NDArray[np.float64]
Sides = tuple[float, float, float]
"""Longer horizontal side, other horizontal side, height."""

PROPORTION_SD, TRUSTED_SD, VARIETY = 0.2, 0.05, 0.7
"""Standard deviation of the logarithm of a side between things of a kind and of one size: of any side, of the trusted one.
Kinds whose sizes differ much (boxes, toys) differ in proportions too: at least by VARIETY of `Category.log_sd`."""
SEEN_SD: Sides = (0.08, 0.10, 0.08)
SEEN_M: Sides = (0.004, 0.004, 0.012)
"""Error of a reconstructed side: a share of it and metres, added as variances. On 61 rendered things of known size widths
were off by 5 % (median deviation), heights by 3 % of bottles, 12 % of cups and 43 % of what is lower than 4 cm."""
WORST_SD = 0.5
"""The error in metres counts for at most so much of the logarithm, however low the thing seems."""
TURNED = 0.1
"""Share of things on tables that lie on another side than the usual one."""
LEAST_M = 1e-4
ANY_M, ANY_SD, ANY_SHARED_SD, ANY_PROPORTION_SD = 0.10, 0.7, 0.3, 0.7
"""Geometric mean of the sides of any thing on a table, metres, and the standard deviation of its logarithm; the part of it
that the things of one picture share; and that of a side about the mean. Median and spread are the heights of the eleven demo
objects in EmbodiedGen's asset list (0.03 to 0.35 m)."""
ANY_FURNITURE_M = 0.6
"""The same of what stands on floors: a stool, a bucket, a table."""


@dataclass(frozen=True)
class Estimate:
    """What a thing alone says of the scale, were it of the category: log metres per unit and its variance."""

    log_scale: float
    variance: float


def log_density(row: Category, sides: Sides, log_scales: Array, sharers: float = 1.0) -> Array:
    """Log density of the sides' logarithms at each scale, shape (n,).

    Args:
        row: the category.
        sides: of the thing, in units.
        log_scales: logarithms of metres per unit, shape (n,).
        sharers: things of the kind in the scene. What mugs differ by is taken as many times, since the mugs of one household
            are alike: together they say as much about the scale as one.
    """
    total: Array = np.logaddexp.reduce([_pose(row, sides, log_scales, sharers, *pose) for pose in _poses(row)], axis=0)
    return total


def alone(row: Category, sides: Sides, log_scale: float, sharers: float = 1.0) -> Estimate:
    """The scale by one thing, in the pose that is likeliest near `log_scale`; arguments as of `log_density`."""
    at = np.array([log_scale])
    usual, spread, _ = max(_poses(row), key=lambda pose: float(_pose(row, sides, at, sharers, *pose)[0]))
    own = 1 / _variance(sides, at, spread)[0]
    off = usual - np.log(np.maximum(sides, LEAST_M))
    return Estimate(float(own @ off / own.sum()), float(1 / own.sum() + sharers * row.log_sd**2))


def log_density_of_any(sides: Sides, log_scales: Array, things: int, floor: bool) -> Array:
    """The same of a thing of no known category, among as many in the scene, shape (n,)."""
    logs = np.log(np.maximum(sides, LEAST_M))
    mean = float(logs.mean())
    variance = ANY_SD**2 + things * ANY_SHARED_SD**2
    off = mean + log_scales - math.log(ANY_FURNITURE_M if floor else ANY_M)
    apart = float(((logs - mean) ** 2).sum()) / ANY_PROPORTION_SD**2
    constant = apart + math.log(2 * math.pi * variance) + 2 * math.log(2 * math.pi * ANY_PROPORTION_SD**2)
    density: Array = -0.5 * (off**2 / variance + constant)
    return density


def _pose(
    row: Category, sides: Sides, log_scales: Array, sharers: float, usual: Array, spread: Array, prior: float
) -> Array:
    """Log density in one pose: normal with variance `own` of each side and `shared` of all together (Woodbury's identity)."""
    off = np.log(np.maximum(sides, LEAST_M)) + log_scales[:, None] - usual
    own = 1 / _variance(sides, log_scales, spread)
    shared = sharers * row.log_sd**2
    total, weighted = own.sum(axis=1), (own * off).sum(axis=1)
    square = (own * off**2).sum(axis=1) - shared * weighted**2 / (1 + shared * total)
    volume = np.log(1 + shared * total) - np.log(own).sum(axis=1)
    density: Array = math.log(prior) - 0.5 * (square + volume + 3 * math.log(2 * math.pi))
    return density


def _variance(sides: Sides, log_scales: Array, spread: Array) -> Array:
    """Of each side's logarithm, shape (n, 3), without what all sides share."""
    metres = np.maximum(sides, LEAST_M) * np.exp(log_scales)[:, None]
    error = np.minimum(np.array(SEEN_M) / metres, WORST_SD)
    seen: Array = np.square(SEEN_SD) + np.square(error) + np.square(spread)
    return seen


def _poses(row: Category) -> list[tuple[Array, Array, float]]:
    """Logarithms of the usual sides, the spread of each, and how often, for every side that may be upright."""
    size, spread = np.array(row.size), np.full(3, max(PROPORTION_SD, VARIETY * row.log_sd))
    spread[{"width": 0, "height": 2, "largest": int(np.argmax(size))}[row.trust]] = TRUSTED_SD
    logs = np.log(size)
    if _has_a_handle(row):  # which the picture may hide
        handle = logs[0] - logs[1]
        logs[0] -= handle / 2
        spread[0] = max(spread[0], handle / 2)
    turns = row.stands == "top" and row.body != "open"
    found = []
    for up in (2, 0, 1) if turns else (2,):
        one, other = sorted((k for k in range(3) if k != up), key=lambda k: -logs[k])
        order = [one, other, up]
        share = (1 - TURNED if up == 2 else TURNED / 2) if turns else 1.0
        found.append((logs[order], spread[order], share))
    return found


def _has_a_handle(row: Category) -> bool:
    vessel = row.body != "solid" and {"Fillable", "Pourable"} & set(row.affordances)
    return bool(vessel) and row.size[0] > 1.1 * row.size[1]
