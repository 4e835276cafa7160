"""The picture's things: what stands out, what the detector knows, and what has not the plane's colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import salient

from .detections import PARTING_SCORE, Detected, box_of, cut, is_whole, join, match, share_inside
from .naming import is_room
from .parting import morph, pieces, solidity, under
from .proposals import absorbed, border_share, filled, propose, without_shadow
from .regions import APART, APART_FURNITURE, part
from .standing_out import SURE, stand_outs
from .surface import SHADOW_TINT, BoolImage, ColorSurface, Image8, is_shadow, shadows

Array = NDArray[np.float64]

MIN_AREA, MAX_AREA = 0.001, 0.4
"""Share of the picture that a thing covers."""
MAX_BORDER = 0.15
"""Share of an outline on the picture's border, beyond which most of the thing is outside."""
MIN_SOLIDITY = 0.3
"""Area over the convex hull's: chairs seen from the side have 0.35-0.5, joints and cables less than 0.2."""
MIN_RESTING = 0.3
"""Share of the columns below a thing where something else than a wall shows."""
FURNITURE_SHARE, FURNITURE_PIECE = 0.12, 0.03
"""Least share of its box that a piece of furniture fills, and of its largest visible part that another part of it has."""
PART_OF, IN_ITS_BOX = 0.7, 0.8
"""A piece up to this much of a piece of furniture's size, and with as much of it inside its box, is a part of it."""
CLOSER = (0.55, 0.4)
"""Of what stands out in a close look at a blob, as much lies in the blob and covers as much of it: shadows and glare fail."""
ALREADY = 0.5
"""A colour blob that is as much inside what stands out is known already."""


@dataclass(frozen=True)
class Thing:
    """`mask` at the small picture's size."""

    mask: BoolImage
    obtained: str
    certainty: float


def find_things(
    rgb: Image8,
    small: Image8,
    lab: Array,
    plane: ColorSurface | None,
    backgrounds: list[ColorSurface],
    detected: list[Detected],
    horizon_row: float,
) -> tuple[list[Thing], list[str]]:
    """Things in a picture, largest first, and a note on every kind of piece that was left out.

    Args:
        rgb: the picture at working size.
        small: the same at the size of the masks; `lab`, `plane`, `backgrounds`, `detected` and `horizon_row` belong to it.
    """
    room = is_room(detected)
    whole = _furniture(rgb, small.shape[:2], detected) if room else []
    taken = np.zeros(small.shape[:2], bool)
    for piece in whole:
        taken |= piece
    standing = [rest for piece in stand_outs(rgb, small, plane, furniture=room) for rest in pieces(piece & ~taken)]
    for piece in standing:
        taken |= piece
    ground = ~taken if plane is None else (plane.region | shadows(small, plane, SHADOW_TINT)) & ~taken
    limit = APART_FURNITURE if room else APART
    parts = []
    for piece in standing:
        if border_share(piece) > MAX_BORDER:
            parts.append(piece)
            continue
        for one in cut(small, piece, detected):
            parts += [one] if is_whole(one, detected) else part(lab, one, ground, limit)
    parts = join(parts, detected)
    if plane is not None:
        parts = [without_shadow(filled(one, ground), small, plane) for one in parts]
    whole, parts = _with_its_parts(whole, parts)
    own = [one for one in parts if match(one, detected, PARTING_SCORE)]
    parts = whole + own + absorbed([one for one in parts if all(one is not other for other in own)])
    walls = np.zeros_like(taken)
    for surface in backgrounds:
        walls |= surface.region
    things, left_out = [], dict[str, int]()
    for one in parts:
        known = match(one, detected)
        reason = _refuse(one, ~walls | (taken & ~one), horizon_row, known)
        if reason is None and plane is not None and is_shadow(small, plane, one):
            reason = "a shadow on the plane"
        if reason is None:
            how = "stands_out (IS-Net)" + (f", detector box {known.category.name} {known.score:.2f}" if known else "")
            things.append(Thing(one, how, 0.95 if known and known.score > 0.5 else 0.9))
        else:
            left_out[reason] = left_out.get(reason, 0) + 1
    notes = [f"left out {n} piece{'s' if n > 1 else ''} that stood out: {why}" for why, n in sorted(left_out.items())]
    if plane is not None:
        colored, dropped = propose(small, lab, plane, backgrounds, horizon_row, taken)
        colored = [mask for mask in colored if (mask & taken).sum() < ALREADY * mask.sum()]
        for mask in join(colored, detected):
            seen = _looked_at(rgb, mask, taken)
            if seen is not None:
                things.append(Thing(seen, "colour_model, seen closer (IS-Net)", 0.8))
            elif match(mask, detected):
                things.append(Thing(mask & ~taken, "colour_model+grabcut, detector box", 0.7))
            else:
                dropped.append(
                    "left out 1 blob of another colour than the plane: nothing stands out there when seen closer"
                )
        notes += dropped
    return sorted(things, key=lambda thing: -int(thing.mask.sum())), notes


def _furniture(rgb: Image8, shape: tuple[int, int], detected: list[Detected]) -> list[BoolImage]:
    """Surely detected furniture, each piece seen closer in its box (IS-Net sees legs that colours lose), no pixel twice."""
    taken = np.zeros(shape, bool)
    found = []
    for one in detected:
        if one.score < PARTING_SCORE or one.category.stands != "floor":
            continue
        left, top, right, bottom = one.box
        soft = salient.instance_mask(rgb, one.scaled(rgb.shape[1] / shape[1]).box)
        mask = np.asarray(cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_AREA) > SURE) & ~taken
        seen = pieces(mask)
        if not seen or mask.sum() < FURNITURE_SHARE * (right - left) * (bottom - top):
            continue
        mask = np.any([piece for piece in seen if piece.sum() >= FURNITURE_PIECE * seen[0].sum()], axis=0)
        taken |= mask
        found.append(mask)
    return found


def _with_its_parts(furniture: list[BoolImage], parts: list[BoolImage]) -> tuple[list[BoolImage], list[BoolImage]]:
    """The furniture with the parts that touch it, lie in its box and are smaller (a seat in another colour), and the others."""
    whole, others = list(furniture), []
    for one in parts:
        near = morph(one, cv2.MORPH_DILATE, 5)
        bearers = [
            k
            for k, piece in enumerate(whole)
            if one.sum() < PART_OF * piece.sum()
            and (near & piece).any()
            and share_inside(one, box_of(piece)) > IN_ITS_BOX
        ]
        if bearers:
            best = max(bearers, key=lambda k: int((near & whole[k]).sum()))
            whole[best] = whole[best] | one
        else:
            others.append(one)
    return whole, others


def _looked_at(rgb: Image8, blob: BoolImage, taken: BoolImage) -> BoolImage | None:
    """What stands out in a close look at a blob of colour; None when that is not the blob."""
    factor = rgb.shape[1] / blob.shape[1]
    left, top, right, bottom = (factor * side for side in box_of(blob))
    soft = salient.instance_mask(rgb, (left, top, right, bottom), pad=0.45, pad_pixels=8, clip=False)
    seen = np.asarray(cv2.resize(soft, blob.shape[::-1], interpolation=cv2.INTER_AREA) > SURE) & ~taken
    inside = [piece for piece in pieces(seen) if (piece & blob).any()]
    if not inside:
        return None
    mask = max(inside, key=lambda piece: int((piece & blob).sum()))
    both = (mask & blob).sum()
    return mask if both > CLOSER[0] * mask.sum() and both > CLOSER[1] * blob.sum() else None


def _refuse(part: BoolImage, around: BoolImage, horizon_row: float, known: Detected | None) -> str | None:
    """Why a piece is no thing on the plane, or None."""
    if not MIN_AREA <= part.mean() <= MAX_AREA:
        return "too small or too large"
    if border_share(part) > MAX_BORDER:
        return "cut by the picture's border"
    rows = np.flatnonzero(part.any(axis=1))
    if rows[-1] < horizon_row:
        return "above the horizon"
    if known is None and solidity(part) < MIN_SOLIDITY:
        return "a frame, cable or edge"
    if known is None and under(part, around, around)[1] < MIN_RESTING:
        return "hangs on a wall"
    return None
