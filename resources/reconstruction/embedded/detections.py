"""What the detector names, and how its boxes part one piece of foreground into things."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from blueprint_assets.household import Category, from_label
from resources.vision import boxes

from .parting import morph, pieces, solidity
from .surface import BoolImage, Image8

LEAST_SCORE = 0.2
"""Below this the detector's boxes are noise."""
PARTING_SCORE = 0.45
JOINING_SCORE = 0.3
"""A box that parts a piece, or joins parts of it, must be as sure."""
SAME_BOX = 0.5
"""Overlap (intersection over union) of a mask's box with the detector's from which they are the same thing."""
WHOLE_BOX = 0.8
"""Overlap from which a detection's box leaves no room for a second thing."""
JOINED = 0.7
"""Overlap that parts together must reach with a box to be one thing, and more than any of them alone by JOIN_GAIN."""
JOIN_GAIN = 0.06
WHOLE = 0.9
"""What is left of a piece that was as convex is one thing, though what was cut out of it parts it."""
LARGE = 0.5
"""A box over more of the picture that is a table, bed or desk is what the things stand on."""
CARRIERS = {"table", "desk", "bed", "bench", "counter", "coffee table", "side table", "sofa"}

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Detected:
    """A thing by the detector: the catalogue's row, how sure (0..1), and its box (left, top, right, bottom) in pixels."""

    category: Category
    score: float
    box: Box

    def scaled(self, factor: float) -> Detected:
        """The same in the picture scaled by `factor`."""
        left, top, right, bottom = (factor * side for side in self.box)
        return Detected(self.category, self.score, (left, top, right, bottom))


def detect(rgb: Image8) -> list[Detected]:
    """Household things in the picture, best first. The table that fills the picture is left out."""
    height, width = rgb.shape[:2]
    found = []
    for one in boxes.detect(rgb, score=LEAST_SCORE):
        row = from_label("coco", one.label)
        share = (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]) / (width * height)
        if row is None or (row.name in CARRIERS and share > LARGE):
            continue
        found.append(Detected(row, one.score, one.box))
    return found


def box_of(mask: BoolImage) -> Box:
    """The mask's bounding box: left, top, right, bottom."""
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def match(mask: BoolImage, detected: list[Detected], least: float = LEAST_SCORE) -> Detected | None:
    """The surest detection, of a score of `least` or more, whose box is the mask's."""
    box = box_of(mask)
    same = [one for one in detected if one.score >= least and boxes.overlap(box, one.box) >= SAME_BOX]
    return max(same, key=lambda one: one.score * boxes.overlap(box, one.box)) if same else None


def is_whole(mask: BoolImage, detected: list[Detected]) -> bool:
    """Whether a sure detection has just the mask's box, so that it is one thing whatever its colours."""
    box = box_of(mask)
    return any(
        one.score >= PARTING_SCORE and one.category.name not in CARRIERS and boxes.overlap(box, one.box) >= WHOLE_BOX
        for one in detected
    )


def join(parts: list[BoolImage], detected: list[Detected]) -> list[BoolImage]:
    """The parts, those together that make up one detected thing: a ball's coloured panels, a chair's seat and legs."""
    parts = list(parts)
    for one in detected:
        if one.score < JOINING_SCORE or one.category.name in CARRIERS:
            continue
        inside = [part for part in parts if share_inside(part, one.box) > 0.8]
        if len(inside) < 2:
            continue
        union = np.any(inside, axis=0)
        best = max(boxes.overlap(box_of(part), one.box) for part in inside)
        if boxes.overlap(box_of(union), one.box) >= max(JOINED, best + JOIN_GAIN):
            parts = [part for part in parts if all(part is not other for other in inside)] + [union]
    return parts


def cut(rgb: Image8, part: BoolImage, detected: list[Detected]) -> list[BoolImage]:
    """The part, and out of it the things that the detector sees within: a cup on a saucer, a mug before a book.

    A box that is the part's own cuts nothing. Colours decide (GrabCut) from the middle of the box.
    """
    own = box_of(part)
    area = (own[2] - own[0]) * (own[3] - own[1])
    rest, found = part, []
    for one in detected:
        left, top, right, bottom = one.box
        size = (right - left) * (bottom - top)
        if one.score < PARTING_SCORE or size > 0.8 * area or boxes.overlap(own, one.box) > SAME_BOX + 0.1:
            continue
        x0, y0, x1, y1 = (round(side) for side in one.box)
        window = np.zeros_like(part)
        window[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True
        if (part & window).sum() < 0.35 * size:
            continue
        piece = _grabbed(rgb, rest, window, one.box)
        if piece is not None and piece.sum() < 0.9 * part.sum():
            found.append(piece)
            rest = rest & ~piece
    if not found:
        return [part]
    left_over = [piece for piece in pieces(morph(rest, cv2.MORPH_OPEN, 3)) if piece.sum() > 0.05 * part.sum()]
    if len(left_over) > 1 and solidity(part) > WHOLE:
        left_over = [np.any(left_over, axis=0)]  # a plate goes on behind the cup
    return found + left_over


def _grabbed(rgb: Image8, part: BoolImage, window: BoolImage, box: Box) -> BoolImage | None:
    """The thing in the middle of the box, within the part; None when nothing of its size holds together there."""
    left, top, right, bottom = box
    middle = np.zeros(part.shape, np.uint8)
    center = (round((left + right) / 2), round((top + bottom) / 2))
    cv2.ellipse(
        middle, center, (max(1, round(0.3 * (right - left))), max(1, round(0.3 * (bottom - top)))), 0, 0, 360, 1, -1
    )
    core = (middle > 0) & part
    label = np.full(part.shape, cv2.GC_BGD, np.uint8)
    label[part & window] = cv2.GC_PR_FGD
    label[core] = cv2.GC_FGD
    if not core.any() or not (part & ~window).any():
        return None
    # What of the part lies outside the box is its neighbour; the table around both is background too.
    y0, y1 = max(0, int(top) - 20), int(bottom) + 20
    x0, x1 = max(0, int(left) - 20), int(right) + 20
    crop = np.ascontiguousarray(rgb[y0:y1, x0:x1, ::-1])
    part_label = np.ascontiguousarray(label[y0:y1, x0:x1])
    cv2.setRNGSeed(0)
    part_label, _, _ = cv2.grabCut(
        crop, part_label, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK
    )
    taken = np.zeros_like(part)
    taken[y0:y1, x0:x1] = (part_label == cv2.GC_FGD) | (part_label == cv2.GC_PR_FGD)
    taken = morph(morph(taken, cv2.MORPH_OPEN, 3), cv2.MORPH_CLOSE, 5) & part
    whole = pieces(taken)
    if not whole or boxes.overlap(box_of(whole[0]), box) < SAME_BOX:
        return None
    return whole[0]


def share_inside(part: BoolImage, box: Box) -> float:
    """How much of a mask lies inside a box (two pixels of margin)."""
    x0, y0, x1, y1 = (round(side) for side in box)
    return float(part[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2].sum()) / max(1, int(part.sum()))
