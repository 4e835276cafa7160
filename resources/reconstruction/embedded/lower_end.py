"""The lower end of a thing that its mask lacks: a foot in shade or in another colour, where what stands out ends too early.

Too short a mask is worse than one with a ragged side: its lower end is where the thing is taken to stand, so it comes out smaller
and farther away. What lies right under a mask, within its width, and has a colour that no light gives the plane, is the thing's.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .hue import off_plane
from .parting import morph, pieces
from .surface import BoolImage, ColorSurface

Array = NDArray[np.float64]

OFF_HUE, CLEARLY = 8.0, 12.0
"""LAB units in a and b off the plane's hue: of each pixel, and of all together at the median. Shade has under 6 (hue.py);
the glow that a strongly coloured thing throws on the plane under it reaches 12."""
SHARE = (0.03, 0.5)
"""Of the mask's area: less is its blurred border, more is another thing."""
SPILL = 0.25
"""Share of what surrounds the found end that may be off the plane's hue too: more is a patterned cloth, or something that only
begins there."""
CLOTH = 0.1
"""The same share of the plane around the thing's lower half, above which the plane has a pattern of several hues."""


def with_lower_ends(masks: list[BoolImage], lab: Array, plane: ColorSurface) -> list[BoolImage]:
    """The masks, each with the lower end that it lacks, where one shows.

    Args:
        masks: of all things, shape (h, w) each; none takes pixels of another.
        lab: the picture, shape (h, w, 3).
        plane: its support plane.
    """
    if not masks:
        return []
    taken = np.any(masks, axis=0)
    away = off_plane(lab, plane)
    strange = (away > OFF_HUE) & ~plane.region & ~taken
    found = []
    for mask in masks:
        end = _lower_end(mask, strange, taken & ~mask, away)
        if end is not None:
            taken, strange = taken | end, strange & ~end
            mask = mask | end
            mask |= morph(mask, cv2.MORPH_CLOSE, 3) & ~taken
        found.append(mask)
    return found


def _lower_end(mask: BoolImage, strange: BoolImage, others: BoolImage, away: Array) -> BoolImage | None:
    """The largest piece of `strange` that hangs from the mask's lower border, None where it is not the thing's."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    lowest = mask.shape[0] - 1 - np.argmax(mask[::-1][:, columns], axis=0)
    under = np.arange(mask.shape[0])[:, None] > lowest
    unbroken = np.logical_and.accumulate(strange[:, columns] | ~under, axis=0) & under
    hanging = np.zeros_like(mask)
    hanging[:, columns] = unbroken
    found = pieces(morph(hanging, cv2.MORPH_OPEN, 3))
    if not found:
        return None
    end = found[0]
    if not SHARE[0] <= end.sum() / mask.sum() <= SHARE[1] or np.median(away[end]) < CLEARLY:
        return None
    free = ~(end | mask | others)
    if _share(strange, morph(end, cv2.MORPH_DILATE, 5) & free) > SPILL:
        return None
    tall, wide = rows[-1] - rows[0], columns[-1] - columns[0]
    near = np.zeros_like(mask)
    near[rows[0] + tall // 2 : rows[-1] + tall // 2, max(0, columns[0] - wide // 2) : columns[-1] + wide // 2] = True
    return end if _share(strange, near & free) <= CLOTH else None


def _share(of: BoolImage, region: BoolImage) -> float:
    return float(of[region].mean()) if region.any() else 0.0
