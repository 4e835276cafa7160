"""Line segments moved onto the edges of the picture that they mean, and those that mean none left out."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from resources.vision.sessions import pixels

REACH = 4.0
"""How far from a segment its edge is looked for, pixels: a network of 512 pixels is off by one to three in a picture of 800."""
STEP = 0.5
SAMPLES = 48
NEAR = 1.0
"""A sample lies on the fitted line if its edge is within this many pixels of it."""
SUPPORT = 0.5
"""Least part of the samples on the fitted line: below it, the segment joins things that are not one edge."""
CONTRAST = 2.0
"""Least grey levels per pixel across an edge. Smoothing leaves about 0.4 of a photograph's noise of 3 levels; the largest of 17
such places is about 1."""
SAME_ANGLE, SAME_DISTANCE = np.radians(1.5), 2.0
"""Segments closer than this in direction and distance, one beside the other, are one."""


def sharpened(
    rgb: NDArray[np.uint8], segments: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Segments (n, 4) and scores (n,), best first, of a picture (height, width, 3): on their edges, each edge once.

    Along each segment the strongest change of grey across it is looked for within `REACH`, and a line is fitted to those places;
    a segment with fewer than `SUPPORT` of its samples on that line is left out, and so is one that repeats a better one.
    """
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(pixels(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.0)
    slopes = [cv2.Sobel(grey, cv2.CV_32F, *axis, ksize=3) / 8 for axis in ((1, 0), (0, 1))]
    kept: list[NDArray[np.float64]] = []
    marks: list[float] = []
    for segment, score in zip(segments, scores, strict=True):
        moved = _on_its_edge(slopes, segment)
        if moved is not None and not any(_same(moved, other) for other in kept):
            kept.append(moved)
            marks.append(float(score))
    return np.array(kept).reshape(-1, 4), np.array(marks)


def _on_its_edge(slopes: list[NDArray[np.float32]], segment: NDArray[np.float64]) -> NDArray[np.float64] | None:
    import cv2

    start, end = segment[:2], segment[2:]
    length = float(np.hypot(*(end - start)))
    if length < 4 * REACH:
        return None
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    places = np.linspace(0.02, 0.98, SAMPLES) * length
    shifts = np.arange(-REACH, REACH + STEP / 2, STEP)
    points = (start + places[:, None, None] * along + shifts[None, :, None] * across).astype(np.float32)
    slope = sum(
        cv2.remap(plane, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) * float(component)
        for plane, component in zip(slopes, across, strict=True)
    )
    # one edge has one sign: the sign that most of the contrast has
    strength = cast(NDArray[np.float32], slope) * (1 if np.sum(np.sign(slope) * np.square(slope)) >= 0 else -1)
    peak = strength.argmax(axis=1)
    strong = strength[np.arange(SAMPLES), peak] >= CONTRAST
    offsets = _between(strength, peak, shifts)
    if strong.sum() < SUPPORT * SAMPLES:
        return None
    weights = strong.astype(np.float64)
    line = np.zeros(2)
    for _ in range(8):  # reweighted least squares, Cauchy weights: edges that cross or run beside count little
        line = np.polyfit(places, offsets, 1, w=np.sqrt(weights))
        residual = offsets - np.polyval(line, places)
        weights = strong / (1 + np.square(residual / (NEAR / 2)))
    if np.mean(strong & (np.abs(offsets - np.polyval(line, places)) < NEAR)) < SUPPORT:
        return None
    return np.concatenate([start + np.polyval(line, 0) * across, end + np.polyval(line, length) * across])


def _between(strength: NDArray[np.float32], peak: NDArray[np.intp], shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place of each row's peak, by the parabola through it and its neighbours."""
    rows = np.arange(len(peak))
    inner = np.clip(peak, 1, strength.shape[1] - 2)
    left, middle, right = (strength[rows, inner + k].astype(np.float64) for k in (-1, 0, 1))
    curve = left - 2 * middle + right
    offset = np.where(curve < -1e-9, 0.5 * (left - right) / np.where(curve < -1e-9, curve, 1), 0.0)
    return np.where(inner == peak, shifts[inner] + STEP * np.clip(offset, -0.5, 0.5), shifts[peak])


def _same(segment: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether the shorter of the two lies beside the longer, over half of its length."""
    short, long = sorted((segment, other), key=lambda s: float(np.hypot(s[2] - s[0], s[3] - s[1])))
    span = long[2:] - long[:2]
    length = float(np.hypot(*span))
    along = span / length
    across = np.array([-along[1], along[0]])
    ends = short.reshape(2, 2) - long[:2]
    heading = ends[1] - ends[0]
    if abs(float(across @ heading)) > np.sin(SAME_ANGLE) * float(np.hypot(*heading)):
        return False
    places = np.sort(ends @ along)
    shared = min(places[1], length) - max(places[0], 0.0)
    return bool(np.abs(ends @ across).max() < SAME_DISTANCE and shared > 0.5 * (places[1] - places[0]))
