"""One piece of foreground into things, on drawn pictures: notches part, straight outlines join."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resources.reconstruction.embedded.parting import closed
from resources.reconstruction.embedded.regions import completed, faces_joined, part
from resources.reconstruction.embedded.surface import to_lab

GRAY_LAB = np.dstack([np.random.default_rng(1).uniform(0, 100, (240, 320)), np.zeros((240, 320, 2))])
RED, BLUE, WHITE, GRAY = (200, 50, 40), (40, 70, 200), (235, 235, 235), (128, 120, 110)


def picture(*rectangles: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> tuple[NDArray, NDArray, NDArray]:
    """LAB, foreground and ground of rectangles (left, top, right, bottom), later ones in front."""
    rgb = np.full((240, 320, 3), GRAY, np.uint8)
    piece = np.zeros(rgb.shape[:2], bool)
    for (left, top, right, bottom), color in rectangles:
        rgb[top:bottom, left:right] = color
        piece[top:bottom, left:right] = True
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    return to_lab(rgb), piece, ~piece


def test_a_narrow_block_on_a_wide_one_is_a_second_thing() -> None:
    found = part(*picture(((60, 120, 200, 190), RED), ((90, 60, 160, 120), BLUE)))
    assert [int(one.sum()) for one in found] == pytest.approx([140 * 70, 70 * 60], rel=0.05)


def test_bands_of_colour_on_one_straight_outline_are_one_thing() -> None:
    found = part(*picture(((100, 40, 170, 90), WHITE), ((100, 90, 170, 140), RED), ((100, 140, 170, 200), BLUE)))
    assert len(found) == 1


def test_a_print_inside_is_no_thing() -> None:
    found = part(*picture(((60, 60, 200, 190), BLUE), ((100, 100, 150, 150), WHITE)))
    assert len(found) == 1


def test_one_thing_before_another_leaves_two() -> None:
    found = part(*picture(((60, 50, 160, 170), BLUE), ((120, 110, 230, 200), RED)))
    assert len(found) == 2


def test_a_small_lid_belongs_to_the_jar() -> None:
    found = part(*picture(((100, 60, 180, 200), WHITE), ((120, 44, 160, 60), RED)))
    assert len(found) == 1


@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 150), st.integers(8, 110), st.integers(8, 80)),
        min_size=1,
        max_size=4,
    )
)
def test_the_things_are_the_piece_and_share_no_pixel(boxes: list[tuple[int, int, int, int]]) -> None:
    colors = (RED, BLUE, WHITE, (30, 160, 60))
    lab, _, _ = picture(*(((x, y, x + w, y + h), colors[k]) for k, (x, y, w, h) in enumerate(boxes)))
    whole = np.zeros(lab.shape[:2], bool)
    for x, y, w, h in boxes:
        whole[y : y + h, x : x + w] = True
    found = part(lab, whole, ~whole)
    assert (np.sum(found, axis=0) == whole).all()
    assert [int(one.sum()) for one in found] == sorted((int(one.sum()) for one in found), reverse=True)


def rectangle(left: int, top: int, right: int, bottom: int) -> NDArray[np.bool_]:
    mask = np.zeros((240, 320), bool)
    mask[top:bottom, left:right] = True
    return mask


def comb(left: int, top: int, right: int, bottom: int) -> NDArray[np.bool_]:
    """A rectangle with teeth cut into its right half."""
    mask = rectangle(left, top, right, bottom)
    for y in range(top, bottom, 16):
        mask[y : y + 8, (left + right) // 2 : right] = False
    return mask


def test_ragged_halves_that_complete_each_other_are_one_thing() -> None:
    whole, one = rectangle(60, 60, 180, 180), comb(60, 60, 180, 180)
    found = completed(GRAY_LAB, [one, whole & ~one], [])
    assert len(found) == 1
    assert (found[0] == whole).all()


def test_a_convex_thing_before_another_completes_nothing() -> None:
    lab, _, _ = picture(((60, 60, 180, 180), BLUE), ((110, 110, 170, 190), RED))
    block, behind = rectangle(110, 110, 170, 190), rectangle(60, 60, 180, 180) & ~rectangle(110, 110, 170, 190)
    assert len(completed(lab, [block, behind], [])) == 2


def test_what_neither_an_edge_nor_a_notch_parts_is_one_thing() -> None:
    lab, _, _ = picture(((60, 60, 180, 140), BLUE))
    assert len(completed(lab, [rectangle(60, 60, 110, 140), rectangle(110, 60, 180, 140)], [])) == 1
    assert len(completed(lab, [rectangle(60, 60, 110, 140), rectangle(110, 90, 180, 140)], [])) == 2, "a notch"


def test_two_known_things_stay_two_and_a_known_one_gets_what_completes_it() -> None:
    whole, one = rectangle(60, 60, 180, 180), comb(60, 60, 180, 180)
    rest = whole & ~one
    assert len(completed(GRAY_LAB, [one, rest], [one, rest])) == 2
    assert len(completed(GRAY_LAB, [one, rest], [one])) == 1


def polygon(*corners: tuple[int, int]) -> NDArray[np.bool_]:
    return cv2.fillPoly(np.zeros((240, 320), np.uint8), [np.array(corners, np.int32)], 1) > 0


def test_three_faces_that_meet_at_a_corner_are_a_box_and_two_of_them_or_three_things_are_not() -> None:
    left = polygon((80, 70), (150, 110), (150, 200), (80, 160))
    right = polygon((150, 110), (220, 70), (220, 160), (150, 200)) & ~left
    top = polygon((80, 70), (150, 30), (220, 70), (150, 110)) & ~left & ~right
    found = faces_joined([left, right, top], [])
    assert len(found) == 1
    assert (found[0] == left | right | top).all()
    assert len(faces_joined([left, right], [])) == 2
    assert len(faces_joined([left, right, top], [top])) == 3, "a known thing is no face"
    side_by_side = [rectangle(40, 100, 90, 180), rectangle(90, 60, 150, 180), rectangle(150, 120, 220, 180)]
    assert len(faces_joined(side_by_side, [])) == 3


def test_holes_are_closed() -> None:
    ring = np.zeros((60, 60), np.uint8)
    cv2.circle(ring, (30, 30), 20, 1, 4)
    assert closed(ring > 0)[30, 30]
    assert not closed(ring > 0)[2, 2]
