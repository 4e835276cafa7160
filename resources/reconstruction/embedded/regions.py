"""One piece of foreground into things: patches of colour, joined again unless the outline has a notch where they meet.

Where two things touch, or one stands before or on the other, the outline of both turns inwards at the ends of the border
between them (a T-junction or a concave corner). Where two colours of one thing meet, the faces of a box, bands of a can,
panels of a ball, it goes straight on or turns outwards.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .parting import SPLIT_SOLIDITY, closed, grow, hull, morph, pieces, solidity, under
from .surface import BoolImage

Array = NDArray[np.float64]

CLUSTERS = 9
LIGHTNESS = 0.5
"""Weight of L beside a and b: faces of one thing differ in light, things in colour."""
PATCH = 0.012
PATCH_PIXELS = 30
"""Least share of the piece, and pixels, of a patch of colour."""
FULL_CONTRAST = 36.0
"""LAB units (L weighted) across a border from which more contrast does not count."""
APART, APART_FURNITURE = 0.1, 0.3
"""Product of notch and contrast (each 0..1) from which two patches are two things; furniture has parts of other colours."""
DISC = 0.2
"""Radius of the disc in which the outline's turn is measured, in square roots of the smaller patch's area."""
SMALL_PART = 0.13
"""A patch that the ground does not touch and that is smaller than this share of its neighbour is part of it (a lid, a cap)."""
SPECK = 0.0009
"""Share of the picture below which a patch is no thing of its own."""
PARTIAL = 0.999
"""A patch too small for a thing joins its neighbour last, and the one from which it is least apart."""
ENCLOSED = 0.85
"""Share of a patch's rim along its neighbour from which it is a print on it."""
CONVEX = 0.975
"""Patches that together are as convex are one thing."""
COMPLETED, RAGGED = 0.1, 0.92
"""Two neighbours are parts of one thing when together they are more convex than apart (the mean, by area) by the first, and the
smaller one is not more convex than the second: a print, a shaded face or a leaf takes a bite out of the rest. What stands before
or on another thing takes a bite too, but is convex itself."""
WINDING = 8.0
"""Pixels of the band (5 wide) along their border, over the square root of the smaller area, from which it winds as prints do:
where one thing ends before another, it is about as long as the smaller one is wide (2-5)."""
BOX, FACES = 0.9, 0.05
"""Three parts that meet in a point are the faces of a box when together they are as convex as the first, and more convex than any
two of them by the second: without the third face the corner nearest to the camera is a notch."""
SEAM, NO_EDGE = 2.0, 0.1
"""Least border (as WINDING) of neighbours that are judged at all, and the contrast and notch below which nothing parts them."""
FEW_PIXELS = 1800
"""A smaller piece is one thing: its notches are a few pixels."""


@dataclass(frozen=True)
class _Border:
    """Between two patches: contrast 0..1, notch 0..1 at its ends on the outline (None: it has no end there), length in pixels;
    `partial`: one of them is too small to be a thing of its own."""

    contrast: float
    notch: float | None
    length: int
    partial: bool

    @property
    def apart(self) -> float:
        """What is joined first has least. What the outline says nothing of is joined last, likest colours first."""
        if self.notch is None:
            return APART * (0.5 + 0.49 * self.contrast)
        found = self.contrast * self.notch
        return min(found, PARTIAL * APART) if self.partial else found


def part(lab: Array, piece: BoolImage, ground: BoolImage, limit: float = APART) -> list[BoolImage]:
    """The things of a connected piece of foreground, largest first; together they are the piece.

    Args:
        lab: the picture, shape (h, w, 3).
        piece: the foreground, shape (h, w).
        ground: where the support plane shows.
        limit: APART, or APART_FURNITURE.
    """
    if piece.sum() < FEW_PIXELS or solidity(piece) >= SPLIT_SOLIDITY:
        return [piece]
    rows, columns = np.nonzero(piece)
    window = (slice(max(0, rows.min() - 16), rows.max() + 17), slice(max(0, columns.min() - 16), columns.max() + 17))
    patches = _patches(lab[window], piece[window])
    joined = _join(lab[window], patches, ground[window], max(PATCH_PIXELS, SPECK * piece.size), limit)
    result = []
    for one in sorted(joined, key=lambda one: -int(one.sum())):
        whole = np.zeros_like(piece)
        whole[window] = one
        result.append(whole)
    return result


def _patches(lab: Array, piece: BoolImage) -> list[BoolImage]:
    """Connected patches of like colour that fill the piece."""
    pixels = (lab[piece] * np.array([LIGHTNESS, 1.0, 1.0])).astype(np.float32)
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, index, _ = cv2.kmeans(pixels, min(CLUSTERS, len(pixels)), None, stop, 2, cv2.KMEANS_PP_CENTERS)
    labels = np.zeros(piece.shape, np.uint8)
    labels[piece] = 1 + index[:, 0]
    labels = cv2.medianBlur(labels, 5) * piece
    least = max(PATCH_PIXELS, PATCH * piece.sum())
    found = []
    for k in range(1, int(labels.max()) + 1):
        found += [patch for patch in pieces(morph(labels == k, cv2.MORPH_OPEN, 3)) if patch.sum() >= least]
    return grow(found, piece, lab) if found else [piece]


def _join(lab: Array, patches: list[BoolImage], ground: BoolImage, least: float, limit: float) -> list[BoolImage]:
    """Joins the two patches that are least apart, until all are apart."""
    alive = dict(enumerate(patches))
    colors = cv2.GaussianBlur((lab * np.array([LIGHTNESS, 1.0, 1.0])).astype(np.float32), (3, 3), 0)
    borders: dict[tuple[int, int], _Border] = {}

    def look(i: int, j: int) -> None:
        border = _border(colors, alive[i], alive[j], ground, least)
        if border is not None:
            borders[min(i, j), max(i, j)] = border

    for i in alive:
        for j in range(i):
            look(i, j)
    while borders:
        # Of borders that the outline says as little of, the likest colours: small patches find their own thing first.
        (i, j), border = min(
            borders.items(), key=lambda item: (round(item[1].apart, 2), item[1].contrast, -item[1].length, item[0])
        )
        if border.apart >= limit:
            break
        alive[i] = alive[i] | alive.pop(j)
        touched = {a if b in (i, j) else b for a, b in borders if {a, b} & {i, j}} - {i, j}
        borders = {pair: known for pair, known in borders.items() if not {*pair} & {i, j}}
        for k in sorted(touched):
            look(i, k)
    return list(alive.values())


def _border(
    colors: NDArray[np.float32], one: BoolImage, other: BoolImage, ground: BoolImage, least: float
) -> _Border | None:
    """What speaks for and against two patches being one thing; None when they do not touch."""
    near_one, near_other = morph(one, cv2.MORPH_DILATE, 5), morph(other, cv2.MORPH_DILATE, 5)
    border = near_one & near_other & (one | other)
    if border.sum() < 6:
        return None
    small, large = sorted((one, other), key=lambda patch: int(patch.sum()))
    area = float(small.sum())
    length = int(border.sum())
    partial = area < least or (area < SMALL_PART * large.sum() and under(small, ground, ground)[0] < 0.1)
    zone = morph(border, cv2.MORPH_DILATE, 13)
    sides = [np.median(colors[patch & zone], axis=0) for patch in (one, other)]
    contrast = min(1.0, float(np.linalg.norm(sides[0] - sides[1])) / FULL_CONTRAST)
    union = one | other
    if union.sum() >= CONVEX * hull(union).sum():
        return _Border(contrast, 0.0, length, partial)
    notch = _notch(union, border, area)
    rim = small & ~morph(small, cv2.MORPH_ERODE, 3)
    if notch is None and (rim & morph(large, cv2.MORPH_DILATE, 7)).sum() > ENCLOSED * rim.sum():
        notch = 0.0
    return _Border(contrast, notch, length, partial)


def completed(lab: Array, parts: list[BoolImage], whole: list[BoolImage]) -> list[BoolImage]:
    """The parts, those together that complete each other, or that no edge and no notch parts (the detector's boxes may have).

    `lab`: the picture, shape (h, w, 3). `whole`: those of the parts that are known to be one thing; two of them stay two.
    """
    parts = list(parts)
    colors = cv2.GaussianBlur((lab * np.array([LIGHTNESS, 1.0, 1.0])).astype(np.float32), (3, 3), 0)
    nowhere = np.zeros(lab.shape[:2], bool)
    fixed = {id(one) for one in whole}
    solid = {id(one): solidity(one) for one in parts}
    while True:
        best: tuple[float, int, int] | None = None
        for j, other in enumerate(parts):
            near = morph(other, cv2.MORPH_DILATE, 5)
            for i, one in enumerate(parts[:j]):
                areas = float(one.sum()), float(other.sum())
                border = near & morph(one, cv2.MORPH_DILATE, 5) & (one | other)
                if {id(one), id(other)} <= fixed or border.sum() < SEAM * np.sqrt(min(areas)):
                    continue
                seam = _border(colors, one, other, nowhere, 0.0)
                if seam is not None and seam.notch is not None and max(seam.contrast, seam.notch) < NO_EDGE:
                    best = (np.inf, i, j)
                    break
                smaller = min(one, other, key=lambda part: int(part.sum()))
                if solid[id(smaller)] > RAGGED or border.sum() < WINDING * np.sqrt(min(areas)):
                    continue
                apart = (areas[0] * solid[id(one)] + areas[1] * solid[id(other)]) / sum(areas)
                gain = solidity(one | other) - apart
                if gain >= COMPLETED and (best is None or gain > best[0]):
                    best = (gain, i, j)
        if best is None:
            return parts
        joint = parts[best[1]] | parts[best[2]]
        if {id(parts[best[1]]), id(parts[best[2]])} & fixed:
            fixed.add(id(joint))
        parts = [one for k, one in enumerate(parts) if k not in best[1:]] + [joint]
        solid[id(joint)] = solidity(joint)


def faces_joined(parts: list[BoolImage], whole: list[BoolImage]) -> list[BoolImage]:
    """The parts, each three of them that are the faces of one box together; `whole` are known to be things of their own."""
    parts = list(parts)
    fixed = {id(one) for one in whole}
    free = [one for one in parts if id(one) not in fixed]
    near = {id(one): morph(one, cv2.MORPH_DILATE, 9) for one in free}
    for three in itertools.combinations(free, 3):
        if not (near[id(three[0])] & near[id(three[1])] & near[id(three[2])]).any():
            continue
        union = three[0] | three[1] | three[2]
        together = solidity(union)
        pairs = max(solidity(one | other) for one, other in itertools.combinations(three, 2))
        if together >= max(BOX, pairs + FACES):
            rest = [one for one in parts if all(one is not face for face in three)]
            return faces_joined([*rest, union], whole)
    return parts


def _notch(union: BoolImage, border: BoolImage, area: float) -> float | None:
    """How much the outline turns inwards at the border's ends: 0 straight or outwards, 1 by a right angle or more."""
    outside = ~closed(union)
    ends = pieces(border & morph(outside, cv2.MORPH_DILATE, 5))
    if not ends:
        return None
    radius = float(np.clip(DISC * np.sqrt(area), 5, 14))
    ys, xs = np.mgrid[: union.shape[0], : union.shape[1]]
    union = ~outside
    turns = []
    for end in ends:
        rows, columns = np.nonzero(end)
        disc = (ys - rows.mean()) ** 2 + (xs - columns.mean()) ** 2 <= radius**2
        # The end's pixels lie a pixel or two inside the outline, which adds to a straight edge's half.
        turns.append(float(np.clip((union[disc].mean() - 0.5 - 1.5 / radius / np.pi * 2) * 4, 0.0, 1.0)))
    return float(np.mean(sorted(turns)[-2:]))
