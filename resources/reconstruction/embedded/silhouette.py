"""One object's mask at fitting size, with the camera that belongs to it, and how well a solid's outline covers it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import camera_position, ground_points, projection_matrix

Array = NDArray[np.float64]
BoolImage = NDArray[np.bool_]

FIT_SIZE = 160
MAX_ENLARGEMENT = 3.0
"""Longer side of a mask while it is fitted, pixels: 1 pixel is 0.7 % of the object, less than masks are good for."""
MARGIN = 0.15


@dataclass(frozen=True)
class Silhouette:
    """`mask`: the object. `hidden`: where it may go on unseen: pixels of things in front of it, and what is beyond a border of
    the picture that it reaches. `projection`: these
    pixels (homogeneous) from the world, (3, 4). `to_full`: x, y and factor that lead back to the picture's pixels.
    `height`: z of what it stands on. `base`: ground point under the lowest pixels; `right`, `away`: unit vectors on the
    ground, to the picture's right and away from the camera, at that point."""

    mask: BoolImage
    hidden: BoolImage
    projection: Array
    to_full: tuple[float, float, float]
    height: float
    camera: Array
    base: Array
    right: Array
    away: Array
    pixel: float
    """World length of one pixel at the base."""
    lab: Array | None = None
    """CIELAB colours, shape (h, w, 3), where the photograph was given."""

    @property
    def allowed(self) -> BoolImage:
        """Where the object may show: its mask, and what is hidden."""
        return self.mask | self.hidden

    @cached_property
    def _linear(self) -> tuple[Array, Array]:
        return np.ascontiguousarray(self.projection[:, :3].T), self.projection[:, 3].copy()

    @cached_property
    def _counted(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
        """What is not hidden and the mask, as 255 or 0, and the mask's area."""
        shown, own = (np.where(one, 255, 0).astype(np.uint8) for one in (~self.hidden, self.mask))
        return shown, own, int(self.mask.sum())

    @cached_property
    def framed(self) -> BoolImage:
        """`allowed` with one pixel of border, where it may not show."""
        return np.pad(self.allowed, 1)

    def hidden_rim(self) -> float:
        """Share of the mask's outline that borders on what hides it."""
        own, near = (one.astype(np.uint8) for one in (self.mask, self.hidden))
        rim = cv2.subtract(own, cv2.erode(own, np.ones((3, 3), np.uint8)))
        return float(cv2.dilate(near, np.ones((5, 5), np.uint8))[rim > 0].mean())

    def project(self, points: Array) -> Array:
        """Pixels, shape (..., 2), of world points, shape (..., 3)."""
        turn, shift = self._linear
        h = points @ turn + shift
        pixels: Array = h[..., :2] / np.maximum(h[..., 2:3], 1e-9)
        return pixels

    def overlap(self, drawn: NDArray[np.uint8]) -> float:
        """Intersection over union of a drawn outline with the mask; hidden pixels count on neither side."""
        shown, own, area = self._counted
        seen = cv2.bitwise_and(drawn, shown)
        both = cv2.countNonZero(cv2.bitwise_and(seen, own))
        union = cv2.countNonZero(seen) + area - both
        return both / union if union else 0.0

    def blank(self) -> NDArray[np.uint8]:
        """An empty picture to draw an outline on."""
        return np.zeros(self.mask.shape, np.uint8)

    def draw_hull(self, drawn: NDArray[np.uint8], points: Array) -> None:
        """Fills the convex hull of world points, shape (n, 3)."""
        self.fill_hull(drawn, self.project(points))

    def fill_hull(self, drawn: NDArray[np.uint8], pixels: Array) -> None:
        """Fills the convex hull of pixels, shape (n, 2)."""
        pixels = np.minimum(np.maximum(pixels, -4000.0), 4000.0)
        # cv2 counts from pixel centres; four fractional bits keep the outline's sub-pixel position.
        hull = cv2.convexHull(np.rint((pixels - 0.5) * 16).astype(np.int32))
        cv2.fillConvexPoly(drawn, hull, 255, shift=4)


def make_silhouette(
    mask: BoolImage, hidden: BoolImage, camera: Camera, height: float, rgb: NDArray[np.uint8] | None = None
) -> Silhouette | None:
    """Cuts and shrinks a full-size mask. `camera` and `rgb` are of the full picture.

    None when the ray under the mask's lowest pixels does not meet the plane z = `height` (at or above the horizon).
    """
    rows, columns = np.nonzero(mask)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    pad = int(np.ceil(MARGIN * max(bottom - top, right - left))) + 2
    x0, y0 = int(left) - pad, int(top) - pad
    width, height_px = int(right - left) + 2 * pad, int(bottom - top) + 2 * pad
    factor = min(MAX_ENLARGEMENT, FIT_SIZE / float(max(right - left, bottom - top)))
    size = (max(1, round(width * factor)), max(1, round(height_px * factor)))
    small = _shrink(mask, x0, y0, width, height_px, size)
    to_crop = np.array([[factor, 0, -factor * x0], [0, factor, -factor * y0], [0, 0, 1.0]])
    contact = contact_pixel(mask)
    base = ground_points(camera, contact[None], height)[0]
    beside = ground_points(camera, contact[None] + [1.0, 0.0], height)[0]
    if not np.isfinite(base).all() or not np.isfinite(beside).all():
        return None
    position = camera_position(camera)
    away = base - position
    away[2] = 0.0
    away /= max(float(np.linalg.norm(away)), 1e-9)
    return Silhouette(
        mask=small,
        hidden=(_shrink(hidden, x0, y0, width, height_px, size) | _beyond(mask, x0, y0, factor, size)) & ~small,
        projection=to_crop @ projection_matrix(camera),
        to_full=(float(x0), float(y0), factor),
        height=height,
        camera=position,
        base=base,
        right=np.array([away[1], -away[0], 0.0]),
        away=away,
        pixel=float(np.linalg.norm(beside - base)) / factor,
        lab=None if rgb is None else _colors(rgb, x0, y0, width, height_px, size),
    )


def convex_view(view: Silhouette) -> Silhouette:
    """The same with the mask's convex outline for a mask, where nothing hides it."""
    rows, columns = np.nonzero(view.mask)
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))
    filled = cv2.fillConvexPoly(np.zeros(view.mask.shape, np.uint8), hull, 1) > 0
    return dataclasses.replace(view, mask=view.mask | (filled & ~view.hidden))


def contact_pixel(mask: BoolImage) -> Array:
    """Where the object touches down, shape (2,): the middle of its lowest 3 % of rows."""
    rows, columns = np.nonzero(mask)
    limit = rows.max() - 0.03 * (rows.max() - rows.min())
    low = rows >= limit
    return np.array([float(np.median(columns[low])) + 0.5, float(rows.max()) + 1.0])


def _beyond(mask: BoolImage, x0: int, y0: int, factor: float, size: tuple[int, int]) -> BoolImage:
    """Fitting pixels beyond those borders of the picture that the mask reaches: the object may go on there."""
    rows, columns = np.nonzero(mask)
    x = x0 + (np.arange(size[0]) + 0.5) / factor
    y = y0 + (np.arange(size[1]) + 0.5) / factor
    height, width = mask.shape
    beside = ((x < 0) & (columns.min() <= 1)) | ((x >= width) & (columns.max() >= width - 2))
    above = ((y < 0) & (rows.min() <= 1)) | ((y >= height) & (rows.max() >= height - 2))
    beyond: BoolImage = above[:, None] | beside[None, :]
    return beyond


def _colors(rgb: NDArray[np.uint8], x0: int, y0: int, width: int, height: int, size: tuple[int, int]) -> Array:
    pad = max(0, -x0, -y0, x0 + width - rgb.shape[1], y0 + height - rgb.shape[0])
    framed = cv2.copyMakeBorder(rgb, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    crop = framed[y0 + pad : y0 + pad + height, x0 + pad : x0 + pad + width]
    interpolation = cv2.INTER_AREA if size[0] <= width else cv2.INTER_LINEAR
    small = cv2.resize(crop, size, interpolation=interpolation)
    return np.asarray(cv2.cvtColor((small / 255.0).astype(np.float32), cv2.COLOR_RGB2LAB), np.float64)


def _shrink(image: BoolImage, x0: int, y0: int, width: int, height: int, size: tuple[int, int]) -> BoolImage:
    crop = np.zeros((height, width), np.uint8)
    top, left = max(0, y0), max(0, x0)
    bottom, right = min(image.shape[0], y0 + height), min(image.shape[1], x0 + width)
    crop[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right] * np.uint8(255)
    shrinking = size[0] <= width
    small: BoolImage = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC) > 127
    return small
