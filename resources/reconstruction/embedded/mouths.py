"""Mouths: holes in what stands out that are the inside of a vessel of the table's colour, a white bowl on a white table.

IS-Net then sees the rim and the outer wall alone. Such a hole is a level ellipse; the rim is thin where it is far, and there is
the outer wall below. A ring's hole has as much of the ring above it as it is thick, a handle's hole is beside a body.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .parting import hull, morph, pieces
from .surface import BoolImage

SIZE = (0.0008, 0.08)
"""Share of the picture that a mouth covers: a smaller one is a few pixels, a larger one a table between its joints."""
ELLIPSE = 0.975
"""Least area over that of the ellipse with the same second moments: 1 for an ellipse, 0.955 for a parallelogram (a tile)."""
CONVEX = 0.93
LEVEL = 0.35
"""Tangent of the angle by which the long axis may be off the picture's rows, if it is longer than the short one by LONGER."""
LONGER = 1.3
FAR_RIM = 0.3
"""Greatest thickness of what lies right above the hole, over the hole's height: a ring's is about as thick as above it."""
WALL = 1.5
"""Least thickness of what lies below the hole, over that above: the outer wall is seen below, at the near side."""


def with_mouths(piece: BoolImage) -> BoolImage:
    """The piece with those of its holes filled that are mouths of vessels."""
    result = piece
    for hole in pieces(~piece):
        if SIZE[0] <= hole.mean() <= SIZE[1] and _is_mouth(hole, piece):
            result = result | morph(hole, cv2.MORPH_DILATE, 3)
    return result


def _is_mouth(hole: BoolImage, piece: BoolImage) -> bool:
    rows, columns = np.nonzero(hole)
    if rows.min() == 0 or columns.min() == 0 or rows.max() == hole.shape[0] - 1 or columns.max() == hole.shape[1] - 1:
        return False
    if hole.sum() < CONVEX * hull(hole).sum():
        return False
    spread = np.cov(np.stack([columns, rows]).astype(float))
    if len(rows) < ELLIPSE * 4 * np.pi * np.sqrt(np.linalg.det(spread)):
        return False
    values, vectors = np.linalg.eigh(spread)
    long_axis = vectors[:, 1]
    if values[1] > LONGER**2 * values[0] and abs(long_axis[1]) > LEVEL * abs(long_axis[0]):
        return False
    above, below = _thickness(piece, hole)
    return bool(above <= FAR_RIM * np.ptp(rows) and below >= WALL * above)


def _thickness(piece: BoolImage, hole: BoolImage) -> tuple[float, float]:
    """Pixels of the piece right above and right below a hole, the median over the middle half of its columns."""
    columns = np.flatnonzero(hole.any(axis=0))
    counted: list[tuple[int, int]] = []
    for x in columns[len(columns) // 4 : max(len(columns) // 4 + 1, 3 * len(columns) // 4)]:
        inside = np.flatnonzero(hole[:, x])
        counted.append((_run(piece[: inside[0], x][::-1]), _run(piece[inside[-1] + 1 :, x])))
    above, below = np.median(np.array(counted), axis=0)
    return float(above), float(below)


def _run(line: NDArray[np.bool_]) -> int:
    """How many pixels at its start are set."""
    return int(np.argmin(line)) if not line.all() else len(line)
