"""Close looks: what stands out (IS-Net) around a blob of colour, a faint piece or a box, larger than in the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import boxes, salient

from .detections import Box, box_of, ends_by_itself, window_of
from .parting import pieces
from .surface import BoolImage, Image8

SURE = 0.5
"""IS-Net's own threshold between thing and background."""
FAINT = 0.78
"""A piece that stands out less, on average, has not a thing's outline."""
ITSELF = (0.55, 0.4)
"""Of what stands out in a close look at a blob, as much lies in the blob and covers as much of it: shadows and glare fail."""
FILLS = 0.3
"""Least share of its box that a thing fills: a spout, a handle and a tilted bottle leave the rest."""
OF_THE_BOX = 0.6
"""Overlap (intersection over union) of what stands out in a box with the box from which it is what the detector saw."""


def thing_in_blob(rgb: Image8, blob: BoolImage, taken: BoolImage, least: float = 0.0) -> BoolImage | None:
    """What stands out in a close look at a blob, at the blob's size; None when that is not the blob, or fainter than `least`.

    `rgb`: the picture at working size. `taken`: pixels of other things.
    """
    factor = rgb.shape[1] / blob.shape[1]
    left, top, right, bottom = (factor * side for side in box_of(blob))
    soft = _small(
        salient.instance_mask(rgb, (left, top, right, bottom), pad=0.45, pad_pixels=8, clip=False), blob.shape
    )
    inside = [piece for piece in pieces((soft > SURE) & ~taken) if (piece & blob).any()]
    if not inside:
        return None
    mask = max(inside, key=lambda piece: int((piece & blob).sum()))
    both = (mask & blob).sum()
    if both <= ITSELF[0] * mask.sum() or both <= ITSELF[1] * blob.sum() or soft[mask].mean() < least:
        return None
    return mask


class CloseLooks:
    """Close looks at one picture, `most` at most: each takes half a second of CPU time. No box is looked into twice.

    Args:
        rgb: the picture at working size.
        shape: rows and columns of the small picture that boxes and masks belong to.
    """

    def __init__(self, rgb: Image8, shape: tuple[int, ...], most: int) -> None:
        self._rgb, self._shape, self.left = rgb, shape, most
        self._seen: dict[Box, BoolImage | None] = {}

    def box(self, box: Box) -> BoolImage | None:
        """See `thing_in_box`; None too when there were looks enough."""
        if box not in self._seen and self.left > 0:
            self.left -= 1
            self._seen[box] = thing_in_box(self._rgb, self._shape, box)
        return self._seen.get(box)

    def blob(self, blob: BoolImage, taken: BoolImage, least: float = 0.0) -> BoolImage | None:
        """See `thing_in_blob`; None too when there were looks enough."""
        if self.left <= 0:
            return None
        self.left -= 1
        return thing_in_blob(self._rgb, blob, taken, least)


def thing_in_box(rgb: Image8, shape: tuple[int, ...], box: Box) -> BoolImage | None:
    """The thing that the detector saw in `box` (pixels of a picture of `shape`), at that size.

    None when what stands out there does not fit the box, or goes on outside it.
    """
    factor = rgb.shape[1] / shape[1]
    left, top, right, bottom = (factor * side for side in box)
    soft = _small(salient.instance_mask(rgb, (left, top, right, bottom), clip=False), shape)
    window = window_of(box, shape)
    found = pieces((soft > SURE) & window)
    if not found or soft[found[0]].mean() < FAINT or not ends_by_itself(found[0], window, soft > SURE):
        return None
    if boxes.overlap(box_of(found[0]), box) < OF_THE_BOX:
        return None
    return found[0] if found[0].sum() >= FILLS * (box[2] - box[0]) * (box[3] - box[1]) else None


def _small(soft: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(soft, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)
