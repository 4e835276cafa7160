"""Furniture in the detector's boxes: faint legs, backs that only the whole picture shows, and parts in other colours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded.detections import Detected, box_of
from resources.reconstruction.embedded.furniture import find_furniture, with_its_parts
from resources.vision import salient

Soft = NDArray[np.float32]
SIZE = (120, 160)
RGB = np.zeros((*SIZE, 3), np.uint8)
CHAIR = (40.0, 10.0, 100.0, 110.0)


def soft(**levels: tuple[float, tuple[int, int, int, int]]) -> Soft:
    """How much each named part (left, top, right, bottom) stands out."""
    drawn = np.zeros(SIZE, np.float32)
    for level, (left, top, right, bottom) in levels.values():
        drawn[top:bottom, left:right] = level
    return drawn


def seen(name: str = "chair", score: float = 0.9, box: tuple[float, float, float, float] = CHAIR) -> Detected:
    return Detected(CATEGORIES[name], score, box)


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> dict[str, Soft]:
    """What the close look shows: set `close["look"]`."""
    shown: dict[str, Soft] = {}
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box: shown["look"])
    return shown


def test_faint_legs_belong_to_a_chair_whose_box_they_fill(close: dict[str, Soft]) -> None:
    close["look"] = soft(seat=(0.9, (40, 10, 100, 60)), legs=(0.2, (42, 60, 98, 109)))
    (chair,) = find_furniture(RGB, np.zeros(SIZE, np.float32), [seen()])
    assert box_of(chair) == (40, 10, 100, 109)


def test_a_shadow_beyond_the_box_is_not_taken_for_legs(close: dict[str, Soft]) -> None:
    close["look"] = soft(all=(0.9, (40, 10, 100, 110)), shadow=(0.2, (60, 80, 158, 119)))
    (chair,) = find_furniture(RGB, np.zeros(SIZE, np.float32), [seen()])
    assert box_of(chair) == (40, 10, 100, 110)


def test_the_whole_picture_shows_the_back_that_the_close_look_lost(close: dict[str, Soft]) -> None:
    close["look"] = soft(seat=(0.9, (40, 60, 100, 90)), legs=(0.2, (42, 90, 98, 109)))
    whole = soft(back=(0.9, (90, 10, 100, 60)), bookcase=(0.9, (0, 0, 60, 50)))
    (chair,) = find_furniture(RGB, whole, [seen()])
    assert chair[20, 95]
    assert not chair[20, 50], "what goes on outside the box is another thing"


def test_what_is_not_furniture_or_not_sure_and_what_hardly_shows_is_left(close: dict[str, Soft]) -> None:
    close["look"] = soft(all=(0.9, (40, 10, 100, 110)))
    nothing = np.zeros(SIZE, np.float32)
    assert find_furniture(RGB, nothing, [seen("cup"), seen(score=0.3)]) == []
    close["look"] = soft(speck=(0.9, (40, 10, 50, 20)))
    assert find_furniture(RGB, nothing, [seen()]) == []


def test_no_pixel_is_of_two_pieces(close: dict[str, Soft]) -> None:
    close["look"] = soft(all=(0.9, (40, 10, 100, 110)))
    found = find_furniture(RGB, np.zeros(SIZE, np.float32), [seen("table"), seen()])
    assert np.sum(found, axis=0).max() == 1


def test_a_seat_in_another_colour_joins_its_chair_and_a_bin_beside_does_not() -> None:
    chair = soft(back=(1.0, (40, 10, 100, 60)), legs=(1.0, (40, 75, 100, 110))) > 0
    seat, other = soft(part=(1.0, (45, 60, 95, 75))) > 0, soft(part=(1.0, (120, 60, 150, 100))) > 0
    whole, others = with_its_parts([chair], [seat, other])
    assert (whole[0] == (chair | seat)).all()
    assert len(others) == 1
    assert (others[0] == other).all()
