"""What boxes do to masks: they name, join the parts of a thing and cut things out of a piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded.detections import (
    Box,
    Detected,
    box_of,
    completed_in_boxes,
    cut,
    ends_by_itself,
    is_whole,
    join,
    match,
    window_of,
)
from resources.reconstruction.embedded.naming import is_room


def mask(box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    found = np.zeros((120, 160), bool)
    found[box[1] : box[3], box[0] : box[2]] = True
    return found


def seen(name: str, box: Box, score: float = 0.9) -> Detected:
    return Detected(CATEGORIES[name], score, box)


def nothing(box: Box) -> NDArray[np.bool_] | None:
    return None


def test_the_surest_box_that_is_the_masks_names_it() -> None:
    one = mask((20, 20, 60, 80))
    assert box_of(one) == (20, 20, 60, 80)
    near, far = seen("cup", (22, 20, 60, 80)), seen("bowl", (100, 20, 150, 80), 0.99)
    assert match(one, [far, near]) is near
    assert match(one, [far]) is None
    assert match(one, [near], least=0.95) is None


def test_parts_that_fill_a_box_together_are_one_thing() -> None:
    upper, lower, other = mask((20, 20, 60, 50)), mask((20, 50, 60, 90)), mask((100, 20, 140, 60))
    joined = join([upper, lower, other], [seen("chair", (20, 20, 60, 90))])
    assert sorted(int(one.sum()) for one in joined) == [40 * 40, 40 * 70]
    assert len(join([upper, lower, other], [seen("chair", (20, 20, 60, 90), 0.1)])) == 3
    assert len(join([upper, lower, other], [seen("table", (20, 20, 60, 90))])) == 3


def test_a_cup_is_cut_out_of_its_saucer_which_stays_one() -> None:
    rgb = np.full((120, 160, 3), 120, np.uint8)
    whole = mask((10, 40, 150, 90))
    rgb[whole] = (40, 60, 190)
    cup = mask((60, 40, 100, 90))
    rgb[cup] = (220, 60, 40)
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    found = cut(rgb, whole, [seen("cup", (58, 38, 102, 92))], nothing)
    assert len(found) == 2
    assert (found[0] & cup).sum() > 0.95 * cup.sum()
    assert (found[0] & ~cup).sum() < 0.05 * cup.sum()
    assert len(cut(rgb, whole, [seen("cup", (58, 38, 102, 92), 0.2)], nothing)) == 2, "colours fit the unsure box"
    assert len(cut(rgb, whole, [seen("cup", (30, 60, 72, 92), 0.2)], nothing)) == 1


def test_a_close_look_cuts_out_what_has_its_neighbours_colour() -> None:
    rgb = np.full((120, 160, 3), 120, np.uint8)
    whole, cup = mask((10, 60, 150, 90)) | mask((60, 20, 100, 90)), mask((60, 20, 100, 90))
    rgb[whole] = (40, 60, 190)
    box = (58, 18, 102, 92)
    found = cut(rgb, whole, [seen("cup", box)], lambda asked: cup if asked == box else None)
    assert len(found) == 3, "the cup and the saucer's two sides"
    assert (found[0] == cup).all()


def test_what_goes_on_outside_the_window_does_not_end_by_itself() -> None:
    whole, window = mask((10, 40, 150, 90)), window_of((58, 38, 102, 92), (120, 160))
    assert not ends_by_itself(whole & window, window, whole)
    assert ends_by_itself(mask((62, 44, 98, 88)), window, whole)


def test_without_an_edge_of_colour_nothing_is_cut_out() -> None:
    rgb = np.full((120, 160, 3), 120, np.uint8)
    whole = mask((10, 40, 150, 90))
    rgb[whole] = (40, 60, 190)
    rgb = np.clip(rgb + np.random.default_rng(0).normal(0, 1, rgb.shape), 0, 255).astype(np.uint8)
    assert len(cut(rgb, whole, [seen("spoon", (58, 38, 102, 92))], nothing)) == 1


def test_the_inside_of_a_mug_is_part_of_it_and_a_block_before_it_is_not() -> None:
    mug, inside, block = mask((20, 30, 60, 80)), mask((24, 20, 56, 30)), mask((40, 62, 58, 80))
    parts = completed_in_boxes([mug & ~block, inside, block], [seen("cup", (20, 20, 60, 80))])
    assert sorted(int(one.sum()) for one in parts) == sorted(
        [int(block.sum()), int((mug | inside).sum() - block.sum())]
    )


def test_what_fills_a_sure_box_is_whole_and_what_sticks_out_of_it_is_not() -> None:
    one = mask((20, 20, 60, 80))
    assert is_whole(one, [seen("cup", (22, 20, 60, 80))])
    assert not is_whole(one, [seen("cup", (22, 40, 60, 80))])
    assert is_whole(one, [seen("cup", (20, 22, 62, 80), 0.25)])
    assert not is_whole(one | mask((60, 20, 70, 60)), [seen("cup", (20, 20, 60, 80))])
    assert not is_whole(one, [seen("table", (22, 20, 60, 80))])


def test_two_sure_pieces_of_furniture_make_a_room() -> None:
    chairs = [seen("chair", (0, 0, 40, 80)), seen("chair", (60, 0, 100, 80))]
    assert is_room(chairs)
    assert not is_room(chairs[:1])
    assert not is_room([seen("cup", (0, 0, 40, 80)), *chairs[:1]])


def test_a_detection_is_scaled_with_its_picture() -> None:
    assert seen("cup", (10, 20, 30, 40)).scaled(0.5).box == (5, 10, 15, 20)


def _board_with_a_cup_and_a_block() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A large thing with a cup at one end and something small and whole, or an end in the cup's colour, beside it."""
    rgb = np.full((120, 160, 3), 120, np.uint8)
    piece = mask((10, 30, 100, 100)) | mask((100, 72, 130, 100))
    rgb[mask((10, 30, 100, 100))], rgb[mask((100, 72, 130, 100))] = (40, 60, 190), (220, 60, 40)
    return rgb, piece


def test_a_small_whole_thing_beside_what_is_cut_out_is_left() -> None:
    rgb, piece = _board_with_a_cup_and_a_block()
    block = mask((130, 86, 146, 100))
    rgb[block] = (230, 200, 30)
    piece = piece | block
    assert 0.002 * block.size < block.sum() < 0.05 * piece.sum()
    parts = cut(rgb, piece, [seen("cup", (100, 72, 130, 100))], nothing)
    assert any((part & block).sum() > 0.6 * block.sum() and part.sum() < 1.3 * block.sum() for part in parts)


def test_an_end_in_the_cups_colour_goes_with_it() -> None:
    rgb, piece = _board_with_a_cup_and_a_block()
    end = mask((104, 100, 126, 108))
    rgb[end] = (220, 60, 40)
    parts = cut(rgb, piece | end, [seen("cup", (100, 72, 130, 97))], nothing)
    cup = max(parts, key=lambda part: int((part & mask((100, 72, 130, 100))).sum()))
    assert (cup & end).sum() > 0.8 * end.sum()
