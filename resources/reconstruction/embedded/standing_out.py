"""Where something stands out, by IS-Net: the whole picture and four tiles of it, without the support plane and its shadows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import salient

from .closer import FAINT, SURE
from .mouths import with_mouths
from .parting import morph, pieces
from .proposals import border_share
from .surface import SHADOW_TINT, BoolImage, ColorSurface, Image8, dimmed

TILE = 0.6
"""Side of each of the 2x2 tiles, as a part of the picture's: small things are seen four times as large."""
EDGE = 0.02
"""A piece of a tile that comes this close (part of the tile) to an inner edge may go on outside and is not taken."""
GROUND = 0.6
"""A piece that is as much of the plane's colour is the table itself; what stands on it is left to its colour."""
AROUND = 0.8
"""Share of the ring around such a piece that is the ground, from which it lies on the ground."""
CERTAIN = 0.97
"""From here IS-Net's word stands against the colour: a gray mug on a gray table is no shadow (shadows have 0.3-0.9)."""
THIN = 0.008
"""Width, as a share of the longer side, up to which a part of the plane's colour in shade is a joint or a plank's edge."""
SHADED = 0.5
"""A piece of which more is like the plane in shade is a dark thing (or all shadow), from which no shadow is cut."""
OUTER, BAND = 0.3, 0.5
"""Share of a dark patch's rim on the piece's outline from which it is a shadow beside the thing; up to the second it may be a
band across it (a label of the table's colour), if there is as much of the thing along both its sides."""
LEAST = 0.0006
"""Share of the picture below which a piece is a speck."""


def whole_picture(rgb: Image8, shape: tuple[int, int]) -> NDArray[np.float32]:
    """How much every pixel stands out, 0..1, of the whole picture at once, at the small picture's `shape`."""
    return _resized(salient.foreground(rgb), shape)


def stand_outs(
    rgb: Image8, small: Image8, soft: NDArray[np.float32], plane: ColorSurface | None, furniture: bool = False
) -> tuple[list[BoolImage], list[BoolImage]]:
    """Connected pieces of what stands out, at the size of `small`, largest first, and those that do so too faintly to be trusted.

    `rgb`: the picture at working size. `soft`: see `whole_picture`. `furniture`: what is thin is a leg or a pole, not a joint
    between boards."""
    shape = small.shape[:2]
    clear: list[BoolImage] = []
    faint: list[BoolImage] = []
    for piece in pieces(soft > SURE):
        if piece.mean() >= LEAST:
            (clear if soft[piece].mean() >= FAINT else faint).append(with_mouths(piece))
    # A tile tells what the whole picture did not: things too small or too faint in it (at worst all of it is one faint piece).
    mask = np.any([np.zeros(shape, bool), *clear], axis=0)
    for piece, closer in _of_tiles(rgb, shape):
        if (piece & mask).sum() >= 0.5 * piece.sum():
            continue
        if closer[piece].mean() >= FAINT:
            clear.append(piece & ~mask)
            mask = mask | piece
            soft = np.where(piece, closer, soft)
        else:
            faint.append(piece & ~mask)
    if plane is None:
        return _sorted(clear + faint), []
    faint = _sorted(faint)
    shade = dimmed(small, plane, SHADOW_TINT)
    doubtful = shade & (soft < CERTAIN)
    if furniture:
        return _sorted([piece for piece in clear if (piece & plane.region).sum() <= GROUND * piece.sum()]), faint
    parts: list[BoolImage] = []
    for piece in clear:
        if soft[piece].mean() >= CERTAIN and _surrounded(piece, plane.region):
            parts.append(piece)
        else:
            parts += _without_ground(piece, plane.region, shade, doubtful)
    return _sorted(parts), faint


def _of_tiles(rgb: Image8, shape: tuple[int, int]) -> list[tuple[BoolImage, NDArray[np.float32]]]:
    """Pieces of the four tiles, largest first, but for those that its inner edge cuts; each with its tile's soft mask."""
    height, width = rgb.shape[:2]
    found = []
    for y in (0.0, 1.0 - TILE):
        for x in (0.0, 1.0 - TILE):
            y0, y1, x0, x1 = round(y * height), round((y + TILE) * height), round(x * width), round((x + TILE) * width)
            soft = np.zeros((height, width), np.float32)
            soft[y0:y1, x0:x1] = salient.foreground(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
            inner = np.zeros((height, width), bool)
            pad_y, pad_x = round(EDGE * (y1 - y0)), round(EDGE * (x1 - x0))
            inner[
                y0 + (pad_y if y0 else 0) : y1 - (pad_y if y1 < height else 0),
                x0 + (pad_x if x0 else 0) : x1 - (pad_x if x1 < width else 0),
            ] = True
            inside = cv2.resize(inner.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
            closer = _resized(soft, shape)
            for piece in pieces(closer > SURE):
                if piece.mean() >= LEAST and not (piece & ~inside).any():
                    found.append((piece, closer))
    return sorted(found, key=lambda one: (-int(one[0].sum()), int(np.flatnonzero(one[0])[0])))


def _surrounded(piece: BoolImage, ground: BoolImage) -> bool:
    """Whether a piece of the ground's colour has the ground all around it: no table, but a thing of a table's colour."""
    if (piece & ground).sum() <= GROUND * piece.sum():
        return False
    ring = morph(piece, cv2.MORPH_DILATE, 15) & ~morph(piece, cv2.MORPH_DILATE, 5)
    return bool((ring & ground).sum() >= AROUND * ring.sum()) and border_share(piece) == 0.0


def _without_ground(piece: BoolImage, ground: BoolImage, shade: BoolImage, doubtful: BoolImage) -> list[BoolImage]:
    """The piece without its shadow (shaded and `doubtful`) and the joints that cross it; nothing where it is the table."""
    if (piece & ground).sum() > GROUND * piece.sum():
        return []
    size = 2 * max(1, round(THIN * max(piece.shape))) + 1
    body = morph(piece, cv2.MORPH_OPEN, size)
    thin = piece & ~morph(body, cv2.MORPH_DILATE, 3)
    piece = piece & ~(thin & (shade | ground))
    shadow = morph(piece & doubtful, cv2.MORPH_OPEN, 5)
    if shadow.sum() <= SHADED * piece.sum():
        piece = piece & ~_outer(shadow, piece)
    opened = morph(piece, cv2.MORPH_OPEN, 3)
    return [part for part in pieces(opened) if part.mean() >= LEAST]


def _outer(shadow: BoolImage, piece: BoolImage) -> BoolImage:
    """Those pieces of the shadow that lie on the piece's outline: what is as dark inside a thing is part of it."""
    rim = morph(~piece, cv2.MORPH_DILATE, 3)
    taken = np.zeros_like(piece)
    for part in pieces(shadow):
        edge = part & ~morph(part, cv2.MORPH_ERODE, 3)
        outer = (edge & rim).sum() / max(1, int(edge.sum()))
        if outer > OUTER and not (outer < BAND and _parts(piece & ~part, part)):
            taken |= part
    return taken


def _parts(rest: BoolImage, between: BoolImage) -> bool:
    """Whether what lies between takes a piece apart into two of some size: a band of a bottle, or what joins two things."""
    left = pieces(morph(rest, cv2.MORPH_OPEN, 3) & morph(between, cv2.MORPH_DILATE, 7))
    sizes = sorted((int(part.sum()) for part in left), reverse=True)
    return len(sizes) > 1 and sizes[1] >= 0.5 * sizes[0]


def _resized(soft: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _sorted(found: list[BoolImage]) -> list[BoolImage]:
    return sorted(found, key=lambda piece: (-int(piece.sum()), int(np.flatnonzero(piece)[0])))
