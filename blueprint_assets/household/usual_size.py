"""How well the sides of a thing that was seen fit what is usual of a category, at any scale.

The logarithms of width, depth and height are taken as normal about the catalogue's: things of a kind differ in size, all
sides together (`Category.log_sd`), and in proportions, each side alone but for the trusted one; on top comes what the
reconstruction gets wrong. A thing that usually stands may lie. So a scale that makes a box a cereal box is judged against
its proportions too. What is round has one diameter, not two sides that agree by chance: it speaks once, and what is not
round is no can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

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
ROUND_SD = 0.2
"""Standard deviation of the logarithm of one horizontal side over the other of what is round, as reconstructed. Wide, because a
round solid is often the choice of the fit: that both sides are equal must not make everything round."""
NOT_ROUND = frozenset({"block", "milk carton", "napkin", "coaster", "eyeglasses", "switch", "blender", "plant"})
"""Of what stands on tops and is as deep as wide."""
HANDLED = frozenset({"mug", "cup", "jug", "teapot", "coffee pot", "kettle", "measuring cup", "pot"})
"""Round but for a handle or spout at the side, which is part of the catalogue's width."""
HIDDEN = 0.5
"""Share of handles that do not show beside the body: they point to the camera, away from it, or are too thin."""
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
    total: Array = np.logaddexp.reduce([_fit(row, pose, sides, log_scales, sharers) for pose in _poses(row)], axis=0)
    return total


def alone(row: Category, sides: Sides, log_scale: float, sharers: float = 1.0) -> Estimate:
    """The scale by one thing, in the pose that is likeliest near `log_scale`; arguments as of `log_density`."""
    at = np.array([log_scale])
    pose = max(_poses(row), key=lambda pose: float(_fit(row, pose, sides, at, sharers)[0]))
    seen, usual, variance = _seen(pose, sides, at)
    own = 1 / variance[0]
    return Estimate(float(own @ (usual - seen) / own.sum()), float(1 / own.sum() + sharers * row.log_sd**2))


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


@dataclass(frozen=True)
class _Pose:
    """Logarithms of the usual sides, shape (3,), and the spread of each, with the share of such poses. `round`: the first two
    are one diameter."""

    usual: Array
    spread: Array
    share: float
    round: bool = False


def _fit(row: Category, pose: _Pose, sides: Sides, log_scales: Array, sharers: float) -> Array:
    """Log density in one pose: normal with variance `own` of each side and `shared` of all together (Woodbury's identity)."""
    seen, usual, variance = _seen(pose, sides, log_scales)
    off = seen + log_scales[:, None] - usual
    own = 1 / variance
    shared = sharers * row.log_sd**2
    total, weighted = own.sum(axis=1), (own * off).sum(axis=1)
    square = (own * off**2).sum(axis=1) - shared * weighted**2 / (1 + shared * total)
    volume = np.log(1 + shared * total) - np.log(own).sum(axis=1)
    constant = math.log(pose.share) - len(seen) / 2 * math.log(2 * math.pi)
    if pose.round:
        apart = math.log(max(sides[0], LEAST_M) / max(sides[1], LEAST_M))
        constant -= 0.5 * (apart / ROUND_SD) ** 2 + math.log(ROUND_SD * math.sqrt(2 * math.pi))
    density: Array = constant - 0.5 * (square + volume)
    return density


def _seen(pose: _Pose, sides: Sides, log_scales: Array) -> tuple[Array, Array, Array]:
    """Logarithms of the k lengths that speak, in units, shape (k,), the usual ones, and the variance of each without what all
    share, shape (n, k). Of what is round the diameter and the height, else all sides."""
    logs = np.log(np.maximum(sides, LEAST_M))
    usual, spread, sd, absolute = pose.usual, pose.spread, np.array(SEEN_SD), np.array(SEEN_M)
    if pose.round:
        logs = np.array([logs[:2].mean(), logs[2]])
        usual, spread, sd, absolute = (each[[0, 2]] for each in (usual, spread, sd, absolute))
    error = np.minimum(absolute / np.exp(logs + log_scales[:, None]), WORST_SD)
    return logs, usual, sd**2 + error**2 + spread**2


@cache
def _poses(row: Category) -> tuple[_Pose, ...]:
    """How a thing may stand: upright or on a side, its handle seen or not."""
    size, spread = np.array(row.size), np.full(3, max(PROPORTION_SD, VARIETY * row.log_sd))
    spread[{"width": 0, "height": 2, "largest": int(np.argmax(size))}[row.trust]] = TRUSTED_SD
    logs = np.log(size)
    if row.name in HANDLED:
        across = np.array([logs[1], logs[1], logs[2]])
        return _Pose(across, spread, HIDDEN, round=True), _Pose(logs, spread, 1 - HIDDEN)
    is_round = size[0] == size[1] and row.stands == "top" and row.name not in NOT_ROUND
    turns = row.stands == "top" and row.body != "open"
    found = []
    for up in (2, 0, 1) if turns else (2,):
        one, other = sorted((k for k in range(3) if k != up), key=lambda k: -logs[k])
        order = [one, other, up]
        share = (1 - TURNED if up == 2 else TURNED / 2) if turns else 1.0
        found.append(_Pose(logs[order], spread[order], share, round=bool(is_round and up == 2)))
    return tuple(found)
