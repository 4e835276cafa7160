"""Objects that nobody pointed out, on drawn pictures: what is one, what are two, what is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, revolved
from fixtures.synthetic_photo import Thing, draw
from resources.reconstruction.embedded.instances import segment
from resources.reconstruction.embedded.proposals import SHADE_TINT, without_shadow
from resources.reconstruction.embedded.surface import ColorSurface, dimmed, find_plane, to_lab

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


def on_the_table(
    rgb: NDArray[np.uint8], *parts: tuple[slice, slice]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], ColorSurface]:
    """The picture's colours, the mask of a thing of these parts, and the table's colour around it."""
    lab, mask = to_lab(rgb), np.zeros(rgb.shape[:2], bool)
    for part in parts:
        mask[part] = True
    plane = find_plane(lab, mask, 0.0)
    assert plane is not None
    return lab, mask, plane


JAR = np.s_[60:180, 120:180]


def test_a_band_of_the_shaded_tables_colour_across_a_jar_is_no_shadow() -> None:
    rgb = np.full((240, 320, 3), (150, 145, 140), np.uint8)
    rgb[JAR], rgb[110:145, 120:180] = (150, 30, 120), (112, 108, 104)
    lab, jar, plane = on_the_table(rgb, JAR)
    assert (without_shadow(jar, rgb, lab, plane) == jar).all()


def test_a_shadow_of_the_tables_colour_at_the_foot_of_a_jar_is_taken_off() -> None:
    rgb = np.full((240, 320, 3), (150, 145, 140), np.uint8)
    rgb[JAR], rgb[150:180, 120:180] = (150, 30, 120), (112, 108, 104)
    lab, jar, plane = on_the_table(rgb, JAR)
    left = without_shadow(jar, rgb, lab, plane)
    assert left[62:146, 122:178].all()
    assert not left[154:].any()


def test_a_dark_red_cap_on_a_gray_table_is_no_shadow() -> None:
    rgb = np.full((240, 320, 3), (152, 141, 122), np.uint8)
    rgb[JAR], rgb[60:80, 120:180] = (20, 110, 60), (101, 57, 66)
    lab, jar, plane = on_the_table(rgb, JAR)
    assert dimmed(rgb, plane, SHADE_TINT)[62:78, 122:178].all(), "or the cap is not even suspected"
    assert (without_shadow(jar, rgb, lab, plane) ^ jar).sum() <= 8


def test_the_foot_below_a_label_of_the_tables_colour_stays() -> None:
    rgb = np.full((240, 320, 3), (150, 145, 140), np.uint8)
    rgb[60:150, 120:180], rgb[162:185, 120:180] = (20, 40, 120), (20, 40, 120)
    lab, bottle, plane = on_the_table(rgb, np.s_[60:150, 120:180], np.s_[162:185, 120:180])
    assert (without_shadow(bottle, rgb, lab, plane) ^ bottle).sum() <= 8


def test_of_nothing_nothing_is_left() -> None:
    rgb = np.full((240, 320, 3), (150, 145, 140), np.uint8)
    lab, nothing, plane = on_the_table(rgb)
    assert not without_shadow(nothing, rgb, lab, plane).any()
