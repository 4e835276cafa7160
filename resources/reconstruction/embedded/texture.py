"""The photograph on the solids: every vertex takes the pixel it shows at, the unseen side mirrors the seen one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import camera_position, project

from .silhouette import BoolImage
from .solid import Solid
from .surface import Image8

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

MAX_TEXTURE = 512
ROUGHNESS = 0.8
"""Not measured: between matt paint (0.9) and glazed ceramics (0.3); highlights of the photo are in the texture already."""


def textured(solid: Solid, mask: BoolImage, rgb: Image8, camera: Camera) -> trimesh.Trimesh:
    """The solid's mesh with UVs into a cut-out of the photograph (at most 512 px).

    A vertex of a visible face takes its own pixel. Another one is first mirrored at the upright plane through the solid's
    middle that faces the camera, so that the back repeats the front and the inside of a near wall that of the far one.
    Outside the mask the cut-out holds the nearest pixel of the object, so that neighbours and background never bleed in.
    """
    import trimesh
    from PIL import Image

    window, picture = _cut_out(mask, rgb)
    vertices = solid.world_vertices()
    eye = camera_position(camera)
    mesh = trimesh.Trimesh(vertices=solid.mesh.vertices, faces=solid.mesh.faces, process=False)
    world = trimesh.Trimesh(vertices=vertices, faces=solid.mesh.faces, process=False)
    facing = np.einsum("ij,ij->i", world.face_normals, eye - world.triangles_center) > 0
    seen = np.zeros(len(vertices), bool)
    seen[np.unique(world.faces[facing])] = True
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    front = eye - middle
    front[2] = 0.0
    front /= max(float(np.linalg.norm(front)), 1e-9)
    ahead = (vertices - middle) @ front
    # Of a hollow thing, the inside of the near wall is never seen: it mirrors the inside of the far one.
    inside = np.einsum("ij,ij->i", np.asarray(world.vertex_normals)[:, :2], (vertices - middle)[:, :2]) < 0
    mirrored = ~seen & ((ahead < 0) | inside)
    shown = np.where(mirrored[:, None], vertices - 2 * ahead[:, None] * front, vertices)
    pixels, _ = project(camera, shown)
    left, top, right, bottom = window
    uv = np.stack(
        [(pixels[:, 0] - left) / (right - left), 1.0 - (pixels[:, 1] - top) / (bottom - top)], axis=-1
    )  # glTF and trimesh count v from opposite ends; trimesh turns it on export
    material = trimesh.visual.material.PBRMaterial(
        name="photo", baseColorTexture=Image.fromarray(picture), metallicFactor=0.0, roughnessFactor=ROUGHNESS
    )
    mesh.visual = trimesh.visual.TextureVisuals(uv=np.clip(uv, 0.0, 1.0), material=material)
    return mesh


def _cut_out(mask: BoolImage, rgb: Image8) -> tuple[tuple[int, int, int, int], Image8]:
    """The window (left, top, right, bottom) and its pixels, those outside the mask replaced by the nearest inside."""
    rows, columns = np.nonzero(mask)
    pad = 2 + int(0.04 * max(np.ptp(rows), np.ptp(columns)))
    top, left = max(0, int(rows.min()) - pad), max(0, int(columns.min()) - pad)
    bottom, right = min(mask.shape[0], int(rows.max()) + pad + 1), min(mask.shape[1], int(columns.max()) + pad + 1)
    inside = mask[top:bottom, left:right].astype(np.uint8)
    # The outermost pixels are mixed with the background.
    core = cv2.erode(inside, np.ones((3, 3), np.uint8), iterations=max(1, round(0.006 * max(inside.shape))))
    if core.sum() < 0.3 * inside.sum():
        core = inside
    _, labels = cv2.distanceTransformWithLabels(1 - core, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    crop = rgb[top:bottom, left:right]
    colors = np.zeros((labels.max() + 1, 3), np.uint8)
    colors[labels[core > 0]] = crop[core > 0]
    filled = colors[labels]
    factor = min(1.0, MAX_TEXTURE / max(filled.shape[:2]))
    if factor < 1.0:
        size = (max(1, math.floor(filled.shape[1] * factor)), max(1, math.floor(filled.shape[0] * factor)))
        filled = cv2.resize(filled, size, interpolation=cv2.INTER_AREA)
    return (left, top, right, bottom), filled.astype(np.uint8)


def mean_color(mask: BoolImage, rgb: Image8) -> tuple[float, float, float]:
    """Mean RGB, 0..1, of a mask's inner pixels."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    r, g, b = rgb[inner if inner.any() else mask].reshape(-1, 3).mean(axis=0) / 255.0
    return float(r), float(g), float(b)
