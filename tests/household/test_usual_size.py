"""Densities of sizes: against scipy's normal distribution, and what they prefer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.household import CATEGORIES
from blueprint_assets.household.usual_size import (
    HANDLED,
    NOT_ROUND,
    PROPORTION_SD,
    ROUND_SD,
    SEEN_M,
    SEEN_SD,
    TRUSTED_SD,
    VARIETY,
    Sides,
    alone,
    log_density,
    log_density_of_any,
)

SIDE = st.floats(0.02, 2.0)
HERE = np.array([0.0])


def usual(name: str) -> Sides:
    width, depth, height = CATEGORIES[name].size
    return max(width, depth), min(width, depth), height


@pytest.mark.parametrize("sharers", [1.0, 3.5])
def test_one_pose_is_a_normal_distribution_of_three_logarithms(sharers: float) -> None:
    """A tray never lies on its side, so its density is one normal distribution."""
    from scipy.stats import multivariate_normal

    row, sides = CATEGORIES["tray"], (0.47, 0.31, 0.05)
    spread = np.array([TRUSTED_SD, PROPORTION_SD, PROPORTION_SD])
    spread[1:] = max(PROPORTION_SD, VARIETY * row.log_sd)
    own = np.square(SEEN_SD) + np.square(np.array(SEEN_M) / (2 * np.array(sides))) + spread**2
    judge = multivariate_normal(np.log(row.size), np.diag(own) + sharers * row.log_sd**2)
    found = log_density(row, sides, np.array([math.log(2)]), sharers)
    assert found[0] == pytest.approx(judge.logpdf(np.log(2 * np.array(sides))), rel=1e-9)


def test_what_is_round_is_a_normal_distribution_of_diameter_height_and_roundness() -> None:
    from scipy.stats import multivariate_normal, norm

    row, (one, other, height) = CATEGORIES["bowl"], (0.34, 0.32, 0.10)
    seen = np.array([math.sqrt(one * other), height])
    own = np.square([SEEN_SD[0], SEEN_SD[2]]) + np.square(np.array([SEEN_M[0], SEEN_M[2]]) / seen)
    own += np.square([TRUSTED_SD, PROPORTION_SD])
    judge = multivariate_normal(np.log([row.size[0], row.size[2]]), np.diag(own) + row.log_sd**2)
    expected = judge.logpdf(np.log(seen)) + norm(0, ROUND_SD).logpdf(math.log(one / other))
    assert log_density(row, (one, other, height), HERE)[0] == pytest.approx(expected, rel=1e-9)


def test_a_diameter_speaks_once() -> None:
    """By its height a can's diameter differs; that it is seen in two directions makes it no surer."""
    by_diameter = PROPORTION_SD**2 + SEEN_SD[0] ** 2
    by_height = TRUSTED_SD**2 + SEEN_SD[2] ** 2
    row = CATEGORIES["can"]
    assert alone(row, usual("can"), 0.0).variance > 1 / (1 / by_diameter + 1 / by_height) + row.log_sd**2


@pytest.mark.parametrize("name", sorted(HANDLED))
def test_a_handle_may_be_hidden(name: str) -> None:
    width, depth, height = CATEGORIES[name].size
    scales = np.linspace(-0.5, 0.5, 101)
    seen, hidden, flat = (
        log_density(CATEGORIES[name], (across, depth, height), scales) for across in (width, depth, 3 * depth)
    )
    assert abs(scales[seen.argmax()]) < 0.1
    assert abs(scales[hidden.argmax()]) < 0.1
    assert flat.max() < min(seen.max(), hidden.max()) - 3


def test_what_is_not_round_is_no_can() -> None:
    can, carton = (
        log_density(CATEGORIES[name], (0.11, 0.065, 0.2), np.linspace(-1, 1, 101)).max()
        for name in ("can", "milk carton")
    )
    assert can < carton - 3
    assert set(CATEGORIES) >= NOT_ROUND | HANDLED


@pytest.mark.parametrize("name", ["mug", "book", "wine bottle", "chair"])
def test_a_density_has_about_one_unit_of_mass(name: str) -> None:
    """Importance sampling from a wide normal distribution about the usual sides. Not exactly one: the error of a side is taken
    where the side was seen, so low things have longer tails."""
    row, random_ = CATEGORIES[name], np.random.default_rng(0)
    logs, wide = np.log(usual(name)), 1.2
    points = random_.normal(logs, wide, (6000, 3))
    proposal = -0.5 * (((points - logs) / wide) ** 2).sum(axis=1) - 3 * math.log(wide * math.sqrt(2 * math.pi))
    density = np.array([log_density(row, tuple(np.exp(point)), HERE)[0] for point in points])  # type: ignore[arg-type]
    assert np.exp(density - proposal).mean() == pytest.approx(1.1, abs=0.35)


@pytest.mark.parametrize("row", CATEGORIES.values(), ids=lambda row: row.name)
def test_a_thing_of_usual_size_gives_the_scale_alone(row: object) -> None:
    name = row.name  # type: ignore[attr-defined]
    found = alone(CATEGORIES[name], tuple(side / 3 for side in usual(name)), math.log(3))  # type: ignore[arg-type]
    handle = CATEGORIES[name].size[0] / CATEGORIES[name].size[1]
    assert abs(found.log_scale - math.log(3)) < 0.02 + 0.25 * abs(math.log(handle)), "a handle may be hidden"
    assert found.variance > CATEGORIES[name].log_sd ** 2


@settings(deadline=None)
@given(SIDE, SIDE, SIDE, st.floats(0.01, 100))
def test_only_size_times_scale_counts(width: float, depth: float, height: float, k: float) -> None:
    row, sides = CATEGORIES["cereal box"], (max(width, depth), min(width, depth), height)
    scaled = tuple(side * k for side in sides)
    one = log_density(row, sides, HERE)[0]
    assert log_density(row, scaled, HERE - math.log(k))[0] == pytest.approx(one, rel=1e-6, abs=1e-6)  # type: ignore[arg-type]
    any_ = log_density_of_any(sides, HERE, 4, False)[0]
    assert log_density_of_any(scaled, HERE - math.log(k), 4, False)[0] == pytest.approx(any_, rel=1e-6, abs=1e-6)  # type: ignore[arg-type]


def test_proportions_tell_a_plate_from_a_mug_at_every_scale() -> None:
    scales = np.linspace(-3, 3, 121)
    plate, mug = (log_density(CATEGORIES[name], (1.0, 1.0, 0.09), scales).max() for name in ("plate", "mug"))
    assert plate > mug + 2.5


def test_a_book_may_stand_and_a_bottle_may_lie_but_seldom() -> None:
    book, bottle = CATEGORIES["book"], CATEGORIES["wine bottle"]
    flat, upright = (log_density(book, sides, HERE)[0] for sides in ((0.21, 0.145, 0.025), (0.145, 0.025, 0.21)))
    assert flat - 5 < upright < flat - 1
    lying = (0.3, 0.076, 0.076)
    assert alone(bottle, lying, 0.0).log_scale == pytest.approx(0.0, abs=0.02)


def test_six_mugs_of_one_household_are_one_opinion_about_mugs() -> None:
    row, sides = CATEGORIES["mug"], usual("mug")
    together = alone(row, sides, 0.0, 6).variance / 6
    assert row.log_sd**2 < together < alone(row, sides, 0.0).variance
