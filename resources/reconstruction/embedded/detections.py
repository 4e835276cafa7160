"""What the detector names, and how its boxes part one piece of foreground into things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from blueprint_assets.household import Category, from_label
from resources.vision import boxes

from .parting import closed, morph, pieces, solidity, step
from .surface import BoolImage, Image8, to_lab

LEAST_SCORE = 0.2
"""Below this the detector's boxes are noise."""
PARTING_SCORE = 0.45
JOINING_SCORE = 0.3
"""From the first a box parts a piece by itself, below where colours fit it; from the second it joins."""
SAME_BOX = 0.5
"""Overlap (intersection over union) of a mask's box with the detector's from which they are the same thing."""
WHOLE_BOX, SURE_BOX = 0.8, 0.7
"""Overlap from which a detection's box, or a sure detection's, leaves no room for a second thing."""
ALL_INSIDE = 0.94
"""Share of a mask inside a box from which nothing of another thing sticks out of it."""
INEXACT = 0.08
"""A side of a box may be off by this share of the box: its overlap with the truth is 0.85-0.95."""
LEAST_STEP = 4.0
"""LAB units by which colours change where they part two things; within one thing GrabCut ends where its seed ends (1-3)."""
CLEAR_BOX = 0.85
"""Overlap with its box from which what colours cut out needs no close look."""
CLIPPED = 0.15
"""Share of an outline on the window's edge, with more of the same foreground beyond, up to which the outline is the thing's."""
FITTING_BOX = 0.6
"""Overlap with its box that what an unsure detection cuts out must have: colours then say the same as the detector."""
JOINED = 0.7
"""Overlap that parts together must reach with a box to be one thing, and more than any of them alone by JOIN_GAIN."""
JOIN_GAIN = 0.06
LEFT_OVER = (0.05, 0.002, 0.8)
"""Share of a piece, or share of the picture and convexity, from which what is left beside the things cut out of it is a thing."""
LEAST_SEAM = 0.7
"""Pixels of border with a thing, over the square root of its area, from which a small end may be that thing's."""
WHOLE = 0.9
"""What is left of a piece that was as convex is one thing, though what was cut out of it parts it."""
INNER = (0.4, 0.3, 0.4)
"""Of a boxed thing, largest part (area over the rest's), how far above its foot the part ends (in heights of the box), and
share of the part's rim that borders on the rest."""
LARGE = 0.5
"""A box over more of the picture that is a table, bed or desk is what the things stand on."""
CARRIERS = {"table", "desk", "bed", "bench", "counter", "coffee table", "side table", "sofa"}

Box = tuple[float, float, float, float]
Closer = Callable[[Box], BoolImage | None]
"""A close look: from a box to the mask of the thing in it, None where none fits."""


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


def detect(rgb: Image8) -> tuple[list[Detected], list[Box]]:
    """Household things in the picture, best first, and boxes of what the detector takes for something else (a cube for a sign).

    The table that fills the picture is left out, and so are people."""
    height, width = rgb.shape[:2]
    found, nameless = [], []
    for one in boxes.detect(rgb, score=LEAST_SCORE):
        row = from_label("coco", one.label)
        share = (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]) / (width * height)
        if row is None and one.label != "person":
            nameless.append(one.box)
        elif row is not None and (row.name not in CARRIERS or share <= LARGE):
            found.append(Detected(row, one.score, one.box))
    return found, nameless


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
    """Whether a detection has just the mask's box, so that it is one thing whatever its colours."""
    box = box_of(mask)
    return any(
        one.category.name not in CARRIERS
        and boxes.overlap(box, one.box) >= (WHOLE_BOX if one.score < PARTING_SCORE else SURE_BOX)
        and share_inside(mask, one.box) >= ALL_INSIDE
        for one in detected
    )


def join(parts: list[BoolImage], detected: list[Detected]) -> list[BoolImage]:
    """The parts, those together that make up one detected thing: a ball's coloured panels, a chair's seat and legs."""
    likely = [one.box for one in detected if one.score >= JOINING_SCORE and one.category.name not in CARRIERS]
    return join_in(parts, likely)


def join_in(parts: list[BoolImage], likely: list[Box]) -> list[BoolImage]:
    """The parts, those together that fill one of the boxes."""
    parts = list(parts)
    for box in likely:
        inside = [part for part in parts if share_inside(part, box) > 0.8]
        if len(inside) < 2:
            continue
        union = np.any(inside, axis=0)
        best = max(boxes.overlap(box_of(part), box) for part in inside)
        if boxes.overlap(box_of(union), box) >= max(JOINED, best + JOIN_GAIN):
            parts = [part for part in parts if all(part is not other for other in inside)] + [union]
    return parts


def completed_in_boxes(parts: list[BoolImage], detected: list[Detected]) -> list[BoolImage]:
    """The parts, the large one of each box with the small ones in it that border on it and do not touch down: a mug's inside."""
    parts = list(parts)
    for one in detected:
        mine = [part for part in parts if boxes.overlap(box_of(part), one.box) >= FITTING_BOX]
        if len(mine) != 1 or one.category.name in CARRIERS or one.score < JOINING_SCORE:
            continue
        near, bottom, height = morph(mine[0], cv2.MORPH_DILATE, 7), box_of(mine[0])[3], one.box[3] - one.box[1]
        joint, others = mine[0], []
        for part in parts:
            rim = part & ~morph(part, cv2.MORPH_ERODE, 3)
            if part is not mine[0] and (
                part.sum() < INNER[0] * mine[0].sum()
                and share_inside(part, one.box) >= ALL_INSIDE
                and box_of(part)[3] < bottom - INNER[1] * height
                and (rim & near).sum() >= INNER[2] * rim.sum()
                and match(part, [other for other in detected if other is not one]) is None
            ):
                joint = joint | part
            elif part is not mine[0]:
                others.append(part)
        parts = [*others, joint]
    return parts


def cut(small: Image8, part: BoolImage, detected: list[Detected], closer: Closer) -> list[BoolImage]:
    """The part, and out of it the things that the detector sees within: a cup on a saucer, a mug before a book.

    A box that is the part's own cuts nothing. Whichever fits the box better decides: what stands out in a close look (`closer`),
    or the colours (GrabCut from the middle of the box).
    """
    own = box_of(part)
    area = (own[2] - own[0]) * (own[3] - own[1])
    rest, found, inside = part, [], closed(part)
    for one in detected:
        left, top, right, bottom = one.box
        size = (right - left) * (bottom - top)
        if one.category.name in CARRIERS or is_whole(part, [one]) or size > area:
            continue
        window = window_of(one.box, part.shape)
        if (inside & window).sum() < 0.35 * size:
            continue
        around = rest | (inside & ~part)
        grabbed = _grabbed(small, around, window, one.box)
        candidates = [grabbed if grabbed is not None and ends_by_itself(grabbed, window, around) else None]
        clear = candidates[0] is not None and boxes.overlap(box_of(candidates[0]), one.box) >= CLEAR_BOX
        if one.score >= PARTING_SCORE and not clear:
            seen = closer(one.box)
            candidates.append(None if seen is None else seen & around)
        fitting = [
            (boxes.overlap(box_of(piece), one.box), -k, piece)
            for k, piece in enumerate(candidates)
            if piece is not None and piece.any()
        ]
        if not fitting:
            continue
        fit, _, piece = max(fitting, key=lambda item: item[:2])
        least = SAME_BOX if one.score >= PARTING_SCORE else FITTING_BOX
        if fit >= least and piece.sum() < ALL_INSIDE * part.sum():
            found.append(piece)
            rest = rest & ~piece
    if not found:
        return [part]
    left_over: list[BoolImage] = []
    small_ends: list[BoolImage] = []
    for piece in pieces(morph(rest, cv2.MORPH_OPEN, 3)):
        large = piece.sum() > LEFT_OVER[0] * part.sum()
        whole = piece.mean() > LEFT_OVER[1] and solidity(piece) > LEFT_OVER[2]
        (left_over if large or whole else small_ends).append(piece)
    found = _with_ends(small, found, small_ends)
    if len(left_over) > 1 and solidity(part) > WHOLE:
        left_over = [np.any(left_over, axis=0)]  # a plate goes on behind the cup
    return found + left_over


def _with_ends(small: Image8, found: list[BoolImage], ends: list[BoolImage]) -> list[BoolImage]:
    """The things cut out by boxes, each with the small ends that go on in its colours beyond the box."""
    found = list(found)
    lab = to_lab(small) if ends else None
    for end in ends:
        assert lab is not None
        near = morph(end, cv2.MORPH_DILATE, 3)
        seams = [near & one for one in found]
        k = max(range(len(found)), key=lambda k: int(seams[k].sum()))
        if seams[k].sum() >= LEAST_SEAM * np.sqrt(end.sum()) and step(lab, seams[k]) < LEAST_STEP:
            found[k] = found[k] | end
    return found


def window_of(box: Box, shape: tuple[int, ...]) -> BoolImage:
    """The box and as much around it as it may be off, as a mask."""
    left, top, right, bottom = box
    x_pad, y_pad = 2 + round(INEXACT * (right - left)), 2 + round(INEXACT * (bottom - top))
    window = np.zeros(shape, bool)
    window[max(0, round(top) - y_pad) : round(bottom) + y_pad, max(0, round(left) - x_pad) : round(right) + x_pad] = (
        True
    )
    return window


def ends_by_itself(piece: BoolImage, window: BoolImage, around: BoolImage) -> bool:
    """Whether little of the piece's outline is only the window's edge, where the foreground goes on."""
    rim = piece & ~morph(piece, cv2.MORPH_ERODE, 3)
    beyond = morph(around & ~window, cv2.MORPH_DILATE, 5)
    return bool((rim & beyond).sum() <= CLIPPED * rim.sum())


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
    rim = whole[0] & morph(part & ~whole[0], cv2.MORPH_DILATE, 3)
    return whole[0] if not rim.any() or step(to_lab(rgb), rim) >= LEAST_STEP else None


def share_inside(part: BoolImage, box: Box) -> float:
    """How much of a mask lies inside a box (two pixels of margin)."""
    x0, y0, x1, y1 = (round(side) for side in box)
    return float(part[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2].sum()) / max(1, int(part.sum()))
