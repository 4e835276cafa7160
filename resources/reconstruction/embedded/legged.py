"""Tables, chairs and sofas: the box that a category's proportions and the mask give, filled with a plain template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, joined
from blueprint_assets.household import Category

from .hull_fit import fit_hull
from .silhouette import Silhouette, convex_view
from .solid import Solid

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]
Template = Literal["table", "chair", "sofa"]

TEMPLATE: dict[str, Template] = {
    **dict.fromkeys(("table", "desk", "coffee table", "side table", "console table", "stool", "bench"), "table"),
    **dict.fromkeys(("chair", "office chair"), "chair"),
    **dict.fromkeys(("sofa", "armchair"), "sofa"),
}
TOP, LEG, SEAT, BACK, CUSHION, ARM = 0.06, 0.08, 0.52, 0.1, 0.48, 0.14
"""Shares of the whole: a table top's height, a leg's width, a seat's height and a back's depth (usual chairs: 0.45 of 0.86 m),
a sofa's seat height and an arm's width."""


def fit_legged(view: Silhouette, row: Category) -> Solid | None:
    """The furniture template for a category of TEMPLATE; None when it covers none of the mask."""
    kind = TEMPLATE[row.name]
    unit = np.unique(np.concatenate([_corners(*part) for part in _parts(kind)]), axis=0)
    # The gaps between legs are no evidence about the whole: both outlines are made convex.
    found = fit_hull(convex_view(view), unit, row.size, free=False)
    if found is None:
        return None
    mesh: trimesh.Trimesh | None = None
    for low, high in _parts(kind):
        part = cuboid((high - low) * found.sides, 4)
        middle = (low + high) / 2 * found.sides
        part.apply_translation([middle[0], middle[1], low[2] * found.sides[2]])
        mesh = part if mesh is None else joined(mesh, part)
    assert mesh is not None
    rest = {"table": None, "chair": SEAT, "sofa": CUSHION}[kind]
    note = f"{kind} template in the box of a {row.name}; its inner proportions are usual ones (default)"
    floor = None if rest is None else rest * float(found.sides[2])
    return Solid("furniture_template", mesh, found.position, found.yaw, found.overlap, note, rest=floor)


def _parts(kind: Template) -> list[tuple[Array, Array]]:
    """Low and high corners in the unit box, the parts overlapping so that their union is one; a back is at +y."""
    half = 0.5
    if kind == "sofa":
        boxes = [[-half, -half, 0.0, half, half, CUSHION], [-half, half - 2 * BACK, 0.0, half, half, 1.0]]
        boxes += [[x, -half, 0.0, x + ARM, half, CUSHION + ARM] for x in (-half, half - ARM)]
    else:
        seat = 1.0 if kind == "table" else SEAT
        ends = (-half, half - LEG)
        boxes = [[-half, -half, seat - TOP, half, half, seat]]
        boxes += [[x, y, 0.0, x + LEG, y + LEG, seat - TOP / 2] for x in ends for y in ends]
        if kind == "chair":
            boxes.append([-half, half - BACK, seat - TOP / 2, half, half, 1.0])
    return [(np.array(box[:3]), np.array(box[3:])) for box in boxes]


def _corners(low: Array, high: Array) -> Array:
    return np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
