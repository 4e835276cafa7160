"""The photograph with what was read into it: masks, ids, boxes of the fitted solids, a metre grid's lines on the plane."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import pitch_and_roll, project

from .arrangement import Placed
from .silhouette import BoolImage
from .surface import Image8

_COLORS = [
    (230, 60, 60), (60, 160, 240), (70, 200, 90), (240, 170, 40), (180, 90, 230), (40, 205, 205),
    (240, 110, 180), (150, 120, 60), (120, 190, 30), (90, 90, 240), (250, 220, 60), (130, 130, 130),
]  # fmt: skip
_EDGES = [(0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4), (0, 4), (1, 5), (2, 6), (3, 7)]


def draw_preview(rgb: Image8, camera: Camera, ids: list[str], placed: list[Placed], path: Path) -> None:
    """Writes a PNG of the size of `rgb`; `camera` belongs to that size."""
    picture = rgb.copy()
    _draw_grid(picture, camera)
    width = max(1, round(max(rgb.shape) / 600))
    for k, item in enumerate(placed):
        color = np.array(_COLORS[k % len(_COLORS)], np.uint8)
        _tint(picture, item.instance.mask, color)
    for k, (name, item) in enumerate(zip(ids, placed, strict=True)):
        line = _COLORS[k % len(_COLORS)]
        corners = _box(item)
        pixels, depth = project(camera, corners)
        if depth.min() > 0:
            for a, b in _EDGES:
                cv2.line(picture, _at(pixels[a]), _at(pixels[b]), line, width, cv2.LINE_AA)
        _label(picture, name, pixels.min(axis=0), line, width)
    pitch, roll = pitch_and_roll(camera)
    text = (
        f"pitch {math.degrees(pitch):.0f} deg ({camera.pitch_evidence}), roll {math.degrees(roll):.0f}, "
        f"focal {camera.fx:.0f} px ({camera.focal_evidence})"
    )
    _label(picture, text, np.array([6.0, picture.shape[0] - 6.0]), (255, 255, 255), width)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _box(item: Placed) -> NDArray[np.float64]:
    """The eight corners of the solid's box in its own frame, in the world."""
    low, high = np.asarray(item.solid.mesh.bounds)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    c, s = math.cos(item.solid.yaw), math.sin(item.solid.yaw)
    turned: NDArray[np.float64] = corners @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]).T + item.solid.position
    return turned


def _draw_grid(picture: Image8, camera: Camera) -> None:
    """Lines on the support plane every half camera height, so that a wrong pitch is seen at a glance."""
    layer = picture.copy()
    for value in np.arange(-4, 4.01, 0.5):
        for points in (
            np.stack([np.full(60, value), np.linspace(0.3, 8, 60), np.zeros(60)], axis=-1),
            np.stack([np.linspace(-4, 4, 60), np.full(60, value + 4.5), np.zeros(60)], axis=-1),
        ):
            pixels, depth = project(camera, points)
            shown = depth > 0.05
            line = np.clip(pixels[shown], -4000, 8000).round().astype(np.int32)
            cv2.polylines(layer, [line], False, (255, 255, 255), 1, cv2.LINE_AA)
    picture[:] = cv2.addWeighted(picture, 0.75, layer, 0.25, 0)


def _tint(picture: Image8, mask: BoolImage, color: NDArray[np.uint8]) -> None:
    picture[mask] = (0.75 * picture[mask] + 0.25 * color).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, [int(c) for c in color], 1, cv2.LINE_AA)


def _label(picture: Image8, text: str, corner: NDArray[np.float64], color: tuple[int, int, int], width: int) -> None:
    size = max(picture.shape) / 1500 + 0.1
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, width)
    x = int(np.clip(corner[0], 2, max(2, picture.shape[1] - w - 2)))
    y = int(np.clip(corner[1] - 4, h + 2, picture.shape[0] - 4))
    cv2.rectangle(picture, (x - 2, y - h - 3), (x + w + 2, y + 4), (20, 20, 20), cv2.FILLED)
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, color, width, cv2.LINE_AA)


def _at(pixel: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.clip(pixel, -4000, 8000).round().astype(int)
    return int(x), int(y)
