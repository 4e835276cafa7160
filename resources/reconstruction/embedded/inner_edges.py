"""Edges inside a mask: whether the photograph shows an edge where a solid's rim or arris should be."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .silhouette import Silhouette

Array = NDArray[np.float64]

RIM = 3
"""Fitting pixels at the mask's outline whose gradients belong to the background."""
STRONG = 0.9
"""Quantile of the gradients inside the mask that counts as an edge (1.0)."""
FAINT = 3.0
"""LAB units a pixel: gradients below are noise even where the whole object is even."""


@dataclass(frozen=True)
class InnerEdges:
    """`strength`: 0..1 at every fitting pixel, 0 near the outline and outside. `usual`: its mean inside the mask."""

    strength: Array
    usual: float

    def share(self, view: Silhouette, points: Array) -> float:
        """Mean strength along world points, shape (n, 3), less the usual one; points outside count nothing."""
        pixels = np.floor(view.project(points)).astype(np.int64)
        x, y = pixels[:, 0], pixels[:, 1]
        height, width = self.strength.shape
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        if not inside.any():
            return 0.0
        return float(self.strength[y[inside], x[inside]].sum()) / len(points) - self.usual


def inner_edges(view: Silhouette) -> InnerEdges | None:
    """The edges inside a silhouette; None without a picture or with too little inside."""
    if view.lab is None:
        return None
    inner = cv2.erode(view.mask.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    if inner.sum() < 60:
        return None
    lab = cv2.GaussianBlur(view.lab, (0, 0), 1.0)
    gradient = (
        np.sqrt(
            sum(
                cv2.Sobel(lab[..., k], cv2.CV_64F, 1, 0) ** 2 + cv2.Sobel(lab[..., k], cv2.CV_64F, 0, 1) ** 2
                for k in range(3)
            )
        )
        / 8.0
    )
    limit = max(float(np.quantile(gradient[inner], STRONG)), FAINT)
    strength: Array = np.where(inner, np.minimum(gradient / limit, 1.0), 0.0)
    soft = np.asarray(cv2.GaussianBlur(strength, (0, 0), 1.0), np.float64)
    return InnerEdges(soft, float(soft[view.mask].mean()))
