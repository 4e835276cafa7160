"""Pieces of furniture that the detector is sure of: legs and backs are thin, so that the box says more than the outline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision import boxes, salient

from .closer import OF_THE_BOX, SURE
from .detections import ALL_INSIDE, PARTING_SCORE, Box, Detected, box_of, share_inside
from .parting import morph, pieces
from .surface import BoolImage, Image8

FURNITURE_SHARE, FURNITURE_PIECE = 0.12, 0.03
"""Least share of its box that a piece of furniture fills, and of its largest visible part that another part of it has."""
FURNITURE_LEVELS = (SURE, 0.3, 0.15)
"""What stands out in the box of a piece of furniture is cut at the level that gives the box: thin and wooden legs are faint."""
PART_OF, IN_ITS_BOX = 1.0, 0.8
"""A piece up to this much of a piece of furniture's size, and with as much of it inside its box, is a part of it."""


def find_furniture(rgb: Image8, whole: NDArray[np.float32], detected: list[Detected]) -> list[BoolImage]:
    """Surely detected furniture, each piece seen closer in its box (IS-Net sees legs that colours lose), no pixel twice.

    `whole`: how much stands out of the whole picture, for what the close look leaves of the box: a back beside a bright seat.
    """
    shape = whole.shape
    taken = np.zeros(shape, bool)
    found = []
    for one in detected:
        if one.score < PARTING_SCORE or one.category.stands != "floor":
            continue
        close = cv2.resize(
            salient.instance_mask(rgb, one.scaled(rgb.shape[1] / shape[1]).box),
            shape[::-1],
            interpolation=cv2.INTER_AREA,
        )
        mask = _in_box(np.where(taken, 0, close).astype(np.float32), one.box)
        if not mask.any() or boxes.overlap(box_of(mask), one.box) < OF_THE_BOX:
            inside = [part for part in pieces((whole > SURE) & ~taken) if share_inside(part, one.box) >= ALL_INSIDE]
            more = np.any([np.zeros(shape, bool), *inside], axis=0)
            mask = _in_box(np.where(taken, 0, np.where(more, np.maximum(close, whole), close)), one.box)
        left, top, right, bottom = one.box
        if mask.sum() < FURNITURE_SHARE * (right - left) * (bottom - top):
            continue
        taken |= mask
        found.append(mask)
    return found


def _in_box(soft: NDArray[np.float32], box: Box) -> BoolImage:
    """What stands out, at the level at which it fits the box best."""
    likely = [_pieces_over(soft, level) for level in FURNITURE_LEVELS]
    return max(likely, key=lambda mask: boxes.overlap(box_of(mask), box) if mask.any() else 0.0)


def _pieces_over(soft: NDArray[np.float32], level: float) -> BoolImage:
    """What stands out by more than the level, without the pieces that are small beside the largest."""
    seen = pieces(soft > level)
    large = [piece for piece in seen if piece.sum() >= FURNITURE_PIECE * seen[0].sum()]
    return np.asarray(np.any(large, axis=0)) if large else np.zeros(soft.shape, bool)


def with_its_parts(furniture: list[BoolImage], parts: list[BoolImage]) -> tuple[list[BoolImage], list[BoolImage]]:
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
