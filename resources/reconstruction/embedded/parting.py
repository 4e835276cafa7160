"""Touching things apart: by colour, and only where the parts are much more convex than the whole."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolImage = NDArray[np.bool_]

COLOR_PIXELS, MAX_COLOR = 0.5, 60.0
"""How a part grows: pixels a unit of LAB's a and b, and the distance of colours beyond which more does not count."""
BOX_SOLIDITY = 0.94
APART_SOLIDITY = 0.75
APART_SHARE = 0.1
APART_COLOR = 30.0
EVEN_COLOR = 12.0
APART_GROUND = 0.25
"""When two touching parts are two things, see `_stand_apart`: most convexity of the whole, least of each part and least
share of the whole, least distance of their median colours in LAB's a and b, greatest median scatter around each, least
share of the columns below each where the ground shows."""

MARGIN = 16
"""Pixels around a blob that are looked at with it: what is right below it counts."""
SPLIT_SOLIDITY = 0.96
"""A blob as convex as this is one thing, whatever its colours."""


def split(lab: Array, blob: BoolImage, ground: BoolImage) -> list[BoolImage]:
    """Touching things apart: by colour, and only where the parts are much more convex than the whole, or where both are
    even-coloured and stand on the ground."""
    if not blob.any():
        return [blob]
    rows, columns = np.nonzero(blob)
    window = (
        slice(max(0, rows.min() - MARGIN), rows.max() + MARGIN + 1),
        slice(max(0, columns.min() - MARGIN), columns.max() + MARGIN + 1),
    )
    result = []
    for part in _split(lab[window], blob[window], ground[window]):
        result.append(np.zeros_like(blob))
        result[-1][window] = part
    return result


def _split(lab: Array, blob: BoolImage, ground: BoolImage) -> list[BoolImage]:
    whole = solidity(blob)
    if whole >= SPLIT_SOLIDITY:
        return [blob]
    pixels = lab[blob].astype(np.float32)
    best, best_value = [blob], whole
    for clusters in (2, 3, 4, 5, 6):
        cv2.setRNGSeed(0)
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
        _, index, _ = cv2.kmeans(
            pixels * np.array([0.6, 1.0, 1.0], np.float32), clusters, None, stop, 2, cv2.KMEANS_PP_CENTERS
        )
        labels = np.zeros(blob.shape, np.uint8)
        labels[blob] = 1 + index[:, 0]
        labels = cv2.medianBlur(labels, 5) * blob
        parts: list[BoolImage] = []
        for k in range(1, clusters + 1):
            opened = morph(labels == k, cv2.MORPH_OPEN, 3)
            parts += [piece for piece in pieces(opened) if piece.sum() > 0.05 * blob.sum()]
        parts = _merged(grow(parts, blob, lab), lab, ground)
        if len(parts) < 2:
            continue
        solid = [solidity(part) for part in parts]
        value = sum(float(part.sum()) * s for part, s in zip(parts, solid, strict=True)) / float(blob.sum())
        # Parts that are convex themselves need to gain less: a pattern's pieces are ragged.
        apart = len(parts) == 2 and _stand_apart(parts[0], parts[1], lab, ground)
        if value > best_value + (-0.03 if apart else 0.006 if min(solid) > 0.93 else 0.03):
            best, best_value = parts, value
    if len(best) == 1:
        return best
    return [piece for part in best for piece in _split(lab, part, ground)]


def _stand_apart(one: BoolImage, other: BoolImage, lab: Array, ground: BoolImage) -> bool:
    """Two things, though their union is no less convex (one has a handle): each of one colour, the colours far apart,
    each on the ground, and together not convex as the faces of one box are."""
    if solidity(one | other) > BOX_SOLIDITY or min(solidity(one), solidity(other)) < APART_SOLIDITY:
        return False
    if min(one.sum(), other.sum()) < APART_SHARE * (one | other).sum():
        return False
    colors = [np.median(lab[part][:, 1:], axis=0) for part in (one, other)]
    if np.linalg.norm(colors[0] - colors[1]) < APART_COLOR:
        return False
    for part, color in zip((one, other), colors, strict=True):
        if np.median(np.linalg.norm(lab[part][:, 1:] - color, axis=1)) > EVEN_COLOR:
            return False
    return all(under(part, ground, ground)[0] > APART_GROUND for part in (one, other))


def grow(parts: list[BoolImage], blob: BoolImage, lab: Array) -> list[BoolImage]:
    """Gives every pixel of the blob to the nearest part; another colour is as bad as COLOR_PIXELS pixels for each unit."""
    if len(parts) < 2:
        return parts
    distances = [cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 3) for part in parts]
    for part, distance in zip(parts, distances, strict=True):
        apart = np.linalg.norm(lab[..., 1:] - np.median(lab[part][:, 1:], axis=0), axis=2)
        distance += (COLOR_PIXELS * np.minimum(apart, MAX_COLOR) * ~part).astype(np.float32)
    nearest = np.argmin(distances, axis=0)
    return [(nearest == k) & blob for k in range(len(parts))]


def _merged(parts: list[BoolImage], lab: Array, ground: BoolImage) -> list[BoolImage]:
    """Joins touching parts that make one convex thing: the faces of a box, a label on a can."""
    parts = list(parts)
    while len(parts) > 1:
        pairs = []
        for i in range(len(parts)):
            near = morph(parts[i], cv2.MORPH_DILATE, 5)
            for j in range(i + 1, len(parts)):
                if not (near & parts[j]).any() or _stand_apart(parts[i], parts[j], lab, ground):
                    continue
                areas = int(parts[i].sum()), int(parts[j].sum())
                solid = solidity(parts[i]), solidity(parts[j])
                apart = (areas[0] * solid[0] + areas[1] * solid[1]) / sum(areas)
                together = solidity(parts[i] | parts[j])
                # Two convex parts are two things unless the whole is as convex; a ragged one may be a pattern.
                if together > apart - (0.005 if min(solid) > 0.93 else 0.02):
                    pairs.append((together - apart, i, j))
        if not pairs:
            return parts
        _, i, j = max(pairs)
        joint = parts[i] | parts[j]
        parts = [part for k, part in enumerate(parts) if k not in (i, j)] + [joint]
    return parts


def solidity(mask: BoolImage) -> float:
    """Area over the convex hull's, holes filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return float(filled.sum()) / max(1, int(hull(mask).sum()))


def hull(mask: BoolImage) -> BoolImage:
    """The mask's convex hull."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = np.zeros(mask.shape, np.uint8)
    if contours:
        cv2.fillConvexPoly(drawn, cv2.convexHull(np.concatenate(contours)), 1)
    return drawn > 0


def closed(mask: BoolImage) -> BoolImage:
    """The mask with its holes filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled > 0


def step(lab: Array, pixels: BoolImage) -> float:
    """The median change of colour, LAB units within 3 x 3 pixels, at some pixels of a picture."""
    kernel = np.ones((3, 3), np.uint8)
    steps = [
        cv2.morphologyEx(channel.astype(np.float32), cv2.MORPH_GRADIENT, kernel) for channel in np.moveaxis(lab, 2, 0)
    ]
    return float(np.median(np.linalg.norm(steps, axis=0)[pixels]))


def pieces(mask: BoolImage) -> list[BoolImage]:
    """Connected pieces, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    order = sorted(range(1, count), key=lambda k: (-int(stats[k, cv2.CC_STAT_AREA]), k))
    return [labels == k for k in order]


def morph(mask: BoolImage, operation: int, size: int) -> BoolImage:
    """A morphological operation of cv2 with a round kernel of `size` pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    changed: BoolImage = cv2.morphologyEx(mask.astype(np.uint8), operation, kernel) > 0
    return changed


def under(mask: BoolImage, ground: BoolImage, neighbours: BoolImage) -> tuple[float, float]:
    """Shares of the columns under a mask's lower side right below which the ground shows, and either of the two."""
    rows, columns = np.nonzero(mask)
    step = max(2, round(0.006 * max(mask.shape)))
    bottom = mask.shape[0] - 1 - np.argmax(mask[::-1], axis=0)
    x = np.unique(columns)
    x = x[bottom[x] > rows.min() + 0.6 * np.ptp(rows)]
    below, beside = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for k in (1, 2, 4):
        y = np.minimum(bottom[x] + k * step, mask.shape[0] - 1)
        below |= ground[y, x]
        beside |= neighbours[y, x]
    return float(below.mean()), float((below | beside).mean())
