"""An object as the simulator collides it: a union of convex parts, in the object's frame, metres.

Grasps are looked for on exactly the geometry that the contacts will be computed on, so the parts are read from the
compiled MuJoCo model and not from the visual mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import quaternion_to_matrix

if TYPE_CHECKING:
    import mujoco

Array = NDArray[np.float64]

ROUND_SEGMENTS = 48
"""Sides of the prism that stands for a cylinder: the sagitta of a 48-gon is 0.2 % of the radius."""

IN_FRONT_M = 1e-3
"""What has another part of the object so close in front of it is no surface that a finger could touch."""


class SolidError(ValueError):
    """A body has no collision geometry that grasps could be looked for on. The message names the body."""


@dataclass(frozen=True)
class ConvexPart:
    """One convex part: corner points (n, 3), triangles (m, 3) turned outwards, and their planes.

    A point x is inside when `normals @ x <= offsets` holds for every row.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    normals: Array
    offsets: Array

    @classmethod
    def around(cls, points: Array) -> ConvexPart:
        """The convex hull of points, shape (n, 3).

        Raises:
            SolidError: the points span no volume.
        """
        from scipy.spatial import ConvexHull, QhullError

        try:
            hull = ConvexHull(points)
        except (QhullError, ValueError) as error:
            raise SolidError(f"{len(points)} points span no volume: {str(error).splitlines()[0]}") from None
        triangles = hull.simplices.astype(np.int64)
        a, b, c = (points[triangles[:, k]] for k in range(3))
        flipped = np.einsum("ij,ij->i", np.cross(b - a, c - a), hull.equations[:, :3]) < 0
        triangles[flipped] = triangles[flipped][:, [0, 2, 1]]
        return cls(points, triangles, hull.equations[:, :3].copy(), -hull.equations[:, 3])

    def crossing(self, origins: Array, directions: Array) -> tuple[Array, Array, NDArray[np.int64]]:
        """Where lines enter and leave the part: distances along the lines, shapes (n,), and the plane they leave by.

        A line that misses has enter > leave. Cyrus-Beck clipping of a line against the part's planes.
        """
        speed = directions @ self.normals.T
        room = self.offsets - origins @ self.normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            at = room / speed
        enter = np.where(speed < 0, at, -np.inf).max(axis=1)
        leaving = np.where(speed > 0, at, np.inf)
        plane = leaving.argmin(axis=1)
        leave = leaving[np.arange(len(origins)), plane]
        outside = ((speed == 0) & (room < 0)).any(axis=1)
        return np.where(outside, np.inf, enter), np.where(outside, -np.inf, leave), plane

    def contains(self, points: Array, margin: float = 0.0) -> NDArray[np.bool_]:
        """Which points lie deeper than `margin` inside, shape (n,)."""
        return np.asarray((points @ self.normals.T < self.offsets - margin).all(axis=1))


@dataclass(frozen=True)
class ObjectSolid:
    """A body's collision geometry and friction, in the body's frame; `mass` in kilograms."""

    object_id: str
    parts: tuple[ConvexPart, ...]
    friction: float
    center_of_mass: Array
    mass: float

    @cached_property
    def vertices(self) -> Array:
        """Every corner of every part, shape (n, 3)."""
        return np.concatenate([part.vertices for part in self.parts])

    def extents(self, rotation: Array) -> Array:
        """Size along the axes of the frame that `rotation` turns the object into, shape (3,)."""
        turned = self.vertices @ rotation.T
        size: Array = turned.max(axis=0) - turned.min(axis=0)
        return size

    def surface(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """About `count` points spread over the outer surface by area, and their outward normals, each (n, 3)."""
        corners = np.concatenate([part.vertices[part.triangles] for part in self.parts])
        normals = np.concatenate([part.normals for part in self.parts])
        owner = np.concatenate([np.full(len(part.triangles), i) for i, part in enumerate(self.parts)])
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        chosen = rng.choice(len(area), size=count, p=area / area.sum())
        u, v = rng.random((2, count))
        fold = u + v > 1
        u, v = np.where(fold, 1 - u, u), np.where(fold, 1 - v, v)
        tri = corners[chosen]
        points = tri[:, 0] + u[:, None] * (tri[:, 1] - tri[:, 0]) + v[:, None] * (tri[:, 2] - tri[:, 0])
        outer = np.ones(count, dtype=bool)
        for i, part in enumerate(self.parts):
            # A point of one part inside another, or where that begins right in front of it, is no surface of the union.
            covered = part.contains(points, 1e-6) | part.contains(points + IN_FRONT_M * normals[chosen])
            outer &= ~(covered & (owner[chosen] != i))
        return points[outer], normals[chosen][outer]

    def thickness(self, points: Array, directions: Array, through: bool = False) -> tuple[Array, Array]:
        """From surface points along inward directions to where the material ends.

        Returns the distances, shape (n,), and the outward normals there, shape (n, 3). Parts that touch or overlap along
        the line (gap below 0.5 mm) count as one piece of material; with `through`, so does everything on the line, as for
        a cup that is held by its outside.
        """
        enters, leaves, normals = [], [], []
        for part in self.parts:
            enter, leave, plane = part.crossing(points, directions)
            enters.append(np.where(enter < leave, enter, np.inf))
            leaves.append(np.where(enter < leave, leave, -np.inf))
            normals.append(part.normals[plane])
        enter_all, leave_all, normal_all = np.stack(enters), np.stack(leaves), np.stack(normals)
        gap = np.inf if through else 5e-4
        far = np.zeros(len(points))
        out = -directions
        for _ in self.parts:
            reach = np.where((enter_all <= far + gap) & (leave_all > far), leave_all, -np.inf)
            best = reach.argmax(axis=0)
            further = reach[best, np.arange(len(points))]
            grew = further > far + 1e-9
            if not grew.any():
                break
            out = np.where(grew[:, None], normal_all[best, np.arange(len(points))], out)
            far = np.where(grew, further, far)
        return far, out


def object_solid(model: mujoco.MjModel, object_id: str) -> ObjectSolid:
    """The collision geometry of the body named `object_id`.

    Raises:
        SolidError: there is no such body, or it has no geometry that collides.
    """
    import mujoco

    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, object_id)
    if body < 0:
        raise SolidError(f"the simulated scene has no body named {object_id!r}")
    parts, friction = [], []
    for geom in range(model.body_geomadr[body], model.body_geomadr[body] + model.body_geomnum[body]):
        if not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
            continue
        points = _corner_points(model, geom)
        turn = quaternion_to_matrix(model.geom_quat[geom])
        parts.append(ConvexPart.around(points @ turn.T + model.geom_pos[geom]))
        friction.append(float(model.geom_friction[geom, 0]))
    if not parts:
        raise SolidError(f"body {object_id!r} has no geometry that collides")
    return ObjectSolid(
        object_id, tuple(parts), min(friction), model.body_ipos[body].copy(), float(model.body_mass[body])
    )


def _corner_points(model: mujoco.MjModel, geom: int) -> Array:
    """Points whose convex hull is the geom, in the geom's frame."""
    import mujoco

    kind, size = mujoco.mjtGeom(int(model.geom_type[geom])), np.asarray(model.geom_size[geom], dtype=float)
    box = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    ring = np.linspace(0, 2 * np.pi, ROUND_SEGMENTS, endpoint=False)
    circle = np.stack([np.cos(ring), np.sin(ring), np.zeros_like(ring)], axis=1)
    tilt = np.linspace(-np.pi / 2, np.pi / 2, ROUND_SEGMENTS // 4 + 1)
    ball = np.concatenate([circle * np.cos(t) + np.array([0.0, 0.0, np.sin(t)]) for t in tilt])
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        start = model.mesh_vertadr[mesh]
        return np.array(model.mesh_vert[start : start + model.mesh_vertnum[mesh]], dtype=float)
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return np.asarray(box * size)
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return np.asarray(ball * size[0])
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return np.asarray(ball * size)
    if kind in (mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_CAPSULE):
        end = (circle if kind == mujoco.mjtGeom.mjGEOM_CYLINDER else ball) * size[0]
        half = np.array([0.0, 0.0, size[1]])
        return np.concatenate([end + half, end - half])
    raise SolidError(f"geom {geom} of the simulated scene is a {kind.name}, which is no solid shape")
