"""Hand tools and cutlery, lying as they are put down: long along x."""

from __future__ import annotations

import numpy as np

from .convex import cut_up, ring
from .solids import Paint, Piece, Rest, Shape, Size, bar, box, corners, plate
from .vessels import Options

STEEL = Paint((0.68, 0.69, 0.71), "metal")
FLAT = 0.006
"""Thickness of cutlery, metres: the catalogue's height is that of its bend, which these shapes leave out."""


def _oval(x: float, y: float, at: tuple[float, float], steps: int = 24) -> list[tuple[float, float]]:
    angle = np.arange(steps) * 2 * np.pi / steps
    return [(float(at[0] + x / 2 * np.cos(a)), float(at[1] + y / 2 * np.sin(a))) for a in angle]


def screwdriver(size: Size, paint: Paint, options: Options) -> Shape:
    """An eight-sided handle that it lies on, and a shaft that reaches out."""
    x, _, z = size
    grip = 0.5 * x
    r = z / 2 / np.cos(np.pi / 8)
    handle = bar(r, grip, (-x / 2, 0, 0), 8).rotate((22.5, 0, 0)).translate((0, 0, z / 2))
    shaft = bar(0.12 * z, 0.52 * x, (-0.02 * x, 0, z / 2), 12)
    return Shape((Piece(handle, paint), Piece(shaft, STEEL)))


def hammer(size: Size, paint: Paint, options: Options) -> Shape:
    """A handle and a head, both on the ground."""
    x, y, z = size
    head = box((0.12 * x, y, z), (0.42 * x, 0, 0))
    handle = box((0.96 * x, 0.24 * y, 0.8 * z), (-0.02 * x, 0, 0))
    return Shape((Piece(handle, paint), Piece(head, STEEL)))


def wrench(size: Size, paint: Paint, options: Options) -> Shape:
    """A flat open-ended spanner."""
    x, y, z = size
    shank = box((0.8 * x, 0.45 * y, z))
    jaws = [plate(_oval(y * 1.1, y, (s * (x / 2 - 0.55 * y), 0.0)), z) for s in (-1, 1)]
    cuts = tuple(box((0.7 * y, 0.42 * y, 2 * z), (s * (x / 2 - 0.2 * y), 0, -0.5 * z)) for s in (-1, 1))
    slot = x / 2 - 0.55 * y
    sides = [((0.0, 1.0, 0.0), s * 0.21 * y) for s in (-1, 1)]
    prongs = [
        cut_up(jaw - cut, [((1.0, 0.0, 0.0), s * slot), *sides])
        for jaw, cut, s in zip(jaws, cuts, (-1, 1), strict=True)
    ]
    between = corners(box((2 * min(slot, 0.4 * x), 0.45 * y, z)))
    pieces = [Piece(jaw, paint, convex=parts) for jaw, parts in zip(jaws, prongs, strict=True)]
    return Shape((Piece(shank, paint, convex=(between,)), *pieces), cuts)


def scissors(size: Size, paint: Paint, options: Options) -> Shape:
    """Closed scissors: two finger rings and the blades."""
    x, y, z = size
    places = [(-0.3 * x, s * 0.26 * y) for s in (-1, 1)]
    outer, inner = ([_oval(a * x, b * y, at) for at in places] for a, b in ((0.4, 0.48), (0.26, 0.26)))
    holes = tuple(plate(hole, 2 * z, -0.5 * z) for hole in inner)
    rings = [
        Piece(plate(line, z), paint, convex=ring(np.array(line), np.array(hole), 0.0, z))
        for line, hole in zip(outer, inner, strict=True)
    ]
    blade = plate([(-0.16 * x, -0.2 * y), (0.5 * x, -0.01 * y), (0.5 * x, 0.01 * y), (-0.16 * x, 0.2 * y)], 0.8 * z)
    return Shape((*rings, Piece(blade, STEEL)), holes)


def knife(size: Size, paint: Paint, options: Options) -> Shape:
    """A kitchen knife on its side: it lies on the handle, the blade in the handle's middle plane."""
    x, y, z = size
    handle = box((0.42 * x, 0.65 * y, z), (-0.29 * x, 0.1 * y, 0))
    blade = plate(
        [(-0.1 * x, -0.5 * y), (0.3 * x, -0.45 * y), (0.5 * x, 0.4 * y), (-0.1 * x, 0.4 * y)], 0.002, z / 2 - 0.001
    )
    return Shape((Piece(handle, paint), Piece(blade, STEEL)))


def spoon(size: Size, paint: Paint, options: Options) -> Shape:
    """A spoon: a stem and an oval with a hollow."""
    x, y, z = size[0], size[1], min(size[2], FLAT)
    stem = box((0.74 * x, 0.28 * y, 0.7 * z), (-0.13 * x, 0, 0))
    outer, inner = _oval(0.32 * x, y, (0.34 * x, 0.0)), _oval(0.25 * x, 0.74 * y, (0.34 * x, 0.0))
    hollow = plate(inner, z, 0.4 * z)
    parts = (corners(plate(outer, 0.4 * z)), *ring(np.array(outer), np.array(inner), 0.4 * z, z))
    shaft = corners(stem.trim_by_plane((-1.0, 0.0, 0.0), -0.2 * x))  # it ends in the head's rim, not in its hollow
    return Shape((Piece(stem, paint, convex=(shaft,)), Piece(plate(outer, z), paint, convex=parts)), (hollow,))


def fork(size: Size, paint: Paint, options: Options) -> Shape:
    """A fork: a stem and four tines."""
    x, y, z = size[0], size[1], min(size[2], FLAT)
    stem = box((0.72 * x, 0.32 * y, z), (-0.14 * x, 0, 0))
    palm = plate(_oval(0.18 * x, y, (0.22 * x, 0.0)), z)
    tines = [box((0.28 * x, 0.13 * y, z), (0.36 * x, k * 0.27 * y - 0.405 * y, 0)) for k in range(4)]
    return Shape((Piece(stem, paint), Piece(palm, paint), *(Piece(t, paint) for t in tines)))


def spatula(size: Size, paint: Paint, options: Options) -> Shape:
    """A turner: handle and blade on one level."""
    x, y, z = size[0], size[1], min(size[2], 2 * FLAT)
    handle = box((0.68 * x, 0.28 * y, z), (-0.16 * x, 0, 0))
    blade = box((0.36 * x, y, 0.5 * z), (0.32 * x, 0, 0))
    return Shape((Piece(handle, paint), Piece(blade, paint.shade(0.8))))


def brush(size: Size, paint: Paint, options: Options) -> Shape:
    """A brush, lying on its bristles and handle."""
    x, y, z = size
    handle = box((0.66 * x, 0.5 * y, z), (-0.17 * x, 0, 0))
    bristles = box((0.36 * x, y, z), (0.32 * x, 0, 0))
    return Shape((Piece(handle, paint), Piece(bristles, Paint((0.85, 0.8, 0.68), "striped"))))


def toolbox(size: Size, paint: Paint, options: Options) -> Shape:
    """A closed toolbox with a grip along its lid."""
    x, y, z = size
    body = box((x, y, 0.78 * z))
    lid = box((0.96 * x, 0.9 * y, 0.12 * z), (0, 0, 0.77 * z))
    posts = [box((0.02, 0.02, 0.12 * z), (s * 0.25 * x, 0, 0.88 * z)) for s in (-1, 1)]
    grip = box((0.52 * x, 0.025, 0.05 * z), (0, 0, 0.95 * z))
    dark = paint.shade(0.4)
    return Shape((Piece(body, paint), Piece(lid, dark), *(Piece(p, dark) for p in posts), Piece(grip, dark)))


def board(size: Size, paint: Paint, options: Options) -> Shape:
    """A cutting board, place mat or notepad."""
    x, y, z = size
    return Shape((Piece(box(size), paint),), rests=(Rest("top", (0, 0), (x / 2, y / 2), z),))
