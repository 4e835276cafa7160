"""Holes that are the inside of a vessel are filled; rings, handles and tiles keep theirs."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded.detections import Detected
from resources.reconstruction.embedded.mouths import with_bodies, with_mouths

Drawn = NDArray[np.uint8]
MIDDLE = (160, 110)


def _blank() -> Drawn:
    return np.zeros((240, 320), np.uint8)


def _bowl(tilt: float = 0.0) -> tuple[Drawn, Drawn]:
    """A bowl's outline and its mouth: the rim is 2 pixels wide, the outer wall shows below it."""
    outer, mouth = _blank(), _blank()
    cv2.ellipse(outer, MIDDLE, (50, 22), tilt, 0, 360, 255, -1)
    cv2.ellipse(outer, (160, 115), (44, 40), tilt, 0, 180, 255, -1)
    cv2.ellipse(mouth, MIDDLE, (47, 19), tilt, 0, 360, 255, -1)
    return outer, mouth


@pytest.mark.parametrize("tilt", [0.0, 8.0])
def test_a_bowls_mouth_is_filled(tilt: float) -> None:
    outer, mouth = _bowl(tilt)
    seen = (outer > 0) & (mouth == 0)
    assert (with_mouths(seen) == (outer > 0)).mean() > 0.995


def test_a_ring_keeps_its_hole() -> None:
    ring = _blank()
    cv2.ellipse(ring, MIDDLE, (50, 34), 0, 0, 360, 255, -1)
    cv2.ellipse(ring, (160, 118), (50, 34), 0, 0, 180, 255, -1)
    cv2.ellipse(ring, MIDDLE, (28, 16), 0, 0, 360, 0, -1)
    assert (with_mouths(ring > 0) == (ring > 0)).all()


def test_tiles_between_joints_stay_open() -> None:
    tile = _blank()
    cv2.polylines(tile, [np.array([[80, 60], [210, 66], [240, 160], [60, 150]], np.int32)], True, 255, 3)
    assert (with_mouths(tile > 0) == (tile > 0)).all()


def test_a_handles_hole_beside_a_body_stays_open() -> None:
    mug = _blank()
    cv2.rectangle(mug, (100, 60), (170, 170), 255, -1)
    cv2.ellipse(mug, (180, 110), (30, 40), 0, 0, 360, 255, -1)
    cv2.ellipse(mug, (188, 110), (14, 24), 0, 0, 360, 0, -1)
    assert (with_mouths(mug > 0) == (mug > 0)).all()


def _inside_of_a_cup() -> tuple[NDArray[np.bool_], Detected]:
    inside = _blank()
    cv2.ellipse(inside, (160, 80), (30, 11), 0, 0, 360, 255, -1)
    return inside > 0, Detected(CATEGORIES["cup"], 0.4, (128, 67, 192, 140))


def test_a_dark_inside_goes_down_to_the_foot_of_the_detectors_cup() -> None:
    inside, cup = _inside_of_a_cup()
    (whole,) = with_bodies([inside], [cup])
    rows, columns = np.nonzero(whole)
    assert (rows.min(), rows.max()) == pytest.approx((69, 139), abs=2)
    assert (columns.min(), columns.max()) == (130, 190)
    assert whole[135].sum() < whole[80].sum()


@pytest.mark.parametrize(("name", "score"), [("book", 0.9), ("cup", 0.2)])
def test_what_is_no_vessel_for_sure_gets_no_body(name: str, score: float) -> None:
    inside, cup = _inside_of_a_cup()
    assert (with_bodies([inside], [Detected(CATEGORIES[name], score, cup.box)])[0] == inside).all()


def test_a_body_takes_no_pixel_of_what_stands_before_it_and_a_cup_that_is_there_stays() -> None:
    inside, cup = _inside_of_a_cup()
    before = np.zeros_like(inside)
    before[110:160, 140:190] = True
    body, same = with_bodies([inside, before], [cup])
    assert (same == before).all()
    assert not (body & before).any()
    assert body[100, 160]
    whole = np.zeros_like(inside)
    whole[68:140, 130:190] = True
    assert (with_bodies([inside & ~whole, whole], [cup])[1] == whole).all()
