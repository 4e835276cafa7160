"""What a mask lacks at its lower end is added where no light gives the table its colour; shade and other things are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resources.reconstruction.embedded.lower_end import with_lower_ends
from resources.reconstruction.embedded.surface import find_plane, to_lab

BLUE, WOOD = (20, 70, 190), (150, 95, 50)
RED, GREEN = (200, 40, 60), (40, 160, 60)
LID, BODY = (slice(60, 90), slice(100, 160)), (slice(90, 102), slice(100, 160))


def grown(rgb: NDArray, *masks: NDArray) -> list[NDArray]:
    noisy = np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)
    lab = to_lab(noisy)
    things = np.zeros(rgb.shape[:2], bool)
    things[50:130, 80:190] = True
    plane = find_plane(lab, things, 0.0)
    assert plane is not None
    return with_lower_ends(list(masks), lab, plane)


def picture(table: tuple[int, int, int], below: tuple[int, int, int] | None) -> tuple[NDArray, NDArray]:
    """A red lid whose mask is right, and what shows below it."""
    rgb = np.full((200, 260, 3), table, float)
    rgb[LID] = RED
    if below is not None:
        rgb[BODY] = below
    mask = np.zeros(rgb.shape[:2], bool)
    mask[LID] = True
    return rgb, mask


@pytest.mark.parametrize(
    ("table", "below"), [(BLUE, GREEN), (WOOD, GREEN), (BLUE, (90, 20, 30)), ((120, 118, 115), RED)]
)
def test_a_foot_of_another_hue_is_the_things(table: tuple[int, int, int], below: tuple[int, int, int]) -> None:
    rgb, mask = picture(table, below)
    (found,) = grown(rgb, mask)
    whole = mask.copy()
    whole[BODY] = True
    assert (found & whole).sum() / (found | whole).sum() > 0.95


@pytest.mark.parametrize("table", [BLUE, WOOD, (120, 118, 115)])
def test_shade_and_glare_under_a_thing_are_not(table: tuple[int, int, int]) -> None:
    for light in (0.3, 0.6, 1.25):
        rgb, mask = picture(table, tuple(min(255, int(light * value)) for value in table))
        (found,) = grown(rgb, mask)
        assert np.array_equal(found, mask)


def test_nothing_is_added_where_the_table_begins() -> None:
    rgb, mask = picture(WOOD, None)
    (found,) = grown(rgb, mask)
    assert np.array_equal(found, mask)


def test_what_goes_on_beside_the_mask_is_something_else() -> None:
    rgb, mask = picture(BLUE, None)
    rgb[90:115, 85:185] = GREEN  # a wider thing in front, which nobody named
    (found,) = grown(rgb, mask)
    assert np.array_equal(found, mask)


def test_a_patterned_cloth_goes_on_where_the_thing_does_not() -> None:
    rgb, mask = picture(BLUE, GREEN)
    assert grown(rgb, mask)[0].sum() > 1.2 * mask.sum()
    for top in range(80, 125, 12):
        rgb[top : top + 6, 70:95] = rgb[top : top + 6, 165:190] = GREEN
    assert np.array_equal(grown(rgb, mask)[0], mask)


def test_pixels_of_others_stay_theirs_and_much_more_than_the_mask_is_not_its_end() -> None:
    rgb, mask = picture(BLUE, GREEN)
    other = np.zeros_like(mask)
    other[102:112, 100:160] = True
    first, second = grown(rgb, mask, other)
    assert np.array_equal(second, other)
    assert not (first & other).any()
    assert first[92:100, 105:155].all()
    small = np.zeros_like(mask)
    small[80:90, 100:160] = True
    assert np.array_equal(grown(rgb, small)[0], small)


def test_no_things_no_masks() -> None:
    rgb, _ = picture(BLUE, None)
    assert grown(rgb) == []
