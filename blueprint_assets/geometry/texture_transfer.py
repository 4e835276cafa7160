"""The paint of one mesh carried over to another of the same shape but other triangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .nearest import NearestSurface
from .texture_atlas import texels, unwrap

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Colors = NDArray[np.uint8]

SIZES = (256, 1024)
"""Texels, the smallest and largest side of a baked texture. 1024 on a mug is 0.4 mm a texel."""


class Paint:
    """What colour a mesh has where: from its texture, its vertex colours or its face colours."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        self._triangles = np.asarray(mesh.triangles, dtype=float)
        self._faces = np.asarray(mesh.faces)
        self._corners: Array | None = None
        self._picture: Colors | None = None
        self.material = _pbr(mesh)
        visual: Any = mesh.visual
        if visual.kind == "texture" and visual.uv is not None:
            picture = self.material.baseColorTexture
            if picture is not None:
                self._picture = np.asarray(picture.convert("RGB"))
                self._corners = np.asarray(visual.uv, dtype=float)[self._faces]
        elif visual.kind == "vertex":
            self._corners = np.asarray(visual.vertex_colors, dtype=float)[self._faces][..., :3]
        elif visual.kind == "face":
            self._corners = np.repeat(np.asarray(visual.face_colors, dtype=float)[:, None, :3], 3, axis=1)

    @property
    def varies(self) -> bool:
        """Whether there is a colour per place; else the material says it all."""
        return self._corners is not None

    @property
    def detail(self) -> int:
        """Longest side of the texture; 1024 where vertices carry the colours."""
        return max(self._picture.shape[:2]) if self._picture is not None else SIZES[1]

    def at(self, face: Ints, points: Array) -> Colors:
        """Colours (n, 3) of surface points (n, 3) on these faces."""
        from trimesh.triangles import points_to_barycentric

        if self._corners is None:
            raise ValueError("a mesh without texture or vertex colours has no colour per place")
        with np.errstate(divide="ignore", invalid="ignore"):  # a face without area has no coordinates: its middle then
            found = points_to_barycentric(self._triangles[face], points)
        sound = np.isfinite(found).all(axis=1, keepdims=True)
        bary = np.clip(np.where(sound, found, 1.0), 0.0, 1.0)
        bary = bary / bary.sum(axis=1, keepdims=True)
        value = np.einsum("ij,ijk->ik", bary, self._corners[face])
        if self._picture is None:
            return np.asarray(np.clip(np.round(value), 0, 255), dtype=np.uint8)
        return _bilinear(self._picture, value)


def transfer(mesh: trimesh.Trimesh, vertices: Array, faces: Ints) -> trimesh.Trimesh:
    """The mesh of `vertices` and `faces` with the paint of `mesh`, which lies at the same place.

    Colours that vary are baked: new texture coordinates from `unwrap`, and for every texel the colour of the nearest
    surface point. Vertices are doubled where charts meet; welded by position it is the same surface. A plain material is taken
    over as it is. Normal, roughness and other maps are dropped, their factors kept.
    """
    import trimesh
    from PIL import Image
    from scipy.ndimage import distance_transform_edt
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    paint = Paint(mesh)
    if not paint.varies:
        plain = trimesh.Trimesh(vertices, faces, process=False, validate=False)
        if paint.material is not None:
            plain.visual = TextureVisuals(material=paint.material)
        return plain
    size = int(np.clip(2 ** np.ceil(np.log2(paint.detail)), *SIZES))
    atlas = unwrap(vertices, faces, size)
    index, face, bary = texels(atlas)
    points = np.einsum("ij,ijk->ik", bary, vertices[faces[face]])
    nearest = NearestSurface(
        np.asarray(mesh.vertices, dtype=float), np.asarray(mesh.faces), float(np.ptp(vertices, axis=0).max()) / 200, 2
    )
    on, source, _ = nearest.find(points)
    picture = np.zeros((size * size, 3), dtype=np.uint8)
    picture[index] = paint.at(source, on)
    empty = np.ones(size * size, dtype=bool)
    empty[index] = False
    fill: Any = distance_transform_edt(empty.reshape(size, size), return_distances=False, return_indices=True)
    picture = picture.reshape(size, size, 3)[fill[0], fill[1]]
    uv = atlas.uv.reshape(-1, 2) / size
    uv[:, 1] = 1.0 - uv[:, 1]  # trimesh counts from the bottom
    corners = np.concatenate([faces.reshape(-1, 1).astype(float), np.round(uv * 65536)], axis=1)
    _, first, split = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    given = paint.material
    material = PBRMaterial(
        name="baked",
        baseColorTexture=Image.fromarray(picture),
        baseColorFactor=None if given is None else given.baseColorFactor,
        metallicFactor=0.0 if given is None or given.metallicFactor is None else given.metallicFactor,
        roughnessFactor=1.0 if given is None or given.roughnessFactor is None else given.roughnessFactor,
    )
    return trimesh.Trimesh(
        vertices[faces.reshape(-1)[first]],
        split.reshape(-1, 3),
        visual=TextureVisuals(uv=uv[first], material=material),
        process=False,
        validate=False,
    )


def _pbr(mesh: trimesh.Trimesh) -> Any:
    material = getattr(mesh.visual, "material", None)
    if material is None or hasattr(material, "baseColorTexture"):
        return material
    return material.to_pbr()


def _bilinear(picture: Colors, uv: Array) -> Colors:
    """A picture at texture coordinates that count from the bottom and repeat."""
    height, width = picture.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    rows, columns = (top % height, (top + 1) % height), (left % width, (left + 1) % width)
    upper = picture[rows[0], columns[0]] * (1 - fx) + picture[rows[0], columns[1]] * fx
    lower = picture[rows[1], columns[0]] * (1 - fx) + picture[rows[1], columns[1]] * fx
    return np.asarray(np.round(upper * (1 - fy) + lower * fy), dtype=np.uint8)
