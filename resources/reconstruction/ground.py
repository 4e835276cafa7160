"""Which way is up, and where the surface is that things stand on: from points of a tool's own frame to our world.

A tool's frame is whatever the tool uses (right-handed). The world is Z-up with the first support plane at z = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.posed_meshes import SupportPlane

from .native_folder import NativeOutputError

Array = NDArray[np.float64]

PLANE = "plane_01"
UNKNOWN_COLOR = (0.6, 0.6, 0.6)
"""A mid grey for a surface whose colour nobody recorded."""
RIM = 0.1
"""Of the objects' extent: how far a support's known part reaches beyond what stands on it."""
LEVEL = 30.0
"""Degrees between a guess of up and the plane that things rest on: upright objects of image-to-3D systems are off by 15 to
21 degrees on average (SAM 3D Objects' published rotation errors)."""
SAME_FACET = 1e-3
"""Facets of a hull whose unit normals differ by less than this belong to one face."""


@dataclass(frozen=True)
class Ground:
    """A support plane in a tool's frame: unit `normal` (up), a `point` on it, how it is known."""

    normal: Array
    point: Array
    evidence: Evidence
    how: str


def fit_ground(points: ArrayLike, up: ArrayLike, how: str, evidence: Evidence = "measured") -> Ground:
    """The least-squares plane of points (n, 3), its normal on the side of `up`.

    Raises:
        NativeOutputError: fewer than three points, points on a line, or a plane that `up` lies in.
    """
    p = np.asarray(points, dtype=float)
    if len(p) < 3:
        raise NativeOutputError(f"{how}: {len(p)} points; a plane needs three")
    centre = p.mean(axis=0)
    _, sizes, axes = np.linalg.svd(p - centre, full_matrices=False)
    if sizes[0] <= 0 or sizes[1] < 1e-6 * sizes[0]:
        raise NativeOutputError(f"{how}: the points lie on a line; they determine no plane")
    return _facing(axes[2], centre, up, evidence, how)


def given_ground(normal: ArrayLike, point: ArrayLike, up: ArrayLike | None = None) -> Ground:
    """A plane that somebody states; its normal is turned to the side of `up` where that is given.

    Raises:
        NativeOutputError: the normal or the point is not finite, or the normal has no length.
    """
    n, p = np.asarray(normal, dtype=float), np.asarray(point, dtype=float)
    length = float(np.linalg.norm(n)) if n.shape == (3,) else 0.0
    if p.shape != (3,) or not np.isfinite(p).all() or not math.isfinite(length) or length < 1e-9:
        raise NativeOutputError(
            f"plane: normal {n.tolist()} and point {p.tolist()}; three finite numbers each, normal not 0"
        )
    return _facing(n / length, p, n if up is None else up, "measured", "plane given")


def resting_ground(points: ArrayLike, up: ArrayLike) -> Ground:
    """The plane on which all the points, taken as one rigid body, would stand: nobody recorded a plane.

    Of the faces of their convex hull that look down (within 30 degrees of -`up`) and lie below the body's centroid, the
    largest; where there is none, the level plane through the lowest point.
    """
    from scipy.spatial import ConvexHull, QhullError

    p = np.asarray(points, dtype=float)
    u = np.asarray(up, dtype=float) / np.linalg.norm(up)
    level = Ground(u, p[int(np.argmin(p @ u))], "default", "level through the lowest point")
    try:
        hull = ConvexHull(p)
    except QhullError:
        return level
    triangles = p[hull.simplices]
    areas = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]), axis=1) / 2
    centroids = triangles.mean(axis=1)
    centre = (centroids * areas[:, None]).sum(axis=0) / areas.sum()
    best: tuple[float, Array, float] | None = None
    size = float(np.ptp(p, axis=0).max())
    downward = np.nonzero(hull.equations[:, :3] @ -u > math.cos(math.radians(LEVEL)))[0]
    for first in downward[np.argsort(-areas[downward], kind="stable")]:
        normal, offset = hull.equations[first, :3], hull.equations[first, 3]
        same = (np.abs(hull.equations[:, :3] - normal).max(axis=1) < SAME_FACET) & (
            np.abs(hull.equations[:, 3] - offset) < SAME_FACET * size
        )
        if best is not None and areas[same].sum() <= best[0]:
            continue
        if _above(centre, normal, triangles[same]):
            best = (float(areas[same].sum()), normal, float(offset))
    if best is None:
        return level
    normal = -best[1]
    return Ground(normal, -best[2] * best[1], "estimated", "the plane that the objects' lowest points rest on")


def _above(point: Array, normal: Array, triangles: Array) -> bool:
    """Whether `point`, moved along `normal`, meets the face that the triangles (n, 3, 3) make up."""
    for a, b, c in triangles:
        sides = [
            float(np.dot(normal, np.cross(q - p, point - p)))
            for p, q in ((a, b), (b, c), (c, a))
        ]  # fmt: skip
        if min(sides) >= 0 or max(sides) <= 0:
            return True
    return False


def world_from(ground: Ground, forward: ArrayLike) -> Array:
    """The rigid transform (4, 4) from the tool's frame to the world: the plane at z = 0, the tool's origin above the world's,
    and `forward`, laid onto the plane, along +y.

    Raises:
        NativeOutputError: `forward` is along the plane's normal.
    """
    up = ground.normal
    ahead = np.asarray(forward, dtype=float)
    ahead = ahead - (ahead @ up) * up
    if np.linalg.norm(ahead) < 1e-6:
        raise NativeOutputError("the view is along the support plane's normal; tilt the camera by a degree")
    ahead /= np.linalg.norm(ahead)
    rotation = np.stack([np.cross(ahead, up), ahead, up])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[2, 3] = -float(ground.point @ up)
    return matrix


def support_plane(
    ground: Ground,
    feet: ArrayLike,
    *,
    color: tuple[float, float, float] = UNKNOWN_COLOR,
    label: str = "",
    name: str = PLANE,
    height: float = 0.0,
) -> SupportPlane:
    """The document of the plane at z = `height`, with the part around `feet` (n, 2 or 3; world) that is known to be there."""
    import shapely

    points = np.asarray(feet, dtype=float)[:, :2]
    rim = max(RIM * float(np.ptp(points, axis=0).max()), 1e-6)
    outline = shapely.convex_hull(shapely.MultiPoint(points)).buffer(rim, quad_segs=2)
    ring = np.asarray(shapely.geometry.polygon.orient(shapely.convex_hull(outline)).exterior.coords)[:-1]
    return SupportPlane(
        id=name,
        normal=(0.0, 0.0, 1.0),
        point=(0.0, 0.0, height),
        polygon=tuple((float(x), float(y), height) for x, y in ring),
        color=color,
        evidence=ground.evidence,
        label=label,
    )


def _facing(normal: Array, point: Array, up: ArrayLike, evidence: Evidence, how: str) -> Ground:
    side = float(normal @ np.asarray(up, dtype=float))
    if abs(side) < 1e-6:
        raise NativeOutputError(f"{how}: the plane's normal {normal.tolist()} is at right angles to up")
    return Ground(normal if side > 0 else -normal, point, evidence, how)
