"""UsdGeom colliders and gprims as MuJoCo geoms. Only reached from inside functions: pxr and mujoco are imported at the top."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdPhysics, UsdShade
from scipy.spatial import ConvexHull, QhullError

from blueprint_assets.geometry.transforms import matrix_to_quaternion
from resources.simulator.usd_appearance import triangulate
from resources.simulator.usd_stage import UsdError

Array = NDArray[np.float64]

FRICTION_WITHOUT_MATERIAL = 0.5
"""Generic dynamic friction of the material table."""
TORSIONAL_FRICTION, ROLLING_FRICTION = 0.005, 0.0001
"""MuJoCo's defaults, metres: UsdPhysics has no such numbers."""

AXIS_TO_Z = {
    "X": np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    "Y": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "Z": np.eye(3),
}
"""prim-from-shape: turns MuJoCo's z axis onto the gprim's axis."""


def split(matrix: Array, name: str) -> tuple[Array, Array]:
    """A transform (4, 4) as its rigid part (4, 4) and positive scale (3,).

    Raises:
        UsdError: it shears, mirrors, is not finite, or has no extent. `name` is what the error calls it.
    """
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    if not np.isfinite(matrix).all() or (scale < 1e-9).any():
        raise UsdError(f"{name}: a transform that is not finite or has no extent")
    rotation = matrix[:3, :3] / scale
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > 1e-4 or np.linalg.det(rotation) < 0:
        raise UsdError(f"{name}: a transform with shear or a mirror; bake it into the mesh")
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = rotation, matrix[:3, 3]
    return rigid, scale


def add_primitive(prim: Usd.Prim, body: mujoco.MjsBody, name: str, matrix: Array) -> tuple[mujoco.MjsGeom, float]:
    """Cube, Sphere, Cylinder, Capsule or Plane as a geom, and its volume in m3; `matrix` (4, 4) is body-from-prim.

    Raises:
        UsdError: another gprim, or a scale that the primitive cannot take.
    """
    path = prim.GetPath()
    rigid, scale = split(matrix, str(path))
    axis = UsdGeom.Tokens.z
    types = mujoco.mjtGeom
    if prim.IsA(UsdGeom.Cube):
        size = scale * UsdGeom.Cube(prim).GetSizeAttr().Get() / 2
        kind, volume = types.mjGEOM_BOX, 8 * size.prod()
    elif prim.IsA(UsdGeom.Sphere):
        size = scale * UsdGeom.Sphere(prim).GetRadiusAttr().Get()
        kind = types.mjGEOM_SPHERE if np.ptp(size) < 1e-6 * size.max() else types.mjGEOM_ELLIPSOID
        volume = 4 / 3 * np.pi * size.prod()
    elif prim.IsA(UsdGeom.Cylinder) or prim.IsA(UsdGeom.Capsule):
        capsule = prim.IsA(UsdGeom.Capsule)
        round_prim = UsdGeom.Capsule(prim) if capsule else UsdGeom.Cylinder(prim)
        axis = round_prim.GetAxisAttr().Get()
        along = "XYZ".index(axis)
        across = np.delete(scale, along)
        if np.ptp(across) > 1e-6 * across.max() or (capsule and np.ptp(scale) > 1e-6 * scale.max()):
            raise UsdError(f"{path}: a {prim.GetTypeName()} scaled out of round; author a mesh instead")
        radius = across[0] * round_prim.GetRadiusAttr().Get()
        half = scale[along] * round_prim.GetHeightAttr().Get() / 2
        kind, size = types.mjGEOM_CAPSULE if capsule else types.mjGEOM_CYLINDER, np.array([radius, half, 0.0])
        volume = np.pi * radius**2 * (2 * half + (4 / 3 * radius if capsule else 0.0))
    elif prim.IsA(UsdGeom.Plane):
        plane = UsdGeom.Plane(prim)
        axis = plane.GetAxisAttr().Get()
        size = np.array([plane.GetWidthAttr().Get() / 2, plane.GetLengthAttr().Get() / 2, 0.1])
        kind, volume = types.mjGEOM_PLANE, 0.0
    else:
        raise UsdError(f"{path}: a {prim.GetTypeName()} is not read; author a Cube, Sphere, Cylinder, Capsule or Mesh")
    turned = matrix_to_quaternion(rigid[:3, :3] @ AXIS_TO_Z[axis])
    return body.add_geom(name=name, type=kind, size=size, pos=rigid[:3, 3], quat=turned), float(volume)


def add_hull(
    spec: mujoco.MjSpec, prim: Usd.Prim, body: mujoco.MjsBody, name: str, matrix: Array
) -> tuple[mujoco.MjsGeom, float]:
    """A mesh collider as its convex hull, and the hull's volume in m3; `matrix` (4, 4) is body-from-prim.

    Raises:
        UsdError: the mesh asks for another approximation, or is flat.
    """
    approximation = UsdPhysics.MeshCollisionAPI(prim).GetApproximationAttr().Get()
    if approximation != UsdPhysics.Tokens.convexHull:
        raise UsdError(
            f"{prim.GetPath()}: collision approximation {approximation!r}; MuJoCo collides meshes by their convex hull: "
            "author convex pieces with approximation convexHull"
        )
    points = triangulate(prim).points @ matrix[:3, :3].T + matrix[:3, 3]
    try:
        hull = ConvexHull(points)
    except QhullError:
        raise UsdError(f"{prim.GetPath()}: a collider without volume; give it thickness") from None
    mesh = spec.add_mesh(name=name)
    mesh.uservert = points[hull.vertices].ravel()
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
    geom = body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name)
    return geom, float(hull.volume)


def make_collider(prim: Usd.Prim, geom: mujoco.MjsGeom) -> None:
    """Lets a geom collide, with the friction of the prim's physics material.

    Raises:
        UsdError: the friction is negative or not finite.
    """
    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial("physics")
    friction = FRICTION_WITHOUT_MATERIAL
    if material and material.GetPrim().HasAPI(UsdPhysics.MaterialAPI):
        friction = float(UsdPhysics.MaterialAPI(material.GetPrim()).GetDynamicFrictionAttr().Get())
    if not (np.isfinite(friction) and friction >= 0):
        raise UsdError(f"{prim.GetPath()}: dynamicFriction {friction:g}; it must be finite and not negative")
    geom.contype, geom.conaffinity, geom.condim = 1, 1, 4
    geom.friction = [friction, TORSIONAL_FRICTION, ROLLING_FRICTION]
