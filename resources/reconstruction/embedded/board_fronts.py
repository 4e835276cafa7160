"""The front of a shelf's board in the picture: a level edge, what is above it, and where the front turns to the board's top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .silhouette import BoolImage, contact_pixel
from .surface import Image8

Array = NDArray[np.float64]

THICKNESS = (0.016, 0.06)
"""Thickness of a board as it shows, over the length of its front: 18 mm over 0.5 to 1 m, nearer or farther."""
ACROSS = 0.03
"""Least share of a mask on either side of a line that it lies across: masks are a few pixels off."""
STEP = 3.0
"""A board's front and top differ in brightness by this many times what either of them varies by, in their upper edge."""


@dataclass(frozen=True)
class Line:
    """A straight edge between two pixels, each shape (2,)."""

    start: Array
    end: Array

    @property
    def length(self) -> float:
        """Of the edge, pixels."""
        return float(np.linalg.norm(self.end - self.start))


def raised(line: Line, by: float) -> Line:
    """The line `by` pixels higher up in the picture."""
    up = np.array([0.0, by])
    return Line(line.start - up, line.end - up)


def rows_of(line: Line, columns: Array) -> Array:
    """Where a line, prolonged, crosses columns of pixels."""
    slope = (line.end[1] - line.start[1]) / (line.end[0] - line.start[0])
    rows: Array = line.start[1] + slope * (columns - line.start[0])
    return rows


def share_below(mask: BoolImage, line: Line) -> float:
    """The share of a mask below a line, 0 or 1 where less than ACROSS is on the other side."""
    rows, columns = np.nonzero(mask)
    share = float((rows + 0.5 > rows_of(line, columns.astype(np.float64) + 0.5)).mean())
    return 0.0 if share < ACROSS else 1.0 if share > 1 - ACROSS else share


def gap_over(mask: BoolImage, line: Line) -> float:
    """How far above a line a thing ends, pixels."""
    x, y = contact_pixel(mask)
    return float(rows_of(line, np.array([x]))[0] - y)


def thickness(line: Line, masks: Sequence[BoolImage], rgb: Image8) -> float | None:
    """How far above a front's lower edge its brightness turns to that of the board's top, pixels; None where it does not.

    `masks`: what is in the picture; what of it is above the line stands on the board, so that it ends above its upper edge.
    """
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    for mask in masks:
        gray[mask] = np.nan
    columns = np.arange(max(0, math.ceil(line.start[0])), min(gray.shape[1], math.floor(line.end[0])), 2).astype(
        np.float32
    )
    rows = rows_of(line, columns.astype(float)).astype(np.float32)
    least, most = (round(share * line.length) for share in THICKNESS)
    most = min([most, *(int(gap_over(mask, line)) for mask in masks if share_below(mask, line) == 0)])
    # Two pixels on either side of an edge are mixed.
    profile = np.array([_brightness(gray, columns, rows - k) for k in range(2 * most + 3)])
    best, found = STEP, None
    for k in range(least, most + 1):
        front, top = profile[2 : k - 1], profile[k + 2 : 2 * k + 1]
        if len(front) < 3 or not (np.isfinite(front).all() and np.isfinite(top).all()):
            continue
        step = abs(float(front.mean() - top.mean())) / max(float(front.std() + top.std()) / 2, 1.0)
        if step > best:
            best, found = step, float(k)
    return found


def _brightness(gray: NDArray[np.float32], columns: NDArray[np.float32], rows: NDArray[np.float32]) -> float:
    """The median along a row of places in the picture; NaN where nothing of the shelf shows."""
    inside = (rows >= 0) & (rows < gray.shape[0])
    values = gray[rows[inside].astype(int), columns[inside].astype(int)]
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else math.nan
