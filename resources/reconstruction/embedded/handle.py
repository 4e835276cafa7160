"""What a mask shows beside a round body: a handle or a spout, added as an upright slab through the body's axis."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .silhouette import BoolImage, Silhouette

PART_SHARE = (0.015, 0.3)
"""A handle's area over the mask's, least and most."""
PART_THICKNESS = 0.3
"""Its thickness over the body's radius (mug handles: 0.2-0.4). Not seen."""


def part_beside(view: Silhouette, drawn: NDArray[np.uint8]) -> BoolImage | None:
    """The largest piece of mask beside a drawn body, grown into the body so that their union is one; None if too small
    or too large to be a part."""
    beside = view.mask & ~cv2.erode(drawn, np.ones((3, 3), np.uint8)).astype(bool)
    core = cv2.morphologyEx((beside & (drawn == 0)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core)
    if count < 2:
        return None
    k = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if not PART_SHARE[0] <= stats[k, cv2.CC_STAT_AREA] / view.mask.sum() <= PART_SHARE[1]:
        return None
    grown: BoolImage = cv2.dilate((labels == k).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool) & view.mask
    return grown
