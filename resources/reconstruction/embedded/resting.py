"""Whether a piece of the picture rests on something, or hangs on a wall as a picture or a letter does."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .parting import morph
from .surface import BoolImage

Array = NDArray[np.float64]

ON_THE_GROUND = 0.3
"""Share of what is right below a piece that is the support plane (or another thing) from which it rests there."""
SAME_COLOR = 7.0
"""LAB units within which what is below a piece is what is beside it: noise and shading of a wall; boards' edges have over 10."""
REACH = 0.25
"""How far below a piece, in its heights, the wall is followed."""
ENOUGH = 20
"""Pixels below and beside that are needed to tell."""


def hangs(lab: Array, piece: BoolImage, others: BoolImage, ground: BoolImage) -> bool:
    """Whether the same even surface shows beside a piece and on below it, and it is not the support plane.

    Where something stands, the surface behind it ends at what it stands on.

    Args:
        lab: the picture, shape (h, w, 3).
        piece: what may hang.
        others: other things.
        ground: where the support plane shows, in light or shade.
    """
    rows, columns = np.nonzero(piece)
    top, bottom, left, right = int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
    margin = max(3, round(0.1 * max(bottom - top, right - left)))
    around = morph(piece, cv2.MORPH_DILATE, 2 * margin + 1) & ~morph(piece, cv2.MORPH_DILATE, 5)
    height, width = piece.shape
    lowest = np.where(piece.any(axis=0), height - 1 - np.argmax(piece[::-1], axis=0), height)
    below = around & (np.arange(height)[:, None] > lowest)
    free = below & ~others
    if below.sum() < ENOUGH or (below & (ground | others)).sum() >= ON_THE_GROUND * below.sum() or free.sum() < ENOUGH:
        return False
    color = np.median(lab[free], axis=0)
    end = min(height, bottom + 1 + max(margin, round(REACH * (bottom - top))))
    beside = np.zeros_like(piece)
    beside[top:end, max(0, left - 2 * margin) : min(width, right + 1 + 2 * margin)] = True
    beside &= ~morph(piece | others, cv2.MORPH_DILATE, 5)
    levels = [lab[y][beside[y]] for y in range(top, end) if beside[y].sum() >= 2]
    if len(levels) < 0.5 * (end - top):
        return False
    apart = np.linalg.norm(np.array([np.median(level, axis=0) for level in levels]) - color, axis=1)
    return bool(np.percentile(apart, 90) < SAME_COLOR)
