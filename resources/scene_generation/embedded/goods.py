"""Packages, food, toys and small appliances: mostly closed boxes and round things."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold

from .convex import cut_up
from .solids import Paint, Piece, Rest, Shape, Size, ball, bar, box, corners, flat_below, lathe, plate, rod, tube
from .vessels import Options, open_box

DARK = Paint((0.1, 0.1, 0.11))
METAL = Paint((0.7, 0.71, 0.73), "metal")


def _top(size: Size, share: float = 1.0) -> Rest:
    return Rest("top", (0.0, 0.0), (share * size[0] / 2, share * size[1] / 2), size[2])


def block(size: Size, paint: Paint, options: Options) -> Shape:
    """A solid box."""
    return Shape((Piece(box(size), paint),), rests=(_top(size),))


def carton_box(size: Size, paint: Paint, options: Options) -> Shape:
    """A cardboard box; open at the top where something is put into it."""
    if options.get("open"):
        return open_box(size, paint, {"wall": 0.005})
    x, y, z = size
    band = box((x + 0.0006, min(0.05, 0.3 * y), 0.97 * z), (0, 0, 0.015 * z))
    return Shape((Piece(box(size), paint), Piece(band, paint.shade(1.25))), rests=(_top(size),))


def package(size: Size, paint: Paint, options: Options) -> Shape:
    """A printed box: cereal, tea, tissues."""
    x, y, z = size
    label = box((0.8 * x, y + 0.0006, 0.5 * z), (0, 0, 0.3 * z))
    return Shape((Piece(box(size), paint), Piece(label, paint.shade(1.6))), rests=(_top(size),))


def milk_carton(size: Size, paint: Paint, options: Options) -> Shape:
    """A gable-top carton."""
    x, y, z = size
    body = box((x, y, 0.78 * z))
    roof = Manifold.hull_points(
        np.array([[sx * x / 2, sy * y / 2, 0.78 * z] for sx in (-1, 1) for sy in (-1, 1)]
                 + [[sx * x / 2, sy * 0.006, 0.92 * z] for sx in (-1, 1) for sy in (-1, 1)])
    )  # fmt: skip
    fin = box((x, 0.006, 0.09 * z), (0, 0, 0.91 * z))
    return Shape((Piece(body, paint), Piece(roof, Paint((0.92, 0.92, 0.9))), Piece(fin, Paint((0.92, 0.92, 0.9)))))


def book(size: Size, paint: Paint, options: Options) -> Shape:
    """A closed book, lying, its spine towards -x."""
    x, y, z = size
    cover = min(0.003, z / 5)
    pages = box((x - 2 * cover, y - 2 * cover, z - cover), (-cover / 2, 0, cover / 2))
    boards = [box((x, y, cover)), box((x, y, cover), (0, 0, z - cover)), box((cover, y, z), (-x / 2 + cover / 2, 0, 0))]
    return Shape((*(Piece(b, paint) for b in boards), Piece(pages, Paint((0.93, 0.91, 0.85)))), rests=(_top(size),))


def sphere(size: Size, paint: Paint, options: Options) -> Shape:
    """A ball, with a flat of 2 % of its height: as much as a tennis ball gives under its weight."""
    r = size[2] / 2
    return Shape((Piece(flat_below(ball(r, (0, 0, r)), 0.02), paint),))


def fruit(size: Size, paint: Paint, options: Options) -> Shape:
    """A round fruit with a short stem, flat where it lies."""
    x, _, z = size
    t = np.linspace(-np.pi / 2, np.pi / 2, 15)
    taper = options.get("taper", 0.0)  # 1: a pear's neck
    radii = x / 2 * np.cos(t) * (1 - 0.45 * taper * np.clip(np.sin(t), 0, 1))
    heights = z / 2 * (1 + np.sin(t))
    outline = [(max(float(r), 0.0), float(h)) for r, h in zip(radii, heights, strict=True)]
    body = flat_below(lathe([(0.0, 0.0), *outline[1:-1], (0.0, float(z))]), 0.05)
    stem = rod(0.0025, 0.08 * z, (0, 0, 0.92 * z))
    # One hull with the stem: nobody lifts an apple by that.
    whole = corners(Manifold.batch_hull([body, stem]))
    return Shape((Piece(body, paint, convex=(whole,)), Piece(stem, Paint((0.35, 0.25, 0.12)), convex=())))


def long_fruit(size: Size, paint: Paint, options: Options) -> Shape:
    """A lemon, potato, egg or loaf: an ellipsoid, lying, flat below."""
    solid = ball(0.5, (0, 0, size[2] / 2), size)
    return Shape((Piece(flat_below(solid, 0.08), paint),))


def banana(size: Size, paint: Paint, options: Options) -> Shape:
    """A banana lying on its side: an arc of a tube, flat below."""
    x, _, z = size
    angle = np.linspace(-0.8, 0.8, 9)
    radius = (x - z) / (2 * np.sin(0.8))
    path = np.stack([radius * np.sin(angle), radius * (np.cos(angle) - 1) + 0.15 * radius, np.full(9, z / 2)], axis=1)
    body = tube(path, z / 2)
    low = 0.08 * z
    links = [tube(path[k : k + 2], z / 2).trim_by_plane((0, 0, 1), low).translate((0, 0, -low)) for k in range(8)]
    stub = Manifold.sphere(0.2 * z, 12)
    ends = [stub.translate(path[i] + np.array([s * 0.48 * z, -0.2 * z, -low])) for i, s in ((0, -1), (-1, 1))]
    tips = Paint((0.3, 0.22, 0.1))
    return Shape(
        (
            Piece(flat_below(body, 0.08), paint, convex=tuple(corners(link) for link in links)),
            *(Piece(end, tips) for end in ends),
        )
    )


def screen(size: Size, paint: Paint, options: Options) -> Shape:
    """A monitor or television on a foot, its picture towards -y."""
    x, y, z = size
    foot = box((0.4 * x, y, 0.012))
    neck = box((0.06 * x, 0.03, 0.3 * z), (0, 0.02, 0.01))
    panel = box((x, 0.03, 0.8 * z), (0, 0, 0.2 * z))
    picture = box((0.96 * x, 0.004, 0.74 * z), (0, -0.0155, 0.23 * z))
    blue = Paint((0.16, 0.24, 0.36))
    return Shape((Piece(foot, paint), Piece(neck, paint), Piece(panel, paint), Piece(picture, blue)))


def laptop(size: Size, paint: Paint, options: Options) -> Shape:
    """An open laptop: base with keys, and the screen leaning back by 15 degrees."""
    x, y, z = size
    base = box((x, 0.92 * y, 0.016), (0, -0.04 * y, 0))
    keys = box((0.86 * x, 0.42 * y, 0.002), (0, 0.03 * y, 0.0155))
    lid = (
        box((x, 0.008, z / np.cos(np.radians(15)) - 0.014)).rotate((-15, 0, 0)).translate((0, 0.42 * y - 0.004, 0.008))
    )
    glass = box((0.94 * x, 0.002, 0.85 * z)).rotate((-15, 0, 0)).translate((0, 0.42 * y - 0.0085, 0.025))
    return Shape((Piece(base, paint), Piece(keys, DARK), Piece(lid, paint), Piece(glass, Paint((0.15, 0.2, 0.3)))))


def keyboard(size: Size, paint: Paint, options: Options) -> Shape:
    """A keyboard with four rows of keys."""
    x, y, z = size
    base = box((x, y, 0.7 * z))
    rows = [box((0.95 * x, 0.17 * y, 0.35 * z), (0, (k - 1.5) * 0.22 * y, 0.65 * z)) for k in range(4)]
    return Shape((Piece(base, paint), *(Piece(row, paint.shade(1.8)) for row in rows)))


def mouse(size: Size, paint: Paint, options: Options) -> Shape:
    """A computer mouse: half an ellipsoid."""
    x, y, z = size
    solid = ball(0.5, (0, 0, 0), (x, y, 2 * z)).trim_by_plane((0, 0, 1), 0.0)
    return Shape((Piece(solid, paint),))


def slab(size: Size, paint: Paint, options: Options) -> Shape:
    """A phone, tablet or remote control: a slab with a darker face."""
    x, y, z = size
    face = box((0.9 * x, 0.94 * y, 0.001), (0, 0, z - 0.001))
    return Shape((Piece(box((x, y, z - 0.0005)), paint), Piece(face, paint.shade(0.4))), rests=(_top(size, 0.9),))


def clock(size: Size, paint: Paint, options: Options) -> Shape:
    """A round alarm clock on two feet."""
    x, y, z = size
    r = min(x, 0.92 * z) / 2
    drum = Manifold.cylinder(y, r, r, 32).rotate((90, 0, 0)).translate((0, y / 2, z - r))
    face = Manifold.cylinder(0.004, 0.85 * r, 0.85 * r, 32).rotate((90, 0, 0)).translate((0, -y / 2 + 0.002, z - r))
    foot = box((0.8 * x, y, 0.3 * z))
    return Shape((Piece(drum, paint), Piece(face, Paint((0.95, 0.95, 0.92))), Piece(foot, paint.shade(0.6))))


def table_lamp(size: Size, paint: Paint, options: Options) -> Shape:
    """A lamp: foot, stem and shade; a floor lamp is the same, taller."""
    x, y, z = size
    r = min(x, y) / 2
    foot = rod(0.7 * r, 0.02)
    stem = rod(0.012, 0.75 * z, (0, 0, 0.015))
    shade_height = min(0.35 * z, 1.2 * r)
    hood = rod(r, shade_height, (0, 0, z - shade_height), 0.65 * r)
    return Shape((Piece(foot, METAL), Piece(stem, METAL), Piece(hood, paint)))


def toaster(size: Size, paint: Paint, options: Options) -> Shape:
    """A toaster with two slots and a lever."""
    x, y, z = size
    body = box((x - 0.02, y, z), (-0.01, 0, 0))
    lever = box((0.02, 0.03, 0.02), (x / 2 - 0.01, 0, 0.6 * z))
    slots = tuple(box((0.7 * x, 0.025, 0.5 * z), (-0.01, s * 0.2 * y, 0.6 * z)) for s in (-1, 1))
    sides = [((0.0, 1.0, 0.0), s * 0.2 * y + t * 0.0125) for s in (-1, 1) for t in (-1, 1)]
    ends = [((1.0, 0.0, 0.0), -0.01 + s * 0.35 * x) for s in (-1, 1)]
    parts = cut_up(body - slots[0] - slots[1], [((0.0, 0.0, 1.0), 0.6 * z), *ends, *sides])
    return Shape((Piece(body, paint, convex=parts), Piece(lever, DARK)), slots)


def microwave(size: Size, paint: Paint, options: Options) -> Shape:
    """A microwave oven, closed, with a window and a handle."""
    x, y, z = size
    body = box((x, y - 0.01, z), (0, 0.005, 0))
    door = box((0.68 * x, 0.01, 0.86 * z), (-0.12 * x, -y / 2 + 0.006, 0.07 * z))
    rest = Rest("top", (0, 0.005), (x / 2, y / 2 - 0.005), z)
    return Shape((Piece(body, paint), Piece(door, DARK)), rests=(rest,))


def dispenser(size: Size, paint: Paint, options: Options) -> Shape:
    """A bottle with a pump."""
    x, y, z = size
    r = min(x, y) / 2
    body = rod(r, 0.68 * z)
    neck = rod(0.3 * r, 0.3 * z, (0, 0, 0.67 * z))
    spout = box((1.25 * r, 0.3 * r, 0.04 * z), (0.4 * r, 0, 0.93 * z))
    return Shape((Piece(body, paint), Piece(neck, paint.shade(0.8)), Piece(spout, paint.shade(0.8))))


def shaker(size: Size, paint: Paint, options: Options) -> Shape:
    """A salt or pepper shaker or a candle: a body and a domed cap."""
    x, y, z = size
    r = min(x, y) / 2
    body = rod(r, 0.72 * z, top=0.85 * r)
    cap = lathe([(0, 0.72 * z), (0.87 * r, 0.72 * z), (0.8 * r, 0.88 * z), (0.4 * r, z), (0, z)])
    return Shape((Piece(body, paint), Piece(cap, METAL)))


def candle(size: Size, paint: Paint, options: Options) -> Shape:
    """A thick candle with a wick."""
    x, y, z = size
    r = min(x, y) / 2
    wick = rod(0.002, 0.08 * z, (0, 0, 0.92 * z))
    whole = corners(Manifold.batch_hull([rod(r, 0.93 * z), wick]))  # nobody lifts it by the wick
    return Shape((Piece(rod(r, 0.93 * z), paint, convex=(whole,)), Piece(wick, DARK, convex=())))


def shoe(size: Size, paint: Paint, options: Options) -> Shape:
    """A shoe: a sole and a closed upper."""
    x, y, z = size
    outline = [(0.5 * x, 0), (0.4 * x, 0.42 * y), (-0.1 * x, 0.5 * y), (-0.45 * x, 0.38 * y), (-0.5 * x, 0),
               (-0.45 * x, -0.38 * y), (-0.1 * x, -0.5 * y), (0.4 * x, -0.42 * y)]  # fmt: skip
    sole = plate(outline, 0.22 * z)
    upper = Manifold.batch_hull(
        [plate(outline, 0.05 * z, 0.2 * z), box((0.4 * x, 0.5 * y, 0.05 * z), (-0.25 * x, 0, 0.95 * z))]
    )
    return Shape((Piece(sole, Paint((0.92, 0.92, 0.9))), Piece(upper, paint)))


def pen(size: Size, paint: Paint, options: Options) -> Shape:
    """A pen or pencil lying along x: six sides, so that it does not roll."""
    r = size[2] / 2 / np.cos(np.pi / 6)
    body = bar(r, 0.88 * size[0], (-size[0] / 2, 0, 0), 6).rotate((30, 0, 0)).translate((0, 0, size[2] / 2))
    tip = Manifold.cylinder(0.12 * size[0], r, 0.3 * r, 6).rotate((0, 90, 0)).rotate((30, 0, 0))
    tip = tip.translate((0.378 * size[0], 0, size[2] / 2))
    return Shape((Piece(body, paint), Piece(tip, paint.shade(0.5))))
