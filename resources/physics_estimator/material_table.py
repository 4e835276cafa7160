"""Mass and friction from a table of materials."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resources.physics_estimator import PhysicalProperties, PhysicsEstimateError


@dataclass(frozen=True)
class Material:
    """Density kg/m3, friction coefficients, restitution; `fill` is the usual share of a hand-sized thing's outer volume
    that is material."""

    density: float
    static_friction: float
    dynamic_friction: float
    restitution: float
    fill: float


SOURCE = "material table of the published simready stage; fill shares are stated assumptions"

MATERIALS = {
    # Densities, frictions and restitutions: the published simready stage's table. Fill shares: assumptions, from what such
    # things weigh (a 0.48 l ceramic mug of 0.25 kg is 22 % ceramic; a 0.33 l aluminium can full of drink is 13 % of solid
    # "metal" by weight; a 500 g box of cereal of 4 l is 19 % cardboard); solids are 1.
    "metal": Material(7800, 0.6, 0.5, 0.2, 0.13),
    "wood": Material(700, 0.5, 0.4, 0.3, 0.9),
    "plastic": Material(1200, 0.4, 0.3, 0.4, 0.3),
    "fabric": Material(300, 0.7, 0.6, 0.1, 0.6),
    "glass": Material(2500, 0.4, 0.3, 0.5, 0.25),
    "ceramic": Material(2400, 0.5, 0.4, 0.2, 0.22),
    "rubber": Material(1100, 0.9, 0.8, 0.7, 0.8),
    "leather": Material(900, 0.6, 0.5, 0.2, 0.5),
    "paper": Material(700, 0.4, 0.3, 0.1, 0.9),
    "cardboard": Material(650, 0.45, 0.35, 0.12, 0.19),
    "stone": Material(2700, 0.6, 0.5, 0.2, 1.0),
    "concrete": Material(2400, 0.7, 0.6, 0.1, 1.0),
    "foam": Material(120, 0.6, 0.5, 0.05, 1.0),
    "food": Material(850, 0.55, 0.45, 0.08, 1.0),
    "electronics": Material(1800, 0.45, 0.35, 0.1, 0.5),
    "composite": Material(1400, 0.5, 0.4, 0.12, 0.5),
    "tile": Material(2200, 0.65, 0.55, 0.06, 1.0),
    "organic": Material(700, 0.52, 0.42, 0.1, 1.0),
    # Between a packaged thing (0.2 to 0.3) and a solid one of wood or fruit (0.6 to 0.9, of 1000 kg/m3).
    "unknown": Material(1000, 0.5, 0.4, 0.3, 0.4),
}

HOLLOW_FILL = 0.2
"""Of the outer volume of a hollow thing whose material is usually solid (a wooden basket, a rubber ball): a stated assumption,
what the hollow things above have (mug 0.22, cereal box 0.19, can 0.13)."""
MASS_LIMITS_KG = (0.005, 20.0)
"""Lighter than a sheet of card a contact solver at 2 ms chatters; heavier than 20 kg nothing stands on a table top that an
arm is to work on. Own choice."""


class MaterialTable:
    """mass = density x fill x volume; everything else is the material's row."""

    name = "material_table"

    def estimate(
        self,
        material: str,
        volume_m3: float,
        size: tuple[float, float, float],
        *,
        cavity_modelled: bool = False,
        hollow: bool = False,
    ) -> PhysicalProperties:
        """See `PhysicsEstimator.estimate`."""
        row = MATERIALS.get(material)
        if row is None:
            raise PhysicsEstimateError(
                f"material {material!r} is not in the table; known: {', '.join(sorted(MATERIALS))}"
            )
        box = math.prod(size)
        if not (math.isfinite(volume_m3) and 0 < volume_m3 <= box * 1.001):
            raise PhysicsEstimateError(
                f"volume {volume_m3:.4g} m3 of an object of {size[0]:.3f} x {size[1]:.3f} x {size[2]:.3f} m; "
                "it must be positive and fit the extents: repair the mesh"
            )
        notes = []
        fill = min(row.fill, HOLLOW_FILL) if hollow else row.fill
        if cavity_modelled:
            fill = 1.0
            notes.append("the mesh has its own hollow: its whole volume is material")
        elif fill < row.fill:
            notes.append(f"things of its kind are hollow: {fill:g} of its volume is material")
        mass = row.density * fill * volume_m3
        low, high = MASS_LIMITS_KG
        if not low <= mass <= high:
            notes.append(f"mass {mass:.4g} kg set to the limit of {low} to {high} kg")
            mass = min(max(mass, low), high)
        known = material != "unknown"
        return PhysicalProperties(
            material=material,
            mass_kg=mass,
            density=row.density,
            fill=fill,
            static_friction=row.static_friction,
            dynamic_friction=row.dynamic_friction,
            restitution=row.restitution,
            mass_evidence="estimated" if known else "default",
            friction_evidence="catalogue" if known else "default",
            source=SOURCE,
            notes=tuple(notes),
        )
