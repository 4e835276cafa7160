"""Care for raw meshes: welded, wound outwards, closed, small enough, in their own paint; with the figures before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .mesh_folder import MAX_FACES, MeshError
from .mesh_topology import Surface, boundary_vertices, components, cut, fill, is_closed, open_edges, weld, wind
from .nearest import NearestSurface, Samples, sample
from .remesh import CELLS, enclose
from .texture_transfer import Paint, transfer

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

SAME_PLACE = 2e-6
"""Of the extent: nearer vertices are one. Ten times the rounding of single precision."""
STITCH, LARGEST_STITCH = 0.3, 2e-3
"""Of the median edge, and of the longest side: nearer vertices on open rims are one. Both small, so that no face collapses."""
CRUMB_AREA, CRUMB_SIZE = 0.01, 0.1
"""Of the whole area and of the whole size: a piece below both is a crumb, if it is apart from the rest or a scrap."""
APART = 5e-3
"""Of the longest side, between a crumb and the rest: nearer, it is a detail like an eye, a knob or a wheel."""
SCRAP = 0.02
"""Of the whole size: an open piece below this is a scrap, wherever it is."""
FEW_SCRAPS = 0.02
"""Of the whole area: where scraps are more than this they are the surface, fallen to pieces."""
MAX_PATCHED = 0.35
"""Of the area: beyond it flat patches would make the shape up, and the smooth closing of `remesh.enclose` is the better guess."""
MAX_CUTS, FEW_CUTS = 0.02, 16
"""Of the vertices, and in any case: beyond both the mesh is no surface with flaws but a heap of faces."""
SHEET = 2e-3
"""Mean thickness (2 V / A) over the longest side below which a closed mesh is a sheet: 0.2 mm on a mug, 0.5 mm on a tray."""
AGGRESSIVE = (3, 5, 7, 10)
"""How fast the decimation raises its threshold, tried in turn: slow ones open fewer edges, but may stop early."""
ROUNDS = 4
"""Of cut, fill and weld after decimation; measured: two are enough."""
SEEN, MOST_SEEN = 64, 60_000
"""Sample spacing of the comparison with the input: the longest side over this; and of so many samples every second, third, … is
left out: there is one for every face, far closer than that, where there are more."""

Method = Literal["kept", "repaired", "remeshed"]
Painted = Literal["kept", "baked", "none"]


@dataclass(frozen=True)
class MeshFigures:
    """What a mesh is like once vertices in one place count as one. `volume` is None for an open mesh; units are the mesh's."""

    vertices: int
    faces: int
    open_edges: int
    pieces: int
    area: float
    volume: float | None


@dataclass(frozen=True)
class MeshReport:
    """What `care_for` found and did.

    `holes` closed, the widest of `largest_hole`; `dropped_pieces` floated about. `moved_mean`, `moved_max`: from points of the
    input, without dropped pieces, to the result; `added_max`: from points of the result to the input, large where a hole was
    closed. All in the mesh's units. `painted`: "kept", "baked" into a new texture, or "none".
    """

    before: MeshFigures
    after: MeshFigures
    method: Method
    steps: tuple[str, ...]
    holes: int
    largest_hole: float
    dropped_pieces: int
    moved_mean: float
    moved_max: float
    added_max: float
    painted: Painted

    def as_dict(self) -> dict[str, Any]:
        """For documents and tables."""
        return asdict(self)


@dataclass(frozen=True)
class _Closed:
    surface: Surface
    steps: tuple[str, ...]
    method: Method
    holes: tuple[float, ...] = ()


def care_for(mesh: trimesh.Trimesh, *, max_faces: int = 20_000) -> tuple[trimesh.Trimesh, MeshReport]:
    """A closed solid with outward faces and at most `max_faces` of them, from a mesh as reconstruction systems leave them.

    In this order, each only where needed: weld vertices, drop doubled faces and floating crumbs, wind all faces outwards,
    stitch open rims, cut at edges of more than two faces, close holes; where that would make up too much of the surface,
    re-mesh around the winding number instead. Then decimate (quadric error), and check: closed, positive volume, also after
    vertices were rounded to single precision as files do. A mesh that needs none of it is returned as it is. The frame stays.

    Paint: texture coordinates survive a repair; hole patches take the colour of their rim. After decimation or re-meshing,
    texture or vertex colours are baked into a new texture (`texture_transfer.transfer`).

    Raises:
        MeshError: no faces, a vertex that is not finite, more than `MAX_FACES` faces; or a flat sheet, a line, or a heap of
            faces that encloses nothing.
    """
    vertices, faces = np.asarray(mesh.vertices, dtype=float), np.asarray(mesh.faces, dtype=np.int64)
    middle, extent = _demand_usable(vertices, faces)
    raw = weld((vertices - middle) / extent, faces, SAME_PLACE)
    if not len(raw.faces) or not raw.area() > 0:
        raise MeshError("vertices: every face is a line or a point; reconstruct the object again")
    before = _figures(raw, extent, len(faces))
    tidy, steps, dropped = _tidy(raw, len(faces))
    if not steps and len(faces) <= max_faces and _fault(tidy) is None:
        return mesh.copy(), _report(before, before, _Closed(raw, (), "kept"), raw, extent, 0, "kept")
    found, faults = None, []
    for attempt in (_repaired, _remeshed):
        closed = attempt(tidy)
        small = closed if isinstance(closed, str) else _decimated(closed, max_faces)
        if isinstance(small, str):
            faults.append(small)
            continue
        placed = Surface(small.surface.vertices * extent + middle, small.surface.faces, small.surface.origin)
        if (fault := _fault(placed)) is None:
            found = small
            break
        faults.append(fault)
    if found is None:
        raise MeshError(f"faces: it encloses no volume: {'; '.join(faults)}; reconstruct the object again")
    keeps = found.method == "repaired" and bool((placed.origin >= 0).all()) and mesh.visual.kind != "face"
    made = _with_own_paint(mesh, placed) if keeps else transfer(mesh, placed.vertices, placed.faces)
    painted: Painted = "none" if not Paint(mesh).varies else "kept" if keeps else "baked"
    done = _Closed(found.surface, (*steps, *found.steps), found.method, found.holes)
    return made, _report(before, _figures(found.surface, extent), done, tidy, extent, dropped, painted)


def recentred(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, Array]:
    """The mesh with the middle of its bottom at the origin of its frame, and the matrix (4, 4) back: old-from-new.

    An object posed with `world_from_object` stands where it stood with `world_from_object @ matrix`.
    """
    low, high = np.asarray(mesh.bounds, dtype=float)
    matrix = np.eye(4)
    matrix[:3, 3] = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]
    moved = mesh.copy()
    moved.apply_translation(-matrix[:3, 3])
    return moved, matrix


def _demand_usable(vertices: Array, faces: NDArray[np.int64]) -> tuple[Array, float]:
    """Middle and longest side."""
    if not len(faces):
        raise MeshError("faces: none")
    if len(faces) > MAX_FACES:
        raise MeshError(f"faces: {len(faces):,}, over the limit of {MAX_FACES:,}; decimate it")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise MeshError(f"faces: index {int(faces.max())}, but there are {len(vertices)} vertices")
    named = np.zeros(len(vertices), dtype=bool)
    named[faces] = True
    used = vertices[named]
    if not np.isfinite(used).all():
        raise MeshError("vertices: one is not finite")
    low, high = used.min(axis=0), used.max(axis=0)
    extent = float((high - low).max())
    if not extent > 0:
        raise MeshError("vertices: all in one place")
    return (low + high) / 2, extent


def _tidy(raw: Surface, faces: int) -> tuple[Surface, list[str], int]:
    """Without crumbs, wound outwards. The steps, and how many pieces were dropped."""
    steps = []
    if len(raw.faces) < faces:
        steps.append(f"dropped {faces - len(raw.faces)} degenerate or double faces")
    crumbs = _crumbs(raw)
    if dropped := len(np.unique(components(raw.faces)[1][crumbs])):
        raw = raw.pick(~crumbs)
        steps.append(f"dropped {dropped} floating pieces")
    wound, turned = wind(raw)
    if turned:
        steps.append(f"turned {turned} faces")
    return wound, steps, dropped


def _crumbs(raw: Surface) -> NDArray[np.bool_]:
    """Faces (m,) of small pieces that are apart from everything larger, and of scraps."""
    from scipy.spatial import cKDTree

    count, piece = components(raw.faces)
    area = np.bincount(piece, np.linalg.norm(raw.area_vectors(), axis=1), count)
    corners = raw.vertices[raw.faces]
    size = np.full(count, np.inf)  # of the pieces that are small enough in area
    candidate = np.flatnonzero((area < CRUMB_AREA * area.sum())[piece])
    if len(candidate):
        order = candidate[np.argsort(piece[candidate], kind="stable")]
        starts = np.flatnonzero(np.r_[True, np.diff(piece[order]) != 0])
        low = np.minimum.reduceat(corners[order].min(axis=1), starts)
        high = np.maximum.reduceat(corners[order].max(axis=1), starts)
        size[piece[order[starts]]] = (high - low).max(axis=1)
    small = size < CRUMB_SIZE
    if not small.any() or small.all():
        return np.zeros(len(piece), dtype=bool)
    rim = np.zeros(len(raw.vertices), dtype=bool)
    rim[boundary_vertices(raw.faces)] = True
    is_open = np.zeros(count, dtype=bool)
    is_open[piece[rim[raw.faces].any(axis=1)]] = True
    large = raw.pick(~small[piece])
    rest = cKDTree(sample(large.vertices, large.faces, APART).points)
    mine = small[piece]
    gap = np.full(count, np.inf)
    np.minimum.at(gap, np.repeat(piece[mine], 3), rest.query(corners[mine].reshape(-1, 3))[0])
    apart = small & (gap > 2 * APART)
    scraps = small & is_open & (size < SCRAP) & ~apart
    if area[scraps].sum() > FEW_SCRAPS * area.sum():
        scraps = np.zeros_like(scraps)
    return np.asarray((apart | scraps)[piece])


def _repaired(tidy: Surface) -> _Closed | str:
    """Closed by stitching, cutting and patching, or why not."""
    if is_closed(tidy.faces):
        return _Closed(tidy, (), "repaired")
    steps = []
    rims = boundary_vertices(tidy.faces)
    edges = tidy.vertices[tidy.faces[:, 0]] - tidy.vertices[tidy.faces[:, 1]]
    stitch = min(STITCH * float(np.median(np.linalg.norm(edges, axis=1))), LARGEST_STITCH)
    stitched = weld(tidy.vertices, tidy.faces, stitch, only=rims, origin=tidy.origin)
    if len(stitched.vertices) < len(tidy.vertices):
        steps.append(f"stitched {len(tidy.vertices) - len(stitched.vertices)} vertices on open rims")
    whole, added = cut(wind(stitched)[0])
    if added > max(MAX_CUTS * len(whole.vertices), FEW_CUTS):
        return f"{added} of {len(whole.vertices)} vertices are where the faces are no surface"
    if added:
        steps.append(f"cut {added} vertices of edges with more than two faces")
    closed, holes, patched = fill(whole)
    share = patched / closed.area()
    if share > MAX_PATCHED:
        return f"closing the holes flat would make up {share:.0%} of the surface"
    if holes:
        steps.append(f"closed {len(holes)} holes, {share:.1%} of the surface")
    if (fault := _fault(closed)) is not None:
        return fault
    return _Closed(closed, tuple(steps), "repaired", tuple(holes))


def _remeshed(tidy: Surface) -> _Closed | str:
    """A new surface where the winding number is a half, without its crumbs; or why there is none."""
    vertices, faces = enclose(tidy.vertices, tidy.faces)
    if not len(faces):
        return "no place that its faces surround"
    made = Surface(vertices, faces, np.full_like(faces, -1))
    share = made.area() / tidy.area()
    count, piece = components(made.faces)
    if count > 1:
        area = np.bincount(piece, np.linalg.norm(made.area_vectors(), axis=1), count)
        made = made.pick((area > CRUMB_AREA * area.sum())[piece])
    return _Closed(
        made, (f"re-meshed at 1/{CELLS} of its size: {len(faces)} faces, {share:.0%} of its area",), "remeshed"
    )


def _decimated(closed: _Closed, max_faces: int) -> _Closed | str:
    """At most `max_faces` faces, closed again where the decimation opened it; or why not."""
    import fast_simplification

    surface = closed.surface
    if len(surface.faces) <= max_faces:
        return closed
    target = max_faces
    for aggressive in AGGRESSIVE:
        points, faces = fast_simplification.simplify(
            surface.vertices.astype(np.float32), surface.faces.astype(np.int32), target_count=target, agg=aggressive
        )
        made = weld(np.asarray(points, dtype=float), np.asarray(faces, dtype=np.int64), SAME_PLACE / 10, cancel=True)
        for _ in range(ROUNDS):
            if not len(made.faces) or is_closed(made.faces):
                break
            made = fill(cut(made)[0])[0]
            made = weld(made.vertices, made.faces, SAME_PLACE / 10, cancel=True)
        if len(made.faces) <= max_faces:
            break
        target -= min(len(made.faces) - max_faces, max_faces // 10) + 4
    if not 4 <= len(made.faces) <= max_faces:
        return f"decimation to {max_faces} faces ended at {len(made.faces)}"
    made = Surface(made.vertices, made.faces, np.full_like(made.faces, -1))
    step = f"decimated {len(surface.faces)} to {len(made.faces)} faces"
    return _Closed(made, (*closed.steps, step), closed.method, closed.holes)


def _fault(surface: Surface) -> str | None:
    """Why this is no solid, as a file in single precision would hold it; or None."""
    rounded = np.unique(surface.vertices.astype(np.float32), axis=0, return_inverse=True)[1].reshape(-1)
    faces = rounded[surface.faces]
    if not is_closed(faces):
        return f"{open_edges(faces)} edges do not have two faces, wound alike"
    volume = surface.volume()
    if not volume > 0:
        return f"a volume of {volume:.3g}: the faces look inwards"
    if 2 * volume / surface.area() < SHEET * surface.extent:
        return "a flat sheet"
    return None


def _with_own_paint(mesh: trimesh.Trimesh, surface: Surface) -> trimesh.Trimesh:
    """The surface with the texture coordinates or colours that its corners had in the input."""
    import trimesh

    if not Paint(mesh).varies:
        return transfer(mesh, surface.vertices, surface.faces)
    corners = np.stack([surface.faces.reshape(-1), surface.origin.reshape(-1)], axis=1)
    pairs, split = np.unique(corners, axis=0, return_inverse=True)
    made = trimesh.Trimesh(surface.vertices[pairs[:, 0]], split.reshape(-1, 3), process=False, validate=False)
    visual: Any = mesh.visual
    if visual.kind == "texture" and visual.uv is not None:
        made.visual = trimesh.visual.TextureVisuals(uv=np.asarray(visual.uv)[pairs[:, 1]], material=visual.material)
    elif visual.kind == "vertex":
        made.visual = trimesh.visual.ColorVisuals(made, vertex_colors=np.asarray(visual.vertex_colors)[pairs[:, 1]])
    return made


def _figures(surface: Surface, extent: float, faces: int | None = None) -> MeshFigures:
    closed = is_closed(surface.faces)
    return MeshFigures(
        vertices=len(surface.vertices),
        faces=len(surface.faces) if faces is None else faces,
        open_edges=open_edges(surface.faces),
        pieces=components(surface.faces)[0],
        area=surface.area() * extent**2,
        volume=surface.volume() * extent**3 if closed else None,
    )


def _thinned(samples: Samples) -> Samples:
    step = -(-len(samples.points) // MOST_SEEN)
    return Samples(samples.points[::step], samples.face[::step], samples.weights[::step])


def _report(
    before: MeshFigures,
    after: MeshFigures,
    closed: _Closed,
    tidy: Surface,
    extent: float,
    dropped: int,
    painted: Painted,
) -> MeshReport:
    surface = closed.surface
    old, new = (_thinned(sample(each.vertices, each.faces, each.extent / SEEN)) for each in (tidy, surface))
    moved = np.zeros(1)
    added = np.zeros(1)
    weights = np.ones(1)
    if closed.method != "kept":
        moved = NearestSurface(surface.vertices, surface.faces, surface.extent / SEEN).find(old.points)[2]
        added = NearestSurface(tidy.vertices, tidy.faces, tidy.extent / SEEN).find(new.points)[2]
        weights = old.weights
    return MeshReport(
        before=before,
        after=after,
        method=closed.method,
        steps=closed.steps,
        holes=len(closed.holes),
        largest_hole=max(closed.holes, default=0.0) * extent,
        dropped_pieces=dropped,
        moved_mean=float(np.average(moved, weights=weights)) * extent,
        moved_max=float(moved.max()) * extent,
        added_max=float(added.max()) * extent,
        painted=painted,
    )
