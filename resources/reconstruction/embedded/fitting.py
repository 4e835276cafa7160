"""Which solid an object is: round, a box, a stack of boxes, or its own outline, and what speaks for it."""

from __future__ import annotations

import dataclasses
import math

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.household import CATEGORIES, Category

from .appearance import unexplained
from .boxed import fit_cuboid
from .carved import ROUNDNESS, fit_carved, fit_free
from .families import Family, family_of
from .legged import TEMPLATE, fit_legged
from .outlined import fit_outline
from .retrieved import better_from_library
from .revolved import fit_revolved
from .silhouette import BoolImage, Silhouette, make_silhouette
from .solid import Solid
from .stacked import join_stack, stacked_parts
from .surface import Image8
from .vessel import fit_vessel

GOOD_OVERLAP = 0.86
"""Below this neither a round thing nor a box explains the mask, and its own outline is taken."""
SURE_BOX = 0.98
"""A cuboid that overlaps as much needs no rival: exact outlines of balls and cylinders reach 0.93-0.96 with one."""
SURE_ROUND = 0.98
"""A round body of few numbers that overlaps as much needs no free profile, which could gain no more than noise."""
HULL_LOSS = 0.008
"""Overlap that a visual hull loses by staying inside the mask (on exact outlines: ball 0.969, cylinder 0.983, box 0.988
by its own fit); given back when round and box are compared."""
PART_COST = 0.02
"""Overlap that a round body with a part beside it must gain: the part explains what a wrong body leaves."""
SHADING_WEIGHT = 0.12
MAX_SHADING = 0.5
"""Overlap that a factor e in unexplained shading weighs, and the greatest such factor (its logarithm) that counts: drawn
boxes and cylinders differ by 0.5-1, printed and glossy ones by 0.1-0.4, where the outlines differ by 0.03-0.06."""
ONE_THING = 0.97
"""One solid that covers the mask as well is the whole: bands of colour on it are print."""
FLAT = 0.3
"""A box of a stack is at least as high, in its narrower side."""
FREE_GAIN = 0.015
"""Overlap that a free profile must gain over one of a few numbers: it fits any outline, and its depth is loose."""
SEEN = 0.2
"""Share of the outline up to which something may hide a free form: half a book is no free form, but a book."""
FREE_FORM_GAIN = 0.1
"""Overlap that a form cut to the outline must gain over a box or a round thing: it covers any mask."""
LEAST = 0.6
"""Overlap of a free form, or of a furniture template with the mask's convex outline, below which it is another thing."""
SURE_FAMILY = 0.95
FLATTEST = 0.75
"""Height over width of round fruit (pumpkins, onions, tomatoes: 0.75-0.95); what is flatter is a lemon on its side."""
FAMILY_LOSS = 0.05
"""A category's own solid is taken when it covers as much, or when the best of all others covers at most so much more."""
RIVAL = 0.06
"""A box or round body this much below the other is still compared with it."""


def fit_solid(
    mask: BoolImage,
    hidden: BoolImage,
    camera: Camera,
    height: float,
    rgb: Image8 | None = None,
    category: str | None = None,
) -> Solid | None:
    """The solid for a full-size mask that stands at z = `height`; None when it cannot stand there.

    `hidden`: pixels of nearer things, behind which the object may go on. `rgb`: the photograph, for what the outline
    alone cannot tell. `category`: a catalogue name, whose family of solids is tried first and whose usual proportions
    count where the outline leaves them loose; a family that does not cover the mask is dropped.
    """
    view = make_silhouette(mask, hidden, camera, height, rgb)
    if view is None:
        return None
    family, row = family_of(category)
    known = _of_category(view, family, row)
    # A thick outline covers a free form or a chair better than its own solid, and knows its depth worse.
    own = family == "soft" or (row is not None and row.name in TEMPLATE)
    if known is not None and (own or known.overlap >= SURE_FAMILY):
        return _as_usual(known, category)
    single = _single(view)
    if known is not None and (single is None or known.overlap >= single.overlap - FAMILY_LOSS):
        return _as_usual(known, category)
    if single is not None and single.overlap >= ONE_THING and not single.parts:
        return single
    stack = _stack(view, mask, hidden, camera, rgb)
    if stack is not None and (single is None or stack.overlap > single.overlap):
        return stack
    return single


def _of_category(view: Silhouette, family: Family | None, row: Category | None) -> Solid | None:
    """The category's solid, None where it covers too little of the mask for what it is."""
    if row is None:
        return None
    if row.name in TEMPLATE:
        legged = fit_legged(view, row)
        return better_from_library(view, legged, row) if legged is not None and legged.overlap >= LEAST else None
    solid = None if family is None else _of_family(view, family, row)
    if solid is None or solid.overlap < (LEAST if family == "soft" else GOOD_OVERLAP):
        return None
    return better_from_library(view, solid, row) if row.stands == "floor" else solid


def _as_usual(solid: Solid, category: str | None) -> Solid:
    return dataclasses.replace(solid, note="; ".join(note for note in (solid.note, f"a {category} is such") if note))


def _of_family(view: Silhouette, family: Family, row: Category | None) -> Solid | None:
    if family == "box":
        return fit_cuboid(view, row)
    if family == "open box":  # baskets and tubs are as often round
        box, basin = fit_cuboid(view, row, is_open=True), fit_vessel(view, family, row)
        return max((s for s in (box, basin) if s is not None), key=lambda s: s.overlap, default=None)
    if family in ("vessel", "drum"):
        return fit_vessel(view, family, row)
    if family == "ball":
        return _ball_or_lemon(view, row)
    if family in ("ellipsoid", "soft"):
        return fit_carved(view, row.size if row else None, ROUNDNESS[family], cut=family == "soft")
    return _round(view, family, row)


def _ball_or_lemon(view: Silhouette, row: Category | None) -> Solid | None:
    """What is round: upright, or, where that covers badly or would be flatter than such things are, long and on its side."""
    upright = fit_vessel(view, "ball", row)
    flat = upright is not None and float(upright.mesh.extents[2]) < FLATTEST * float(upright.mesh.extents[0])
    if upright is not None and not flat and upright.overlap >= SURE_FAMILY:
        return upright
    lying = fit_carved(view, CATEGORIES["lemon"].size, ROUNDNESS["ellipsoid"], cut=False)
    if upright is None or lying is None:
        return upright or lying
    return lying if lying.overlap > upright.overlap + (-FREE_GAIN if flat else FREE_GAIN) else upright


def _round(view: Silhouette, family: Family | None = None, row: Category | None = None) -> Solid | None:
    """A round body of few numbers, or one with a free profile where that covers clearly more."""
    simple = fit_vessel(view, family, row)
    if simple is not None and simple.overlap >= SURE_ROUND:
        return simple
    free = fit_revolved(view)
    if simple is None or free is None:
        return simple or free
    gain = free.overlap - simple.overlap - (PART_COST if free.parts else 0.0) + (PART_COST if simple.parts else 0.0)
    return free if gain > FREE_GAIN else simple


def _single(view: Silhouette) -> Solid | None:
    box = fit_cuboid(view)
    if box is not None and box.overlap >= SURE_BOX:
        return box
    round_one = _round(view)
    if box is not None and round_one is not None:
        best = max(box.overlap, round_one.overlap)
        if best >= GOOD_OVERLAP and min(box.overlap, round_one.overlap) >= best - RIVAL:
            return _round_or_box(view, round_one, box)
    candidates = [s for s in (round_one, box) if s is not None and s.overlap >= GOOD_OVERLAP]
    if candidates:
        return max(candidates, key=lambda s: s.overlap)
    simple = max((s for s in (round_one, box) if s is not None), key=lambda s: s.overlap, default=None)
    free = fit_free(view) if view.hidden_rim() < SEEN else None
    if free is None or free.overlap < GOOD_OVERLAP:
        outline = fit_outline(view)
        return max((s for s in (free, outline, simple) if s is not None), key=lambda s: s.overlap, default=None)
    return free if simple is None or free.overlap > simple.overlap + FREE_FORM_GAIN else simple


def _round_or_box(view: Silhouette, round_one: Solid, box: Solid) -> Solid:
    """The better of two that both cover the mask, by outline and shading; the note states both."""
    gain = box.overlap - round_one.overlap - HULL_LOSS + (PART_COST if round_one.parts else 0.0)
    left_box, left_round = unexplained(view, box), unexplained(view, round_one)
    evidence = f"outline {box.overlap:.3f} as a box, {round_one.overlap:.3f} as a round body"
    if left_box is not None and left_round is not None:
        gain -= SHADING_WEIGHT * max(-MAX_SHADING, min(MAX_SHADING, math.log(left_box / left_round)))
        evidence += f"; shading unexplained {left_box:.1f} and {left_round:.1f} LAB units"
    chosen = box if gain > 0 else round_one
    return dataclasses.replace(chosen, note="; ".join(note for note in (chosen.note, evidence) if note))


def _stack(view: Silhouette, mask: BoolImage, hidden: BoolImage, camera: Camera, rgb: Image8 | None) -> Solid | None:
    """Boxes on each other under one mask, where every differently coloured part is a box; else None."""
    if rgb is None:
        return None
    parts = stacked_parts(view, mask)
    solids: list[Solid] = []
    height = view.height
    for k, part in enumerate(parts):
        above = hidden.copy()
        for other in parts[k + 1 :]:
            above |= other
        part_view = make_silhouette(part, above & ~part, camera, height, rgb)
        solid = None if part_view is None else _single(part_view)
        if solid is None or solid.shape != "cuboid":
            return None
        sides = solid.mesh.extents
        if sides[2] < FLAT * min(sides[:2]):  # the top face of a box in another colour
            return None
        solids.append(solid)
        height = float(solid.world_vertices()[:, 2].max())
    return join_stack(view, solids) if len(solids) > 1 else None
