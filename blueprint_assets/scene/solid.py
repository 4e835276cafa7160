"""The body of an object: its mesh in metres, closed, with volume, centre of mass and inertia."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.simready_physics import MeshFacts
from blueprint_assets.geometry.transforms import matrix_to_quaternion

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

MIN_VOLUME_SHARE = 1e-3
"""Of the bounding box: a mesh that encloses less is a sheet, not a body."""


class SolidError(ValueError):
    """A mesh does not enclose a volume and cannot be made to. The message says what was tried."""


@dataclass(frozen=True)
class Solid:
    """`mesh` is closed with outward faces, metres; `center_of_mass` (3,) metres; `unit_inertia` (3,) are the principal
    moments about it for a mass of 1 kg, m2, along `principal_axes` (w, x, y, z)."""

    mesh: trimesh.Trimesh
    volume: float
    center_of_mass: Array
    unit_inertia: Array
    principal_axes: Array
    before: MeshFacts
    after: MeshFacts
    volume_evidence: Evidence
    steps: tuple[str, ...]


def make_solid(mesh: trimesh.Trimesh, scale: ArrayLike) -> Solid:
    """Closes a mesh and measures it.

    Repairs are tried in this order, each only where it is needed: weld vertices and drop degenerate and double faces; turn
    all faces outwards; fill holes; and last the convex hull, which makes the volume an estimate.

    Args:
        mesh: any triangle mesh.
        scale: factors (3,) to metres, per axis.

    Raises:
        SolidError: not even the convex hull encloses a volume.
    """
    import trimesh
    from scipy.spatial import QhullError

    solid = trimesh.Trimesh(np.asarray(mesh.vertices) * np.asarray(scale, dtype=float), mesh.faces, process=False)
    before = _facts(solid)
    steps: list[str] = []
    solid.merge_vertices()
    solid.update_faces(solid.nondegenerate_faces() & solid.unique_faces())
    solid.remove_unreferenced_vertices()
    if len(solid.faces) != before.faces:
        steps.append(f"dropped {before.faces - len(solid.faces)} degenerate or double faces")
    if not len(solid.faces):
        raise SolidError("no face has an area; reconstruct the object again")
    if not (solid.is_winding_consistent and solid.volume > 0):
        trimesh.repair.fix_normals(solid)
        steps.append("turned faces outwards")
    if not solid.is_watertight:
        solid.fill_holes()
        steps.append("filled holes" if solid.is_watertight else "holes too large to fill")
    evidence: Evidence = "measured" if not steps else "estimated"
    if not (solid.is_watertight and solid.volume > MIN_VOLUME_SHARE * float(np.prod(solid.extents))):
        try:
            solid = solid.convex_hull
        except QhullError as error:  # trimesh passes it on
            raise SolidError(f"encloses no volume, nor does its convex hull: {str(error).splitlines()[0]}") from None
        evidence = "estimated"
        steps.append("took the convex hull")
    if not solid.volume > 0:
        raise SolidError(f"volume {solid.volume:.3g} m3 after every repair; reconstruct the object again")
    solid.density = 1.0 / solid.volume
    moments, axes = _principal(np.asarray(solid.moment_inertia))
    return Solid(
        mesh=solid,
        volume=float(solid.volume),
        center_of_mass=np.asarray(solid.center_mass, dtype=float),
        unit_inertia=moments,
        principal_axes=axes,
        before=before,
        after=_facts(solid),
        volume_evidence=evidence,
        steps=tuple(steps),
    )


def _facts(mesh: trimesh.Trimesh) -> MeshFacts:
    closed = bool(mesh.is_watertight)
    volume = float(mesh.volume) if closed else 0.0
    return MeshFacts(vertices=len(mesh.vertices), faces=len(mesh.faces), watertight=closed, volume_m3=volume)


def _principal(inertia: Array) -> tuple[Array, Array]:
    """Principal moments (3,), ascending, and the rotation (w, x, y, z) from their axes to the object's.

    An axis' sign is free: its largest component is made positive, so that the same body always gives the same numbers.
    """
    if np.abs(inertia - np.diag(np.diag(inertia))).max() < 1e-6 * np.diag(inertia).max():
        return np.diag(inertia).copy(), np.array([1.0, 0.0, 0.0, 0.0])
    moments, axes = np.linalg.eigh((inertia + inertia.T) / 2)
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, range(3)])
    if np.linalg.det(axes) < 0:
        axes[:, 2] *= -1
    return moments, matrix_to_quaternion(axes)
