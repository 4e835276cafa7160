"""From a material and a volume to mass and contact numbers. A backend is a module of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from blueprint_assets.contracts.base import Evidence


class PhysicsEstimateError(ValueError):
    """No physical properties can be given. The message names the material or the volume."""


@dataclass(frozen=True)
class PhysicalProperties:
    """`fill` is the share of the mesh's volume that is material; `density` is the material's own, kg/m3, so that
    mass = density x fill x volume unless a note says otherwise."""

    material: str
    mass_kg: float
    density: float
    fill: float
    static_friction: float
    dynamic_friction: float
    restitution: float
    mass_evidence: Evidence
    friction_evidence: Evidence
    source: str
    notes: tuple[str, ...] = ()


class PhysicsEstimator(Protocol):
    """Gives every object a mass and contact numbers."""

    name: str

    def estimate(
        self,
        material: str,
        volume_m3: float,
        size: tuple[float, float, float],
        *,
        cavity_modelled: bool = False,
        hollow: bool = False,
    ) -> PhysicalProperties:
        """Properties of an object of `material`.

        Args:
            material: a name of the backend's table.
            volume_m3: volume enclosed by the mesh.
            size: extents, metres.
            cavity_modelled: the mesh has its own hollow, so that its volume is material only.
            hollow: things of its kind are (a basket, a ball), whatever the mesh shows.

        Raises:
            PhysicsEstimateError: an unknown material, or a volume that is not positive or exceeds the extents.
        """
        ...
