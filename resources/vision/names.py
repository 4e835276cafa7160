"""What a crop shows, in ImageNet's 1000 words (EfficientNet-Lite3), and a description of it for finding similar pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from resources.vision.sessions import pixels, run_onnx
from resources.vision.weights import require

SIZE = 280
SCALE, ZERO = 0.01266734, 130.0
"""The quantisation of the TFLite model's input: how its makers turn pixel values into what the network takes."""
GREY = 127
MARGIN = 0.08
"""Around a cut-out, as a part of its longer side."""


@dataclass(frozen=True)
class Name:
    """An ImageNet label (its synonyms joined by commas, as ImageNet has it) and how sure the network is, 0 to 1."""

    label: str
    score: float


def classify(rgb: NDArray[np.uint8], *, top: int = 5, cache: Path | None = None) -> list[Name]:
    """The `top` names for a crop of one thing, best first. The crop is put on a grey square, never stretched.

    Raises:
        WeightsError: the weights are not there.
    """
    return _best(_run(rgb, GREY, cache)[0], top, cache)


def classify_masked(
    rgb: NDArray[np.uint8], mask: NDArray[np.float32], *, top: int = 5, cache: Path | None = None
) -> list[Name]:
    """The `top` names for what `mask` (height, width, 0 to 1) shows of a picture, best first.

    The mean of four looks: cut out on grey and in its surroundings, each also mirrored. Surroundings help with some things and
    mislead with others.

    Raises:
        ValueError: see `on_grey`.
        WeightsError: the weights are not there.
    """
    y0, y1, x0, x1 = _extent(rgb, mask, MARGIN)
    looks = [on_grey(rgb, mask), np.ascontiguousarray(rgb[y0:y1, x0:x1])]
    looks += [np.ascontiguousarray(look[:, ::-1]) for look in looks]
    return _best(np.mean([_run(look, GREY, cache)[0] for look in looks], axis=0), top, cache)


def embedding(rgb: NDArray[np.uint8], *, background: int = 255, cache: Path | None = None) -> NDArray[np.float32]:
    """1280 numbers of length 1 that are alike for crops that look alike; their dot product is the likeness, 0 to 1.

    `background` is the grey of the square that the crop is put on: white, where catalogue pictures are on white.

    Raises:
        WeightsError: the weights are not there.
    """
    vector = _run(rgb, background, cache)[1]
    return cast(NDArray[np.float32], vector / max(float(np.linalg.norm(vector)), 1e-12))


def on_grey(
    rgb: NDArray[np.uint8], mask: NDArray[np.float32], *, margin: float = MARGIN, background: int = GREY
) -> NDArray[np.uint8]:
    """The part of a picture that `mask` (height, width, 0 to 1) shows, everything else grey, with a margin around it.

    Raises:
        ValueError: the mask has another size than the picture, or nothing of it is over 0.5.
    """
    y0, y1, x0, x1 = _extent(rgb, mask, margin)
    part = mask[y0:y1, x0:x1, None].astype(np.float32)
    cut: NDArray[np.uint8] = np.rint(rgb[y0:y1, x0:x1] * part + background * (1 - part)).astype(np.uint8)
    return cut


def _extent(rgb: NDArray[np.uint8], mask: NDArray[np.float32], margin: float) -> tuple[int, int, int, int]:
    """First row, row behind the last, and the same of columns, of the mask with a margin, inside the picture."""
    height, width = pixels(rgb).shape[:2]
    if mask.shape != (height, width):
        raise ValueError(f"the mask has shape {mask.shape}, the picture {(height, width)}")
    rows, columns = np.nonzero(mask > 0.5)
    if not len(rows):
        raise ValueError("nothing of the mask is over 0.5")
    pad = round(margin * max(int(np.ptp(rows)), int(np.ptp(columns))))
    return (
        max(0, int(rows.min()) - pad),
        min(height, int(rows.max()) + pad + 1),
        max(0, int(columns.min()) - pad),
        min(width, int(columns.max()) + pad + 1),
    )


def _best(scores: NDArray[np.float32], top: int, cache: Path | None) -> list[Name]:
    labels = _labels(require("names", cache) / "imagenet_labels.txt")
    best = np.argsort(-scores, kind="stable")[:top]
    return [Name(labels[index], float(scores[index])) for index in best]


def _run(
    rgb: NDArray[np.uint8], background: int, cache: Path | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (1000,) and pooled features (1280,)."""
    import cv2

    height, width = pixels(rgb).shape[:2]
    factor = SIZE / max(height, width)
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    square = np.full((SIZE, SIZE, 3), background, np.uint8)
    top, left = (SIZE - rows) // 2, (SIZE - columns) // 2
    square[top : top + rows, left : left + columns] = small
    planes = ((square.astype(np.float32) - ZERO) * SCALE).transpose(2, 0, 1)[None]
    scores, features = run_onnx("names", "efficientnet_lite3.onnx", {"input": np.ascontiguousarray(planes)}, cache)
    return scores[0], features[0]


@remembered
def _labels(path: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines())
