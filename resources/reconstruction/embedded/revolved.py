"""Solids of revolution: the largest one, about a vertical axis, that shows nowhere outside the mask.

For an axis at a ground point, the ring at each height grows until its picture (an ellipse) would leave the mask: the
visual hull within solids of revolution. Among the axes whose hull fills the mask, the farthest is right: a nearer
one also fills it, but only by floating over its contact, tapering to nothing below. A silhouette cannot tell a flat top
from a dome behind its rim: the lowest top that fills the mask is taken, and rounded off where the profile closes anyway.
What the mask shows beside the round body (a handle, a spout) is added as an upright slab through the axis.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import joined, revolved

from .handle import PART_THICKNESS, part_beside
from .outlined import slab_through
from .profile import regular_profile
from .silhouette import Silhouette
from .solid import Solid

Array = NDArray[np.float64]

ANGLES = 20
DRAWN_ANGLES = 36
RADII = 64
HEIGHTS = 40
CLOSING = 0.85
"""A profile that ends narrower than this share of its greatest radius, still narrowing, is rounded off."""
POINTED = 0.03
"""One that ends narrower than this is closed already."""
CAP_LOSS = 0.003
"""Overlap that a rounded top may cost: a real one is behind the outline and costs none."""
MIN_BODY = 0.78
"""Least overlap of a body without its handle."""
TOP_SLACK = 0.001
TOLERANCE = 1.5
"""Fitting pixels by which the regular profile may leave the measured one: masks are no better."""
COVERAGE_SLACK = 0.003
"""How much coverage a farther axis may lose against the best: below this, mask noise decides."""


def fit_revolved(view: Silhouette) -> Solid | None:
    """The best solid of revolution for a silhouette, or None when no axis gives one."""
    rows, columns = np.nonzero(view.mask)
    half_width = 0.5 * (columns.max() + 1 - columns.min()) * view.pixel
    tall = (rows.max() + 1 - rows.min()) * view.pixel
    reach = _depth_reach(view, half_width)
    # The axis runs through the silhouette's middle at the base; handles and spouts pull it, so neighbours are tried too.
    offset = ((columns.min() + columns.max() + 1) / 2 - view.project(view.base[None])[0][0]) * view.pixel
    sides = offset + half_width * np.array([-0.45, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.45])
    depths = np.linspace(0.05, 1.0, 9) * reach
    best_side, _ = max(
        ((side, _coverage(view, side, depth, half_width, tall)) for side in sides for depth in depths[2:7:2]),
        key=lambda item: item[1],
    )
    for step in (0.04, 0.016, 0.007):
        sides = best_side + step * half_width * np.arange(-2, 3)
        best_side = max(
            sides, key=lambda side: max(_coverage(view, side, depth, half_width, tall) for depth in depths[1:6:2])
        )
    depths = np.linspace(0.02, 1.1, 28) * reach
    coverage = np.array([_coverage(view, best_side, depth, half_width, tall) for depth in depths])
    if coverage.max() <= 0:
        return None
    depth = float(depths[np.flatnonzero(coverage >= coverage.max() - COVERAGE_SLACK)[-1]])
    heights, radii = _trimmed(view, best_side, depth, half_width, tall)
    if len(radii) < 2:
        return None
    position = view.base + best_side * view.right + depth * view.away
    lift = _rounding(heights, radii, first=True)
    if lift > 0 and _rounding(heights, radii, first=False) > 0:
        # A ball: its underside is rounded like its top, so that the lowest ring that shows is above the support, and the
        # axis nearer by as much. (What is only rounded below, a bowl, stands on a foot.)
        away = view.base + depth * view.away - view.camera
        depth -= min(lift * float(np.linalg.norm(away[:2])) / max(abs(float(away[2])), 1e-6), 0.5 * depth)
        heights, radii = _trimmed(view, best_side, depth, half_width, tall)
        if len(radii) < 2:
            return None
        position = view.base + best_side * view.right + depth * view.away
    heights, radii = _regular(view, position, heights, radii)
    drawn = view.blank()
    _draw(view, drawn, position, heights, radii)
    capped = _capped(heights, radii)
    rounded = view.blank()
    _draw(view, rounded, position, *capped)
    if view.overlap(rounded) > view.overlap(drawn) - CAP_LOSS:
        (heights, radii), drawn = capped, rounded
    body = Solid("revolved_silhouette", revolved(radii, heights, sections=40), position, 0.0, view.overlap(drawn))
    return _with_handle(view, body, drawn, float(radii.max()))


def _trimmed(view: Silhouette, side: float, depth: float, half_width: float, tall: float) -> tuple[Array, Array]:
    """Heights (rising from 0) and radii of the hull, smoothed, up to the lowest top that still fills the mask."""
    heights, radii = _profile(view, side, depth, half_width, tall)
    solid = np.flatnonzero(radii > 0)
    if len(solid) < 2:
        return heights[:0], radii[:0]
    position = view.base + side * view.right + depth * view.away
    heights, radii = heights[: solid[-1] + 1], _smooth(radii[: solid[-1] + 1])
    first = int(solid[0])
    covered = np.zeros(len(radii))
    drawn = view.blank()
    for k in range(first + 1, len(radii)):
        _draw(view, drawn, position, heights[k - 1 : k + 1], radii[k - 1 : k + 1])
        covered[k] = view.overlap(drawn)
    last = int(np.flatnonzero(covered >= covered.max() - TOP_SLACK)[0])
    return heights[: last + 1], radii[: last + 1]


def _regular(view: Silhouette, position: Array, heights: Array, radii: Array) -> tuple[Array, Array]:
    """The profile without the mask's ripples: few knots within TOLERANCE, smooth between them but at corners, and as
    wide as fills the mask best (a visual hull stays inside its ragged outline)."""
    pixel = view.pixel * float(np.linalg.norm(position - view.camera) / np.linalg.norm(view.base - view.camera))
    first = int(np.flatnonzero(radii > 0)[0])
    smooth_heights, smooth_radii = regular_profile(heights[first:], radii[first:], TOLERANCE * pixel)
    if heights[first] > 0:  # what the outline does not show below tapers, as before
        smooth_heights = np.concatenate([heights[:first], smooth_heights])
        smooth_radii = np.concatenate([radii[:first], smooth_radii])
    best = (-1.0, smooth_radii)
    for widening in np.arange(0.0, 2.1, 0.5) * pixel:
        trial = np.where(smooth_radii > 0, smooth_radii + widening, 0.0)
        drawn = view.blank()
        _draw(view, drawn, position, smooth_heights, trial)
        if (overlap := view.overlap(drawn)) > best[0] + 1e-4:
            best = (overlap, trial)
    return smooth_heights, best[1]


def _rounding(heights: Array, radii: Array, first: bool) -> float:
    """How much the rounded end of a closing profile reaches past its last ring; 0 for a flat end.

    The cap is the paraboloid that leaves the ring with the profile's slope: ring radius / (2 |dr/dz|).
    """
    r, z = (radii, heights) if first else (radii[::-1], -heights[::-1])
    solid = int(np.flatnonzero(r > 0)[0])
    if len(r) < solid + 5 or not POINTED * r.max() < r[solid] <= CLOSING * r.max():
        return 0.0
    slope = float(np.polyfit(z[solid : solid + 4], r[solid : solid + 4], 1)[0])
    return min(float(r[solid]) / (2 * slope), 0.25 * float(np.ptp(z))) if slope > 0.3 else 0.0


def _capped(heights: Array, radii: Array) -> tuple[Array, Array]:
    """The profile with its closing top rounded off."""
    extra = _rounding(heights, radii, first=False)
    if extra <= 0:
        return heights, radii
    share = np.array([0.35, 0.65, 0.85, 0.97])
    return (
        np.concatenate([heights, heights[-1] + extra * share]),
        np.concatenate([radii, radii[-1] * np.sqrt(1 - share)]),
    )


def _with_handle(view: Silhouette, body: Solid, drawn: NDArray[np.uint8], radius: float) -> Solid:
    """Adds the largest piece of mask beside the body, if it is large enough to be a part and joins the body."""
    piece = part_beside(view, drawn)
    if piece is None or body.overlap < MIN_BODY:
        return body
    part = slab_through(view, piece, body.position, PART_THICKNESS * radius)
    if part is None:
        return body
    part.apply_translation(-body.position)
    mesh = joined(body.mesh, part)
    if mesh is body.mesh:
        return body
    seen = np.maximum(drawn, piece.astype(np.uint8) * np.uint8(255))
    note = f"a part beside the round body, {PART_THICKNESS:g} of its radius thick (default)"
    return Solid(body.shape, mesh, body.position, body.yaw, view.overlap(seen), note, parts=1)


def _depth_reach(view: Silhouette, half_width: float) -> float:
    """How far behind the contact pixel the axis can be: a flat disc as wide as the mask, seen whole, plus a margin."""
    return 1.35 * half_width


def _profile(view: Silhouette, side: float, depth: float, half_width: float, tall: float) -> tuple[Array, Array]:
    """Heights above the support (they rise from 0) and the radius of the largest ring at each."""
    axis = view.base + side * view.right + depth * view.away
    slope = float(np.linalg.norm((view.camera - axis)[:2])) / max(float(np.linalg.norm(view.camera - axis)), 1e-9)
    highest = 1.25 * tall / max(slope, 0.15)
    heights = np.linspace(0.0, highest, HEIGHTS)
    radii = np.linspace(0.0, 1.25 * half_width, RADII)
    angle = np.arange(ANGLES) * 2 * np.pi / ANGLES
    circle = np.cos(angle)[:, None] * view.right + np.sin(angle)[:, None] * view.away
    # Projection is linear in homogeneous pixels: axis + height * up + radius * direction, each projected once.
    linear = view.projection[:, :3]
    rising = (linear @ axis + view.projection[:, 3])[:, None] + linear[:, 2:] * heights
    around = (linear @ circle.T)[:, None, :] * radii[:, None]
    x, y, scale = (rising[k][:, None, None] + around[k][None] for k in range(3))
    scale = 1.0 / np.maximum(scale, 1e-9)
    rows, columns = view.mask.shape
    # One pixel of border that is not allowed stands for all that lies outside.
    x = np.clip(np.floor(x * scale), -1, columns).astype(np.intp)
    y = np.clip(np.floor(y * scale), -1, rows).astype(np.intp)
    ok = view.framed[y + 1, x + 1]
    # One of twenty directions may leave the mask a little early: a ragged edge must not pinch the ring.
    fits = (~ok).sum(axis=2) <= 1
    fits[:, 0] = ok[:, 0].all(axis=1)
    steps = np.cumprod(fits, axis=1).sum(axis=1)
    profile = np.where(steps > 0, radii[np.maximum(steps - 1, 0)] + 0.5 * radii[1], 0.0)
    # Above the first gap on the axis there is another thing, not this one.
    started = np.flatnonzero(profile > 0)
    if len(started):
        gap = np.flatnonzero(profile[started[0] :] == 0)
        if len(gap):
            profile[started[0] + gap[0] :] = 0.0
    return heights, profile


def _smooth(radii: Array) -> Array:
    if len(radii) < 5:
        return radii
    padded = np.concatenate([radii[:1], radii, radii[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


def _draw(view: Silhouette, drawn: NDArray[np.uint8], position: Array, heights: Array, radii: Array) -> None:
    angle = np.arange(DRAWN_ANGLES) * 2 * np.pi / DRAWN_ANGLES
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(DRAWN_ANGLES)], axis=-1)
    rings = position + radii[:, None, None] * circle + heights[:, None, None] * np.array([0, 0, 1.0])
    for low, high in itertools.pairwise(rings):
        view.draw_hull(drawn, np.concatenate([low, high]))


def _coverage(view: Silhouette, side: float, depth: float, half_width: float, tall: float) -> float:
    heights, radii = _profile(view, side, depth, half_width, tall)
    solid = np.flatnonzero(radii > 0)
    if len(solid) < 2:
        return 0.0
    keep = slice(int(solid[0]), int(solid[-1]) + 1)
    drawn = view.blank()
    _draw(view, drawn, view.base + side * view.right + depth * view.away, heights[keep], radii[keep])
    return view.overlap(drawn)
