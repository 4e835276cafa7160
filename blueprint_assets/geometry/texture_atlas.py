"""Texture coordinates for a mesh that has none: charts seen along the six axis directions, packed into one square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

GUTTER = 2
"""Texels around a chart, so that filtering does not mix neighbours."""
SMOOTHINGS = 6
"""Rounds in which a face takes its neighbours' direction; noise otherwise makes a chart of every face."""
STEEPEST = 0.3
"""Cosine to a chart's direction below which a face does not join it (73 degrees): its texels would be stretched 3 times."""
DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])


@dataclass(frozen=True)
class Atlas:
    """`uv` (m, 3, 2): texture coordinates of every face corner, in texels of a square of `size`, from the top left."""

    uv: Array
    size: int
    charts: int


def unwrap(vertices: Array, faces: Ints, size: int) -> Atlas:
    """Charts of faces that look along one axis, each laid flat along it without overlap of charts; the same for the same mesh.

    Lengths shrink by at most the cosine `STEEPEST`. A chart that overlaps itself, as a screw's thread may, shares texels.
    """
    direction, chart = _charts(vertices, faces)
    count = int(chart.max()) + 1
    of_chart = np.zeros(count, dtype=np.int64)
    of_chart[chart] = direction
    corners = vertices[faces]
    axes = np.array([[1, 2], [2, 0], [0, 1]])[direction % 3]
    flat = np.take_along_axis(corners, axes[:, None, :].repeat(3, axis=1), axis=2)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat.min(axis=1))
    np.maximum.at(high, chart, flat.max(axis=1))
    extent = high - low
    lying = extent[:, 0] < extent[:, 1]  # every chart wider than high: shelves fill better
    flat = flat - low[chart][:, None]
    flat = np.where(lying[chart][:, None, None], flat[..., ::-1], flat)
    extent = np.where(lying[:, None], extent[:, ::-1], extent)
    scale, place = _pack(extent, size)
    return Atlas(flat * scale + place[chart][:, None] + GUTTER, size, count)


def texels(atlas: Atlas) -> tuple[Ints, Ints, Array]:
    """Every texel whose middle a face covers: its flat index (k,), the face (k,), and barycentric coordinates (k, 3)."""
    a, b, c = (atlas.uv[:, k] for k in range(3))
    low = np.clip(np.floor(atlas.uv.min(axis=1)), 0, atlas.size - 1).astype(np.int64)
    high = np.clip(np.floor(atlas.uv.max(axis=1)), 0, atlas.size - 1).astype(np.int64)
    wide = high - low + 1
    number = wide.prod(axis=1)
    face = np.repeat(np.arange(len(number)), number)
    step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    column, row = low[face, 0] + step % wide[face, 0], low[face, 1] + step // wide[face, 0]
    point = np.stack([column, row], axis=1) + 0.5
    ab, ac, ap = (b - a)[face], (c - a)[face], point - a[face]
    whole = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    safe = np.where(np.abs(whole) > 1e-12, whole, np.inf)
    v = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / safe
    w = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / safe
    inside = (v >= 0) & (w >= 0) & (v + w <= 1) & (np.abs(whole) > 1e-12)
    index = (row * atlas.size + column)[inside]
    index, first = np.unique(index, return_index=True)
    bary = np.stack([1 - v - w, v, w], axis=1)[inside][first]
    return index, face[inside][first], bary


def _charts(vertices: Array, faces: Ints) -> tuple[Ints, Ints]:
    """Each face's direction (0..5) and chart."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1)
    normal = normal / np.maximum(area, 1e-300)[:, None]
    fit = normal @ DIRECTIONS.T
    direction = fit.argmax(axis=1)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = (np.diff(edges[order], axis=0) == 0).all(axis=1)
    of_face = np.tile(np.arange(len(faces)), 3)[order]
    a, b = of_face[:-1][same], of_face[1:][same]
    allowed = fit > STEEPEST
    for _ in range(SMOOTHINGS):
        votes = np.eye(6)[direction] * 1.5
        np.add.at(votes, a, np.eye(6)[direction[b]])
        np.add.at(votes, b, np.eye(6)[direction[a]])
        # an area without size fits every direction
        votes = np.where(allowed | (area <= 0)[:, None], votes + 0.5 * fit, -1.0)
        direction = np.where(votes.max(axis=1) > 0, votes.argmax(axis=1), direction)
    joined = direction[a] == direction[b]
    graph = coo_matrix((np.ones(int(joined.sum()), dtype=np.int8), (a[joined], b[joined])), shape=(len(faces),) * 2)
    _, chart = connected_components(graph, directed=False)
    return direction.astype(np.int64), chart.astype(np.int64)


def _pack(extent: Array, size: int) -> tuple[float, Array]:
    """Texels per unit, and each box's place (n, 2), for boxes on shelves, high ones first."""
    order = np.argsort(-extent[:, 1], kind="stable")
    scale = 0.95 * size / max(float(np.sqrt(extent.prod(axis=1).sum())), float(extent.max()))
    while True:
        boxes = np.ceil(extent * scale).astype(np.int64) + 2 * GUTTER
        place = np.zeros((len(extent), 2))
        x = y = shelf = 0
        for box in order.tolist():
            width, height = int(boxes[box, 0]), int(boxes[box, 1])
            if x + width > size:
                x, y, shelf = 0, y + shelf, 0
            place[box] = x, y
            x, shelf = x + width, max(shelf, height)
        if y + shelf <= size and int(boxes[:, 0].max()) <= size:
            return scale, place
        scale *= 0.95
