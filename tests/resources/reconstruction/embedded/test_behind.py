"""One piece, two things one behind the other, on drawn pictures: rims part, caps, lids, bands and handles do not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.household import from_label
from resources.reconstruction.embedded.behind import two_things
from resources.reconstruction.embedded.detections import Detected, box_of
from resources.reconstruction.embedded.surface import to_lab

RED, ORANGE, BLUE, GRAY, TABLE = (190, 40, 40), (230, 120, 30), (40, 70, 190), (160, 160, 165), (120, 115, 110)
SHAPE = (240, 320)


def ellipse(center: tuple[int, int], axes: tuple[int, int]) -> NDArray[np.bool_]:
    return cv2.ellipse(np.zeros(SHAPE, np.uint8), center, axes, 0, 0, 360, 1, -1) > 0


def can(x: int, top: int, bottom: int, radius: int, flat: float = 0.45) -> NDArray[np.bool_]:
    """An upright cylinder seen from above."""
    wall = np.zeros(SHAPE, bool)
    wall[top : bottom + 1, x - radius : x + radius + 1] = True
    small = round(flat * radius)
    return wall | ellipse((x, top), (radius, small)) | ellipse((x, bottom), (radius, small))


def seen(*layers: tuple[NDArray[np.bool_], tuple[int, int, int]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """LAB and the union of layers, later ones in front."""
    rgb = np.full((*SHAPE, 3), TABLE, np.uint8)
    for mask, color in layers:
        rgb[mask] = color
    rgb = cv2.GaussianBlur(rgb, (0, 0), 0.7)
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    return to_lab(rgb), np.any([mask for mask, _ in layers], axis=0)


@pytest.mark.parametrize("x", [150, 165, 180])
def test_a_ball_behind_a_tin_is_a_second_thing(x: int) -> None:
    ball, tin, mouth = ellipse((x, 92), (30, 30)), can(160, 120, 190, 42), ellipse((160, 120), (42, 19))
    lab, piece = seen((ball, RED), (tin, ORANGE), (mouth, GRAY))
    front, back = two_things(lab, piece, [])
    assert (front & tin).sum() / (front | tin).sum() > 0.95
    assert (back & ball & ~tin).sum() / (back | (ball & ~tin)).sum() > 0.85
    assert not (front & back).any()
    assert ((front | back) == piece).all()


def test_a_detector_box_that_fits_the_piece_better_than_its_front_part_keeps_it_whole() -> None:
    ball, tin = ellipse((165, 92), (30, 30)), can(160, 120, 190, 42)
    lab, piece = seen((ball, RED), (tin, ORANGE), (ellipse((160, 120), (42, 19)), GRAY))
    category = from_label("coco", "cup")
    assert category is not None
    front = two_things(lab, piece, [])[0]
    assert len(two_things(lab, piece, [Detected(category, 0.8, box_of(piece))])) == 1
    assert len(two_things(lab, piece, [Detected(category, 0.8, box_of(front))])) == 2


def test_a_bottle_with_a_cap_of_another_colour_is_one_thing() -> None:
    shoulder = (
        cv2.fillPoly(np.zeros(SHAPE, np.uint8), [np.array([(120, 120), (150, 85), (170, 85), (200, 120)])], 1) > 0
    )
    body, neck, cap = can(160, 120, 200, 40, 0.3), can(160, 66, 90, 10, 0.3), can(160, 52, 68, 13, 0.3)
    assert len(two_things(*seen((body | shoulder | neck, BLUE), (cap, ORANGE)), [])) == 1


def test_a_lid_wider_than_its_jar_and_bands_of_colour_are_one_thing() -> None:
    jar, band, lid = can(160, 110, 190, 38), can(160, 130, 160, 38), can(160, 85, 105, 45)
    assert len(two_things(*seen((jar, BLUE), (lid, RED)), [])) == 1
    assert len(two_things(*seen((jar, BLUE), (band, ORANGE)), [])) == 1


def test_things_of_one_colour_and_nothing_at_all_are_left_as_they_are() -> None:
    lab, piece = seen((ellipse((165, 92), (30, 30)), RED), (can(160, 120, 190, 42), RED))
    assert len(two_things(lab, piece, [])) == 1
    nothing = np.zeros(SHAPE, bool)
    assert two_things(lab, nothing, [])[0] is nothing
