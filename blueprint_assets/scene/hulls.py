"""Collision geometry: a box where the thing is a box, one convex hull where it is convex, else a convex decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

BOX_SHARE = 0.98
"""A mesh that fills this much of its bounding box is that box: the rest is bevels."""
CONVEX_RATIO = 1.08
"""Hull volume over mesh volume up to which one hull will do: 8 % is 2.6 % in each direction, 2 mm on a hand-sized thing."""
MAX_HULL_VERTICES = 64
"""What PhysX takes for a convex mesh on the GPU, and Isaac Sim's default."""
HULL_TOLERANCE_M = 2e-4
"""A hull is refined until no vertex of the mesh sticks out further, or it has all the vertices it may have."""
MAX_DECOMPOSED_FACES = 20000
"""Larger meshes are decimated first, so that the time is bounded (measured: 3 s for 1,400 to 50,000 faces)."""
VHACD = {"maxConvexHulls": 16, "resolution": 50000, "maxNumVerticesPerCH": 32}
"""Own choice, measured: about 3 s an object, and the hollow of a mug and of a thin-walled bowl stays open. `resolution`
counts voxels."""


class HullError(ValueError):
    """No collision geometry could be made. The message says from what."""


@dataclass(frozen=True)
class Box:
    """`center` (3,) and `size` (3,) metres; `rotation` (3, 3) from the box's axes to the object's."""

    center: Array
    size: Array
    rotation: Array

    @property
    def volume(self) -> float:
        """Cubic metres."""
        return float(self.size.prod())


@dataclass(frozen=True)
class Hull:
    """Convex: `vertices` (n, 3) metres, `faces` (m, 3) outwards."""

    vertices: Array
    faces: NDArray[np.int64]
    volume: float


@dataclass(frozen=True)
class CollisionGeometry:
    """`volume_ratio` is the parts' summed volume over the mesh's; overlaps of parts count twice."""

    kind: Literal["box", "convex_hull", "convex_decomposition", "declared_parts"]
    parts: tuple[Box | Hull, ...]
    volume_ratio: float
    note: str


def collision_geometry(solid: trimesh.Trimesh) -> CollisionGeometry:
    """Convex parts of a closed mesh in metres. The same mesh gives the same parts.

    Raises:
        HullError: the decomposition came back empty.
    """
    volume = float(solid.volume)
    for box in _boxes(solid):
        if volume >= BOX_SHARE * box.volume:
            return CollisionGeometry("box", (box,), box.volume / volume, f"fills {volume / box.volume:.1%} of its box")
    ratio = float(solid.convex_hull.volume) / volume
    if ratio < CONVEX_RATIO:
        hull = bounded_hull(np.asarray(solid.vertices, dtype=float))
        return CollisionGeometry(
            "convex_hull", (hull,), hull.volume / volume, f"its hull holds {ratio:.3f} of its volume"
        )
    parts = _decompose(solid)
    total = sum(part.volume for part in parts)
    return CollisionGeometry(
        "convex_decomposition", parts, total / volume, f"one hull would hold {ratio:.2f} of its volume"
    )


def bounded_hull(points: Array, limit: int = MAX_HULL_VERTICES) -> Hull:
    """The convex hull of points (n, 3), with at most `limit` corners.

    Grown from the extreme points of the axes: the point that sticks out furthest is added until none does by more than the
    tolerance, so that a base of many corners keeps its plane and the extents are kept exactly.

    Raises:
        HullError: the points span no volume.
    """
    from scipy.spatial import ConvexHull, QhullError

    try:
        corners = points[np.sort(ConvexHull(points).vertices)]
        if len(corners) > limit:
            corners = corners[_spread_corners(corners, limit)]
        hull = ConvexHull(corners)
    except (QhullError, ValueError) as error:
        raise HullError(f"{len(points)} points span no volume: {str(error).splitlines()[0]}") from None
    used = np.sort(hull.vertices)
    index = np.full(len(corners), -1, dtype=np.int64)
    index[used] = np.arange(len(used))
    triangles = hull.simplices
    a, b, c = (corners[triangles[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(axis=1) < 0
    triangles = np.where(inward[:, None], triangles[:, ::-1], triangles)
    return Hull(corners[used], index[triangles], float(hull.volume))


def _spread_corners(corners: Array, limit: int) -> list[int]:
    from scipy.spatial import ConvexHull, QhullError

    chosen: list[int] = []
    diagonals = np.array(
        [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], dtype=float
    )
    for direction in diagonals:
        best = int(np.argmax(corners @ direction))
        if best not in chosen:
            chosen.append(best)
    while len(chosen) < limit:
        try:
            equations = ConvexHull(corners[chosen]).equations
        except QhullError:
            # The first choices lie in one plane: add whatever is furthest from it.
            centred = corners - corners[chosen].mean(axis=0)
            normal = np.linalg.svd(centred[chosen])[2][-1]
            chosen.append(int(np.argmax(np.abs(centred @ normal))))
            continue
        outside = (corners @ equations[:, :3].T + equations[:, 3]).max(axis=1)
        furthest = int(np.argmax(outside))
        if outside[furthest] < HULL_TOLERANCE_M:
            break
        chosen.append(furthest)
    return chosen


def _boxes(solid: trimesh.Trimesh) -> list[Box]:
    """The axis-aligned box, and the least box about any axis."""
    low, high = np.asarray(solid.bounds, dtype=float)
    aligned = Box((low + high) / 2, high - low, np.eye(3))
    oriented = solid.bounding_box_oriented
    matrix = np.asarray(oriented.primitive.transform, dtype=float)
    return [aligned, Box(matrix[:3, 3], np.asarray(oriented.primitive.extents, dtype=float), matrix[:3, :3])]


def _decompose(solid: trimesh.Trimesh) -> tuple[Hull, ...]:
    """V-HACD, each part clipped to the mesh's bounding box: its voxels stick out of it, into the table."""
    mesh = solid
    if len(mesh.faces) > MAX_DECOMPOSED_FACES:
        mesh = mesh.simplify_quadric_decimation(face_count=MAX_DECOMPOSED_FACES)
    # One thread: in parallel the parts come back in another order each time.
    pieces = mesh.convex_decomposition(**VHACD, asyncACD=False)
    low, high = np.asarray(solid.bounds, dtype=float)
    voxel = float(np.prod(high - low) / VHACD["resolution"]) ** (1 / 3)
    parts: list[Hull] = []
    for piece in pieces:
        clipped = np.clip(np.asarray(piece.vertices, dtype=float), low, high)
        # What is lower than a voxel is the base: the parts' corners there are a voxel's rounding, and it would rock on them.
        clipped[clipped[:, 2] < low[2] + voxel, 2] = low[2]
        try:
            parts.append(bounded_hull(clipped))
        except HullError:
            continue  # nothing of it is left inside the bounds
    if not parts:
        raise HullError(f"V-HACD gave no part with a volume for a mesh of {len(solid.faces)} faces")
    return tuple(sorted(parts, key=lambda part: (-part.volume, *part.vertices[0].tolist())))
