"""Containers: hollow, with a flat floor inside that things can lie on. Wall thicknesses are those of common ware."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from manifold3d import Manifold

from .convex import bent, ring, turned, walls
from .solids import SECTIONS, Paint, Piece, Rest, Shape, Size, bar, box, corners, lathe, rod

Options = dict[str, float]


def _floor(radius: float, z: float, clearance: float) -> Rest:
    """The round floor of a cavity, as the square in it: `half` is the circle's radius, which the placement knows."""
    return Rest("cavity", (0.0, 0.0), (radius, radius), z, clearance, round=True)


def _flared(size: Size, paint: Paint, foot: float, wall: float, bend: float = 0.0) -> Shape:
    """An open body of revolution: its foot's share of the rim's radius; `bend` > 0 bulges the wall outwards."""
    rim, height = min(size[0], size[1]) / 2, size[2]
    base = foot * rim
    steps = 10 if bend else 1

    def side(low: float, high: float, r0: float, r1: float) -> list[tuple[float, float]]:
        t = np.linspace(0.0, 1.0, steps + 1)
        radii = r0 + (r1 - r0) * ((1 - bend) * t + bend * np.sqrt(1 - (1 - t) ** 2))
        return [(float(r), float(z)) for r, z in zip(radii, low + (high - low) * t, strict=True)]

    outside = lathe([(0.0, 0.0), *side(0.0, height, base, rim), (0.0, height)])
    # The cavity reaches over the rim, so that no skin is left.
    inner = side(wall, height, max(base - wall, 0.3 * base), rim - wall)
    cavity = lathe([(0.0, wall), *inner, (rim - wall, height + 0.01), (0.0, height + 0.01)])
    body = Piece(outside, paint, convex=walls(side(0.0, height, base, rim), inner, wall))
    return Shape((body,), (cavity,), (_floor(inner[0][0] * 0.98, wall, height - wall),))


def _handle(radius: float, low: float, high: float, reach: float, thick: float, paint: Paint, wall: float) -> Piece:
    """An ear on the +x side, its ends inside the wall; its convex parts end in the middle of the wall."""
    angle = np.linspace(-math.pi / 2, math.pi / 2, 9)
    x = radius - 0.002 + reach * np.cos(angle)
    z = (low + high) / 2 + (high - low) / 2 * np.sin(angle)
    made = bent(np.stack([x, np.zeros(9), z], axis=1), thick, paint)
    links = [Manifold.hull_points(link) for link in made.convex or ()]
    outside = [link.trim_by_plane((1.0, 0.0, 0.0), radius - wall / 2) for link in links]
    return replace(made, convex=tuple(corners(link) for link in outside if not link.is_empty()))


def mug(size: Size, paint: Paint, options: Options) -> Shape:
    """A straight cup with an ear; the ear is part of the width."""
    body = size[1]
    made = _flared((body, body, size[2]), paint, 0.92, 0.0045)
    ear = _handle(body / 2 - 0.002, 0.22 * size[2], 0.8 * size[2], size[0] - body - 0.005, 0.005, paint, 0.0045)
    return Shape((*made.pieces, ear), made.cuts, made.rests)


def cup(size: Size, paint: Paint, options: Options) -> Shape:
    """A cup that widens upwards, without an ear."""
    return _flared(size, paint, 0.65, 0.004, bend=0.4)


def bowl(size: Size, paint: Paint, options: Options) -> Shape:
    """A bowl; wide ones have a wide flat floor."""
    return _flared(size, paint, 0.62, 0.005, bend=0.5)


def glass(size: Size, paint: Paint, options: Options) -> Shape:
    """A tumbler."""
    return _flared(size, paint, 0.8, 0.003)


def bucket(size: Size, paint: Paint, options: Options) -> Shape:
    """A bucket, bin or plant pot: a cone with a floor."""
    return _flared(size, paint, 0.75, 0.005)


def saucer(size: Size, paint: Paint, options: Options) -> Shape:
    """A plate: a flat floor and a low raised rim."""
    rim, height = min(size[0], size[1]) / 2, size[2]
    made = _flared(size, paint, 0.68, 0.005)
    flat = 0.95 * (0.68 * rim - 0.005)
    rest = Rest("top", (0.0, 0.0), (flat, flat), 0.005, 10.0, round=True)
    return Shape(made.pieces, made.cuts, (rest,) if height > 0.01 else ())


def bottle(size: Size, paint: Paint, options: Options) -> Shape:
    """A closed bottle: body, shoulder, neck and a cap."""
    r, h = min(size[0], size[1]) / 2, size[2]
    neck = 0.38 * r
    profile = [(0.0, 0.0), (0.94 * r, 0.0), (r, 0.02 * h), (r, 0.58 * h), (0.9 * r, 0.66 * h), (neck, 0.78 * h)]
    body = turned([*profile, (neck, 0.93 * h), (0.0, 0.93 * h)], paint)
    cap = rod(neck * 1.15, 0.07 * h, (0, 0, 0.93 * h))
    return Shape((body, Piece(cap, paint.shade(0.55))))


def jar(size: Size, paint: Paint, options: Options) -> Shape:
    """A closed jar with a lid that a small thing can stand on."""
    r, h = min(size[0], size[1]) / 2, size[2]
    body = lathe([(0, 0), (0.95 * r, 0), (r, 0.04 * h), (r, 0.72 * h), (0.82 * r, 0.84 * h), (0, 0.84 * h)])
    lid = rod(0.86 * r, 0.16 * h, (0, 0, 0.84 * h))
    side = 0.86 * r * 0.7
    return Shape((Piece(body, paint), Piece(lid, Paint((0.75, 0.72, 0.6), "metal"))),
                 rests=(Rest("top", (0, 0), (side, side), h),))  # fmt: skip


def can(size: Size, paint: Paint, options: Options) -> Shape:
    """A drinks or food can, closed, with drawn-in rims."""
    r, h = min(size[0], size[1]) / 2, size[2]
    body = lathe([(0, 0), (0.86 * r, 0), (r, 0.05 * h), (r, 0.95 * h), (0.86 * r, h), (0, h)])
    band = rod(r * 1.0005, 0.7 * h, (0, 0, 0.15 * h))
    side = 0.86 * r * 0.7
    return Shape((Piece(body, Paint((0.78, 0.78, 0.8), "metal")), Piece(band, paint)),
                 rests=(Rest("top", (0, 0), (side, side), h),))  # fmt: skip


def vase(size: Size, paint: Paint, options: Options) -> Shape:
    """A vase: a belly, a waist and an open mouth."""
    r, h, wall = min(size[0], size[1]) / 2, size[2], 0.005
    t = np.linspace(0, 1, 13)
    radii = np.interp(t, [0, 0.12, 0.4, 0.7, 0.85, 1.0], [0.6, 0.78, 1.0, 0.62, 0.5, 0.68]) * r
    outer = [(float(a), float(b) * h) for a, b in zip(radii, t, strict=True)]
    inner = [(a - wall, wall + z * (h - wall) / h) for a, z in outer]
    cavity = lathe([(0, wall), *inner, (inner[-1][0], h + 0.01), (0, h + 0.01)])
    body = Piece(lathe([(0, 0), *outer, (0, h)]), paint, convex=walls(outer, inner, wall))
    return Shape((body,), (cavity,))


def wine_glass(size: Size, paint: Paint, options: Options) -> Shape:
    """A foot, a stem and an open bowl."""
    r, h, wall = min(size[0], size[1]) / 2, size[2], 0.003
    stem = 0.45 * h
    t = np.linspace(0, 1, 9)
    radii = np.interp(t, [0, 0.15, 0.5, 1.0], [0.1, 0.7, 1.0, 0.8]) * r
    side = [(float(a), stem + float(b) * (h - stem)) for a, b in zip(radii, t, strict=True)]
    outside = lathe([(0, 0), (0.85 * r, 0), (0.85 * r, 0.004), (0.1 * r, 0.02), *side, (0, h)])
    inner = [(max(a - wall, 0.004), z + 0.012) for a, z in side[1:]]
    cavity = lathe([(0, inner[0][1]), *inner, (inner[-1][0], h + 0.02), (0, h + 0.02)])
    return Shape((Piece(outside, paint),), (cavity,))


def pot(size: Size, paint: Paint, options: Options) -> Shape:
    """A saucepot with two grips; they are part of the width."""
    body, h = size[1], size[2]
    made = _flared((body, body, h), paint, 0.98, 0.003)
    reach = (size[0] - body) / 2
    grips = [box((2 * reach, 0.08, 0.012), (sign * body / 2, 0, 0.8 * h)) for sign in (-1, 1)]
    # What reaches into the pot is cut off.
    outside = [g.trim_by_plane((float(s), 0.0, 0.0), body / 2 - 0.002) for g, s in zip(grips, (-1, 1), strict=True)]
    black = Paint((0.12, 0.12, 0.13))
    handles = [Piece(g, black, convex=(corners(o),)) for g, o in zip(grips, outside, strict=True)]
    return Shape((*made.pieces, *handles), made.cuts, made.rests)


def pan(size: Size, paint: Paint, options: Options) -> Shape:
    """A frying pan, its handle along +x; the disc's middle is not the origin, the whole's is."""
    disc, h = size[1], size[2]
    handle = size[0] - disc
    middle = -handle / 2
    made = _flared((disc, disc, h), paint, 0.84, 0.004)
    grip = box((handle + 0.02, 0.028, 0.018), (disc / 2 + handle / 2 - 0.01, 0, 0.55 * h))
    # What reaches into the pan is cut off.
    outside = corners(grip.trim_by_plane((1.0, 0.0, 0.0), disc / 2 - 0.004))
    handle_piece = Piece(grip, Paint((0.1, 0.1, 0.1)), convex=(outside,))
    moved = tuple(p.moved((middle, 0.0, 0.0)) for p in (*made.pieces, handle_piece))
    rest = made.rests[0]
    return Shape(moved, tuple(c.translate((middle, 0, 0)) for c in made.cuts),
                 (Rest("cavity", (middle, 0.0), rest.half, rest.z, rest.clearance, round=True),))  # fmt: skip


def kettle(size: Size, paint: Paint, options: Options) -> Shape:
    """A closed kettle or teapot: belly, lid, spout towards -x, handle towards +x."""
    body, h = size[1], size[2]
    r = body / 2
    belly = [(0, 0), (0.85 * r, 0), (r, 0.25 * h), (0.92 * r, 0.6 * h), (0.6 * r, 0.82 * h), (0, 0.82 * h)]
    knob = [(0, 0.8 * h), (0.12 * r, 0.8 * h), (0.16 * r, 0.92 * h), (0.1 * r, h), (0, h)]
    spare = (size[0] - body) / 2
    way = np.array([[-0.8 * r, 0, 0.35 * h], [-r - 0.4 * spare, 0, 0.55 * h], [-r - spare + 0.011, 0, 0.75 * h]])
    ear = _handle(0.9 * r, 0.2 * h, 0.72 * h, spare + 0.1 * r - 0.006, 0.008, paint.shade(0.5), r)
    return Shape((turned(belly, paint), turned(knob, paint.shade(0.5)), bent(way, 0.011, paint), ear))


def pitcher(size: Size, paint: Paint, options: Options) -> Shape:
    """A jug: open, with an ear."""
    body = size[1]
    made = _flared((body, body, size[2]), paint, 0.85, 0.005)
    low, high, reach = 0.25 * size[2], 0.85 * size[2], size[0] - 0.95 * body - 0.008
    ear = _handle(0.9 * body / 2, low, high, reach, 0.008, paint, 0.005)
    return Shape((*made.pieces, ear), made.cuts)


def open_box(size: Size, paint: Paint, options: Options) -> Shape:
    """A box without a lid: crate, tray, basket, drawer. `wall` is its walls' thickness."""
    x, y, z = size
    wall = options.get("wall", 0.006)
    cavity = box((x - 2 * wall, y - 2 * wall, z), (0, 0, wall))
    rest = Rest("cavity", (0, 0), (x / 2 - wall, y / 2 - wall), wall, z - wall)
    sides = [(x, wall, z, 0.0, s * (y - wall) / 2) for s in (-1, 1)] + [
        (wall, y, z, s * (x - wall) / 2, 0.0) for s in (-1, 1)
    ]
    parts = [box((x, y, wall)), *(box((a, b, c), (px, py, 0.0)) for a, b, c, px, py in sides)]
    return Shape((Piece(box(size), paint, convex=tuple(corners(part) for part in parts)),), (cavity,), (rest,))


def tray(size: Size, paint: Paint, options: Options) -> Shape:
    """A tray: a board with a low rim; what is on it and what is in it is the same."""
    made = open_box(size, paint, {"wall": 0.006})
    rest = made.rests[0]
    return Shape(made.pieces, made.cuts, (Rest("top", rest.center, rest.half, rest.z),))


def basket(size: Size, paint: Paint, options: Options) -> Shape:
    """A woven basket with two grips inside its outline's width."""
    made = open_box((size[0], size[1], 0.85 * size[2]), paint, {"wall": 0.008})
    low = 0.82 * size[2]
    grips = [box((0.008, 0.3 * size[1], 0.18 * size[2]), (s * (size[0] / 2 - 0.004), 0, low)) for s in (-1, 1)]
    return Shape((*made.pieces, *(Piece(g, paint.shade(0.8)) for g in grips)), made.cuts, made.rests)


def plant(size: Size, paint: Paint, options: Options) -> Shape:
    """A pot with a plant: closed, leaves as one solid."""
    r, h = min(size[0], size[1]) / 2, size[2]
    pot_part = rod(0.62 * r, 0.4 * h, top=0.8 * r)
    stem = rod(0.08 * r, 0.35 * h, (0, 0, 0.35 * h))
    leaves = Manifold.sphere(r, 16).scale((1, 1, 0.27 * h / r)).translate((0, 0, 0.73 * h))
    green = Paint((0.2, 0.45, 0.18), "speckled")
    return Shape((Piece(pot_part, paint), Piece(stem, green.shade(0.6)), Piece(leaves, green)))


def tape(size: Size, paint: Paint, options: Options) -> Shape:
    """A roll of tape, lying."""
    r, h = min(size[0], size[1]) / 2, size[2]
    angle = np.arange(SECTIONS) * 2 * np.pi / SECTIONS
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    body = Piece(rod(r, h), paint, convex=ring(r * outline, 0.6 * r * outline, 0.0, h))
    return Shape((body,), (rod(0.6 * r, h + 0.02, (0, 0, -0.01)),))


def rolling(size: Size, paint: Paint, options: Options) -> Shape:
    """A cylinder lying along x on a narrow flat: a rolling pin or a torch."""
    r = size[2] / 2
    solid = bar(r, size[0], (-size[0] / 2, 0, 0)).translate((0, 0, r))
    return Shape((Piece(solid.trim_by_plane((0, 0, 1), 0.03 * r).translate((0, 0, -0.03 * r)), paint),))


def disc(size: Size, paint: Paint, options: Options) -> Shape:
    """A flat round thing: biscuit, cake, coaster."""
    r, side = min(size[0], size[1]) / 2, 0.6 * min(size[0], size[1]) / 2
    return Shape((Piece(rod(r, size[2]), paint),), rests=(Rest("top", (0, 0), (side, side), size[2]),))
