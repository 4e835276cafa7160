"""Round bodies of few numbers as closed meshes: solid or hollow, with the handle or spout that the mask shows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import hollowed, joined, revolved
from blueprint_assets.household import Category

from .families import Family
from .handle import PART_THICKNESS, part_beside
from .outlined import slab_through
from .ring import fit_ring
from .rounded import Kind, RoundBody, fit_round
from .silhouette import Silhouette
from .solid import Solid

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

WALL = 0.07
"""Wall over radius: mugs 0.08-0.1, bowls and glasses 0.04-0.06. Not seen; thin enough to hold, thick enough to simulate."""
FLOOR = 0.3
"""Greatest floor, over the height (plates)."""
SHALLOW = 0.6
"""Height over width below which a vessel is a bowl rather than a cup."""
BOWL_ASPECT = 0.42
"""Height over width of a bowl of unknown kind (the catalogue's bowl)."""
FLARE = 0.8
"""Foot over rim below which a shallow body of unknown kind is taken as open: a bowl, not a lump."""
SECTIONS = 48
RINGS = 14
SIMPLER = 0.004
"""Value that a body with one number more must gain."""


def fit_vessel(view: Silhouette, family: Family | None, row: Category | None) -> Solid | None:
    """The best ball, drum, cup or bowl for a silhouette; hollow where the kind is open at the top.

    `family` and `row` narrow the kinds and give the usual proportion; with None all kinds compete.
    """
    aspect = _aspect(row)
    ring = None if family in ("ball", "open box") else fit_ring(view, aspect, has_floor=family == "vessel")
    if ring is not None:
        return ring
    body = _best(view, _kinds(family, aspect), aspect)
    if body is None:
        return None
    piece = None
    if body.kind not in ("ball", "spheroid"):
        piece = part_beside(view, _drawn(view, body))
        if piece is not None:
            # A handle pulls the body to its side: once more without it.
            rest = dataclasses.replace(view, mask=view.mask & ~piece, hidden=view.hidden | piece)
            again = fit_round(rest, body.kind, _usual(body.kind, aspect))
            if again is not None:
                body = again
                piece = part_beside(view, _drawn(view, body))
    return _solid(view, body, piece, _is_open(body, family, row))


def _kinds(family: Family | None, aspect: float | None) -> tuple[Kind, ...]:
    if family == "ball":
        return ("ball", "spheroid")
    if family == "open box":
        return ("tapered", "bowl")
    if family == "vessel":
        return ("tapered", "bowl") if aspect is not None and aspect > SHALLOW else ("bowl",)
    if family in ("drum", "turned"):
        return ("tapered", "bevelled")
    return ("ball", "bowl", "tapered", "bevelled", "spheroid")


def _aspect(row: Category | None) -> float | None:
    """Usual height over the round body's width; the narrow side of what has a handle."""
    return None if row is None else row.size[2] / min(row.size[:2])


def _usual(kind: Kind, aspect: float | None) -> float | None:
    """The proportion of that kind: from above a bowl is often taken for a cup, and does not become as high as one."""
    return BOWL_ASPECT if kind == "bowl" and (aspect is None or aspect > SHALLOW) else aspect


def _best(view: Silhouette, kinds: tuple[Kind, ...], aspect: float | None) -> RoundBody | None:
    best: RoundBody | None = None
    for kind in kinds:
        body = fit_round(view, kind, _usual(kind, aspect))
        if body is not None and (best is None or body.value > best.value + SIMPLER):
            best = body
    return best


def _drawn(view: Silhouette, body: RoundBody) -> NDArray[np.uint8]:
    drawn = view.blank()
    view.draw_hull(drawn, body.points())
    return drawn


def _is_open(body: RoundBody, family: Family | None, row: Category | None) -> bool:
    if family is not None:
        return family == "vessel" or (row is not None and row.body == "open")
    flaring = body.radii[0] < FLARE * body.radii[-1]
    return body.kind == "bowl" and flaring and body.heights[-1] < SHALLOW * 2 * float(body.radii.max())


def _solid(view: Silhouette, body: RoundBody, piece: NDArray[np.bool_] | None, is_open: bool) -> Solid:
    heights = np.unique(np.concatenate([np.linspace(0.0, body.heights[-1], RINGS), body.heights]))
    if body.kind in ("ball", "spheroid"):
        heights, radii = body.heights, body.radii
    else:
        radii = np.interp(heights, body.heights, body.radii)
    mesh = revolved(radii, heights, sections=SECTIONS)
    drawn = _drawn(view, body)
    notes, parts = [f"{body.kind} body"], 0
    radius = float(radii.max())
    if piece is not None and (part := slab_through(view, piece, body.position, PART_THICKNESS * radius)) is not None:
        part.apply_translation(-body.position)
        together = joined(mesh, part)
        if together is not mesh:
            mesh, parts = together, 1
            drawn = np.maximum(drawn, piece.astype(np.uint8) * np.uint8(255))
            notes.append(f"a part beside it, {PART_THICKNESS:g} of its radius thick (default)")
    floor = None
    if is_open:
        wall = WALL * radius
        floor = min(wall, FLOOR * float(heights[-1]))
        mesh = hollowed(mesh, _cavity(heights, radii, wall, floor))
        notes.append(f"hollow, wall {WALL:g} of its radius (default)")
    shape = (
        "hollow_revolved" if is_open else "ellipsoid" if body.kind in ("ball", "spheroid") else "revolved_silhouette"
    )
    return Solid(shape, mesh, body.position, 0.0, view.overlap(drawn), "; ".join(notes), parts, floor)


def _cavity(heights: Array, radii: Array, wall: float, floor: float) -> trimesh.Trimesh:
    """What is taken out: the profile drawn in by the wall, from the floor to above the rim."""
    top = float(heights[-1])
    inner = np.concatenate([[floor], heights[heights > 1.2 * floor], [top + wall]])
    radius = np.maximum(np.interp(inner, heights, radii) - wall, 0.2 * wall)
    cavity = revolved(radius, inner, sections=SECTIONS)
    cavity.apply_translation([0.0, 0.0, floor])
    return cavity
