"""Things on a shelf's upper boards: a close look into each cell, and which board each thing stands on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from resources.vision import salient

from .detections import Box, detect
from .instances import Instance
from .naming import recognise
from .parting import pieces
from .shelves import Board, cell, stands_on
from .silhouette import BoolImage, contact_pixel
from .surface import Image8

SURE = 0.5
"""IS-Net's own threshold between thing and background."""
FAINT = 0.78
"""A piece that stands out less, on average, has not a thing's outline."""
LEAST = 0.0008
"""Share of the picture below which a piece is a speck."""
KNOWN = 0.3
"""A piece of which as much lies in a thing that is known, or that covers as much of one, is not new."""
WIDE_GAP = 0.2
"""Share of a cell's width from which a part where nothing is known is looked at by itself (0.6 CPU seconds)."""
CERTAINTY = 0.85
HOW = "stands_out in a shelf's cell (IS-Net)"


def boards_under(instances: tuple[Instance, ...], boards: list[Board], camera: Camera) -> list[int]:
    """The plane under each instance: 0 is the support plane, k + 1 board k."""
    found = [stands_on(boards, contact_pixel(instance.mask), camera) for instance in instances]
    return [0 if k is None else k + 1 for k in found]


def things_in_cells(
    rgb: Image8, instances: tuple[Instance, ...], boards: list[Board], camera: Camera
) -> list[Instance]:
    """What `look_into_cells` finds, named as other things are."""
    masks = look_into_cells(rgb, instances, boards, camera)
    detected, _ = detect(rgb) if masks else ([], [])
    found = []
    for mask in masks:
        seen = recognise(rgb, mask, detected, room=False)
        found.append(
            Instance(mask, HOW, CERTAINTY, seen.category, seen.certainty, seen.by, seen.may_be),
        )
    return found


def look_into_cells(
    rgb: Image8, instances: tuple[Instance, ...], boards: list[Board], camera: Camera
) -> list[BoolImage]:
    """Full-size masks of what stands out in the cells over the boards, stands on them and is not known yet.

    Of the lowest cell, under the boards, only wide gaps are looked at: it is where the whole picture was searched for things.
    """
    found: list[BoolImage] = []
    level = np.array([1.0, 1.0, 0.0])
    every = [Board(0.0, board.left * level, board.right * level) for board in boards[:1]] + boards
    for k in range(len(every)):
        whole = cell(every, k, camera)
        if k > 0:
            found += _seen(rgb, whole, k, every, camera, [*found, *(instance.mask for instance in instances)])
        known = [*found, *(instance.mask for instance in instances)]
        for gap in _gaps(whole, known):
            found += _seen(rgb, gap, k, every, camera, known)
    return found


def _seen(
    rgb: Image8, box: Box, k: int, boards: list[Board], camera: Camera, known: list[BoolImage]
) -> list[BoolImage]:
    """What stands out in a look at `box`, stands on board `k` and is not known."""
    soft = salient.instance_mask(rgb, box, pad=0.0)
    found = []
    for piece in pieces(soft > SURE):
        if piece.mean() < LEAST or soft[piece].mean() < FAINT or _cut(piece, box):
            continue
        shared = max((int((piece & one).sum()) / min(int(piece.sum()), int(one.sum())) for one in known), default=0.0)
        if shared < KNOWN and stands_on(boards, contact_pixel(piece), camera) == k:
            found.append(_smooth(piece))
    return found


def _gaps(box: Box, known: list[BoolImage]) -> list[Box]:
    """The wide parts of a cell in which nothing is known, with what is left and right of each as its limits: among bright
    things a pale one does not stand out."""
    left, top, right, bottom = box
    taken = np.zeros(round(right), bool)
    for mask in known:
        taken |= mask[round(top) : round(bottom), : round(right)].any(axis=0)
    taken[: round(left)] = True
    if not taken[round(left) :].any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[1], taken.astype(np.int8), [1]])))
    gaps = [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a, top, b, bottom) for a, b in gaps if b - a > WIDE_GAP * (right - left)]


def _cut(piece: BoolImage, box: Box) -> bool:
    """Whether a side or the top of the cell cuts a piece off: a side panel, or what hangs from above."""
    rows, columns = np.nonzero(piece)
    left, top, right, _ = box
    return bool(columns.min() <= left + 1 or columns.max() >= right - 2 or rows.min() <= top + 1)


def _smooth(piece: BoolImage) -> BoolImage:
    closed: NDArray[np.uint8] = cv2.morphologyEx(piece.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    smooth: BoolImage = closed > 0
    return smooth
