"""Cuboids: position, yaw and sides whose outline covers the mask best."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid

from .silhouette import Silhouette
from .solid import Solid

Array = NDArray[np.float64]

SQUARENESS = 0.001
"""Cost of a depth twice (or half) the width, in overlap: decides only where the outline cannot."""
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


def fit_cuboid(view: Silhouette) -> Solid | None:
    """The best upright cuboid for a silhouette; `yaw` is in [-45, 45) degrees from the ground's right vector."""
    from scipy.optimize import minimize

    rows, columns = np.nonzero(view.mask)
    width = (columns.max() + 1 - columns.min()) * view.pixel
    tall = (rows.max() + 1 - rows.min()) * view.pixel
    offset = ((columns.min() + columns.max() + 1) / 2 - view.project(view.base[None])[0][0]) * view.pixel
    distance = view.base - view.camera
    steep = abs(distance[2]) / float(np.linalg.norm(distance))
    level = math.sqrt(max(1 - steep**2, 0.05))

    def cost(x: Array) -> float:
        # x: right, away (in widths), yaw, log of the three sides over the starting ones
        if np.abs(x[3:]).max() > 3.0:
            return 2.0
        return 1.0 - _overlap(view, _box(view, x, width)) + SQUARENESS * float((x[3] - x[4]) ** 2)

    def search(start: Array, steps: list[float], budget: int) -> tuple[float, Array]:
        simplex = start + np.vstack([np.zeros(6), np.diag(steps)])
        options = {"initial_simplex": simplex, "maxfev": budget, "xatol": 5e-4, "fatol": 5e-5}
        found = minimize(cost, start, method="Nelder-Mead", options=options)
        return float(found.fun), np.asarray(found.x)

    trials: list[tuple[float, Array]] = []
    for yaw in np.radians([-30.0, -10.0, 10.0, 30.0, 45.0]):
        side = width / (abs(math.cos(yaw)) + abs(math.sin(yaw)))
        height = max((tall - side * steep) / level, 0.25 * tall)
        start = np.array([offset / width, 0.5 * side / width, yaw, *np.log(np.array([side, side, height]) / width)])
        trials.append(search(start, [0.08, 0.12, 0.15, 0.15, 0.15, 0.15], 180))
    trials.sort(key=lambda trial: trial[0])
    again = [search(x, [0.05, 0.08, 0.12, 0.1, 0.1, 0.1], 260) for _, x in trials[:2]]
    x = search(min(again, key=lambda trial: trial[0])[1], [0.02, 0.03, 0.05, 0.04, 0.04, 0.04], 200)[1]
    sides = np.exp(x[3:]) * width
    yaw = float(x[2])
    turns = round(yaw / (math.pi / 2))
    yaw -= turns * math.pi / 2
    if turns % 2:
        sides = sides[[1, 0, 2]]
    position = view.base + x[0] * width * view.right + x[1] * width * view.away
    heading = math.atan2(view.right[1], view.right[0])
    return Solid("cuboid", cuboid(sides), position, heading + yaw, _overlap(view, _box(view, x, width)))


def _box(view: Silhouette, x: Array, width: float) -> Array:
    """The eight corners in the world."""
    sides = np.exp(x[3:]) * width
    corner = _CORNERS * sides
    c, s = math.cos(x[2]), math.sin(x[2])
    along = c * view.right + s * view.away
    across = -s * view.right + c * view.away
    center = view.base + x[0] * width * view.right + x[1] * width * view.away
    corners: Array = (
        center + corner[:, :1] * along + corner[:, 1:2] * across + corner[:, 2:] * np.array([0.0, 0.0, 1.0])
    )
    return corners


def _overlap(view: Silhouette, corners: Array) -> float:
    drawn = view.blank()
    view.draw_hull(drawn, corners)
    return view.overlap(drawn)
