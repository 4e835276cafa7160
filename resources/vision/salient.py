"""What stands out: soft foreground masks of a picture and of the thing in a box (IS-Net)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from resources.vision.sessions import pixels, run_onnx

SIZE = 512
PAD = 0.12
"""Margin around a box, as a fraction of its width and height: the network wants to see what the thing stands out from."""


def foreground(rgb: NDArray[np.uint8], cache: Path | None = None) -> NDArray[np.float32]:
    """How much each pixel belongs to something that stands out, 0 to 1, (height, width), for an RGB picture.

    Raises:
        WeightsError: the weights are not there.
    """
    import cv2

    height, width = pixels(rgb).shape[:2]
    small = cv2.resize(
        rgb, (SIZE, SIZE), interpolation=cv2.INTER_AREA if min(height, width) > SIZE else cv2.INTER_LINEAR
    )
    planes = ((small.astype(np.float32) - 128) / 256).transpose(2, 0, 1)[None]  # the package's own normalisation
    mask = run_onnx("salient", "isnet_512.onnx", {"input": np.ascontiguousarray(planes)}, cache)[0][0, 0]
    full = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    return cast(NDArray[np.float32], np.clip(full, 0, 1, dtype=np.float32))


def instance_mask(
    rgb: NDArray[np.uint8],
    box: tuple[float, float, float, float],
    *,
    pad: float = PAD,
    pad_pixels: float = 0.0,
    clip: bool = True,
    cache: Path | None = None,
) -> NDArray[np.float32]:
    """How much each pixel belongs to the thing in `box` (left, top, right, bottom in pixels), 0 to 1, (height, width).

    The crop reaches `pad` of the box's width and height plus `pad_pixels` over each side. Outside the box (with `clip`) or
    outside the crop (without) the mask is 0. Two things in one box come out as one.

    Raises:
        ValueError: no pixel of the picture is in the box.
        WeightsError: the weights are not there.
    """
    height, width = pixels(rgb).shape[:2]
    left, top, right, bottom = box
    x_pad, y_pad = pad * (right - left) + pad_pixels, pad * (bottom - top) + pad_pixels
    outer = _inside((left - x_pad, top - y_pad, right + x_pad, bottom + y_pad), width, height)
    inner = _inside(box, width, height) if clip else outer
    x0, y0, x1, y1 = outer
    mask = np.zeros((height, width), np.float32)
    mask[y0:y1, x0:x1] = foreground(np.ascontiguousarray(rgb[y0:y1, x0:x1]), cache)
    x0, y0, x1, y1 = inner
    kept = np.zeros_like(mask)
    kept[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
    return kept


def _inside(box: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    x0, y0 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x1, y1 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"box {box} holds no pixel of a picture of {width}x{height}")
    return x0, y0, x1, y1
