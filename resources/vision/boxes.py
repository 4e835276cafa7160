"""Things of the 80 COCO categories: boxes, names and scores (SSD MobileNet v2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resources.vision.sessions import THREADS, pixels
from resources.vision.weights import require

SIZE = 300
SCORE = 0.4
OVERLAP = 0.5
"""Two boxes that overlap more (intersection over union) are the same thing, whatever their names."""
TILE = 0.6
"""Side of each of the 2x2 tiles as a part of the picture's: neighbours share a fifth of the picture."""
EDGE = 0.02
"""A box of a tile that comes this close (part of the tile) to an inner edge is a piece of something larger."""

COCO: dict[int, str] = {
    1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck", 9: "boat",
    10: "traffic light", 11: "fire hydrant", 13: "stop sign", 14: "parking meter", 15: "bench", 16: "bird", 17: "cat", 18: "dog",
    19: "horse", 20: "sheep", 21: "cow", 22: "elephant", 23: "bear", 24: "zebra", 25: "giraffe", 27: "backpack", 28: "umbrella",
    31: "handbag", 32: "tie", 33: "suitcase", 34: "frisbee", 35: "skis", 36: "snowboard", 37: "sports ball", 38: "kite",
    39: "baseball bat", 40: "baseball glove", 41: "skateboard", 42: "surfboard", 43: "tennis racket", 44: "bottle",
    46: "wine glass", 47: "cup", 48: "fork", 49: "knife", 50: "spoon", 51: "bowl", 52: "banana", 53: "apple", 54: "sandwich",
    55: "orange", 56: "broccoli", 57: "carrot", 58: "hot dog", 59: "pizza", 60: "donut", 61: "cake", 62: "chair", 63: "couch",
    64: "potted plant", 65: "bed", 67: "dining table", 70: "toilet", 72: "tv", 73: "laptop", 74: "mouse", 75: "remote",
    76: "keyboard", 77: "cell phone", 78: "microwave", 79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator", 84: "book",
    85: "clock", 86: "vase", 87: "scissors", 88: "teddy bear", 89: "hair drier", 90: "toothbrush",
}  # fmt: skip
"""Category ids of COCO (2014 to 2017), as the network numbers them."""

_running = Lock()


@dataclass(frozen=True)
class Detection:
    """A thing: its COCO name, how sure the network is (0 to 1), its box (left, top, right, bottom) in pixels."""

    label: str
    score: float
    box: tuple[float, float, float, float]


def detect(
    rgb: NDArray[np.uint8], *, score: float = SCORE, tiles: bool = True, cache: Path | None = None
) -> list[Detection]:
    """Things in an RGB picture, best first. With `tiles` small things are looked for in four overlapping tiles too.

    Raises:
        WeightsError: the weights are not there.
    """
    height, width = pixels(rgb).shape[:2]
    found = _detect(rgb, score, cache)
    if tiles:
        for y in (0, 1 - TILE):
            for x in (0, 1 - TILE):
                x0, y0 = round(x * width), round(y * height)
                x1, y1 = round((x + TILE) * width), round((y + TILE) * height)
                if x0 < x1 and y0 < y1:
                    part = _detect(np.ascontiguousarray(rgb[y0:y1, x0:x1]), score, cache)
                    found += [
                        Detection(d.label, d.score, _moved(d.box, x0, y0))
                        for d in part
                        if not _cut(_moved(d.box, x0, y0), (x0, y0, x1, y1), (width, height))
                    ]
    return _distinct(found)


def _detect(rgb: NDArray[np.uint8], score: float, cache: Path | None) -> list[Detection]:
    import cv2

    height, width = rgb.shape[:2]
    blob = cv2.dnn.blobFromImage(rgb, size=(SIZE, SIZE))  # the network takes RGB, 0 to 255
    folder = require("boxes", cache)
    with _running:  # a cv2 net holds its input and output: one caller at a time
        net = _net(folder)
        threads = cv2.getNumThreads()
        cv2.setNumThreads(THREADS)
        try:
            net.setInput(blob)
            rows = net.forward()[0, 0]
        finally:
            cv2.setNumThreads(threads)
    found = []
    for _, category, sure, *corners in rows.astype(np.float64):
        x0, y0, x1, y1 = np.clip(corners, 0, 1) * (width, height, width, height)
        if sure >= score and int(category) in COCO and x1 - x0 >= 1 and y1 - y0 >= 1:
            found.append(Detection(COCO[int(category)], float(sure), (float(x0), float(y0), float(x1), float(y1))))
    return found


@remembered
def _net(folder: Path) -> Any:
    import cv2

    return cv2.dnn.readNetFromTensorflow(
        str(folder / "ssd_mobilenet_v2_coco.pb"), str(folder / "ssd_mobilenet_v2_coco.pbtxt")
    )


def _moved(box: tuple[float, float, float, float], x: int, y: int) -> tuple[float, float, float, float]:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _cut(box: tuple[float, float, float, float], tile: tuple[int, int, int, int], size: tuple[int, int]) -> bool:
    """Whether the box touches an edge of the tile that is not an edge of the picture."""
    x_near, y_near = EDGE * (tile[2] - tile[0]), EDGE * (tile[3] - tile[1])
    return (
        (tile[0] > 0 and box[0] < tile[0] + x_near)
        or (tile[1] > 0 and box[1] < tile[1] + y_near)
        or (tile[2] < size[0] and box[2] > tile[2] - x_near)
        or (tile[3] < size[1] and box[3] > tile[3] - y_near)
    )


def _distinct(found: list[Detection]) -> list[Detection]:
    """The best of those that overlap."""
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda d: (-d.score, d.label, d.box)):
        if all(overlap(detection.box, other.box) <= OVERLAP for other in kept):
            kept.append(detection)
    return kept


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)
