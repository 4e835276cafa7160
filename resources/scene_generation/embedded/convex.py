"""Exact convex parts of shapes that are not convex: turned bodies, hollow vessels, tubes and rings.

The shapes are made of flat facets, so these parts are the shape itself and not an approximation of it, but for the walls of
bulging vessels, which see `walls`. Only reached from inside functions, so manifold3d is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from manifold3d import Manifold

from .solids import SECTIONS, Array, Paint, Piece, corners, lathe, tube

STRAIGHT_M = 4e-4
"""Under half of what counts as an overlap, so that two walls that bulge by it do not make one."""
SLIVER = 1e-6
"""Of the whole volume."""
Outline = Sequence[tuple[float, float]]


def turned(profile: Outline, paint: Paint) -> Piece:
    """What an outline of (radius, height), listed from the bottom up, sweeps around z: a convex part for each storey."""
    parts = [
        np.array([(*(r * _ring(k)), z) for r, z in (low, high) for k in range(SECTIONS)])
        for low, high in pairwise(profile)
        if high[1] > low[1]
    ]
    return Piece(lathe(profile), paint, convex=tuple(parts))


def walls(outer: Outline, inner: Outline, floor: float) -> tuple[Array, ...]:
    """A turned vessel's floor, and its wall cut into sectors and storeys. `outer` and `inner` run from the bottom up.

    The chords of a bulging wall's storeys leave it by `STRAIGHT_M` at most.
    """
    radii, heights = np.array(outer).T
    levels = _storeys(inner)
    low, high = radii[0], float(np.interp(floor, heights, radii))
    parts = [np.array([(*(r * _ring(k)), z) for r, z in ((low, 0.0), (high, floor)) for k in range(SECTIONS)])]
    for (r0, z0), (r1, z1) in pairwise(levels):
        o0, o1 = (float(np.interp(z, heights, radii)) for z in (z0, z1))
        section = ((r0, z0), (o0, z0), (r1, z1), (o1, z1))
        parts += [np.array([(*(r * _ring(j)), z) for j in (k, k + 1) for r, z in section]) for k in range(SECTIONS)]
    return tuple(parts)


def _storeys(outline: Outline) -> list[tuple[float, float]]:
    """As few points of an outline as keep the others within `STRAIGHT_M` of the lines between them."""
    kept, at = [outline[0]], 0
    while at < len(outline) - 1:
        end = len(outline) - 1
        while end > at + 1 and _bulge(outline[at : end + 1]) > STRAIGHT_M:
            end -= 1
        kept.append(outline[end])
        at = end
    return kept


def _bulge(points: Outline) -> float:
    """How far the points between are from the line from the first to the last."""
    line = np.array(points) - points[0]
    x, z = line[-1] / np.linalg.norm(line[-1])
    return float(np.abs(line[:, 0] * z - line[:, 1] * x).max())


def bent(path: Array, radius: float, paint: Paint, sections: int = 12) -> Piece:
    """A round tube along points (n, 3): a convex part for each link."""
    knots = [Manifold.sphere(radius, sections).translate(tuple(float(v) for v in point)) for point in path]
    links = tuple(corners(Manifold.batch_hull([one, other])) for one, other in pairwise(knots))
    return Piece(tube(path, radius, sections), paint, convex=links)


def ring(outer: Array, inner: Array, low: float, high: float) -> tuple[Array, ...]:
    """A ring between two outlines (n, 2) of as many corners, from height `low` to `high`: a convex part for each corner."""
    count = len(outer)
    return tuple(
        np.array([(*line[j % count], z) for j in (k, k + 1) for line in (outer, inner) for z in (low, high)])
        for k in range(count)
    )


def cut_up(solid: Manifold, planes: Sequence[tuple[Sequence[float], float]]) -> tuple[Array, ...]:
    """The parts of a solid between planes (normal, offset along it), which are to make them convex.

    Raises:
        ValueError: a part is not convex; name more planes.
    """
    parts = [solid]
    for normal, offset in planes:
        parts = [half for part in parts for half in part.split_by_plane(tuple(normal), offset) if not half.is_empty()]
    # A plane that lies in one of the faces leaves slivers of rounding.
    parts = [p for part in parts for p in part.decompose() if p.volume() > SLIVER * solid.volume()]
    if any(part.hull().volume() > 1.0001 * part.volume() for part in parts):
        raise ValueError(f"{len(planes)} planes leave parts that are not convex")
    return tuple(corners(part) for part in parts)


def _ring(k: int) -> Array:
    angle = 2 * np.pi * (k % SECTIONS) / SECTIONS
    return np.array([np.cos(angle), np.sin(angle)])
