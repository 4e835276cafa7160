"""The picture's things: what stands out, what the detector knows, and what has not the plane's colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resources.vision import boxes

from .behind import two_things
from .closer import FAINT, OF_THE_BOX, CloseLooks
from .detections import (
    PARTING_SCORE,
    Box,
    Closer,
    Detected,
    box_of,
    completed_in_boxes,
    cut,
    is_whole,
    join,
    join_in,
    match,
)
from .furniture import find_furniture, with_its_parts
from .hue import is_deep_shadow, off_hue
from .mouths import with_bodies
from .naming import is_room
from .parting import pieces, solidity, under
from .proposals import absorbed, border_share, filled, propose, without_shadow
from .regions import APART, APART_FURNITURE, completed, faces_joined, part
from .resting import hangs
from .standing_out import GROUND, stand_outs, whole_picture
from .surface import SHADOW_TINT, BoolImage, ColorSurface, Image8, flanked, is_shadow, shadows

Array = NDArray[np.float64]

MIN_AREA, MAX_AREA = 0.001, 0.4
"""Share of the picture that a thing covers."""
MAX_BORDER = 0.15
"""Share of an outline on the picture's border, beyond which most of the thing is outside."""
MIN_SOLIDITY = 0.3
"""Area over the convex hull's: chairs seen from the side have 0.35-0.5, joints and cables less than 0.2."""
MIN_RESTING = 0.3
"""Share of the columns below a thing where something else than a wall shows."""
MAX_LOOKS, MAX_BOXED = 5, 0.25
"""At most so many places are seen closer (boxes, then faint pieces, then blobs), and no box over this share of the picture."""
MAX_FAINT = 0.05
"""What stands out faintly and is larger, as a share of the picture, is the table's grain and light."""
CARRYING = 0.95
"""Solidity of a piece from which what things leave of it is one thing that carries them: a saucer, a board, a tray."""
SWALLOWED = 0.3
"""What a boxed thing leaves of a part, below this share, was a piece of that thing."""
VIVID = (22.0, 0.88)
"""LAB units in a and b off the plane's hue, and solidity, from which a blob is a thing though it does not stand out."""
SEEN_FAINTLY = 0.3
"""A blob of another colour of which as much stands out faintly too is looked at before others: shadows do not."""
ON_TABLE = 0.8
"""Share of a background surface with the support plane on both sides, from which it is no wall but a shadow on the plane."""
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
    nameless: list[Box],
    horizon_row: float,
) -> tuple[list[Thing], list[str]]:
    """Things in a picture, largest first, and a note on every kind of piece that was left out.

    Args:
        rgb: the picture at working size.
        small: the same at the size of the masks; `lab`, `plane`, `backgrounds`, `detected`, `nameless` and
            `horizon_row` belong to it.
    """
    room = is_room(detected)
    soft = whole_picture(rgb, small.shape[:2])
    whole = find_furniture(rgb, soft, detected) if room else []
    taken = np.zeros(small.shape[:2], bool)
    for piece in whole:
        taken |= piece
    seen, faint = stand_outs(rgb, small, soft, plane, furniture=room)
    standing = [rest for piece in seen for rest in pieces(piece & ~taken)]
    for piece in standing:
        taken |= piece
    ground = ~taken if plane is None else (plane.region | shadows(small, plane, SHADOW_TINT)) & ~taken
    shape = small.shape[:2]
    looks = CloseLooks(rgb, shape, MAX_LOOKS)
    parts = _parted(
        _no_look if room else looks.box, small, lab, standing, ground, detected, APART_FURNITURE if room else APART
    )
    pairs = [[one] if room else two_things(lab, one, detected) for one in parts]
    parts, known_apart = [one for pair in pairs for one in pair], [len(pair) > 1 for pair in pairs for _ in pair]
    if plane is not None:
        parts = [without_shadow(filled(one, ground), small, lab, plane) for one in parts]
    named = [one for one, apart in zip(parts, known_apart, strict=True) if apart or match(one, detected, PARTING_SCORE)]
    whole, parts = with_its_parts(whole, parts)
    parts = completed(lab, faces_joined(parts, named), named)
    if not room:
        parts = join_in(parts, nameless)
        likely = [one.box for one in detected if one.category.stands != "floor"] + nameless
        parts = with_bodies(completed_in_boxes(_boxed(looks.box, shape, parts, likely), detected), detected)
        parts += _seen_closer(looks, faint, np.any([taken, *parts], axis=0), ground)
    own = [one for one in parts if match(one, detected)]
    parts = whole + own + absorbed([one for one in parts if all(one is not other for other in own)])
    parts = _apart(parts)
    taken = np.any([taken, *parts], axis=0)
    walls = np.zeros_like(taken)
    for surface in backgrounds:
        if plane is None or (flanked(plane.region) & surface.region).sum() < ON_TABLE * surface.region.sum():
            walls |= surface.region
    things, left_out = [], dict[str, int]()
    for one in parts:
        known = match(one, detected)
        others = taken & ~one
        reason = _refuse(one, ~walls | others, horizon_row, known)
        if reason is None and plane is not None:
            if is_shadow(small, plane, one) or (known is None and is_deep_shadow(lab, one, plane)):
                reason = "a shadow on the plane"
            elif known is None and hangs(lab, one, others, ground):
                reason = "hangs on a wall"
        if reason is None:
            how = "stands_out (IS-Net)" + (f", detector box {known.category.name} {known.score:.2f}" if known else "")
            things.append(Thing(one, how, 0.95 if known and known.score > 0.5 else 0.9))
        else:
            left_out[reason] = left_out.get(reason, 0) + 1
    notes = [f"left out {n} piece{'s' if n > 1 else ''} that stood out: {why}" for why, n in sorted(left_out.items())]
    if plane is not None:
        more, dropped = _of_colors(looks, small, lab, plane, backgrounds, detected, horizon_row, taken, faint)
        things, notes = things + more, notes + dropped
    return sorted(things, key=lambda thing: -int(thing.mask.sum())), notes


def _parted(
    closer: Closer,
    small: Image8,
    lab: Array,
    standing: list[BoolImage],
    ground: BoolImage,
    detected: list[Detected],
    limit: float,
) -> list[BoolImage]:
    """What stands out, parted into things by the detector's boxes and by colour."""
    parts = []
    for piece in standing:
        if border_share(piece) > MAX_BORDER:
            parts.append(piece)
            continue
        found = cut(small, piece, detected, closer)
        if len(found) > 1 and solidity(piece) > CARRYING:
            parts += found
            continue
        for one in found:
            parts += [one] if is_whole(one, detected) else part(lab, one, ground, limit)
    return join(parts, detected)


def _no_look(box: Box) -> BoolImage | None:
    """In a room the furniture was seen closer already, and books in a bookcase are none of its things."""
    return None


def _boxed(closer: Closer, shape: tuple[int, ...], parts: list[BoolImage], likely: list[Box]) -> list[BoolImage]:
    """The parts, with what the detector sees and no part is: things on a board or before a larger thing, seen closer."""
    parts = list(parts)
    for box in likely:
        left, top, right, bottom = box
        share = (right - left) * (bottom - top) / (shape[0] * shape[1])
        if share > MAX_BOXED:
            continue
        if any(boxes.overlap(box_of(part), box) >= OF_THE_BOX for part in parts):
            continue
        mask = closer(box)
        if mask is None:
            continue
        rests = [part & ~mask for part in parts]
        parts = [
            rest for part, rest in zip(parts, rests, strict=True) if rest.sum() > SWALLOWED * part.sum() and rest.any()
        ]
        parts.append(mask)
    return parts


def _seen_closer(looks: CloseLooks, faint: list[BoolImage], taken: BoolImage, ground: BoolImage) -> list[BoolImage]:
    """What stands out faintly in a large view and clearly in a close one: small and pale things."""
    found: list[BoolImage] = []
    likely = [one for one in faint if MIN_AREA <= one.mean() <= MAX_FAINT and not border_share(one)]
    looked = np.zeros_like(taken)
    for one in [one for one in likely if (one & taken).sum() < ALREADY * one.sum()]:
        if (one & looked).sum() >= ALREADY * one.sum():
            continue
        looked |= one
        mask = looks.blob(one, taken, FAINT)
        if mask is not None and (mask & ground).sum() < GROUND * mask.sum():
            found.append(mask)
            taken = taken | mask
    return found


def _apart(parts: list[BoolImage]) -> list[BoolImage]:
    """No pixel twice: what two parts share is the smaller one's, which stands on or before the larger."""
    taken = np.zeros(parts[0].shape, bool) if parts else None
    free: dict[int, BoolImage] = {}
    for k in sorted(range(len(parts)), key=lambda k: int(parts[k].sum())):
        assert taken is not None
        free[k] = parts[k] & ~taken
        taken = taken | parts[k]
    return [free[k] for k in range(len(parts)) if free[k].any()]


def _of_colors(
    looks: CloseLooks,
    small: Image8,
    lab: Array,
    plane: ColorSurface,
    backgrounds: list[ColorSurface],
    detected: list[Detected],
    horizon_row: float,
    taken: BoolImage,
    faint: list[BoolImage],
) -> tuple[list[Thing], list[str]]:
    """Things of another colour than the plane that did not stand out, each seen closer, and notes on what is none."""
    things = []
    colored, notes = propose(small, lab, plane, backgrounds, horizon_row, taken)
    colored = [mask for mask in colored if (mask & taken).sum() < ALREADY * mask.sum()]
    dim = np.any([np.zeros_like(taken), *faint], axis=0)
    colored = join(colored, detected)
    for mask in sorted(colored, key=lambda mask: (mask & dim).sum() < SEEN_FAINTLY * mask.sum()):
        looked = looks.left > 0
        seen = looks.blob(mask, taken)
        if seen is not None:
            things.append(Thing(seen, "colour_model, seen closer (IS-Net)", 0.8))
        elif match(mask, detected):
            things.append(Thing(mask & ~taken, "colour_model+grabcut, detector box", 0.7))
        elif solidity(mask) > VIVID[1] and off_hue(lab, mask, plane) > VIVID[0]:
            things.append(Thing(mask & ~taken, "colour_model+grabcut, of a colour no light gives the plane", 0.6))
        else:
            why = "nothing stands out there when seen closer" if looked else f"only {MAX_LOOKS} places are seen closer"
            notes.append(f"left out 1 blob of another colour than the plane: {why}")
    return things, notes


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
