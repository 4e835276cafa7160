"""Colour encodings. Photographs and MuJoCo hold sRGB values, UsdPreviewSurface holds linear ones; all in 0..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def linear_from_srgb(color: ArrayLike) -> Array:
    """Undoes the sRGB transfer function (IEC 61966-2-1)."""
    c = np.clip(np.asarray(color, dtype=float), 0.0, 1.0)
    linear: Array = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear


def srgb_from_linear(color: ArrayLike) -> Array:
    """Applies the sRGB transfer function (IEC 61966-2-1)."""
    c = np.clip(np.asarray(color, dtype=float), 0.0, 1.0)
    encoded: Array = np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055)
    return encoded
