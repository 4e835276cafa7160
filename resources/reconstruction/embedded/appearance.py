"""Round or box, by the shading: how well each solid's visible faces explain the colours inside the mask.

A convex matt body's colour is a quadratic polynomial of the surface's normal under any distant light (Ramamoorthi and
Hanrahan 2001): smooth around a round body, one colour a face on a box. Each is fitted robustly to the photograph; what is
left over is compared. Print and patterns are left over in both and cancel, an edge between two faces is not.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .silhouette import Silhouette
from .solid import Solid

Array = NDArray[np.float64]
BoolImage = NDArray[np.bool_]

RIM = 2
"""Pixels at the outline that are mixed with the background."""
MIN_PIXELS = 200
NOISE = 1.0
"""LAB units: differences in what is left over are not told apart below it (sensor noise, JPEG)."""
FLAT = 0.05
"""Faces whose normals differ by less (length of the difference) are one face."""


def unexplained(view: Silhouette, solid: Solid) -> float | None:
    """Mean LAB difference, of the pixels where the solid shows, from its best shading; None without a picture or with
    too few pixels to tell."""
    if view.lab is None:
        return None
    normals, shown = _visible_normals(view, solid)
    inner = cv2.erode(view.mask.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    used = shown & inner
    if used.sum() < MIN_PIXELS:
        return None
    n, colors = normals[used], view.lab[used]
    basis = _per_face(n) if solid.shape == "cuboid" else _quadratic(n)
    residual = _robust_residual(basis, colors)
    return float(np.mean(np.minimum(np.linalg.norm(residual, axis=1), 40.0))) + NOISE


def _visible_normals(view: Silhouette, solid: Solid) -> tuple[Array, BoolImage]:
    """World normals of what the camera sees, shape (h, w, 3), and where that is; far faces are drawn first."""
    import trimesh

    world = trimesh.Trimesh(vertices=solid.world_vertices(), faces=solid.mesh.faces, process=False)
    towards = view.camera - world.triangles_center
    facing = np.flatnonzero(np.einsum("ij,ij->i", world.face_normals, towards) > 0)
    order = facing[np.argsort(-np.linalg.norm(towards[facing], axis=1), kind="stable")]
    corners = ((np.clip(view.project(world.vertices), -4000, 4000) - 0.5) * 16).round().astype(np.int32)
    index = np.full(view.mask.shape, -1, np.int32)
    for face in order:
        cv2.fillConvexPoly(index, corners[world.faces[face]], int(face), shift=4)
    return np.asarray(world.face_normals)[np.maximum(index, 0)], index >= 0


def _per_face(normals: Array) -> Array:
    """One column a face of the box."""
    keys = np.unique(np.round(normals / FLAT).astype(int), axis=0, return_inverse=True)[1].ravel()
    basis: Array = np.eye(int(keys.max()) + 1)[keys]
    return basis


def _quadratic(normals: Array) -> Array:
    """The nine terms of a quadratic polynomial on the sphere."""
    x, y, z = normals.T
    basis: Array = np.stack([np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], axis=-1)
    return basis


def _robust_residual(basis: Array, colors: Array) -> Array:
    """Residuals of a least-absolute-deviations fit, by iterated reweighting."""
    weight = np.ones(len(basis))
    residual = colors
    for _ in range(8):
        scaled = basis * weight[:, None]
        ridge = 1e-6 * len(basis) * np.eye(basis.shape[1])
        coefficients = np.linalg.solve(scaled.T @ basis + ridge, scaled.T @ colors)
        residual = colors - basis @ coefficients
        weight = 1.0 / np.maximum(np.linalg.norm(residual, axis=1), 1.0)
    return residual
