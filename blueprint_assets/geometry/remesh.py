"""A closed surface around what a broken mesh means to enclose: a level of its winding number on a grid.

The field is that of Kazhdan, "Reconstruction of solid models from oriented point sets" (SGP 2005): the gradient of a solid's
indicator is its surface normal, so the indicator is found by one division in Fourier space. Holes are spanned smoothly,
pieces that overlap become one, and walls thinner than about one cell are lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .nearest import Samples, sample

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS = 112
"""Along the mean side of the bounding box, the cube root of its volume: 0.8 mm for a mug. Measured: 128 costs 2 s more."""
MOST_CELLS = 400
"""Along the longest side."""
THIN = 0.05
"""Of the longest side: a shorter side counts as this in the mean."""
SPACING = 0.7
"""Cells between samples: under one, so that no grid point beside the surface goes without."""
MARGIN = 0.125
"""Of the mean side, around the object: the transform is periodic, and its copies must not touch."""
BLUR = 0.75
"""Cells, standard deviation of the Gaussian that damps ringing."""
LEAST_LEVEL = 0.2
"""The winding number is 1 inside and 0 outside, so a half on a whole surface; on one with faces that are missing or turned it
is less, on a sheet, with both its sides the same, 0. Below this there is no inside."""
TETRAHEDRA = np.array([[0, 1, 3, 7], [0, 3, 2, 7], [0, 2, 6, 7], [0, 6, 4, 7], [0, 4, 5, 7], [0, 5, 1, 7]])
"""A cube cut along its diagonal 0-7 (Kuhn); bit 0 of a corner's number is x, bit 1 y, bit 2 z. Neighbouring cubes agree."""


def enclose(vertices: Array, faces: Ints, cells: int = CELLS) -> tuple[Array, Ints]:
    """A closed surface (vertices, faces) around what these oriented faces surround; of no faces where they surround nothing.

    It runs where the winding number is what it is on the faces themselves, on average (Kazhdan's choice of the level), which
    makes up for faces that are missing or turned. Its triangles are about a cell in size, the mean side
    divided by `cells`.
    """
    from scipy.ndimage import map_coordinates

    low, high = vertices.min(axis=0), vertices.max(axis=0)
    longest = float((high - low).max())
    cell = max(float(np.maximum(high - low, THIN * longest).prod() ** (1 / 3)) / cells, longest / MOST_CELLS)
    margin = int(np.ceil(MARGIN * cells))
    origin = low - margin * cell
    shape = _quick(np.ceil((high - low) / cell).astype(int) + 2 * margin + 1)
    points = sample(vertices, faces, SPACING * cell)
    field = _winding(vertices, faces, points, origin, cell, shape)
    level = float(
        np.average(map_coordinates(field, ((points.points - origin) / cell).T, order=1), weights=points.weights)
    )
    if level < LEAST_LEVEL:
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    return march(field, level, origin, cell)


def _quick(shape: Ints) -> tuple[int, ...]:
    from scipy.fft import next_fast_len

    return tuple(int(next_fast_len(int(n), real=True)) for n in shape)


def _winding(
    vertices: Array, faces: Ints, points: Samples, origin: Array, cell: float, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The blurred winding number at every grid point, 0 at the border."""
    from scipy.fft import irfftn, rfftn

    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    unit = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    strength = unit[points.face] * (points.weights / cell**2)[:, None]
    at = (points.points - origin) / cell
    base = np.floor(at).astype(np.int64)
    share = at - base
    start = np.ravel_multi_index(tuple(base.T), shape)
    normals = [np.zeros(int(np.prod(shape))) for _ in range(3)]
    for corner in range(8):  # each sample is shared out to the eight grid points around it
        weight, index = np.ones(len(start)), start
        for axis, (bit, stride) in enumerate(((1, shape[1] * shape[2]), (2, shape[2]), (4, 1))):
            weight = weight * (share[:, axis] if corner & bit else 1 - share[:, axis])
            index = index + stride if corner & bit else index
        for axis, grid in enumerate(normals):
            grid += np.bincount(index, weight * strength[:, axis], len(grid))
    waves = [np.fft.fftfreq(n) * 2 * np.pi for n in shape[:2]] + [np.fft.rfftfreq(shape[2]) * 2 * np.pi]
    kx, ky, kz = (k.astype(np.float32).reshape([-1 if a == b else 1 for b in range(3)]) for a, k in enumerate(waves))
    field = np.zeros((shape[0], shape[1], shape[2] // 2 + 1), dtype=np.complex64)
    for k, grid in zip((kx, ky, kz), normals, strict=True):
        field += (1j * k) * rfftn(grid.reshape(shape).astype(np.float32))
    square = kx**2 + ky**2 + kz**2
    square[0, 0, 0] = 1.0
    field *= np.exp(-square * np.float32(BLUR**2 / 2)) / square
    winding = irfftn(field, s=shape).astype(np.float32)
    border = np.concatenate([winding[0].ravel(), winding[-1].ravel(), winding[:, 0].ravel(), winding[:, -1].ravel()])
    return np.asarray(winding - np.median(border), dtype=np.float32)


def march(field: NDArray[np.float32], level: float, origin: Array, cell: float) -> tuple[Array, Ints]:
    """Marching tetrahedra: the closed surface around field > level. Each vertex lies on one grid edge, shared by all its faces.

    The field's outermost layer counts as outside, so that nothing is cut open there.
    """
    inside = field > level
    for axis in range(3):
        sides = [slice(None)] * 3
        for end in (0, -1):
            sides[axis] = end  # type: ignore[call-overload]
            inside[tuple(sides)] = False
    shape = np.array(field.shape)
    step = np.array([1 * (c & 1) * shape[1] * shape[2] + (c >> 1 & 1) * shape[2] + (c >> 2 & 1) for c in range(8)])
    count = np.zeros(tuple(shape - 1), dtype=np.int8)
    for c in range(8):
        x, y, z = c & 1, c >> 1 & 1, c >> 2 & 1
        count += inside[x : shape[0] - 1 + x, y : shape[1] - 1 + y, z : shape[2] - 1 + z]
    cube = np.flatnonzero((count > 0) & (count < 8))
    if not len(cube):
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    base = np.ravel_multi_index(np.unravel_index(cube, count.shape), tuple(shape))
    tetrahedra = (base[:, None] + step)[:, TETRAHEDRA].reshape(-1, 4)
    flat = inside.reshape(-1)
    state = flat[tetrahedra]
    ends = np.concatenate([_pairs(tetrahedra[state.sum(axis=1) == n], flat, n) for n in (1, 2, 3)])
    key = ends.min(axis=2) * int(shape.prod()) + ends.max(axis=2)
    edges, faces = np.unique(key, return_inverse=True)
    a, b = edges // int(shape.prod()), edges % int(shape.prod())
    values = field.reshape(-1).astype(np.float64)
    # a vertex stays off the grid points, so that no two on edges of one point fall together
    share = np.clip((level - values[a]) / (values[b] - values[a]), 0.05, 0.95)[:, None]
    vertices = (1 - share) * np.stack(np.unravel_index(a, tuple(shape)), axis=1) + share * np.stack(
        np.unravel_index(b, tuple(shape)), axis=1
    )
    return origin + cell * vertices, _outwards(vertices, faces.reshape(-1, 3).astype(np.int64), ends, flat, shape)


def _pairs(tetrahedra: Ints, inside: NDArray[np.bool_], n: int) -> Ints:
    """The grid edges (faces, 3, 2) that the surface crosses in tetrahedra with `n` corners inside."""
    order = np.argsort(~inside[tetrahedra], axis=1, kind="stable")  # the inside corners first
    p, q, r, s = np.take_along_axis(tetrahedra, order, axis=1).T
    if n == 1:
        faces = [((p, q), (p, r), (p, s))]
    elif n == 3:
        faces = [((p, s), (q, s), (r, s))]
    else:
        faces = [((p, r), (p, s), (q, s)), ((p, r), (q, s), (q, r))]
    stacked = [np.stack([np.stack(edge, axis=1) for edge in face], axis=1) for face in faces]
    return np.concatenate(stacked)


def _outwards(vertices: Array, faces: Ints, ends: Ints, inside: NDArray[np.bool_], shape: Ints) -> Ints:
    """Each face turned so that its normal leads from the inside corner of its first edge to the outside one."""
    a, b = ends[:, 0, 0], ends[:, 0, 1]
    out = np.where(inside[a], b, a), np.where(inside[a], a, b)
    leads = np.stack(np.unravel_index(out[0], tuple(shape)), axis=1) - np.stack(
        np.unravel_index(out[1], tuple(shape)), axis=1
    )
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned = np.einsum("ij,ij->i", normal, leads.astype(float)) < 0
    faces[turned] = faces[turned][:, ::-1]
    return faces
