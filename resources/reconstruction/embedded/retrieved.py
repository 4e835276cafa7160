"""Furniture from a mesh library on this machine, where its picture covers the mask better than the plain solid does.

The fitted solid says where the furniture stands, how it is turned and how large its box is. Of the library's meshes of the same
category those of the nearest proportions are stretched into that box, drawn, and compared with the mask.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh_care import care_for
from blueprint_assets.geometry.mesh_folder import MeshError
from blueprint_assets.household import Category
from resources.mesh_library import LibraryMesh
from resources.mesh_library.sweethome3d import FOLDER, LibraryError, installed, load

from .hull_fit import fit_hull
from .silhouette import Silhouette, convex_view
from .solid import Solid

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

TRIED, FITTED = 4, 2
"""Meshes of the nearest proportions that are drawn, and of those the best that are placed anew."""
STRETCH = 2.0
"""Beyond this factor between two sides a mesh is another piece of furniture; a plain template's box can itself be 1.5 off."""
GAIN = 0.02
"""Overlap that a mesh must gain over the solid: less is within what the outline's pixels decide."""
MAX_RAW_FACES, MAX_FACES = 32_000, 8_000
"""Of a mesh as it is in the library, and after its care: larger ones take over two seconds each."""


def better_from_library(view: Silhouette, solid: Solid, row: Category, folder: Path = FOLDER) -> Solid:
    """The library's mesh in the solid's place, or the solid, if none is installed or none covers the mask better.

    Args:
        view: what was seen.
        solid: the fit by a plain shape; its mesh is in its own frame, z = 0 at the base.
        row: what it is.
        folder: the library's archives.
    """
    there = [(item, _cared(item)) for item in _nearest(row.name, np.asarray(solid.mesh.extents), folder)]
    drawn = [
        (_covers(view, placed), k, item, placed)
        for k, (item, mesh) in enumerate(there)
        if mesh is not None
        for placed in _turned(solid, mesh)
    ]
    best, least = solid, _covers(view, solid) + GAIN
    for _, _, item, placed in sorted(drawn, key=lambda each: (-each[0], each[1]))[:FITTED]:
        own = _fitted(view, item, placed)
        if own is not None and own.overlap > least:
            best, least = own, own.overlap
    return best


def _turned(solid: Solid, mesh: trimesh.Trimesh) -> list[Solid]:
    """The mesh stretched into the solid's box, its front to either side."""
    stretched = mesh.copy()
    stretched.apply_scale(np.asarray(solid.mesh.extents) / mesh.extents)
    return [dataclasses.replace(solid, mesh=stretched, yaw=solid.yaw + turn) for turn in (0.0, np.pi)]


def _fitted(view: Silhouette, item: LibraryMesh, placed: Solid) -> Solid | None:
    """The mesh placed by its own convex outline, not the plain solid's, unless its first place covers as much."""
    points = np.asarray(placed.mesh.convex_hull.vertices) / placed.mesh.extents
    note = f"{item.credit}; stretched into the box of a {item.category.name}"
    tried = [placed]
    # The gaps between legs are no evidence about the whole: both outlines are made convex.
    found = fit_hull(convex_view(view), points, item.size, free=False)
    if found is not None:
        mesh = placed.mesh.copy()
        mesh.apply_scale(found.sides / mesh.extents)
        tried.append(dataclasses.replace(placed, mesh=mesh, position=found.position, yaw=found.yaw))
    overlap, _, best = max((_covers(view, each), -k, each) for k, each in enumerate(tried))
    grown = float(best.mesh.extents[2] / placed.mesh.extents[2])
    rest = None if placed.rest is None else placed.rest * grown
    return dataclasses.replace(best, shape="library_mesh", overlap=overlap, note=note, rest=rest)


def _nearest(category: str, sides: Array, folder: Path) -> list[LibraryMesh]:
    """Those of a category whose two ratios of sides are within STRETCH, nearest first."""

    def stretch(item: LibraryMesh) -> float:
        ratio = np.log(np.array(item.size) / sides)
        return float(np.ptp(ratio))

    there = [item for item in installed(folder) if item.category.name == category]
    ranked = sorted(((stretch(item), k, item) for k, item in enumerate(there)), key=lambda each: each[:2])
    return [item for amount, _, item in ranked[:TRIED] if amount < np.log(STRETCH)]


@cache
def _cared(item: LibraryMesh) -> trimesh.Trimesh | None:
    """The mesh, closed and small, in its catalogue's size; None for one that cannot be used."""
    try:
        raw = load(item)
        if len(raw.faces) > MAX_RAW_FACES:
            return None
        mesh, _ = care_for(raw, max_faces=MAX_FACES)
    except (LibraryError, MeshError):  # some of the library's files are broken; there are others
        return None
    low, high = mesh.bounds
    mesh.apply_translation([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
    return mesh


def _covers(view: Silhouette, placed: Solid) -> float:
    """Overlap of the mask with a solid's own picture, gaps and all."""
    pixels = np.clip(view.project(placed.world_vertices()), -4000, 4000)
    triangles = ((pixels - 0.5) * 16).round().astype(np.int32)[np.asarray(placed.mesh.faces)]
    drawn = view.blank()
    for triangle in triangles:
        cv2.fillConvexPoly(drawn, triangle, 255, shift=4)
    return view.overlap(drawn)
