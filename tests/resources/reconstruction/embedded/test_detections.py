"""What boxes do to masks: they name, join the parts of a thing and cut things out of a piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded.detections import Box, Detected, box_of, cut, join, match
from resources.reconstruction.embedded.naming import is_room


def mask(box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    found = np.zeros((120, 160), bool)
    found[box[1] : box[3], box[0] : box[2]] = True
    return found


def seen(name: str, box: Box, score: float = 0.9) -> Detected:
    return Detected(CATEGORIES[name], score, box)


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
    found = cut(rgb, whole, [seen("cup", (58, 38, 102, 92))])
    assert len(found) == 2
    assert (found[0] & cup).sum() > 0.95 * cup.sum()
    assert (found[0] & ~cup).sum() < 0.05 * cup.sum()
    assert len(cut(rgb, whole, [seen("cup", (58, 38, 102, 92), 0.2)])) == 1


def test_two_sure_pieces_of_furniture_make_a_room() -> None:
    chairs = [seen("chair", (0, 0, 40, 80)), seen("chair", (60, 0, 100, 80))]
    assert is_room(chairs)
    assert not is_room(chairs[:1])
    assert not is_room([seen("cup", (0, 0, 40, 80)), *chairs[:1]])


def test_a_detection_is_scaled_with_its_picture() -> None:
    assert seen("cup", (10, 20, 30, 40)).scaled(0.5).box == (5, 10, 15, 20)
