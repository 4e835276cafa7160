"""Objects that nobody pointed out: what stands out from the background's colour surfaces and rests on the plane."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .hue import off_plane
from .parting import hull, morph, pieces, solidity, split, step, under
from .surface import INLIER, SHADOW_TINT, BoolImage, ColorSurface, Image8, dimmed, flanked, is_shadow, shadows

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
THIN = 10.0
"""Length over width of a sliver; knives and pens that lie on a table are up to 10."""
ENCLOSED = 0.95
"""Share of a piece of background colour with the plane on both sides of it, from which it is a thing on the plane."""
BORDERING = 0.5
"""Least share of such a piece's outline along pixels that are of no surface's colour."""
INSIDE_HULL = 0.7
"""A proposal with as much of it inside another's convex hull is part of that (a sticker on a cube)."""
STACKED_COLOR = 15.0
"""Least distance in LAB's a and b between two things on each other; the same in another light is one thing."""
MIN_EDGE = 3.0
"""LAB units by which the picture changes across an object's outline, at its median: reflections and patches of light
have soft outlines (1-2), things on a table 5-40."""
SHADE_TINT = 0.3
"""As SHADOW_TINT, for what hangs on an object: a shadow between two things takes on their colours."""
MAX_TINGE = 15.0
"""LAB units in a and b off the plane's hue beyond which a dark pixel is no shade, however dark: a bottle's red cap."""
SPECK = 0.03
"""Share of a thing's largest piece below which another is none of it."""
MAX_SHADE = 0.4
"""A larger share of an object that is as dark as a shadow of the plane is not its shadow but the object."""
CUT_OFF, BANDED = 0.15, 0.92
"""A shadow hangs on the outside of a thing: what would cut off as much (of the largest part left) of a mask as convex is no
shadow but a gray band or label of it."""
MIN_CONTRAST = 5.0
"""Scatter units by which the middle half of an object differs from every background surface."""
STACKED_SOLIDITY = 0.94
"""Two touching parts as convex as this may stand on each other; less convex ones are one thing in two colours."""


def propose(
    rgb: Image8,
    lab: Array,
    plane: ColorSurface,
    backgrounds: list[ColorSurface],
    horizon_row: float,
    taken: BoolImage | None = None,
) -> tuple[list[BoolImage], list[str]]:
    """Object masks, the size of `rgb`, largest first, and a note on every kind of thing that was left out.

    `taken`: pixels that are known to be things already; they are not looked at.
    """
    h, w = rgb.shape[:2]
    own = plane.distance(lab)
    strict = np.min([own, *(surface.distance(lab) for surface in backgrounds)], axis=0)
    enclosed = _enclosed(lab, plane.region, backgrounds, strict > INLIER)
    distance = np.where(enclosed, own, strict)
    shadow = shadows(rgb, plane, SHADOW_TINT) & (plane.distance(lab) < 40)
    dim = shadows(rgb, plane, 1.6 * SHADOW_TINT)
    known = plane.region.copy()
    for surface in backgrounds:
        known |= surface.region & ~enclosed
    stands_out = (distance > 3.5) & ~known & ~shadow
    size = max(1, round(0.004 * max(h, w)))
    stands_out = morph(morph(stands_out, cv2.MORPH_OPEN, 2 * size - 1), cv2.MORPH_CLOSE, 6 * size + 1)
    known_things = np.zeros_like(known)
    if taken is not None:
        known_things = morph(taken, cv2.MORPH_DILATE, 8 * size + 1)
        stands_out = morph(stands_out & ~morph(taken, cv2.MORPH_DILATE, 4 * size + 1), cv2.MORPH_OPEN, 2 * size + 1)
    blobs = [blob for blob in pieces(stands_out) if blob.mean() > 0.5 * MIN_AREA]
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
        beside = (others | known_things) & ~blob
        cuts = refine(rgb, blob, ground | (known & ~blob), others, dim, distance)
        refined = np.any(cuts, axis=0)
        # What GrabCut took off the blob is its contact shadow.
        resting = ground | (blob & ~refined)
        parts = [part for piece in cuts for part in rejoined(split(lab, piece, resting), resting, lab)]
        for part in [without_shadow(part, rgb, lab, plane) for part in parts]:
            reason = _refuse(lab, part, plane, distance, resting, beside | (refined & ~part), horizon_row)
            if reason is None and is_shadow(rgb, plane, part):
                reason = "a shadow on the plane"
            if reason is None:
                kept.append(part)
            else:
                drop(reason)
    kept = absorbed(kept)
    notes = [f"left out {n} blob{'s' if n > 1 else ''}: {reason}" for reason, n in sorted(dropped.items())]
    return kept, notes


def _enclosed(lab: Array, plane: BoolImage, backgrounds: list[ColorSurface], strange: BoolImage) -> BoolImage:
    """Pieces of the backgrounds' colours with the plane on both sides: the picture of a flat table is convex, so that
    what lies within it stands on it, and is no wall. What goes on outside (a gripper that reaches in) stays.

    `strange`: of no surface's colour; only what borders on that, as a face of the same box, is taken."""
    between = flanked(plane)
    found = np.zeros_like(plane)
    near = morph(morph(strange, cv2.MORPH_OPEN, 3), cv2.MORPH_DILATE, 7)
    for surface in backgrounds:
        alike = (surface.distance(lab) < INLIER) & ~plane
        count, labels = cv2.connectedComponents((alike | surface.region).astype(np.uint8))
        share = np.bincount(labels[between], minlength=count) / np.maximum(
            np.bincount(labels.ravel(), minlength=count), 1
        )
        rim = (labels > 0) & ~morph(labels > 0, cv2.MORPH_ERODE, 3)
        beside = np.bincount(labels[rim & near], minlength=count) / np.maximum(
            np.bincount(labels[rim], minlength=count), 1
        )
        inside = (share >= ENCLOSED) & (beside >= BORDERING)
        inside[0] = False
        found |= inside[labels]
    return found


def absorbed(masks: list[BoolImage]) -> list[BoolImage]:
    """The masks, largest first, each with the smaller ones inside its convex hull that do not touch down nearer."""
    result: list[BoolImage] = []
    for mask in sorted(masks, key=lambda mask: -int(mask.sum())):
        for k, larger in enumerate(result):
            in_front = np.flatnonzero(mask.any(axis=1))[-1] > np.flatnonzero(larger.any(axis=1))[-1]
            if not in_front and (hull(larger) & mask).sum() >= INSIDE_HULL * mask.sum():
                result[k] = larger | mask
                break
        else:
            result.append(mask)
    return sorted(result, key=lambda mask: -int(mask.sum()))


def without_shadow(mask: BoolImage, rgb: Image8, lab: Array, plane: ColorSurface) -> BoolImage:
    """The mask without the cast shadow that hangs on it: as dark as the plane in shadow, and what is left is as convex."""
    shades = dimmed(rgb, plane, SHADE_TINT) & (off_plane(lab, plane) < MAX_TINGE)
    found = pieces(mask)
    if not found:
        return mask
    largest = found[0]
    result = _without(largest, shades & largest)
    for piece in found[1:]:  # a label of the table's colour may part a bottle
        if (shades & piece).sum() < MAX_SHADE * piece.sum() and piece.sum() > SPECK * largest.sum():
            result |= _without(piece, shades & piece)
    return result


def _without(mask: BoolImage, shade: BoolImage) -> BoolImage:
    """One piece without the shade in it, where what is left is as convex."""
    core = morph(mask & ~morph(shade, cv2.MORPH_OPEN, 3), cv2.MORPH_OPEN, 3)
    found = pieces(core)
    if not found or found[0].sum() < (1 - MAX_SHADE) * mask.sum():
        return mask
    if len(found) > 1 and found[1].sum() >= CUT_OFF * found[0].sum() and solidity(mask) >= BANDED:
        return mask
    core = filled(found[0], np.zeros_like(mask))
    core = morph(core, cv2.MORPH_CLOSE, 5) & mask
    return core if solidity(core) >= solidity(mask) - 0.005 else mask


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
    core = morph(inside & ~shade, cv2.MORPH_ERODE, side) & (distance[window] > 5)
    label = np.full(inside.shape, cv2.GC_PR_BGD, np.uint8)
    label[inside & ~shade] = cv2.GC_PR_FGD
    label[core] = cv2.GC_FGD
    label[(morph(outside, cv2.MORPH_ERODE, 5) & ~inside) | other] = cv2.GC_BGD
    label[~morph(inside, cv2.MORPH_DILATE, 2 * side + 5)] = cv2.GC_BGD
    if not core.any() or not (label == cv2.GC_BGD).any():
        return [blob]
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    crop = np.ascontiguousarray(rgb[window][..., ::-1])
    label, _, _ = cv2.grabCut(crop, label, None, models[0], models[1], 3, cv2.GC_INIT_WITH_MASK)
    cut = (label == cv2.GC_FGD) | (label == cv2.GC_PR_FGD)
    cut = morph(morph(cut, cv2.MORPH_OPEN, 3), cv2.MORPH_CLOSE, 3)
    found = pieces(cut)
    if not found:
        return [blob]
    result = []
    for piece in found:
        if piece.sum() < 0.03 * inside.sum():
            break
        whole = np.zeros_like(blob)
        whole[window] = filled(piece, outside)
        result.append(whole)
    return result


def rejoined(parts: list[BoolImage], ground: BoolImage, lab: Array) -> list[BoolImage]:
    """Gives a part that does not touch the ground back to the neighbour that carries it, unless both are so convex
    that one stands on the other."""
    parts = list(parts)
    for part in sorted(parts, key=lambda part: int(part.sum())):
        below, _ = under(part, ground, ground)
        others = [other for other in parts if other is not part]
        if not others or below >= 0.5 * MIN_BASE_ON_PLANE:
            continue
        near = morph(part, cv2.MORPH_DILATE, 5)
        carrier = max(others, key=lambda other: int((near & other).sum()))
        colors = [np.median(lab[one][:, 1:], axis=0) for one in (part, carrier)]
        alike = np.linalg.norm(colors[0] - colors[1]) < STACKED_COLOR
        if alike or min(solidity(part), solidity(carrier)) < STACKED_SOLIDITY:
            parts = [other for other in others if other is not carrier] + [part | carrier]
            return rejoined(parts, ground, lab)
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
    if solidity(mask) < MIN_SOLIDITY:
        return "a frame, cable or edge"
    if border_share(mask) > MAX_BORDER:
        return "cut by the picture's border"
    rows, columns = np.nonzero(mask)
    if rows.max() < horizon_row:
        return "above the horizon"
    if np.percentile(distance[mask], 60) < MIN_CONTRAST:
        return "too little contrast with the background"
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if step(lab, mask & ~inner) < MIN_EDGE:
        return "no edge at its outline: a reflection or patch of light"
    below, resting = under(mask, ground, neighbours)
    stacked = solidity(mask) >= STACKED_SOLIDITY and resting >= 0.9
    if resting < MIN_BASE_ON_PLANE or (below < 0.5 * MIN_BASE_ON_PLANE and not stacked):
        return "does not rest on the plane"
    sides = cv2.minAreaRect(np.stack([columns, rows], axis=-1).astype(np.float32))[1]
    if max(sides) > THIN * min(sides) or (min(sides) < 0.015 * max(mask.shape) and max(sides) > 6 * min(sides)):
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


def filled(mask: BoolImage, background: BoolImage) -> BoolImage:
    """The mask with its holes filled, but for those that mostly show the background."""
    result = mask.copy()
    for hole in pieces(~mask):
        if hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any():
            continue
        if hole.sum() < 0.004 * mask.sum() or (background & hole).sum() < 0.5 * hole.sum():
            result |= hole
    return result
