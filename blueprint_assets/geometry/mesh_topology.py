"""Triangles as a surface: welding, consistent winding, cutting where it is no manifold, closing the holes that remain.

Everything keeps `origin`: for every face corner the vertex of the input that it came from, so that texture can follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NUDGE = 2e-5
"""Of the extent: how far the copies of a cut vertex are pulled apart, so that single precision keeps them two."""


@dataclass(frozen=True)
class Surface:
    """`vertices` (n, 3), `faces` (m, 3) and `origin` (m, 3): the input's vertex at each corner."""

    vertices: Array
    faces: Ints
    origin: Ints

    @property
    def extent(self) -> float:
        """Longest side of the bounding box."""
        return float(np.ptp(self.vertices, axis=0).max())

    def area_vectors(self) -> Array:
        """Outward normal times area of every face, shape (m, 3)."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        return np.asarray(np.cross(b - a, c - a) / 2)

    def area(self) -> float:
        """Of all faces."""
        return float(np.linalg.norm(self.area_vectors(), axis=1).sum())

    def volume(self) -> float:
        """Enclosed volume by the divergence theorem; of an open surface, that of the cone to its centre."""
        centred = self.vertices - self.vertices.mean(axis=0)
        a, b, c = (centred[self.faces[:, k]] for k in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    def pick(self, faces: NDArray[np.bool_]) -> Surface:
        """Only these faces, without vertices that nothing uses."""
        kept = self.faces[faces]
        used = np.zeros(len(self.vertices), dtype=bool)
        used[kept] = True
        return Surface(self.vertices[used], (np.cumsum(used) - 1)[kept], self.origin[faces])


def weld(
    vertices: Array,
    faces: Ints,
    distance: float,
    only: Ints | None = None,
    origin: Ints | None = None,
    cancel: bool = False,
) -> Surface:
    """Vertices closer than `distance` become one; faces that lose a corner and doubled faces are dropped.

    `only` (k,) restricts the welding to these vertices. Of faces with the same three corners one stays, whichever way they
    look, because some exporters write both sides of every face. With `cancel` two that look opposite ways both go: in a closed
    surface they are a fold without content.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    origin = faces.copy() if origin is None else origin
    chosen = np.arange(len(vertices)) if only is None else only
    first, same = _equal_rows(vertices[chosen])
    pairs = cKDTree(vertices[chosen][first]).query_pairs(distance, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(first), len(first)))
    _, group = connected_components(graph, directed=False)
    group = group[same]
    label = np.arange(len(vertices))
    leader = np.full(group.max() + 1, len(vertices))
    np.minimum.at(leader, group, chosen)
    label[chosen] = leader[group]
    welded = label[faces]
    a, b, c = welded.T
    keep = (a != b) & (b != c) & (c != a)
    keep &= _single(welded, cancel)
    return Surface(vertices, welded, origin).pick(keep)


def open_edges(faces: Ints) -> int:
    """How many edges do not have exactly two faces."""
    return int((_edges(faces)[1] != 2).sum())


def boundary_vertices(faces: Ints) -> Ints:
    """Vertices on edges that do not have exactly two faces."""
    edges, count = _edges(faces)
    rim = np.zeros(int(faces.max()) + 1, dtype=bool)
    rim[edges[count != 2]] = True
    return np.flatnonzero(rim)


def is_closed(faces: Ints) -> bool:
    """Every directed edge occurs once, and so does its opposite: closed, manifold at the edges, consistently wound."""
    if not len(faces):
        return False
    edges = _directed(faces)
    size = int(faces.max()) + 1
    forward, backward = np.sort(edges[:, 0] * size + edges[:, 1]), np.sort(edges[:, 1] * size + edges[:, 0])
    return bool((np.diff(forward) > 0).all() and np.array_equal(forward, backward))


def components(faces: Ints) -> tuple[int, Ints]:
    """How many pieces there are that share no vertex, and each face's piece (m,)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    size = int(faces.max()) + 1
    ends = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(ends), dtype=np.int8), ends.T), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    of_face = label[faces[:, 0]]
    used = np.zeros(int(label.max()) + 1, dtype=bool)
    used[of_face] = True
    return int(used.sum()), (np.cumsum(used) - 1)[of_face]


def wind(surface: Surface) -> tuple[Surface, int]:
    """All faces of a piece wound the same way, the way that the greater part of its area had; then outwards.

    Returns the surface and how many faces were turned. Outwards is the side that makes the piece's volume positive. A surface
    that is wound consistently and encloses a positive volume is left alone, so that inner walls stay inner walls.
    """
    turn = _inconsistent(surface)
    if not turn.any() and surface.volume() > 0:
        return surface, 0
    wound = _turned(surface, turn)
    count, piece = components(wound.faces)
    corners = wound.vertices[wound.faces]
    middle = np.stack([np.bincount(piece, corners.mean(axis=1)[:, k], count) for k in range(3)], axis=1)
    corners = corners - (middle / np.bincount(piece, minlength=count)[:, None])[piece][:, None]
    cones = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    turn ^= (np.bincount(piece, cones, count) < 0)[piece]
    return _turned(surface, turn), int(turn.sum())


def cut(surface: Surface) -> tuple[Surface, int]:
    """Vertices split until every edge has at most two faces, wound alike, and every vertex one fan of faces.

    Corners stay together where their faces share a proper edge; each other group gets a vertex of its own, pulled a little to
    its faces' side. Returns the surface and how many vertices were added.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    faces, count = surface.faces, len(surface.faces)
    corners = np.arange(3 * count).reshape(-1, 3)
    edges = _directed(faces)
    tails, heads = _directed(corners).T
    low, high = np.sort(edges, axis=1).T
    key = low * (len(surface.vertices) + 1) + high
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])
    sizes = np.diff(np.r_[starts, len(key)])
    first, second = order[starts[sizes == 2]], order[starts[sizes == 2] + 1]
    proper = edges[first, 0] == edges[second, 1]
    first, second = first[proper], second[proper]
    ends = np.concatenate([np.stack([tails[first], heads[second]]), np.stack([heads[first], tails[second]])], axis=1)
    graph = coo_matrix((np.ones(ends.shape[1], dtype=np.int8), ends), shape=(3 * count, 3 * count))
    fans, fan = connected_components(graph, directed=False)
    owner = np.zeros(fans, dtype=np.int64)
    owner[fan] = faces.reshape(-1)
    vertices = surface.vertices[owner]
    copies = np.bincount(owner, minlength=len(surface.vertices))[owner] > 1
    if copies.any():
        inward = np.zeros((fans, 3))
        centres = surface.vertices[faces].mean(axis=1)
        np.add.at(inward, fan, np.repeat(centres, 3, axis=0) - surface.vertices[faces.reshape(-1)])
        length = np.linalg.norm(inward, axis=1, keepdims=True)
        step = np.divide(inward, length, out=np.zeros_like(inward), where=length > 0) * NUDGE * surface.extent
        vertices = np.where(copies[:, None], vertices + step, vertices)
    split = Surface(vertices, fan.reshape(-1, 3).astype(np.int64), surface.origin)
    return split, fans - len(np.unique(faces))


def boundary_loops(faces: Ints) -> list[Ints]:
    """The rims of the holes of a surface that `cut` has seen: each a cycle of vertices, against the faces' winding."""
    edges = _directed(faces)
    size = int(faces.max()) + 1
    alone = edges[~np.isin(edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0])]
    following = dict(zip(alone[:, 1].tolist(), alone[:, 0].tolist(), strict=True))
    loops = []
    while following:
        start = next(iter(following))
        loop, at = [start], following.pop(start)
        while at != start:
            loop.append(at)
            at = following.pop(at)
        loops.append(np.array(loop, dtype=np.int64))
    return loops


def fill(surface: Surface) -> tuple[Surface, list[float], float]:
    """Every hole closed: a triangle, a flat polygon where the rim is flat enough for one, else a fan around its middle.

    Returns the surface, each hole's width (longest side of its rim's box) and the area of all patches.
    """
    loops = boundary_loops(surface.faces)
    if not loops:
        return surface, [], 0.0
    there = {tuple(edge) for edge in _edges(surface.faces)[0].tolist()}
    from_vertex = np.zeros(len(surface.vertices), dtype=np.int64)
    from_vertex[surface.faces.reshape(-1)] = surface.origin.reshape(-1)
    vertices, patches, origins = [surface.vertices], [], []
    count = len(surface.vertices)
    for loop in loops:
        faces = _flat_patch(surface.vertices[loop], loop, there)
        if faces is None:
            vertices.append(surface.vertices[loop].mean(axis=0, keepdims=True))
            faces = np.stack([loop, np.roll(loop, -1), np.full(len(loop), count)], axis=1)
            count += 1
        patches.append(faces)
        origins.append(np.full_like(faces, from_vertex[loop[0]]))
    added = np.concatenate(patches)
    patched = Surface(
        np.concatenate(vertices),
        np.concatenate([surface.faces, added]),
        np.concatenate([surface.origin, *origins]),
    )
    widths = [float(np.ptp(surface.vertices[loop], axis=0).max()) for loop in loops]
    return patched, widths, replace(patched, faces=added).area()


def _flat_patch(rim: Array, loop: Ints, there: set[tuple[int, ...]]) -> Ints | None:
    """Triangles over a rim that is a simple polygon in its best plane, or None; no diagonal may be an edge already."""
    if len(loop) == 3:
        return loop[None]
    import mapbox_earcut
    import shapely

    centred = rim - rim.mean(axis=0)
    area = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    normal = area / max(float(np.linalg.norm(area)), 1e-300)
    u = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    if not np.linalg.norm(u) > 0:
        return None
    u /= np.linalg.norm(u)
    flat = np.stack([centred @ u, centred @ np.cross(normal, u)], axis=1)
    if not shapely.Polygon(flat).is_valid:
        return None
    corners = mapbox_earcut.triangulate_float64(flat, np.array([len(flat)], dtype=np.uint32))
    faces = np.asarray(corners, dtype=np.int64).reshape(-1, 3)
    if len(faces) != len(loop) - 2:
        return None
    a, b, c = (flat[faces[:, k]] for k in range(3))
    turned = np.cross(np.c_[b - a, np.zeros(len(a))], np.c_[c - a, np.zeros(len(a))])[:, 2] < 0
    faces[turned] = faces[turned][:, ::-1]
    edges = np.sort(loop[_directed(faces)], axis=1)
    rims = {tuple(edge) for edge in np.sort(np.stack([loop, np.roll(loop, -1)], axis=1), axis=1).tolist()}
    if any(tuple(edge) in there and tuple(edge) not in rims for edge in edges.tolist()):
        return None
    return loop[faces]


def _directed(faces: Ints) -> Ints:
    """Directed edges (3 m, 2)."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """The undirected edges (n, 2), lower vertex first, in order, and how many faces each has (n,)."""
    size = int(faces.max()) + 1 if len(faces) else 1
    low, high = np.sort(_directed(faces), axis=1).T
    key = np.sort(low * size + high)
    starts = np.flatnonzero(np.r_[True, np.diff(key) != 0]) if len(key) else np.zeros(0, dtype=np.int64)
    each = key[starts]
    return np.stack([each // size, each % size], axis=1), np.diff(np.r_[starts, len(key)])


def _equal_rows(rows: Array) -> tuple[Ints, Ints]:
    """The first of every set of equal rows (k,), and to which set each row belongs (n,)."""
    order = np.lexsort(rows.T)  # stable: of equal rows the first stays the first
    ordered = rows[order]
    new = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    same = np.empty(len(rows), dtype=np.int64)
    same[order] = np.cumsum(new) - 1
    return order[new], same


def _single(faces: Ints, cancel: bool) -> NDArray[np.bool_]:
    """One of the faces that share their three corners; with `cancel` none where as many look one way as the other."""
    ordered = np.sort(faces, axis=1)
    order = np.lexsort(ordered.T)
    new = np.r_[True, (np.diff(ordered[order], axis=0) != 0).any(axis=1)]
    keep = np.zeros(len(faces), dtype=bool)
    if not cancel:
        keep[order[new]] = True
        return keep
    a, b, c = faces.T
    sign = np.where((a < b).astype(int) + (b < c) + (c < a) == 2, 1, -1)  # rising twice around: an even permutation
    group = np.cumsum(new) - 1
    net = np.bincount(group, sign[order])
    kept = np.flatnonzero(np.sign(net)[group] == sign[order])
    _, first = np.unique(group[kept], return_index=True)
    keep[order[kept[first]]] = True
    return keep


def _turned(surface: Surface, turn: NDArray[np.bool_]) -> Surface:
    faces, origin = surface.faces.copy(), surface.origin.copy()
    faces[turn], origin[turn] = faces[turn][:, ::-1], origin[turn][:, ::-1]
    return replace(surface, faces=faces, origin=origin)


def _inconsistent(surface: Surface) -> NDArray[np.bool_]:
    """Faces to turn so that neighbours over an edge of two faces are wound alike; per piece, the smaller area is turned."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    faces, count = surface.faces, len(surface.faces)
    edges = _directed(faces)
    of_face = np.tile(np.arange(count), 3)
    low, high = np.sort(edges, axis=1).T
    key = low * (len(surface.vertices) + 1) + high
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])
    sizes = np.diff(np.r_[starts, len(key)])
    first, second = order[starts[sizes == 2]], order[starts[sizes == 2] + 1]
    alike = edges[first, 0] != edges[second, 0]
    a, b = of_face[first], of_face[second]
    turn = np.zeros(count, dtype=bool)
    if alike.all():
        return turn
    # data 1 for neighbours wound alike, 2 for the others; of two shared edges the last one counts
    _, last = np.unique((np.minimum(a, b) * count + np.maximum(a, b))[::-1], return_index=True)
    a, b, alike = a[::-1][last], b[::-1][last], alike[::-1][last]
    graph = coo_matrix((np.where(alike, 1, 2), (a, b)), shape=(count, count)).tocsr()
    graph = graph + graph.T
    _, piece = connected_components(graph, directed=False)
    wrong = np.flatnonzero(np.isin(piece, piece[a[~alike]]))
    graph, piece = graph[wrong][:, wrong], piece[wrong]
    area = np.linalg.norm(surface.area_vectors(), axis=1)[wrong]
    local = np.zeros(len(wrong), dtype=bool)
    seen = np.zeros(len(wrong), dtype=bool)
    _, roots = np.unique(piece, return_index=True)
    frontier = roots
    seen[roots] = True
    while len(frontier):  # breadth first in all pieces at once
        rows = graph[frontier].tocoo()
        fresh = ~seen[rows.col]
        child, at = np.unique(rows.col[fresh], return_index=True)
        local[child] = local[frontier[rows.row[fresh][at]]] ^ (rows.data[fresh][at] == 2)
        seen[child] = True
        frontier = child
    weight = np.bincount(piece, area * np.where(local, 1, -1), int(piece.max()) + 1)
    turn[wrong] = local ^ (weight > 0)[piece]
    return turn
