"""Soft and free forms: a rounded body of the category's proportions, cut to the outline that the mask shows.

The rounded body (a superellipsoid on its side or upright) says how deep the thing is, which the picture does not; the cone
of the mask's outline takes off what the picture rules out. The result is closed and shows nowhere outside the mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from .hull_fit import Placement, fit_hull
from .silhouette import Silhouette, convex_view
from .solid import Solid

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

ROUNDNESS = {"ellipsoid": 2.0, "soft": 3.5}
"""Exponent of the superellipsoid: 2 is an ellipsoid, more is nearer to a box."""
FREE_TRUST = 5.0
"""Weight of a free form's usual proportions, against 1 for what is round or a box: its rounded body never fits well."""
FREE = (1.0, 0.75, 0.7)
"""Proportions of what nobody has a name for; by judgement: between things that stand and things that lie."""
SECTIONS, RINGS = 40, 25
LEAST_LEFT = 0.35
"""Share of the rounded body that must be left after the cut; otherwise the fit was wrong and it stays uncut."""
CONTOUR_PIXELS = 0.8
"""Fitting pixels by which the cut outline is simplified."""


def fit_free(view: Silhouette) -> Solid | None:
    """What nobody has a name for, and what is neither round nor a box, as a rounded body of FREE proportions."""
    return fit_carved(view, FREE, ROUNDNESS["soft"], cut=True)


def fit_carved(view: Silhouette, usual: tuple[float, float, float] | None, exponent: float, cut: bool) -> Solid | None:
    """The rounded body that covers a silhouette best, cut to the mask's outline where `cut`; None when none fits.

    `usual`: width, depth and height, whose proportions count; None: none are known.
    """
    unit, faces = _superellipsoid(exponent)
    # The dents of a free form are no evidence about its proportions: both outlines are made convex, the cut restores them.
    found = fit_hull(convex_view(view) if cut else view, unit, usual, trust=FREE_TRUST if cut else 1.0)
    if found is None:
        return None
    import trimesh

    mesh = trimesh.Trimesh(vertices=unit * found.sides, faces=faces, process=False)
    overlap, note = found.overlap, "" if usual is None else "depth by the category's proportions (default)"
    shape = "ellipsoid"
    if cut and (carved := _cut(view, mesh, found)) is not None:
        mesh, overlap = carved
        shape = "inflated_silhouette"
    return Solid(shape, mesh, found.position, found.yaw, overlap, note)


def _superellipsoid(exponent: float) -> tuple[Array, NDArray[np.int64]]:
    """Vertices in the unit box (z in 0..1) and faces of |2x|^p + |2y|^p + |2z - 1|^p = 1."""
    from blueprint_assets.geometry.shapes import revolved

    angle = np.pi * np.linspace(0.0, 1.0, RINGS)
    sphere = revolved(np.sin(angle), 1 - np.cos(angle), SECTIONS)
    direction = np.asarray(sphere.vertices) - [0.0, 0.0, 1.0]
    length = (np.abs(direction) ** exponent).sum(axis=1) ** (1 / exponent)
    unit: Array = direction / length[:, None] / 2 + [0.0, 0.0, 0.5]
    return unit, np.asarray(sphere.faces)


def _cut(view: Silhouette, mesh: trimesh.Trimesh, found: Placement) -> tuple[trimesh.Trimesh, float] | None:
    """The part of the mesh (in its own frame) within the cone of the mask, standing on z = 0, and its overlap."""
    import trimesh

    c, s = np.cos(found.yaw), np.sin(found.yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    eye = (view.camera - found.position) @ turn
    cone = _cone(view, mesh, found, turn, eye)
    if cone is None or not cone.is_volume:
        return None
    rest = trimesh.boolean.intersection([mesh, cone], engine="manifold")
    if rest.is_empty:
        return None
    piece = max(rest.split(only_watertight=True), key=lambda part: float(part.volume), default=None)
    if piece is None or not piece.is_volume or piece.volume < LEAST_LEFT * mesh.volume:
        return None
    vertices = np.array(piece.vertices)
    low, high = float(vertices[:, 2].min()), float(vertices[:, 2].max())
    vertices[:, 2] = (vertices[:, 2] - low) * high / (high - low)  # its lowest point is on the support, its top stays
    carved = trimesh.Trimesh(vertices=vertices, faces=piece.faces, process=False)
    drawn = view.blank()
    pixels = ((view.project(vertices @ turn.T + found.position) - 0.5) * 16).round().astype(np.int32)
    for face in carved.faces:
        cv2.fillConvexPoly(drawn, pixels[face], 255, shift=4)
    return carved, view.overlap(drawn)


def _cone(view: Silhouette, mesh: trimesh.Trimesh, found: Placement, turn: Array, eye: Array) -> trimesh.Trimesh | None:
    """What the mask and what hides it leave possible, between two planes before and behind the mesh."""
    import shapely
    import trimesh

    allowed = cv2.morphologyEx(view.allowed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    contours, tree = cv2.findContours(np.pad(allowed, 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    outer = max((k for k in range(len(contours)) if tree[0][k][3] < 0), key=lambda k: cv2.contourArea(contours[k]))
    if len(contours[outer]) < 4:
        return None
    polygon = shapely.Polygon(contours[outer][:, 0].astype(float) - 0.5).buffer(0.5).simplify(CONTOUR_PIXELS)
    if not isinstance(polygon, shapely.Polygon) or polygon.is_empty:
        return None
    prism = trimesh.creation.extrude_polygon(polygon, height=1.0)
    # Each prism vertex (pixel, 0 or 1) becomes the point of its ray at the near or far depth.
    rays = np.linalg.inv(view.projection[:, :3])
    pixels = np.column_stack([prism.vertices[:, :2], np.ones(len(prism.vertices))])
    directions = pixels @ rays.T @ turn
    axis = np.linalg.inv(view.projection[:, :3])[:, 2] @ turn
    normal = view.projection[2, :3] @ turn
    if float(axis @ normal) < 0:
        directions = -directions
    depth = (np.asarray(mesh.vertices) - eye) @ normal
    near, far = 0.9 * float(depth.min()), 1.1 * float(depth.max())
    reach = np.where(np.asarray(prism.vertices)[:, 2] < 0.5, near, far) / (directions @ normal)
    cone = trimesh.Trimesh(vertices=eye + reach[:, None] * directions, faces=prism.faces, process=False)
    if cone.volume < 0:
        cone.invert()
    return cone
