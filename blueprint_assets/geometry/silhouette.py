"""What a camera sees of a mesh: the silhouette, as a picture of the camera's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import project


def silhouette(camera: Camera, vertices: ArrayLike, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a triangle covers the pixel, shape (height, width).

    `vertices` of shape (n, 3) in the world, `faces` of shape (m, 3). Triangles that reach behind the camera are left out.
    """
    import cv2

    pixels, depths = project(camera, vertices)
    picture = np.zeros((camera.height, camera.width), np.uint8)
    near = 1e-6 * float(np.median(depths[depths > 0])) if (depths > 0).any() else 0.0
    shift = 4  # sub-pixel bits that OpenCV rounds to
    corners = np.round((pixels - 0.5) * (1 << shift))
    limit = 2.0**24  # coordinates beyond it overflow OpenCV's rasteriser
    visible = (depths[faces] > max(near, 0.0)).all(axis=1) & (np.abs(corners[faces]) < limit).all(axis=(1, 2))
    for triangle in corners[faces[visible]].astype(np.int32):
        cv2.fillConvexPoly(picture, triangle, 255, lineType=cv2.LINE_8, shift=shift)
    return picture > 0
