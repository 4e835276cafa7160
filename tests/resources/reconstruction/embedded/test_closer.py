"""Close looks: a limited number, each box once."""

from __future__ import annotations

import numpy as np
import pytest

from resources.reconstruction.embedded import closer
from resources.reconstruction.embedded.closer import CloseLooks, thing_in_blob, thing_in_box
from resources.vision import salient

BOX, OTHER = (20.0, 30.0, 60.0, 80.0), (70.0, 30.0, 110.0, 80.0)
SHAPE = (100, 120)
RGB = np.zeros((200, 240, 3), np.uint8)


def drawn(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    soft = np.zeros(RGB.shape[:2], np.float32)
    for left, top, right, bottom in boxes:
        soft[int(2 * top) : int(2 * bottom), int(2 * left) : int(2 * right)] = 0.99
    return soft


def test_no_more_looks_than_allowed_and_each_box_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(closer, "thing_in_box", lambda rgb, shape, box: asked.append(box) or np.ones(shape, bool))
    looks = CloseLooks(RGB, SHAPE, 1)
    assert looks.box(BOX) is not None
    assert looks.box(BOX) is not None
    assert looks.box(OTHER) is None
    assert looks.blob(np.ones(SHAPE, bool), np.zeros(SHAPE, bool)) is None
    assert asked == [BOX]
    assert looks.left == 0


def test_what_stands_out_in_a_box_is_the_thing_unless_it_goes_on_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box, **how: drawn((22, 32, 58, 78)))
    found = thing_in_box(RGB, SHAPE, BOX)
    assert found is not None
    assert found.sum() == pytest.approx(36 * 46, rel=0.02)
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box, **how: drawn((0, 32, 120, 78)))
    assert thing_in_box(RGB, SHAPE, BOX) is None
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box, **how: drawn((22, 32, 34, 40)))
    assert thing_in_box(RGB, SHAPE, BOX) is None, "far smaller than the box"


def test_what_stands_out_near_a_blob_is_it_only_if_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    blob, free = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    blob[30:80, 20:60] = True
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box, **how: drawn(BOX))
    assert thing_in_blob(RGB, blob, free) is not None
    assert thing_in_blob(RGB, blob, blob) is None, "another thing's pixels"
    monkeypatch.setattr(salient, "instance_mask", lambda rgb, box, **how: drawn(OTHER))
    assert thing_in_blob(RGB, blob, free) is None
