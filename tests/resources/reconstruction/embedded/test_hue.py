"""Shade and glare keep the plane's hue; things need not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resources.reconstruction.embedded.hue import is_deep_shadow, off_hue
from resources.reconstruction.embedded.surface import find_plane, to_lab

BLUE, WOOD = (20, 70, 190), (150, 95, 50)


def table(plane: tuple[int, int, int], patch: tuple[int, int, int]) -> tuple[NDArray, NDArray, NDArray]:
    """The picture's pixels, its LAB and the mask of a round patch on an even table."""
    rgb = np.full((200, 260, 3), plane, np.uint8)
    mask = cv2.circle(np.zeros(rgb.shape[:2], np.uint8), (130, 110), 34, 1, -1) > 0
    rgb[mask] = patch
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    return rgb, to_lab(rgb), mask


@pytest.mark.parametrize(("plane", "share"), [(BLUE, 0.45), (BLUE, 0.7), (WOOD, 0.5)])
def test_a_dimmed_table_keeps_its_hue(plane: tuple[int, int, int], share: float) -> None:
    dark = tuple(int(share * value) for value in plane)
    _, lab, mask = table(plane, dark)
    surface = find_plane(lab, mask, 0.0)
    assert surface is not None
    assert off_hue(lab, mask, surface) < 6
    assert is_deep_shadow(lab, mask, surface)


@pytest.mark.parametrize("patch", [(220, 190, 40), (40, 160, 60), (200, 40, 60)])
def test_a_thing_of_another_hue_is_no_shadow(patch: tuple[int, int, int]) -> None:
    _, lab, mask = table(BLUE, patch)
    surface = find_plane(lab, mask, 0.0)
    assert surface is not None
    assert off_hue(lab, mask, surface) > 22
    assert not is_deep_shadow(lab, mask, surface)


def test_what_is_brighter_than_the_table_is_no_shadow() -> None:
    _, lab, mask = table((12, 45, 130), BLUE)
    surface = find_plane(lab, mask, 0.0)
    assert surface is not None
    assert not is_deep_shadow(lab, mask, surface)
