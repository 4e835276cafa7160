"""Objects that nobody pointed out: what stands out from the background's colour surfaces and rests on the plane."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .surface import SHADOW_TINT, BoolImage, ColorSurface, Image8, shadows

Array = NDArray[np.float64]

MIN_AREA = 0.002
MAX_AREA = 0.4
"""Share of the picture that an object covers."""
MAX_BORDER = 0.12
"""Share of an outline that may lie on the picture's border: beyond it, most of the thing is outside."""
MIN_BASE_ON_PLANE = 0.5
"""Share of the columns under an object where the plane (or its shadow) shows right below."""
MIN_SOLIDITY = 0.4
"""Least area over its convex hull's: frames, cables and edges are below."""
MIN_CONTRAST = 5.0
"""Scatter units by which the middle half of an object differs from every background surface."""
SPLIT_SOLIDITY = 0.96
"""A blob as convex as this is one thing, whatever its colours."""


STACKED_SOLIDITY = 0.94
"""Two touching parts as convex as this may stand on each other; less convex ones are one thing in two colours."""


def propose(
    rgb: Image8, lab: Array, plane: ColorSurface, backgrounds: list[ColorSurface], horizon_row: float
) -> tuple[list[BoolImage], list[str]]:
    """Object masks, the size of `rgb`, largest first, and a note on every kind of thing that was left out."""
    h, w = rgb.shape[:2]
    distance = np.min([surface.distance(lab) for surface in (plane, *backgrounds)], axis=0)
    shadow = shadows(rgb, plane, SHADOW_TINT) & (plane.distance(lab) < 40)
    dim = shadows(rgb, plane, 1.6 * SHADOW_TINT)
    known = plane.region | np.any([b.region for b in backgrounds], axis=0) if backgrounds else plane.region
    stands_out = (distance > 3.5) & ~known & ~shadow
    size = max(1, round(0.004 * max(h, w)))
    stands_out = _morph(_morph(stands_out, cv2.MORPH_OPEN, 2 * size - 1), cv2.MORPH_CLOSE, 6 * size + 1)
    blobs = [blob for blob in _pieces(stands_out) if blob.mean() > 0.5 * MIN_AREA]
    dropped: dict[str, int] = {}
    ground = (plane.region | shadow) & ~stands_out

    def drop(reason: str) -> None:
        dropped[reason] = dropped.get(reason, 0) + 1

    kept: list[BoolImage] = []
    for blob in blobs:
        if border_share(blob) > MAX_BORDER:
            drop("cut by the picture's border")
            continue
        others = stands_out & ~blob
        pieces = refine(rgb, blob, ground | (known & ~blob), others, dim, distance)
        refined = np.any(pieces, axis=0)
        for part in [part for piece in pieces for part in _rejoined(split(lab, piece), ground | (blob & ~refined))]:
            # What GrabCut took off the blob is its contact shadow.
            resting = ground | (blob & ~refined)
            reason = _refuse(lab, part, plane, distance, resting, others | (refined & ~part), horizon_row)
            if reason is None:
                kept.append(part)
            else:
                drop(reason)
    kept.sort(key=lambda mask: -int(mask.sum()))
    notes = [f"left out {n} blob{'s' if n > 1 else ''}: {reason}" for reason, n in sorted(dropped.items())]
    return kept, notes


def refine(
    rgb: Image8, blob: BoolImage, background: BoolImage, others: BoolImage, dim: BoolImage, distance: Array
) -> list[BoolImage]:
    """GrabCut around one blob; the outlines follow the picture's edges. Holes that show the background stay open.

    `dim`: pixels that may be the plane in tinted shade; they start as probable background. The pieces, largest first.
    """
    rows, columns = np.nonzero(blob)
    pad = 6 + int(0.2 * max(np.ptp(rows), np.ptp(columns)))
    window = (
        slice(max(0, rows.min() - pad), rows.max() + pad + 1),
        slice(max(0, columns.min() - pad), columns.max() + pad + 1),
    )
    inside, outside, other = blob[window], background[window], others[window]
    side = 1 + 2 * max(1, round(0.06 * np.sqrt(blob.sum())))
    shade = dim[window] if (dim & blob).sum() < 0.5 * blob.sum() else np.zeros_like(inside)  # else it is a gray thing
    core = _morph(inside & ~shade, cv2.MORPH_ERODE, side) & (distance[window] > 5)
    label = np.full(inside.shape, cv2.GC_PR_BGD, np.uint8)
    label[inside & ~shade] = cv2.GC_PR_FGD
    label[core] = cv2.GC_FGD
    label[(_morph(outside, cv2.MORPH_ERODE, 5) & ~inside) | other] = cv2.GC_BGD
    label[~_morph(inside, cv2.MORPH_DILATE, 2 * side + 5)] = cv2.GC_BGD
    if not core.any() or not (label == cv2.GC_BGD).any():
        return [blob]
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    crop = np.ascontiguousarray(rgb[window][..., ::-1])
    label, _, _ = cv2.grabCut(crop, label, None, models[0], models[1], 3, cv2.GC_INIT_WITH_MASK)
    cut = (label == cv2.GC_FGD) | (label == cv2.GC_PR_FGD)
    cut = _morph(_morph(cut, cv2.MORPH_OPEN, 3), cv2.MORPH_CLOSE, 3)
    pieces = _pieces(cut)
    if not pieces:
        return [blob]
    result = []
    for piece in pieces:
        if piece.sum() < 0.03 * inside.sum():
            break
        whole = np.zeros_like(blob)
        whole[window] = _filled(piece, outside)
        result.append(whole)
    return result


def split(lab: Array, blob: BoolImage) -> list[BoolImage]:
    """Touching things apart: by colour, and only where the parts are much more convex than the whole."""
    whole = _solidity(blob)
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
            opened = _morph(labels == k, cv2.MORPH_OPEN, 3)
            parts += [piece for piece in _pieces(opened) if piece.sum() > 0.05 * blob.sum()]
        parts = _merged(_grown(parts, blob))
        if len(parts) < 2:
            continue
        solid = [_solidity(part) for part in parts]
        value = sum(float(part.sum()) * s for part, s in zip(parts, solid, strict=True)) / float(blob.sum())
        # Parts that are convex themselves need to gain less: a pattern's pieces are ragged.
        if value > best_value + (0.006 if min(solid) > 0.93 else 0.03):
            best, best_value = parts, value
    return best


def _rejoined(parts: list[BoolImage], ground: BoolImage) -> list[BoolImage]:
    """Gives a part that does not touch the ground back to the neighbour that carries it, unless both are so convex
    that one stands on the other."""
    parts = list(parts)
    for part in sorted(parts, key=lambda part: int(part.sum())):
        below, _ = _under(part, ground, ground)
        others = [other for other in parts if other is not part]
        if not others or below >= 0.5 * MIN_BASE_ON_PLANE:
            continue
        near = _morph(part, cv2.MORPH_DILATE, 5)
        carrier = max(others, key=lambda other: int((near & other).sum()))
        if min(_solidity(part), _solidity(carrier)) < STACKED_SOLIDITY:
            parts = [other for other in others if other is not carrier] + [part | carrier]
            return _rejoined(parts, ground)
    return parts


def _under(mask: BoolImage, ground: BoolImage, neighbours: BoolImage) -> tuple[float, float]:
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


def _grown(parts: list[BoolImage], blob: BoolImage) -> list[BoolImage]:
    """Gives every pixel of the blob to the nearest part."""
    if len(parts) < 2:
        return parts
    distances = [cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 3) for part in parts]
    nearest = np.argmin(distances, axis=0)
    return [(nearest == k) & blob for k in range(len(parts))]


def _merged(parts: list[BoolImage]) -> list[BoolImage]:
    """Joins touching parts that make one convex thing: the faces of a box, a label on a can."""
    parts = list(parts)
    while len(parts) > 1:
        pairs = []
        for i in range(len(parts)):
            near = _morph(parts[i], cv2.MORPH_DILATE, 5)
            for j in range(i + 1, len(parts)):
                if not (near & parts[j]).any():
                    continue
                areas = int(parts[i].sum()), int(parts[j].sum())
                solid = _solidity(parts[i]), _solidity(parts[j])
                apart = (areas[0] * solid[0] + areas[1] * solid[1]) / sum(areas)
                together = _solidity(parts[i] | parts[j])
                # Two convex parts are two things unless the whole is as convex; a ragged one may be a pattern.
                if together > apart - (0.005 if min(solid) > 0.93 else 0.02):
                    pairs.append((together - apart, i, j))
        if not pairs:
            return parts
        _, i, j = max(pairs)
        joint = parts[i] | parts[j]
        parts = [part for k, part in enumerate(parts) if k not in (i, j)] + [joint]
    return parts


def _refuse(
    lab: Array,
    mask: BoolImage,
    plane: ColorSurface,
    distance: Array,
    ground: BoolImage,
    neighbours: BoolImage,
    horizon_row: float,
) -> str | None:
    """Why a mask is no object on the plane, or None."""
    if not MIN_AREA <= mask.mean() <= MAX_AREA:
        return "too small or too large"
    if _solidity(mask) < MIN_SOLIDITY:
        return "a frame, cable or edge"
    if border_share(mask) > MAX_BORDER:
        return "cut by the picture's border"
    rows, columns = np.nonzero(mask)
    if rows.max() < horizon_row:
        return "above the horizon"
    if np.percentile(distance[mask], 60) < MIN_CONTRAST:
        return "too little contrast with the background"
    below, resting = _under(mask, ground, neighbours)
    stacked = _solidity(mask) >= STACKED_SOLIDITY and resting >= 0.9
    if resting < MIN_BASE_ON_PLANE or (below < 0.5 * MIN_BASE_ON_PLANE and not stacked):
        return "does not rest on the plane"
    sides = cv2.minAreaRect(np.stack([columns, rows], axis=-1).astype(np.float32))[1]
    if min(sides) < 0.015 * max(mask.shape) and max(sides) > 6 * min(sides):
        return "a frame, cable or edge"
    brighter = float(np.percentile(lab[mask][:, 0] - plane.predict(lab.shape[:2])[mask][:, 0], 20))
    if min(sides) < 0.03 * max(mask.shape) and max(sides) > 2.5 * min(sides) and brighter > 8:
        return "a glare on the plane"
    return None


def border_share(mask: BoolImage) -> float:
    """Pixels on the picture's border over the outline's length."""
    border = int(mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum())
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return border / max(1, sum(len(c) for c in contours))


def _solidity(mask: BoolImage) -> float:
    """Area over the convex hull's, holes filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return 0.0
    hull = cv2.convexHull(np.concatenate(contours))
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(drawn, hull, 1)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return float(filled.sum()) / max(1, int(drawn.sum()))


def _filled(mask: BoolImage, background: BoolImage) -> BoolImage:
    """The mask with its holes filled, but for those that mostly show the background."""
    result = mask.copy()
    for hole in _pieces(~mask):
        if hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any():
            continue
        if hole.sum() < 0.004 * mask.sum() or (background & hole).sum() < 0.5 * hole.sum():
            result |= hole
    return result


def _pieces(mask: BoolImage) -> list[BoolImage]:
    """Connected pieces, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    order = sorted(range(1, count), key=lambda k: (-int(stats[k, cv2.CC_STAT_AREA]), k))
    return [labels == k for k in order]


def _morph(mask: BoolImage, operation: int, size: int) -> BoolImage:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    changed: BoolImage = cv2.morphologyEx(mask.astype(np.uint8), operation, kernel) > 0
    return changed
