"""Thick outlines, for what is neither round nor a box: the mask's own outline, given a stated depth.

Upright: a slab that faces the camera, as thick as one of DEPTH_SHARES of its width. Lying (wide and low, or too slender to
stand): a footprint on the support, as high as HEIGHT_SHARE of its narrow side. In both, a cell of the outline is kept
when its whole thickness shows inside the mask, so that the solid's picture never exceeds the mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import ShapeError, thick_outline

from .silhouette import Silhouette
from .solid import Solid

if TYPE_CHECKING:
    import shapely
    import trimesh

Array = NDArray[np.float64]
BoolImage = NDArray[np.bool_]

DEPTH_SHARES = (0.5, 0.35, 0.2)
"""Depth of an upright slab over its width. Unseen; half is between a plate (0.1) and a round thing (1). A thick slab seen
from above cannot show thin parts: the next thinner one is tried when less than ENOUGH of the mask is covered."""
ENOUGH = 0.88
HEIGHT_SHARE = 0.35
"""Height of a lying thing over the narrow side of its footprint. Unseen; cutlery is flatter, toys are higher."""
LOW_RATIO = 0.75
"""Seen as lying when its footprint would be no deeper than this share of its width: upright it would be a low bar."""
SLENDER_RATIO = 5.0
"""Seen as lying when upright it would be more than this times as tall as its base is wide: it would fall."""
STEEP = 0.2
"""Least sine of the viewing angle at which a footprint on the support can be read."""
CELLS = 96
THICKNESS_SAMPLES = 6
COVERAGE_SLACK = 0.012
MAX_POINTS = 120


@dataclass(frozen=True)
class _Frame:
    """World = origin + u a + v b + t c. The outline is in (u, v), the thickness along t."""

    origin: Array
    a: Array
    b: Array
    c: Array

    def world(self, u: Array, v: Array, t: Array) -> Array:
        points: Array = self.origin + u[..., None] * self.a + v[..., None] * self.b + t[..., None] * self.c
        return points


_UP = np.array([0.0, 0.0, 1.0])


def fit_outline(view: Silhouette) -> Solid | None:
    """The thick outline for a silhouette, or None when nothing of the mask survives the thickness."""
    rows, columns = np.nonzero(view.mask)
    width = float(columns.max() + 1 - columns.min()) * view.pixel
    tall = float(rows.max() + 1 - rows.min()) * view.pixel
    distance = view.base - view.camera
    steep = abs(float(distance[2])) / float(np.linalg.norm(distance))
    deep, high = tall / max(steep, 0.05), tall / math.sqrt(max(1 - steep**2, 0.02))
    slender = high > SLENDER_RATIO * _base_width(view)
    if steep > STEEP and (deep < LOW_RATIO * width or slender):
        return _lying(view, width, deep)
    return _upright(view, width, high)


def slab_through(view: Silhouette, piece: BoolImage, point: Array, thickness: float) -> trimesh.Trimesh | None:
    """An upright slab, in the world, whose middle shows as `piece` (fitting-size pixels) when it passes `point`."""
    rows, columns = np.nonzero(piece)
    spot = np.linalg.norm(point - view.camera) / np.linalg.norm(view.base - view.camera) * view.pixel
    middle = view.project(point[None])[0]
    u = (np.arange(columns.min() - 3, columns.max() + 4, 0.5) + 0.5 - middle[0]) * spot
    level = math.sqrt(max(1 - ((view.camera - point)[2] / np.linalg.norm(view.camera - point)) ** 2, 0.02))
    v = np.arange(-4.0, 1.4 * (middle[1] - rows.min()) / level + 6, 0.5) * spot
    frame = _Frame(point, view.right, _UP, view.away)
    grid_v, grid_u = np.meshgrid(v, u, indexing="ij")
    pixels = np.floor(view.project(frame.world(grid_u, grid_v, np.zeros(grid_u.shape)))).astype(int)
    x = np.clip(pixels[..., 0], 0, piece.shape[1] - 1)
    y = np.clip(pixels[..., 1], 0, piece.shape[0] - 1)
    outline = _outline(piece[y, x] & (grid_v >= 0), u, v)
    if outline is None:
        return None
    solid = _solid(outline, frame, thickness, True, 0.0, "")
    if solid is None:
        return None
    mesh = solid.mesh.copy()
    mesh.vertices = solid.world_vertices() + np.array([0.0, 0.0, outline.bounds[1]])
    return mesh


def _base_width(view: Silhouette) -> float:
    rows, _ = np.nonzero(view.mask)
    low = view.mask[int(rows.max() - 0.2 * (rows.max() - rows.min())) :]
    return float(low.any(axis=0).sum()) * view.pixel


def _middle(view: Silhouette) -> float:
    """The mask's middle, to the right of the base, world length."""
    columns = np.nonzero(view.mask)[1]
    middle = float(columns.min() + columns.max() + 1) / 2
    return (middle - float(view.project(view.base[None])[0][0])) * view.pixel


def _upright(view: Silhouette, width: float, high: float) -> Solid | None:
    """The thickest slab of DEPTH_SHARES that loses little of the mask, or else the one that loses least."""
    solids: list[Solid] = []
    for share in DEPTH_SHARES:
        solid = _slab(view, width, high, share)
        if solid is None:
            continue
        if solid.overlap >= ENOUGH:
            return solid
        solids.append(solid)
    return max(solids, key=lambda solid: solid.overlap) if solids else None


def _slab(view: Silhouette, width: float, high: float, share: float) -> Solid | None:
    thickness = share * width
    u = np.linspace(-0.8, 0.8, CELLS) * width + _middle(view)
    v = np.linspace(0.0, 1.35 * high, CELLS)
    t = np.linspace(-0.5, 0.5, THICKNESS_SAMPLES) * thickness
    trials: list[tuple[float, _Frame, shapely.Polygon]] = []
    for depth in 0.5 * thickness + np.linspace(0.0, 1.0, 14) * max(thickness, 0.3 * high):
        frame = _Frame(view.base + depth * view.away, view.right, _UP, view.away)
        outline = _outline(_kept(view, u, v, t, frame), u, v)
        if outline is not None:
            trials.append((_coverage(view, outline, t, frame), frame, outline))
    if not trials:
        return None
    # The farthest that covers as much as any: a nearer slab floats (see revolved.py).
    enough = max(trial[0] for trial in trials) - COVERAGE_SLACK
    overlap, frame, outline = [trial for trial in trials if trial[0] >= enough][-1]
    return _solid(outline, frame, thickness, True, overlap, f"depth is {share:g} of the width (default)")


def _lying(view: Silhouette, width: float, deep: float) -> Solid | None:
    import shapely

    u = np.linspace(-0.8, 0.8, CELLS) * width + _middle(view)
    v = np.linspace(-0.2, 1.6, CELLS) * deep
    frame = _Frame(view.base, view.right, view.away, _UP)
    flat = _outline(_kept(view, u, v, np.zeros(1), frame), u, v)
    if flat is None:
        return None
    sides = np.asarray(shapely.oriented_envelope(flat).exterior.coords)
    narrow = float(min(np.linalg.norm(sides[1] - sides[0]), np.linalg.norm(sides[2] - sides[1])))
    for share in (HEIGHT_SHARE, HEIGHT_SHARE / 2, HEIGHT_SHARE / 4):
        thickness = share * narrow
        t = np.linspace(0.0, 1.0, THICKNESS_SAMPLES) * thickness
        outline = _outline(_kept(view, u, v, t, frame), u, v)
        if outline is not None and (overlap := _coverage(view, outline, t, frame)) > 0.6:
            note = f"lying; height is {share:g} of its footprint's narrow side (default)"
            return _solid(outline, frame, thickness, False, overlap, note)
    return None


def _kept(view: Silhouette, u: Array, v: Array, t: Array, frame: _Frame) -> BoolImage:
    """Cells whose whole thickness shows inside the mask, shape (v, u)."""
    grid_v, grid_u, grid_t = np.meshgrid(v, u, t, indexing="ij")
    pixels = np.floor(view.project(frame.world(grid_u, grid_v, grid_t))).astype(int)
    allowed = view.allowed & ~view.hidden
    x = np.clip(pixels[..., 0], -1, allowed.shape[1])
    y = np.clip(pixels[..., 1], -1, allowed.shape[0])
    framed = np.zeros((allowed.shape[0] + 2, allowed.shape[1] + 2), bool)
    framed[1:-1, 1:-1] = allowed
    kept: BoolImage = framed[y + 1, x + 1].all(axis=2)
    return kept


def _outline(kept: BoolImage, u: Array, v: Array) -> shapely.Polygon | None:
    """The largest piece as a polygon in (u, v), with its holes, simplified to half a cell."""
    import shapely

    if kept.sum() < 6:
        return None
    picture = np.pad(kept.astype(np.uint8), 1)
    contours, tree = cv2.findContours(picture, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(c) if tree[0][k][3] < 0 else -1.0 for k, c in enumerate(contours)]
    outer = int(np.argmax(areas))
    step_u, step_v = u[1] - u[0], v[1] - v[0]

    def corners(contour: NDArray[np.int32]) -> Array:
        points = contour[:, 0, :].astype(float) - 1.0
        return np.stack([u[0] + points[:, 0] * step_u, v[0] + points[:, 1] * step_v], axis=-1)

    if len(contours[outer]) < 4:
        return None
    holes = [
        corners(contours[k])
        for k in range(len(contours))
        if tree[0][k][3] == outer and cv2.contourArea(contours[k]) > 0.01 * areas[outer]
    ]
    polygon = shapely.Polygon(corners(contours[outer]), holes).buffer(0.45 * min(step_u, step_v), join_style="mitre")
    tolerance = 0.5 * min(step_u, step_v)
    for _ in range(8):
        simple = polygon.simplify(tolerance)
        if isinstance(simple, shapely.MultiPolygon):
            simple = max(simple.geoms, key=lambda piece: piece.area)
        if shapely.get_num_coordinates(simple) <= MAX_POINTS:
            break
        tolerance *= 1.5
    return simple if isinstance(simple, shapely.Polygon) and simple.is_valid and simple.area > 0 else None


def _coverage(view: Silhouette, outline: shapely.Polygon, t: Array, frame: _Frame) -> float:
    drawn = view.blank()
    rings = [np.asarray(ring.coords) for ring in (outline.exterior, *outline.interiors)]
    for thickness in t:
        pictures = [view.project(frame.world(r[:, 0], r[:, 1], np.full(len(r), thickness))) for r in rings]
        layer = view.blank()
        cv2.fillPoly(layer, [((p - 0.5) * 16).round().astype(np.int32) for p in pictures], 255, shift=4)
        drawn |= layer
    return view.overlap(drawn)


def _solid(
    outline: shapely.Polygon, frame: _Frame, thickness: float, upright: bool, overlap: float, note: str
) -> Solid | None:
    """The mesh about its own base, and where that stands."""
    from shapely import affinity

    low_u, low_v, high_u, high_v = outline.bounds
    u, v = (low_u + high_u) / 2, (low_v if upright else (low_v + high_v) / 2)
    try:
        mesh = thick_outline(affinity.translate(outline, -u, -v), thickness, upright)
    except ShapeError:
        return None
    # The lowest kept cell is on the support, whatever the grid says.
    origin = frame.origin + u * frame.a + (0.0 if upright else v) * frame.b
    heading = math.atan2(frame.a[1], frame.a[0])
    return Solid("extruded_silhouette" if upright else "extruded_footprint", mesh, origin, heading, overlap, note)
