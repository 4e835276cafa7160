"""What hangs on a wall and what stands, on drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resources.reconstruction.embedded.resting import hangs
from resources.reconstruction.embedded.surface import to_lab

WALL, BOARD, TABLE, THING = (40, 60, 110), (150, 130, 100), (190, 170, 150), (230, 230, 230)


def scene(
    thing: tuple[int, int, int, int], board: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """LAB, the thing (left, top, right, bottom) and the ground: a wall, a table below row 180, a board below row `board`."""
    rgb = np.full((240, 320, 3), WALL, np.uint8)
    rgb[180:] = TABLE
    if board is not None:
        rgb[board : board + 12] = BOARD
    left, top, right, bottom = thing
    rgb[top:bottom, left:right] = THING
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    mask, ground = np.zeros((240, 320), bool), np.zeros((240, 320), bool)
    mask[top:bottom, left:right] = True
    ground[180:] = True
    return to_lab(rgb), mask, ground & ~mask


def test_a_letter_on_a_wall_hangs() -> None:
    lab, mask, ground = scene((120, 60, 160, 110))
    assert hangs(lab, mask, np.zeros_like(mask), ground)


@pytest.mark.parametrize("bottom", [178, 182, 200])
def test_what_reaches_the_table_stands(bottom: int) -> None:
    lab, mask, ground = scene((120, 100, 160, bottom))
    assert not hangs(lab, mask, np.zeros_like(mask), ground)


def test_what_stands_on_a_board_before_the_wall_stands() -> None:
    lab, mask, ground = scene((120, 60, 160, 112), board=110)
    assert not hangs(lab, mask, np.zeros_like(mask), ground)


def test_what_stands_on_another_thing_stands() -> None:
    lab, mask, ground = scene((120, 60, 160, 110))
    other = np.zeros_like(mask)
    other[110:180, 100:180] = True
    assert not hangs(lab, mask, other, ground)
