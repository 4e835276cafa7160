"""The scene in metres: objects on a table that stands on the ground, none inside another.

Everything that is changed on the way from the reconstruction is written down in the scale report's `adjustments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, SceneInfo, SupportPlane
from blueprint_assets.contracts.scene_layout import (
    LayoutObject,
    ScaleDecision,
    ScaleReport,
    SceneLayout,
    SupportSurface,
)
from blueprint_assets.contracts.scene_manifest import ManifestObject, SceneManifest
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, compose
from blueprint_assets.scene.affordances import MOVABLE
from blueprint_assets.scene.footprints import (
    centroid,
    contains,
    convex_footprint,
    nearest_inside,
    polygon_area,
    separation,
)
from blueprint_assets.scene.manifest import MANIFEST
from blueprint_assets.scene.scale import SCALE
from blueprint_assets.scene.viewpoint import chosen_viewpoint, seen_viewpoint

Array = NDArray[np.float64]

LAYOUT = "layout/scene_layout_scaled.json"
SCALE_REPORT = "layout/scale_report.json"

TABLE_HEIGHT_M = 0.75
"""Usual height of a dining table or desk (0.72 to 0.76 m); nothing in a picture of a table top tells it."""
TABLE_MARGIN_M = 0.15
"""Free rim around the objects: room for a gripper that comes from the side."""
TABLE_MIN_M = (0.9, 0.6)
"""A small desk, x and y."""
TABLE_LARGE_M = 2.0
"""A table longer than this is more likely a depth error than a table; it is kept and noted."""
FLOOR = "floor"
"""Label of a support plane that is the ground and no table."""
SHELF = "shelf"
"""Label of a support plane that is one of several boards above one another."""
UNKNOWN_COLOR = (0.6, 0.6, 0.6)
BOARD_DEPTH_M = 0.05
"""What stands this far below a piece of furniture's top stands on a board within it; less is the reconstruction's error."""
GAP_M = 0.002
"""Clearance after two overlapping objects were pushed apart: above the contact solver's rest penetration (0.1 mm)."""
SETTLING_ROUNDS = 200
"""Of pushing every overlapping pair apart; heaps of eight objects took 4 to 44."""
FLAT_M = 0.001
"""Height within which an object's top counts as flat; on a dome of more, what stands there slides off."""
BEARING_SHARE = 0.15
"""Of an object's footprint that the top below it must have: a block on a narrower block still stands, a block on a tip falls."""


class LayoutError(ValueError):
    """The scene cannot be laid out. The message names the object and the remedy."""


@dataclass
class _Piece:
    """One object while it is moved about, in metres. `points` (n, 3) are its vertices about its origin."""

    item: ManifestObject
    points: Array
    origin: Array
    support: str
    scale: Array

    @cached_property
    def _outline(self) -> Array:
        return convex_footprint(self.points)

    @property
    def footprint(self) -> Array:
        """Corners (n, 2) of the hull seen from above, where the object is now."""
        return self._outline + self.origin[:2]

    @property
    def low(self) -> float:
        return float(self.points[:, 2].min() + self.origin[2])

    @property
    def high(self) -> float:
        return float(self.points[:, 2].max() + self.origin[2])


def lay_out_scene(inputs: Path, out: Path) -> tuple[SceneLayout, ScaleReport]:
    """Reads the manifest and the reconstruction below `inputs`, writes the layout and its report below `out`.

    Args:
        inputs: a folder laid out like the scene, with `stage1/` and what `build_manifest` wrote.
        out: an empty folder laid out like the scene.

    Raises:
        LayoutError: an object has no extent, or stands on something that does not exist.
    """
    manifest = SceneManifest.read(inputs / MANIFEST)
    info = SceneInfo.read(inputs / "stage1/scene_info.json")
    camera = None if info.camera is None else Camera.read(inputs / "stage1" / info.camera)
    meshes = {
        item.id: np.asarray(load_glb(inputs / item.asset.path).vertices, dtype=float) for item in manifest.objects
    }
    scale = ScaleDecision.read(inputs / SCALE)
    layout, report = build_layout(manifest, info, camera, meshes, scale)
    layout.write(out / LAYOUT)
    report.write(out / SCALE_REPORT)
    return layout, report


def build_layout(
    manifest: SceneManifest,
    info: SceneInfo,
    camera: Camera | None,
    meshes: dict[str, Array],
    scale: ScaleDecision,
) -> tuple[SceneLayout, ScaleReport]:
    """The scene in metres. `meshes` holds each object's vertices (n, 3), Z-up, mesh units.

    Raises:
        LayoutError: as in `lay_out_scene`.
    """
    supports = {item.id: item.support for item in info.objects}
    pieces: dict[str, _Piece] = {}
    for item in manifest.objects:
        points, own_scale = _world_points(item, meshes[item.id], scale.factor)
        if np.ptp(points, axis=0).min() < 1e-4:
            raise LayoutError(f"object {item.id} is thinner than 0.1 mm; reconstruct it again or leave it out")
        position = item.transform.position
        origin = np.array([position.x, position.y, position.z]) * scale.factor
        pieces[item.id] = _Piece(item, points, origin, supports[item.id], own_scale)
    planes = {plane.id: plane for plane in info.support_planes}
    table = info.support_planes[0]
    notes: list[str] = []
    roots = {each: _root(each, pieces, planes) for each in pieces}
    ground = 0.0 if table.label == FLOOR else TABLE_HEIGHT_M
    heights = {each: ground + plane.point[2] * scale.factor for each, plane in planes.items()}
    for each, height in heights.items():
        if height < 0:
            raise LayoutError(f"support plane {each} lies {-height:.2f} m below the ground; check the scale")
    if info.arranged:
        for piece in pieces.values():
            piece.origin[2] += ground
    else:
        _settle(pieces, planes, roots, heights, ground, notes)
    shift = _centre([piece.footprint for each, piece in pieces.items() if roots[each] == table.id])
    for piece in pieces.values():
        piece.origin[:2] -= shift
    used = [plane for plane in info.support_planes if plane is table or plane.id in roots.values()]
    surfaces = tuple(
        _surface(
            plane,
            heights[plane.id],
            [p for e, p in pieces.items() if roots[e] == plane.id],
            np.array(plane.polygon)[:, :2] * scale.factor - shift,
            notes,
        )
        for plane in used
    )
    surfaces += tuple(surface for each in pieces for surface in _boards(each, pieces))
    layout = SceneLayout(
        scene_id=manifest.scene_id,
        scale_factor=scale.factor,
        objects=tuple(_layout_object(piece, pieces) for piece in pieces.values()),
        support_surfaces=surfaces,
        camera=chosen_viewpoint(*_box(pieces))
        if camera is None
        else seen_viewpoint(camera, scale.factor, np.array([-shift[0], -shift[1], heights[table.id]])),
    )
    return layout, ScaleReport(**dict(scale), adjustments=tuple(notes))


def layout_table(layout: SceneLayout) -> list[dict[str, str | float]]:
    """One row per object, as the asset page shows it; millimetres."""
    return [
        {
            "id": item.id,
            "x_mm": round(item.position[0] * 1000),
            "y_mm": round(item.position[1] * 1000),
            "size_mm": " x ".join(str(round(extent * 1000)) for extent in item.size),
            "on": item.support,
        }
        for item in layout.objects
    ]


def _settle(
    pieces: dict[str, _Piece],
    planes: dict[str, SupportPlane],
    roots: dict[str, str],
    heights: dict[str, float],
    ground: float,
    notes: list[str],
) -> None:
    """What a reconstruction leaves to be done: riders over what bears them, bases on supports, overlaps pushed apart."""
    _seat_riders(pieces, planes, notes)
    before = {each: piece.origin.copy() for each, piece in pieces.items()}
    _set_down(pieces, heights, ground, notes)
    _part(pieces, planes, roots)
    for each, piece in pieces.items():
        moved = float(np.hypot(*(piece.origin - before[each])[:2]))
        if moved > 1e-6:
            notes.append(f"{each}: moved {moved * 1000:.1f} mm sideways, off what it overlapped")


def _world_points(item: ManifestObject, vertices: Array, factor: float) -> tuple[Array, Array]:
    """Vertices turned and scaled but not moved (n, 3), and the scale (3,) from mesh units."""
    t = item.transform
    scale = np.array([t.scale.x, t.scale.y, t.scale.z]) * factor
    if not (scale > 0).all():
        raise LayoutError(f"object {item.id}: scale {scale.tolist()}; it must be positive")
    q = t.rotation_quaternion
    return apply(compose((0, 0, 0), (q.w, q.x, q.y, q.z), scale), vertices), scale


def _root(each: str, pieces: dict[str, _Piece], planes: dict[str, SupportPlane]) -> str:
    """The plane that an object stands on in the end."""
    trail = [each]
    while trail[-1] not in planes:
        if trail[-1] not in pieces:
            raise LayoutError(f"object {trail[-2]} stands on {trail[-1]!r}, which is neither a plane nor an object")
        following = pieces[trail[-1]].support
        if following in trail:
            raise LayoutError(f"objects stand on each other in a circle: {' on '.join((*trail, following))}")
        trail.append(following)
    return trail[-1]


def _load(each: str, pieces: dict[str, _Piece]) -> list[str]:
    """An object and everything that stands on it."""
    found = [each]
    for one in found:
        found.extend(other for other, piece in pieces.items() if piece.support == one)
    return found


def _seat_riders(pieces: dict[str, _Piece], planes: dict[str, SupportPlane], notes: list[str]) -> None:
    """Sees that what stands on another object can stand there: else it would fall when time begins.

    Its centre is moved over the flat top that bears it; where there is no such top it goes down beside, onto what bears the
    other. Supports come before what they bear.
    """
    waiting = [each for each, piece in pieces.items() if piece.support not in planes and not _is_in(piece, pieces)]
    while waiting:
        for each in [w for w in waiting if pieces[w].support not in waiting]:
            waiting.remove(each)
            piece = pieces[each]
            while piece.support not in planes:
                top = _flat_top(pieces[piece.support])
                if top is not None and polygon_area(top) >= BEARING_SHARE * polygon_area(piece.footprint):
                    break
                notes.append(f"{each}: {piece.support} has no flat top to bear it, set down beside it")
                piece.support = pieces[piece.support].support
            else:
                continue
            centre = centroid(piece.footprint)
            if contains(top, centre):
                continue
            # A tenth of the way further in than the rim, so that it does not stand on the edge itself.
            seat = nearest_inside(top, centre)
            seat = seat + 0.1 * (centroid(top) - seat)
            for member in _load(each, pieces):
                pieces[member].origin[:2] += seat - centre
            notes.append(f"{each}: its centre was beside the top of {piece.support}, on which it stands")


def _flat_top(piece: _Piece) -> Array | None:
    """Footprint of an object's highest millimetres; None where that is a line or a point."""
    high = piece.points[:, 2] > piece.points[:, 2].max() - FLAT_M
    try:
        return convex_footprint(piece.points[high, :2] + piece.origin[:2])
    except ValueError:
        return None


def _part(pieces: dict[str, _Piece], planes: dict[str, SupportPlane], roots: dict[str, str]) -> None:
    """Pushes overlapping objects apart sideways, each half of the least way, until none overlaps.

    What stands on an object moves with it. Objects on one another never push each other; of two others the pair is compared
    as the things that stand side by side on the same support.
    """
    ids = list(pieces)
    for _ in range(SETTLING_ROUNDS):
        moved = False
        for index, one in enumerate(ids):
            for other in ids[index + 1 :]:
                pair = _side_by_side(one, other, pieces, planes)
                if pair is None or roots[one] != roots[other] or not _beside(pieces[one], pieces[other]):
                    continue
                push = separation(pieces[one].footprint, pieces[other].footprint, GAP_M)
                if not push.any():
                    continue
                moved = True
                # Aim 10 % over the gap, or the last tenths of a millimetre take many rounds in a row of three.
                for mover, share in ((pair[0], -0.5), (pair[1], 0.5)):
                    for member in _load(mover, pieces):
                        pieces[member].origin[:2] += 1.1 * share * push
        if not moved:
            return
    raise LayoutError(
        f"objects still overlap after {SETTLING_ROUNDS} rounds of pushing apart; reconstruct with fewer of them"
    )


def _side_by_side(
    one: str, other: str, pieces: dict[str, _Piece], planes: dict[str, SupportPlane]
) -> tuple[str, str] | None:
    """The two ancestors of a pair that stand on the same support; None when one object bears the other."""
    chains = []
    for each in (one, other):
        chain = [each]
        while pieces[chain[-1]].support not in planes:
            chain.append(pieces[chain[-1]].support)
        chains.append(chain)
    for a in chains[0]:
        for b in chains[1]:
            if a == b:
                return None
            if pieces[a].support == pieces[b].support:
                return a, b
    return chains[0][-1], chains[1][-1]


def _beside(one: _Piece, other: _Piece) -> bool:
    """Whether two objects share some height, 1 mm of contact aside."""
    return min(one.high, other.high) - max(one.low, other.low) > 1e-3


def _set_down(pieces: dict[str, _Piece], heights: dict[str, float], ground: float, notes: list[str]) -> None:
    """Bases onto their supports, the lowest first; what stands in something open stays as deep in it as it was seen."""
    waiting = list(pieces)
    tops = dict(heights)
    inside = {each for each, piece in pieces.items() if _is_in(piece, pieces)}
    lifts: dict[str, float] = {}
    while waiting:
        for each in [w for w in waiting if pieces[w].support in tops]:
            piece = pieces[each]
            support = piece.support
            lift = lifts[support] if each in inside else tops[support] - piece.low
            lifts[each] = lift
            raised = lift - ground  # what is left beyond the table's own height
            piece.origin[2] += lift
            if abs(raised) > 1e-3:
                notes.append(f"{each}: set {abs(raised) * 1000:.1f} mm {'up' if raised > 0 else 'down'} onto {support}")
            tops[each] = piece.high
            waiting.remove(each)


def _is_in(piece: _Piece, pieces: dict[str, _Piece]) -> bool:
    """Whether an object stands within its support: lower than the rim of something open (a bowl, a plate), or far below the
    top of furniture (on a board of a shelf).
    """
    holder = pieces.get(piece.support)
    if holder is None or piece.low < holder.low - FLAT_M:
        return False
    depth = holder.high - piece.low
    if holder.item.sim_role not in MOVABLE:
        return depth > BOARD_DEPTH_M
    return holder.item.physics_hints.body == "open" and depth > FLAT_M


def _boards(each: str, pieces: dict[str, _Piece]) -> list[SupportSurface]:
    """Where things stand on a piece of furniture: for each height that bears something, the largest rectangle of its
    outline's proportions that lies within its top, or below the top within its outline.
    """
    piece = pieces[each]
    if piece.item.sim_role in MOVABLE:
        return []
    levels = sorted({round(rider.low, 3) for rider in pieces.values() if rider.support == each})
    found = []
    for number, level in enumerate(levels):
        on_top = level >= piece.high - FLAT_M
        outline = _flat_top(piece) if on_top else piece.footprint
        if outline is None:
            continue
        middle = centroid(outline)
        half = np.ptp(outline, axis=0) / 2
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        share = next(
            (k for k in np.linspace(1.0, 0.05, 20) if all(contains(outline, middle + 0.999 * k * c) for c in corners)),
            0,
        )
        if not share:
            continue
        found.append(
            SupportSurface(
                id=f"{each}_{'top' if on_top else f'board_{number + 1}'}",
                kind="furniture",
                part_of=each,
                height=piece.high if on_top else level,
                height_evidence="estimated",
                center=(float(middle[0]), float(middle[1])),
                size=(float(2 * share * half[0]), float(2 * share * half[1])),
                color=UNKNOWN_COLOR,
            )
        )
    return found


def _surface(plane: SupportPlane, height: float, pieces: list[_Piece], seen: Array, notes: list[str]) -> SupportSurface:
    """Under its things, with a rim and the usual size of a table; a board of a shelf as far as it was `seen`, (n, 2)."""
    corners = np.concatenate([piece.footprint for piece in pieces]) if pieces else np.zeros((1, 2))
    if plane.label == SHELF:  # larger, it would roof the board below it
        corners = np.concatenate([corners, seen])
        low, high = corners.min(axis=0), corners.max(axis=0)
        size = high - low
    else:
        low, high = corners.min(axis=0) - TABLE_MARGIN_M, corners.max(axis=0) + TABLE_MARGIN_M
        size = np.maximum(high - low, TABLE_MIN_M)
    if size.max() > TABLE_LARGE_M and plane.label != FLOOR:
        notes.append(f"{plane.id}: {size[0]:.2f} x {size[1]:.2f} m is large for a table; some depth may be wrong")
    centre = (low + high) / 2
    return SupportSurface(
        id=plane.id,
        kind="ground" if plane.label == FLOOR and height == 0 else "table",
        height=height,
        height_evidence="default",
        center=(float(centre[0]), float(centre[1])),
        size=(float(size[0]), float(size[1])),
        color=plane.color,
    )


def _layout_object(piece: _Piece, pieces: dict[str, _Piece]) -> LayoutObject:
    holder = pieces.get(piece.support)
    q = piece.item.transform.rotation_quaternion
    extents = np.ptp(piece.points, axis=0)
    x, y, z = (float(v) for v in piece.origin)
    return LayoutObject(
        id=piece.item.id,
        position=(x, y, z),
        rotation_quaternion=(q.w, q.x, q.y, q.z),
        scale=(float(piece.scale[0]), float(piece.scale[1]), float(piece.scale[2])),
        size=(float(extents[0]), float(extents[1]), float(extents[2])),
        support=piece.support,
        inside=holder is not None and piece.low < holder.high - FLAT_M,
    )


def _box(pieces: dict[str, _Piece]) -> tuple[Array, Array]:
    """Lowest and highest corner (3,) of the box around all objects."""
    low = np.array([[*piece.footprint.min(axis=0), piece.low] for piece in pieces.values()]).min(axis=0)
    high = np.array([[*piece.footprint.max(axis=0), piece.high] for piece in pieces.values()]).max(axis=0)
    return low, high


def _centre(footprints: list[Array]) -> Array:
    """Middle (2,) of the rectangle around footprints; the origin when there are none."""
    if not footprints:
        return np.zeros(2)
    corners = np.concatenate(footprints)
    middle: Array = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return middle
