"""Tables, chairs and sofas: the box that a category's proportions and the mask give, filled with a plain template."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, joined
from blueprint_assets.household import CATEGORIES, Category

from .hull_fit import PRIOR_WEIGHT, SPREAD, Placement, fit_hull
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
BACK_GAIN = 0.12
"""What is called a chair is a stool unless its back makes the template, gaps and all, cover so much more of the mask: on eleven
rendered ones chairs gained 0.19 or more, stools at most 0.06 (the detector calls both chairs)."""
USUAL = (CATEGORIES["table"], CATEGORIES["stool"])
STEPS = 160
"""Evaluations of a template's own picture from each start; a picture of six boxes takes 0.1 ms."""


def fit_legged(view: Silhouette, row: Category) -> Solid | None:
    """The furniture template for a category of TEMPLATE; None when it covers none of the mask.

    The convex outline finds the box; then the template's own picture, gaps and all, decides to which side its back is and moves
    it. `Solid.overlap` is that of the convex outlines: a template's inner proportions are usual ones and seldom exact.
    """
    kind = TEMPLATE[row.name]
    if kind == "table":
        # A long table passes for a bench and a stool for a table: their proportions differ more than their looks.
        tried = [(each, _placed(view, kind, each)) for each in {one.name: one for one in (row, *USUAL)}.values()]
        row, found = max(tried, key=lambda one: -1.0 if one[1] is None else _covers(view, kind, one[1]))
    else:
        found = _placed(view, kind, row)
    if found is None:
        return None
    note = f"{kind} template in the box of a {row.name}; its inner proportions are usual ones (default)"
    if kind == "chair":
        stool = _placed(view, "table", CATEGORIES["stool"])
        if stool is not None and _covers(view, kind, found) < _covers(view, "table", stool) + BACK_GAIN:
            kind, found, note = "table", stool, "seat and legs of a stool: no back shows (default proportions)"
    mesh = _mesh(kind, found.sides)
    rest = {"table": None, "chair": SEAT, "sofa": CUSHION}[kind]
    floor = None if rest is None else rest * float(found.sides[2])
    return Solid("furniture_template", mesh, found.position, found.yaw, found.overlap, note, rest=floor)


def _placed(view: Silhouette, kind: Template, row: Category) -> Placement | None:
    """The template where its own picture covers the mask best, near the box that the convex outlines give."""
    from scipy.optimize import minimize

    # The gaps between legs are no evidence about the whole: both outlines are made convex.
    convex = convex_view(view)
    found = fit_hull(convex, np.unique(_unit(kind).reshape(-1, 3), axis=0), row.size, free=False)
    if found is None:
        return None
    size = float(np.exp(np.log(found.sides).mean()))

    def placement(x: Array) -> Placement:
        position = found.position + size * (x[0] * view.right + x[1] * view.away)
        return Placement(position, float(x[2]), np.exp(x[3:]), 0.0)

    usual = np.log(row.size) - np.log(row.size).mean()

    def cost(x: Array) -> float:
        unusual = float(((x[3:] - x[3:].mean() - usual) ** 2).sum())
        return 1.0 - _covers(view, kind, placement(x)) + PRIOR_WEIGHT / SPREAD**2 * unusual

    starts = []
    for quarter in range(4):
        sides = found.sides if quarter % 2 == 0 else found.sides[[1, 0, 2]]
        starts.append(np.array([0.0, 0.0, found.yaw + quarter * math.pi / 2, *np.log(sides)]))
    ranked = sorted(range(4), key=lambda k: (cost(starts[k]), k))
    simplex = np.vstack([np.zeros(6), np.diag([0.06, 0.1, 0.25, 0.1, 0.1, 0.06])])
    ends = [
        minimize(
            cost, starts[k], method="Nelder-Mead", options={"initial_simplex": starts[k] + simplex, "maxfev": STEPS}
        )
        for k in ranked[:2]
    ]
    best = placement(min(ends, key=lambda end: float(end.fun)).x)
    outline = convex.blank()
    convex.draw_hull(outline, _world(kind, best).reshape(-1, 3))
    return Placement(best.position, best.yaw, best.sides, convex.overlap(outline))


def _covers(view: Silhouette, kind: Template, at: Placement) -> float:
    """Overlap of the mask with the template's own picture, gaps and all."""
    drawn = view.blank()
    for part in _world(kind, at):
        view.draw_hull(drawn, part)
    return view.overlap(drawn)


def _world(kind: Template, at: Placement) -> Array:
    """World points of every part's corners, shape (parts, 8, 3)."""
    c, s = math.cos(at.yaw), math.sin(at.yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    points: Array = (_unit(kind) * at.sides) @ turn.T + at.position
    return points


@cache
def _unit(kind: Template) -> Array:
    """Corners of every part in the unit box, shape (parts, 8, 3)."""
    return np.array([_corners(low, high) for low, high in _parts(kind)])


def _mesh(kind: Template, sides: Array) -> trimesh.Trimesh:
    mesh: trimesh.Trimesh | None = None
    for low, high in _parts(kind):
        part = cuboid((high - low) * sides, 4)
        middle = (low + high) / 2 * sides
        part.apply_translation([middle[0], middle[1], low[2] * sides[2]])
        mesh = part if mesh is None else joined(mesh, part)
    assert mesh is not None
    return mesh


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
