"""Objects that nobody pointed out, on drawn pictures: what is one, what are two, what is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, revolved
from fixtures.synthetic_photo import Thing, draw
from resources.reconstruction.embedded.instances import segment

CAN = Thing(revolved([0.1, 0.1], [0, 0.25], 48), (-0.2, 1.5, 0), 0.0, (50, 90, 190))


def found(rgb: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
    return [instance.mask for instance in segment(rgb, None, 0.0).instances]


def test_touching_things_of_two_colours_are_two() -> None:
    photo = draw((CAN, Thing(cuboid((0.12, 0.12, 0.12), 2), (-0.1, 1.3, 0), 0.4, (70, 170, 60))))
    masks = found(photo.rgb)
    assert len(masks) == 2
    for k in (1, 2):
        true = photo.ids == k
        assert max((true & mask).sum() / (true | mask).sum() for mask in masks) > 0.8


def test_a_soft_patch_of_light_is_no_object() -> None:
    photo = draw((CAN,))
    patch = np.zeros(photo.rgb.shape[:2], np.float32)
    cv2.ellipse(patch, (560, 420), (60, 40), 0, 0, 360, 60.0, -1)
    light = cv2.GaussianBlur(patch, (0, 0), 18)[..., None]
    masks = found(np.clip(photo.rgb + light, 0, 255).astype(np.uint8))
    assert len(masks) == 1


def test_a_cast_shadow_stays_out_of_the_mask() -> None:
    photo = draw((CAN,))
    shade = np.zeros(photo.rgb.shape[:2], np.float32)
    rows, columns = np.nonzero(photo.ids)
    x, y = int(columns.max()), int(rows.max())
    cv2.ellipse(shade, (x + 15, y - 12), (60, 16), 0, 0, 360, 1.0, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 2) * (photo.ids == 0)
    # In linear light, 35 % of it is left.
    dark = photo.rgb * ((1 - 0.65 * shade) ** (1 / 2.2))[..., None]
    masks = found(dark.astype(np.uint8))
    true = photo.ids > 0
    assert len(masks) == 1
    assert (true & masks[0]).sum() / (true | masks[0]).sum() > 0.85
