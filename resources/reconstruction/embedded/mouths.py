"""Mouths of vessels of the table's colour, where only a part of the vessel stands out.

Of a white bowl on a white table IS-Net sees the rim and the outer wall alone. The hole in it is a level ellipse; the rim is thin
where it is far, and there is the outer wall below. A ring's hole has as much of the ring above it as it is thick, a handle's
hole is beside a body. Of a white cup with a dark inside it sees the inside alone; how far the cup goes down, the detector tells.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import boxes

from .detections import JOINING_SCORE, SAME_BOX, Detected, box_of, share_inside
from .families import FAMILY
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

INSIDE, WIDE, AT_TOP, LOW = 0.9, 0.7, 0.15, 0.6
"""A part is the inside of a vessel that the detector sees: least share of it in the box, least width over the box's, greatest
distance of their upper ends and greatest height, both over the box's height."""
TAPER = 0.85
"""Width of the vessel's foot over that of its mouth: mugs have 0.9 to 1, paper cups 0.7."""


def with_mouths(piece: BoolImage) -> BoolImage:
    """The piece with those of its holes filled that are mouths of vessels."""
    result = piece
    for hole in pieces(~piece):
        if SIZE[0] <= hole.mean() <= SIZE[1] and _is_mouth(hole, piece):
            result = result | morph(hole, cv2.MORPH_DILATE, 3)
    return result


def with_bodies(parts: list[BoolImage], detected: list[Detected]) -> list[BoolImage]:
    """The parts; those that are only the inside of a vessel go on down to the lower end of the detector's box, as a cup does."""
    parts = list(parts)
    for one in detected:
        own = [box for box in map(box_of, parts) if boxes.overlap(box, one.box) >= SAME_BOX]
        if FAMILY.get(one.category.name) != "vessel" or one.score < JOINING_SCORE or own:
            continue
        for k, part in enumerate(parts):
            if _is_inside(part, one):
                others = np.any([other for j, other in enumerate(parts) if j != k] or [np.zeros_like(part)], axis=0)
                parts[k] = part | (_down_to(part, one.box[3]) & ~others)
    return parts


def _is_inside(part: BoolImage, vessel: Detected) -> bool:
    left, top, right, bottom = vessel.box
    x0, y0, x1, y1 = box_of(part)
    tall = bottom - top
    level = share_inside(part, vessel.box) >= INSIDE and abs(y0 - top) <= AT_TOP * tall and y1 - y0 <= LOW * tall
    return level and x1 - x0 >= WIDE * (right - left) and bool(part.sum() >= CONVEX * hull(part).sum())


def _down_to(mouth: BoolImage, row: float) -> BoolImage:
    """The hull of a mouth and of its smaller copy whose lower end is in a row: a cup's outline from above."""
    x0, _, x1, y1 = box_of(mouth)
    middle = (x0 + x1) / 2
    foot = np.array([[TAPER, 0.0, (1 - TAPER) * middle], [0.0, TAPER, row - TAPER * y1]])
    size = (mouth.shape[1], mouth.shape[0])
    moved = cv2.warpAffine(mouth.astype(np.uint8), foot, size, flags=cv2.INTER_NEAREST) > 0
    return hull(mouth | moved)


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
