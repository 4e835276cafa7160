"""What the things of a scene are and how large the scene is, both at once.

A thing alone may be a can or a bottle, depending on the scale; several must agree on one. Every thing may be of several
categories, each with a share, or something else. At each scale its sides fit each of them more or less (`usual_size`); the
sum over what it may be is its say about the scale, and all says multiply. So a wrong name, whose size no scale of the others
explains, loses its weight by itself, and ratios between things tell a can from a bottle. So does company (`company`): what a
thing is depends on what the others are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .category import Category
from .company import sorts
from .usual_size import LEAST_M, Array, Sides, log_density, log_density_of_any

STEP, MARGIN = 0.01, 1.0
"""Of the grid of log scales, and beyond the smallest and largest scale that anything speaks for."""
MISSHAPEN = 0.1
"""Share of things whose reconstructed sides say nothing, whatever they are: a handle for a body, half a thing for a whole."""
LEAST_SHARE = 0.003
"""What a thing may be with a smaller share is left to `something else`."""
SLIP, SLIP_SD = 0.1, 3.0
"""Share of other opinions that are wrong, and by how many of their own standard deviations they then differ."""


@dataclass(frozen=True)
class Thing:
    """`sides` in units; `may_be`: categories and shares, at most 1 together, the rest is something else; `sure` 0..1: how
    well it was seen; `floor`: it stands on a floor."""

    sides: Sides
    may_be: tuple[tuple[Category, float], ...]
    sure: float = 1.0
    floor: bool = False


@dataclass(frozen=True)
class Opinion:
    """Another opinion about the scale: log metres per unit and its standard deviation."""

    log_scale: float
    sd: float


@dataclass(frozen=True)
class Share:
    """How certain a category is of a thing, 0..1, and the part of it that its size speaks for; the rest is by its looks alone,
    should its sides be wrong."""

    row: Category
    certainty: float
    by_size: float


@dataclass(frozen=True)
class Explained:
    """`log_scale`: median of log metres per unit, which is wrong by least on average; `sd`: the deviation from it. `shares`: of
    every thing, what it is by all together, best first; what is missing to 1 is something else."""

    log_scale: float
    sd: float
    shares: tuple[tuple[Share, ...], ...]

    def sharers(self, row: Category) -> float:
        """How many things of a kind there probably are, at least 1."""
        return max(1.0, sum(share.certainty for shares in self.shares for share in shares if share.row is row))


def explain(things: Sequence[Thing], opinions: Sequence[Opinion] = ()) -> Explained | None:
    """The scale, and what every thing is, by all things and opinions together; None where nothing speaks for any scale."""
    kept = [_kept(thing) for thing in things]
    scales = _grid(kept, opinions)
    if scales is None:
        return None
    counts: dict[str, float] = {}
    for thing in kept:
        for row, share in thing.may_be:
            counts[row.name] = counts.get(row.name, 0.0) + share
    fits = [_fits(thing, scales, counts, len(kept)) for thing in kept]
    others = sum((_say(opinion, scales) for opinion in opinions), np.zeros(len(scales)))
    pictures = ((1.0, {}),) if any(thing.floor for thing in kept) else sorts()
    expected = [[fit + _company(thing, usual) for thing, fit in zip(kept, fits, strict=True)] for _, usual in pictures]
    total = np.array([math.log(share) + others for share, _ in pictures])
    for row, in_company in zip(total, expected, strict=True):
        for thing, fit in zip(kept, in_company, strict=True):
            row += thing.sure * np.logaddexp.reduce(fit, axis=0)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    by_scale = weight.sum(axis=0)
    median = float(np.interp(0.5, np.cumsum(by_scale) - by_scale / 2, scales))
    shares = []
    for k, thing in enumerate(kept):
        n = len(thing.may_be)
        part = np.zeros(2 * n + 1)
        for each, in_company in zip(weight, expected, strict=True):
            part += np.exp(in_company[k] - np.logaddexp.reduce(in_company[k], axis=0)) @ each
        found = [Share(row, float(part[i] + part[n + i]), float(part[i])) for i, (row, _) in enumerate(thing.may_be)]
        shares.append(tuple(sorted(found, key=lambda share: (-share.certainty, share.row.name))))
    return Explained(median, math.sqrt(float(by_scale @ (scales - median) ** 2)), tuple(shares))


def _company(thing: Thing, usual: Mapping[str, float]) -> Array:
    """Log of how much likelier each row of `_fits` is in a sort of pictures, shape (rows, 1)."""
    named = [math.log(usual.get(row.name, 1.0)) for row, _ in thing.may_be]
    return np.array([*named, *named, 0.0])[:, None]


def _kept(thing: Thing) -> Thing:
    may_be = tuple((row, share) for row, share in thing.may_be if share >= LEAST_SHARE)
    return Thing(thing.sides, may_be, thing.sure, thing.floor)


def _grid(things: Sequence[Thing], opinions: Sequence[Opinion]) -> Array | None:
    spoken = [opinion.log_scale for opinion in opinions]
    for thing in things:
        longest = math.log(max(*thing.sides, LEAST_M))
        spoken += [math.log(max(row.size)) - longest for row, _ in thing.may_be]
    if not spoken:
        return None
    return np.arange(min(spoken) - MARGIN, max(spoken) + MARGIN, STEP)


def _fits(thing: Thing, scales: Array, counts: dict[str, float], things: int) -> Array:
    """Log of share times density: a row for each category it may be, well shaped; as many, misshapen; the last for something
    else."""
    any_size = log_density_of_any(thing.sides, scales, things, thing.floor)
    rows = [
        math.log((1 - MISSHAPEN) * share) + log_density(row, thing.sides, scales, max(1.0, counts[row.name]))
        for row, share in thing.may_be
    ]
    rows += [math.log(MISSHAPEN * share) + any_size for _, share in thing.may_be]
    rest = max(1.0 - sum(share for _, share in thing.may_be), LEAST_SHARE)
    return np.array([*rows, math.log(rest) + any_size])


def _say(opinion: Opinion, scales: Array) -> Array:
    off = ((scales - opinion.log_scale) / opinion.sd) ** 2
    right = math.log(1 - SLIP) - 0.5 * off
    wrong: Array = np.logaddexp(right, math.log(SLIP / SLIP_SD) - 0.5 * off / SLIP_SD**2)
    return wrong
