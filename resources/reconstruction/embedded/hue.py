"""Colours against the support plane's hue: what no light makes of the plane, and what is a strongly coloured plane in shade.

Shade draws a colour towards gray along its own hue and glare towards white; both stay on the line between gray and the plane's
colour in LAB's a and b.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .surface import BoolImage, ColorSurface

Array = NDArray[np.float64]

BRIGHTER = 1.1
"""Chroma over the plane's own up to which light may raise it."""
STRONG = 25.0
"""Chroma of a plane from which one of its channels is nearly dark, so that channels no longer dim alike (see `dimmed`)."""
SAME_HUE, EVEN, DARKER = 6.0, 12.0, 3.0
"""LAB units: off the hue at the median, spread of lightness (80 % of the pixels), and least loss of lightness, of a shadow."""


def off_plane(lab: Array, plane: ColorSurface) -> Array:
    """Distance of every colour from the line between gray and the plane's colour there, in LAB's a and b, shape (h, w)."""
    usual, colors = plane.predict(lab.shape[:2])[..., 1:], lab[..., 1:]
    share = (colors * usual).sum(axis=2) / np.maximum((usual * usual).sum(axis=2), 1e-9)
    return np.asarray(np.linalg.norm(colors - np.clip(share, 0.0, BRIGHTER)[..., None] * usual, axis=2))


def off_hue(lab: Array, mask: BoolImage, plane: ColorSurface) -> float:
    """The median of `off_plane` over a mask."""
    return float(np.median(off_plane(lab, plane)[mask]))


def is_deep_shadow(lab: Array, mask: BoolImage, plane: ColorSurface) -> bool:
    """Whether a mask is a plane of strong colour in shade: of its hue, evenly darker."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inner.any():
        return False
    usual = plane.predict(mask.shape)[inner]
    if np.median(np.linalg.norm(usual[:, 1:], axis=1)) < STRONG or off_hue(lab, inner, plane) > SAME_HUE:
        return False
    light = lab[inner][:, 0] - usual[:, 0]
    low, high = np.percentile(light, (10, 90))
    return bool(high < -DARKER and high - low < EVEN)
