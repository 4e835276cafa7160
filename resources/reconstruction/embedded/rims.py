"""Ellipses in the picture that may be rims: circles that lie level, so that each tells the way up.

A circle's image is a conic whose cone has two possible planes of the circle (their normals in closed form from its eigenvalues;
Hartley and Zisserman 2004, Forsyth et al. 1991). Where the rim of a cup, a plate or a can is nearly whole, one of them
is gravity's direction: on thirty rendered scenes those of over 200 degrees told the pitch within 2 degrees in the middle.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_ARC = math.radians(200.0)
"""Of an ellipse that shows less, the ratio of the axes is a guess: arcs of can bottoms and shadows."""
SIZES = (0.03, 0.5)
"""Long axis, as a share of the picture's diagonal: below, a pixel is degrees."""
NEAR, NEAR_SHARE = 0.8, 0.005
"""Greatest root mean square distance of an edge from its ellipse: pixels, and a share of the long axis (rounded lips)."""
SHARP_TURN = math.radians(40.0)
TURN_STEP = 6
"""Edges are parted where they turn by more over as many pixels."""
LEAST_PIXELS = 45
SAME = 0.06
"""Ellipses whose centres and axes differ by less than this share of the long axis are one edge, or one rim's two sides."""
LEAST_TILT, MOST_TILT = math.radians(6.0), math.radians(72.0)
"""Angles between the circle's plane and the line of sight that are used: flatter ones are edge on, steeper ones mostly balls,
or so round that a pixel is degrees."""


@dataclass(frozen=True)
class Rims:
    """Ellipses in pixels: `center` (n, 2), full `axes` (n, 2) long one first, `angle` (n,) of the long one, and `arc` (n,),
    the part of each that shows, radians."""

    center: Array
    axes: Array
    angle: Array
    arc: Array

    def normals(self, focal: float, size: tuple[int, int]) -> Array:
        """Unit normals of both possible planes of each circle, in camera axes, shape (n, 2, 3)."""
        if not len(self.arc):
            return np.zeros((0, 2, 3))
        center = (self.center - np.array(size) / 2) / focal
        half = self.axes / 2 / focal
        c, s = np.cos(self.angle), np.sin(self.angle)
        turn = np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], axis=-2)
        shape = np.swapaxes(turn, 1, 2) @ (turn / (half**2)[:, :, None])
        cone = np.zeros((len(c), 3, 3))
        cone[:, :2, :2] = shape
        cone[:, :2, 2] = cone[:, 2, :2] = -np.einsum("nij,nj->ni", shape, center)
        cone[:, 2, 2] = np.einsum("ni,nij,nj->n", center, shape, center) - 1.0
        values, vectors = np.linalg.eigh(cone)  # rising: one negative, two positive
        low, middle, high = values.T
        along = np.sqrt(np.clip((high - middle) / (high - low), 0, 1))[:, None] * vectors[:, :, 2]
        across = np.sqrt(np.clip((middle - low) / (high - low), 0, 1))[:, None] * vectors[:, :, 0]
        return np.stack([along + across, along - across], axis=1)


def find_rims(rgb: NDArray[np.uint8]) -> Rims:
    """Nearly whole ellipses among the edges of a picture, shape (h, w, 3), largest first."""
    diagonal = math.hypot(*rgb.shape[:2])
    gray = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.4)
    contours, _ = cv2.findContours(cv2.Canny(gray, 25, 60, L2gradient=True), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    found = [one for c in contours for part in _smooth_parts(c[:, 0]) if (one := _fitted(part, diagonal)) is not None]
    kept: list[Array] = []
    for one in sorted(found, key=lambda one: (-one[5], -one[2])):
        if all(np.abs(one[:4] - other[:4]).max() > SAME * other[2] for other in kept):
            kept.append(one)
    rows = np.array(sorted(kept, key=lambda one: -one[2])).reshape(-1, 6)
    return Rims(rows[:, :2], rows[:, 2:4], rows[:, 4], rows[:, 5])


def _smooth_parts(chain: NDArray[np.int32]) -> list[NDArray[np.float32]]:
    """A closed chain of edge pixels, shape (n, 2), parted where it turns sharply."""
    n = len(chain)
    if n < LEAST_PIXELS:
        return []
    points = chain.astype(np.float64) + 0.5
    before, after = points - np.roll(points, TURN_STEP, 0), np.roll(points, -TURN_STEP, 0) - points
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    cuts = np.flatnonzero(np.abs(turn) > SHARP_TURN)
    if not len(cuts):
        return [points.astype(np.float32)]
    ends = np.concatenate([cuts, [cuts[0] + n]])
    spans = [(int(a) + TURN_STEP // 2, int(b) - TURN_STEP // 2) for a, b in itertools.pairwise(ends)]
    return [points[np.arange(a, b) % n].astype(np.float32) for a, b in spans if b - a >= LEAST_PIXELS]


def _fitted(points: NDArray[np.float32], diagonal: float) -> Array | None:
    """Centre, axes, angle of the long one and arc of the ellipse through the points; None where there is none."""
    (x, y), axes, degrees = cv2.fitEllipseDirect(points)
    long, short = max(axes), min(axes)
    if not np.isfinite([x, y, long, short]).all() or not SIZES[0] < long / diagonal < SIZES[1]:
        return None
    tilt = math.asin(min(1.0, short / long))
    if not LEAST_TILT < tilt < MOST_TILT:
        return None
    angle = math.radians(degrees if axes[0] >= axes[1] else degrees + 90)
    c, s = math.cos(angle), math.sin(angle)
    local = (points - np.array([x, y])) @ np.array([[c, -s], [s, c]])
    unit = local / (np.array([long, short]) / 2)
    radius = np.linalg.norm(unit, axis=1)
    beside = np.abs(radius - 1) * np.linalg.norm(local, axis=1) / np.maximum(radius, 1e-6)
    if math.sqrt(float((beside**2).mean())) > NEAR + NEAR_SHARE * long:
        return None
    around = np.sort(np.arctan2(unit[:, 1], unit[:, 0]))
    arc = 2 * math.pi - float(np.diff(around, append=around[0] + 2 * math.pi).max())
    return np.array([x, y, long, short, angle, arc]) if arc >= LEAST_ARC else None
