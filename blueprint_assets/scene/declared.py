"""What an object's maker says of its body, put in the place of what would be estimated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.declared_physics import PHYSICS, DeclaredPhysics
from blueprint_assets.scene.hulls import Box, CollisionGeometry, Hull, HullError, bounded_hull
from blueprint_assets.scene.solid import Solid
from resources.physics_estimator import PhysicalProperties
from resources.physics_estimator.material_table import MASS_LIMITS_KG

Array = NDArray[np.float64]

BEYOND_SHARE = 0.02
"""Of the mesh's longest side: parts that reach further out of it are of another mesh, or in other units."""
BOX_TOLERANCE_M = 1e-5
"""Eight corners this close to those of their bounding box are a box: ten times the rounding of what is written."""

SAME_HEIGHT = 0.02
"""Relative difference of heights below which the stated mass is taken as it is: rounding of what was written."""


class DeclaredPhysicsError(ValueError):
    """What was said of an object does not fit its mesh. The message names the file and the figures."""


def declared_physics(mesh_file: Path) -> DeclaredPhysics | None:
    """What is said beside a mesh; None where nothing is.

    Raises:
        ContractError: the file is not such a document.
    """
    path = mesh_file.with_name(PHYSICS)
    return DeclaredPhysics.read(path) if path.is_file() else None


def declared_collision(said: DeclaredPhysics, scale: ArrayLike, solid: Solid) -> CollisionGeometry | None:
    """The parts in metres: boxes as boxes, the others as hulls with all their corners. None where none are declared.

    A hull cut down to fewer corners would lie otherwise than it was laid: 64 leave out 4 % of a ball's radius between them.
    PhysX does so by itself where it has to (64 corners on the GPU).

    Args:
        said: with parts in the mesh's units.
        scale: factors (3,) to metres.
        solid: the mesh in metres.

    Raises:
        DeclaredPhysicsError: a part reaches out of the mesh, or spans no volume.
    """
    if said.collision is None:
        return None
    low, high = np.asarray(solid.mesh.bounds, dtype=float)
    slack = BEYOND_SHARE * float((high - low).max())
    parts: list[Box | Hull] = []
    for number, corners in enumerate(said.collision):
        points = np.asarray(corners, dtype=float) * np.asarray(scale, dtype=float)
        beyond = float(np.maximum(low - points, points - high).max())
        if beyond > slack:
            raise DeclaredPhysicsError(
                f"{PHYSICS}: collision part {number} reaches {beyond * 1000:.1f} mm out of the mesh (limit "
                f"{slack * 1000:.1f} mm); parts are in the mesh's frame and units, Z-up"
            )
        try:
            parts.append(_box(points) or bounded_hull(points, limit=len(points)))
        except HullError as error:
            raise DeclaredPhysicsError(f"{PHYSICS}: collision part {number}: {error}") from None
    total = sum(part.volume for part in parts)
    return CollisionGeometry("declared_parts", tuple(parts), total / solid.volume, f"by {said.source}")


def with_declared(found: PhysicalProperties, said: DeclaredPhysics, height_m: float) -> PhysicalProperties:
    """Estimated properties with what was said of mass and friction in their place.

    Args:
        found: the estimate.
        said: what the maker says; with the height that he means, the mass goes with the cube of the height.
        height_m: the object's height here, upright.
    """
    notes = list(found.notes)
    if said.mass_kg is not None:
        low, high = MASS_LIMITS_KG
        ratio = 1.0 if said.real_height_m is None else height_m / said.real_height_m
        scaled = abs(ratio - 1) > SAME_HEIGHT
        mass = said.mass_kg * (ratio**3 if scaled else 1.0)
        of = f", for {said.real_height_m:.3g} m of height; here it is {height_m:.3g} m" if scaled else ""
        notes.append(f"mass {said.mass_kg:.4g} kg by {said.source}{of}")
        if not low <= mass <= high:
            notes.append(f"mass {mass:.4g} kg set to the limit of {low} to {high} kg")
        found = replace(found, mass_kg=min(max(mass, low), high), mass_evidence=said.evidence)
    # One of the two says most about the other: it is at least as hard to set a thing moving as to keep it so.
    said_of = [value for value in (said.dynamic_friction, said.static_friction) if value is not None]
    if said_of:
        dynamic, static = said_of[0], max(said_of)
        if said.static_friction is not None and said.static_friction < dynamic:
            notes.append(f"static friction {said.static_friction:g} raised to the dynamic one, {dynamic:g}")
        notes.append(f"friction by {said.source}")
        found = replace(found, static_friction=static, dynamic_friction=dynamic, friction_evidence=said.evidence)
    return replace(found, notes=tuple(notes))


def _box(points: Array) -> Box | None:
    """The eight corners of an upright box as that box."""
    if len(points) != 8:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    on_low, on_high = np.abs(points - low) < BOX_TOLERANCE_M, np.abs(points - high) < BOX_TOLERANCE_M
    if not (on_low | on_high).all() or len(np.unique(on_high, axis=0)) != 8 or (high - low).min() < BOX_TOLERANCE_M:
        return None
    return Box((low + high) / 2, high - low, np.eye(3))
