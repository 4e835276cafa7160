"""Watertight solids from few numbers: box, solid of revolution, thick outline.

Each stands on z = 0 of its own frame, with normals outwards and every vertex shared, so that a texture coordinate per
vertex is enough and the mesh stays closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import shapely
    import trimesh

Array = NDArray[np.float64]


class ShapeError(ValueError):
    """These numbers do not describe a solid."""


def cuboid(size: ArrayLike, segments: int = 8) -> trimesh.Trimesh:
    """A box of `size` (x, y, z) centred on the z axis, each face a grid of `segments` squared squares.

    Raises:
        ShapeError: a side is not positive.
    """
    import trimesh

    sides = np.asarray(size, dtype=float)
    if sides.shape != (3,) or not (sides > 0).all():
        raise ShapeError(f"a box of {sides.tolist()}: three positive sides are needed")
    n = segments
    axis = np.arange(n + 1)
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    index = -np.ones(len(lattice), dtype=int)
    surface = ((lattice == 0) | (lattice == n)).any(axis=1)
    index[surface] = np.arange(int(surface.sum()))
    vertices = lattice[surface] / n * sides - [sides[0] / 2, sides[1] / 2, 0.0]
    faces: list[list[int]] = []

    def at(i: int, j: int, k: int) -> int:
        return int(index[(i * (n + 1) + j) * (n + 1) + k])

    for normal in range(3):
        u, v = (normal + 1) % 3, (normal + 2) % 3
        for side in (0, n):
            for a in range(n):
                for b in range(n):
                    corners = []
                    for da, db in ((0, 0), (1, 0), (1, 1), (0, 1)):
                        cell = [0, 0, 0]
                        cell[normal], cell[u], cell[v] = side, a + da, b + db
                        corners.append(at(*cell))
                    if side == 0:
                        corners.reverse()
                    faces += [corners[:3], [corners[0], corners[2], corners[3]]]
    return trimesh.Trimesh(vertices=vertices, faces=faces, process=False)


def revolved(radii: ArrayLike, heights: ArrayLike, sections: int = 32) -> trimesh.Trimesh:
    """The solid that a profile sweeps around the z axis; `heights` rise from 0, `radii` belong to them.

    The ends are closed with a disc around a centre vertex. A radius below 1 % of the greatest becomes that, because a
    ring of no size would have faces of no area.

    Raises:
        ShapeError: fewer than two heights, heights that do not rise, or no radius above zero.
    """
    import trimesh

    r, z = np.asarray(radii, dtype=float), np.asarray(heights, dtype=float)
    if len(r) < 2 or len(r) != len(z) or not (np.diff(z) > 0).all():
        raise ShapeError(f"a profile of {len(r)} radii at {len(z)} heights: two or more are needed, rising")
    if not np.isfinite(r).all() or r.max() <= 0:
        raise ShapeError("a profile without a radius above zero")
    r = np.maximum(r, 0.01 * r.max())
    angle = np.arange(sections) * 2 * np.pi / sections
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    rings = np.concatenate(
        [r[:, None, None] * circle, np.broadcast_to(z[:, None, None], (len(z), sections, 1))], axis=2
    )
    vertices = np.concatenate([rings.reshape(-1, 3), [[0.0, 0.0, z[0]], [0.0, 0.0, z[-1]]]])
    vertices[:, 2] -= z[0]
    here = np.arange(sections)
    there = (here + 1) % sections
    faces = []
    for k in range(len(z) - 1):
        low, high = k * sections, (k + 1) * sections
        faces.append(np.stack([low + here, low + there, high + there], axis=-1))
        faces.append(np.stack([low + here, high + there, high + here], axis=-1))
    bottom, top = len(vertices) - 2, len(vertices) - 1
    last = (len(z) - 1) * sections
    faces.append(np.stack([np.full(sections, bottom), there, here], axis=-1))
    faces.append(np.stack([np.full(sections, top), last + here, last + there], axis=-1))
    return trimesh.Trimesh(vertices=vertices, faces=np.concatenate(faces), process=False)


def thick_outline(outline: shapely.Polygon, thickness: float, upright: bool = True) -> trimesh.Trimesh:
    """An outline given a thickness.

    Upright: the outline is in (x, z) and the solid reaches from y = -thickness / 2 to thickness / 2. Lying: the outline
    is in (x, y) and the solid reaches from z = 0 to `thickness`. The lowest point is moved to z = 0.

    Raises:
        ShapeError: the outline is empty or crosses itself, or the thickness is not positive.
    """
    import trimesh

    if outline.is_empty or not outline.is_valid or outline.area <= 0 or not thickness > 0:
        raise ShapeError(f"an outline of area {outline.area:.3g}, thickness {thickness:.3g}: not a solid")
    mesh = trimesh.creation.extrude_polygon(outline, height=thickness)
    vertices = np.array(mesh.vertices)
    if upright:
        vertices = np.stack([vertices[:, 0], thickness / 2 - vertices[:, 2], vertices[:, 1]], axis=-1)
    vertices[:, 2] -= vertices[:, 2].min()
    solid = trimesh.Trimesh(vertices=vertices, faces=mesh.faces, process=False)
    solid.merge_vertices()
    if not solid.is_volume:
        raise ShapeError(f"an outline of {len(outline.exterior.coords)} points does not give a closed solid")
    return solid


def joined(body: trimesh.Trimesh, part: trimesh.Trimesh) -> trimesh.Trimesh:
    """The union of two closed solids, or the body alone where they do not make one closed solid.

    Raises:
        ShapeError: one of them is not closed.
    """
    import trimesh

    if not (body.is_volume and part.is_volume):
        raise ShapeError("only closed solids can be joined")
    union = trimesh.boolean.union([body, part], engine="manifold")
    pieces = union.split(only_watertight=True)
    if len(pieces) != 1 or not union.is_volume:
        return body
    return trimesh.Trimesh(vertices=union.vertices, faces=union.faces, process=False)


def hollowed(body: trimesh.Trimesh, cavity: trimesh.Trimesh) -> trimesh.Trimesh:
    """The body without the cavity, which opens it where it reaches out; the body itself where that is not one closed solid.

    Raises:
        ShapeError: one of them is not closed.
    """
    import trimesh

    if not (body.is_volume and cavity.is_volume):
        raise ShapeError("only a closed solid can be hollowed, by a closed one")
    rest = trimesh.boolean.difference([body, cavity], engine="manifold")
    if rest.is_empty or not rest.is_volume or len(rest.split(only_watertight=True)) != 1:
        return body
    return trimesh.Trimesh(vertices=rest.vertices, faces=rest.faces, process=False)
