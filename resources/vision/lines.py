"""Straight line segments (M-LSD)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resources.vision.edges import sharpened
from resources.vision.sessions import pixels, run_onnx

SIZE = 512
SCORE = 0.10
"""Least score of a segment; the value of M-LSD's own demo."""
SHORTEST = 20 / 512
"""Least length as a part of the input's side; the value of M-LSD's own demo (20 of 512 pixels)."""


def segments(
    rgb: NDArray[np.uint8],
    *,
    score: float = SCORE,
    shortest: float = SHORTEST,
    on_edges: bool = True,
    cache: Path | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Segments (n, 4) as x0, y0, x1, y1 in pixels of the picture (pixel centres at whole numbers), and scores (n,), best first.

    `rgb` is (height, width, 3), or (height, width) grey. With `on_edges` they are moved onto the picture's edges and those that
    mean no edge, or one that another means better, are left out (`edges.sharpened`); without, they are the network's own. Ends
    can lie a little outside the picture.

    Raises:
        WeightsError: the weights are not there.
    """
    import cv2

    if rgb.ndim == 2:
        rgb = np.repeat(rgb[:, :, None], 3, axis=2)
    height, width = pixels(rgb).shape[:2]
    small = cv2.resize(
        rgb, (SIZE, SIZE), interpolation=cv2.INTER_AREA if min(height, width) > SIZE else cv2.INTER_LINEAR
    )
    picture = np.concatenate([small, np.ones((SIZE, SIZE, 1), np.uint8)], axis=2).astype(np.float32)[None]
    offsets, scores = run_onnx("lines", "mlsd_512_large.onnx", {"input_image_with_alpha:0": picture}, cache)
    found = _decode(scores[0, :, :, 0], offsets[0], (width, height), score, shortest)
    return sharpened(rgb, *found) if on_edges else found


def _decode(
    scores: NDArray[np.float32], offsets: NDArray[np.float32], size: tuple[int, int], score: float, shortest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Segments at the local maxima of `scores` (rows, columns); `offsets` (rows, columns, 4) are their ends relative to those."""
    import cv2

    peaks = scores >= cv2.dilate(scores, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peaks & (scores > score))
    centres = np.stack([columns, rows, columns, rows], axis=1)
    ends = centres + offsets[rows, columns].astype(np.float64)
    cells = scores.shape[0]
    long = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) >= shortest * cells
    ends, found = ends[long], scores[rows, columns][long].astype(np.float64)
    # cell k is at 2k in the input, whose pixel centres are k + 0.5 in continuous coordinates
    continuous = (2 * ends + 0.5) / (2 * cells) * np.tile(size, 2)
    order = np.lexsort((columns[long], rows[long], -found))
    return (continuous - 0.5)[order], found[order]
