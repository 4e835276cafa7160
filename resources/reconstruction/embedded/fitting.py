"""Which solid an object is: the family whose outline covers the mask best, with a preference where they tie."""

from __future__ import annotations

from blueprint_assets.contracts.posed_meshes import Camera

from .boxed import fit_cuboid
from .outlined import fit_outline
from .revolved import fit_revolved
from .silhouette import BoolImage, make_silhouette
from .solid import Solid

GOOD_OVERLAP = 0.86
"""Below this neither a round thing nor a box explains the mask, and its own outline is taken."""
SURE_BOX = 0.98
"""A cuboid that overlaps as much needs no rival: exact outlines of balls and cylinders reach 0.93-0.96 with one."""
HULL_LOSS = 0.008
"""Overlap that a visual hull loses by staying inside the mask (on exact outlines: ball 0.969, cylinder 0.983, box 0.988
by its own fit); given back when round and box are compared."""


def fit_solid(mask: BoolImage, hidden: BoolImage, camera: Camera, height: float) -> Solid | None:
    """The solid for a full-size mask that stands at z = `height`; None when it cannot stand there.

    `hidden`: pixels of nearer things, behind which the object may go on.
    """
    view = make_silhouette(mask, hidden, camera, height)
    if view is None:
        return None
    box = fit_cuboid(view)
    if box is not None and box.overlap >= SURE_BOX:
        return box
    round_one = fit_revolved(view)
    candidates = [s for s in (round_one, box) if s is not None and s.overlap >= GOOD_OVERLAP]
    if candidates:
        return max(candidates, key=lambda s: s.overlap + (HULL_LOSS if s is round_one else 0.0))
    outline = fit_outline(view)
    candidates = [s for s in (outline, round_one, box) if s is not None]
    return max(candidates, key=lambda s: s.overlap) if candidates else None
