"""Cuboids: position, yaw and sides whose outline covers the mask best, solid or open at the top."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, hollowed
from blueprint_assets.household import Category

from .hull_fit import fit_hull
from .silhouette import Silhouette
from .solid import Solid

Array = NDArray[np.float64]

WALL = 0.05
"""Wall of an open box over its narrower side. Not seen."""
FLOOR = 0.3
"""Greatest floor of an open box, over its height (trays)."""
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
_SHARES = np.linspace(0.08, 0.92, 12)[:, None]


def fit_cuboid(view: Silhouette, row: Category | None = None, is_open: bool = False) -> Solid | None:
    """The best upright cuboid for a silhouette; `yaw` is within 45 degrees of the picture's right.

    `row` gives its usual proportions, which count where the outline leaves them loose; `is_open` hollows it from above.
    """
    found = fit_hull(view, _CORNERS, row.size if row else None, edges=lambda corners: _near_arrises(view, corners))
    if found is None:
        return None
    sides = found.sides
    heading = math.atan2(view.right[1], view.right[0])
    turns = round((found.yaw - heading) / (math.pi / 2))
    yaw = found.yaw - turns * math.pi / 2
    if turns % 2:
        sides = sides[[1, 0, 2]]
    mesh, note, floor = cuboid(sides), "", None
    if is_open:
        wall = WALL * float(min(sides[:2]))
        floor = min(wall, FLOOR * float(sides[2]))
        cavity = cuboid([sides[0] - 2 * wall, sides[1] - 2 * wall, float(sides[2])])
        cavity.apply_translation([0.0, 0.0, floor])
        mesh, note = hollowed(mesh, cavity), f"hollow, wall {WALL:g} of its narrower side (default)"
    return Solid("cuboid", mesh, found.position, yaw, found.overlap, note, rest=floor)


def _near_arrises(view: Silhouette, corners: Array) -> Array:
    """Points on the three arrises that meet at the top corner nearest to the camera, shape (n, 3)."""
    # Corners are in the order of _CORNERS: bits x, y, z.
    away = corners[1::2] - view.camera
    nearest = 1 + 2 * int(np.argmin((away * away).sum(axis=1)))
    ends = corners[[nearest ^ bit for bit in (4, 2, 1)]]
    points: Array = (corners[nearest] + _SHARES * (ends - corners[nearest])[:, None]).reshape(-1, 3)
    return points
