from __future__ import annotations

import numpy as np
import pytest

from resources.reconstruction.embedded.profile import regular_profile

HEIGHTS = np.linspace(0.0, 1.0, 40)


def test_ripples_on_a_tapered_wall_are_taken_out() -> None:
    """Noise is random, so the claim is about the share of 140 noisy walls, not about each of them."""
    straight, near = [], []
    for seed in range(140):
        taper = np.linspace(-0.1, 0.1, 7)[seed % 7]
        true = 0.4 + taper * HEIGHTS
        rippled = true + np.random.default_rng(seed).normal(0, 0.006, 40)
        heights, radii = regular_profile(HEIGHTS, rippled, 0.01)
        # As straight as the true wall: what turns from ring to ring is less than a tenth of what was measured.
        straight.append(np.abs(np.diff(radii, 2)).max() < 0.1 * np.abs(np.diff(rippled, 2)).max())
        near.append(np.abs(radii - (0.4 + taper * heights)).max() < 0.02)
        assert (heights[0], heights[-1]) == (0.0, 1.0)
    assert np.mean(straight) >= 0.95
    assert np.mean(near) >= 0.95


def test_a_single_bad_ring_leaves_no_dent() -> None:
    measured = np.full(40, 0.3)
    measured[17] = 0.2
    _, radii = regular_profile(HEIGHTS, measured, 0.01)
    assert radii == pytest.approx(0.3, abs=0.003)


def test_a_step_stays_a_step() -> None:
    measured = np.where(HEIGHTS < 0.6, 0.4, 0.15)
    heights, radii = regular_profile(HEIGHTS, measured, 0.01)
    assert (np.diff(heights) > 0).all()
    assert np.interp([0.1, 0.5, 0.7, 0.95], heights, radii) == pytest.approx([0.4, 0.4, 0.15, 0.15], abs=0.012)


def test_a_ball_stays_round() -> None:
    true = np.sqrt(np.maximum(0.25 - (HEIGHTS - 0.5) ** 2, 0))
    heights, radii = regular_profile(HEIGHTS, true, 0.015)
    inner = (heights > 0.05) & (heights < 0.95)
    expected = np.sqrt(0.25 - (heights[inner] - 0.5) ** 2)
    assert np.abs(radii[inner] - expected).max() < 0.03
