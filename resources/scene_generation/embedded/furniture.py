"""Furniture and large appliances. What opens has its joints; every piece is a box, so their union is known exactly."""

from __future__ import annotations

from manifold3d import Manifold

from .solids import Joint, Paint, Piece, Rest, Shape, Size, box, rod
from .vessels import Options

BOARD = 0.02
"""Thickness of a shelf's board or a cabinet's wall, metres: 16 to 22 mm particle board."""
FRONT = 0.018
GAP = 0.003
"""Between a front and its neighbour: what hinges are adjusted to."""
DARK = Paint((0.13, 0.13, 0.14))
METAL = Paint((0.7, 0.71, 0.73), "metal")
RIM = 0.02
"""Nothing is put closer to a furniture top's edge."""


def _legs(size: Size, thick: float, height: float, inset: float = 0.0) -> list[Manifold]:
    x, y = size[0] / 2 - thick / 2 - inset, size[1] / 2 - thick / 2 - inset
    return [box((thick, thick, height), (sx * x, sy * y, 0)) for sx in (-1, 1) for sy in (-1, 1)]


def _top(size: Size) -> Rest:
    return Rest("top", (0, 0), (size[0] / 2 - RIM, size[1] / 2 - RIM), size[2])


def _under(size: Size, thick: float, height: float) -> Rest:
    half = (size[0] / 2 - thick - RIM, size[1] / 2 - RIM)
    return Rest("under", (0, 0), half, 0.0, height - 0.01)


def table(size: Size, paint: Paint, options: Options) -> Shape:
    """A table or bench: a board on four legs; a round one when asked for."""
    thick, leg = min(0.04, 0.1 * size[2]), min(0.06, 0.12 * size[1])
    under = size[2] - thick
    if options.get("round"):
        r = min(size[0], size[1]) / 2
        inner = (1.3 * r, 1.3 * r, size[2])
        pieces = [rod(r, thick, (0, 0, under)), *_legs(inner, leg, under + 0.005)]
        rest = Rest("top", (0, 0), (r - RIM, r - RIM), size[2], round=True)
        return Shape(tuple(Piece(p, paint) for p in pieces), rests=(rest, _under(inner, leg, under)))
    pieces = [box((size[0], size[1], thick), (0, 0, under)), *_legs(size, leg, under + 0.005)]
    return Shape(tuple(Piece(p, paint) for p in pieces), rests=(_top(size), _under(size, leg, under)))


def chair(size: Size, paint: Paint, options: Options) -> Shape:
    """A chair that faces -y: seat at 0.45 m, back at +y."""
    x, y, z = size
    seat, leg = min(0.45, 0.52 * z), 0.04
    pieces = [
        box((x, y, 0.04), (0, 0, seat - 0.04)),
        *_legs((x, y, seat), leg, seat - 0.035),
        *(box((leg, leg, z - seat), (s * (x / 2 - leg / 2), y / 2 - leg / 2, seat - 0.005)) for s in (-1, 1)),
        box((x, 0.025, 0.4 * (z - seat)), (0, y / 2 - leg / 2, z - 0.4 * (z - seat))),
    ]
    rest = Rest("top", (0, -leg), (x / 2 - RIM, y / 2 - leg - RIM), seat, z - seat)
    return Shape(tuple(Piece(p, paint) for p in pieces), rests=(rest,))


def sofa(size: Size, paint: Paint, options: Options) -> Shape:
    """A sofa or armchair that faces -y."""
    x, y, z = size
    arm, back, seat = 0.16, 0.2, min(0.43, 0.55 * z)
    pieces = [
        Piece(box((x, y, 0.3)), paint.shade(0.8)),
        Piece(box((x - 2 * arm, y - back, seat - 0.29), (0, -back / 2, 0.29)), paint),
        Piece(box((x, back, z - 0.29), (0, y / 2 - back / 2, 0.29)), paint),
        *(Piece(box((arm, y, 0.62 - 0.29), (s * (x / 2 - arm / 2), 0, 0.29)), paint) for s in (-1, 1)),
    ]
    rest = Rest("top", (0, -back / 2), (x / 2 - arm - RIM, (y - back) / 2 - RIM), seat, 2.0)
    return Shape(tuple(pieces), rests=(rest,))


def bed(size: Size, paint: Paint, options: Options) -> Shape:
    """A bed with a mattress, its headboard at +y."""
    x, y, z = size
    level = 0.5
    frame = box((x, y, 0.3))
    mattress = box((x - 0.04, y - 0.06, level - 0.29), (0, -0.01, 0.29))
    head = box((x, 0.04, z), (0, y / 2 - 0.02, 0))
    white = Paint((0.9, 0.89, 0.86))
    rest = Rest("top", (0, -0.02), (x / 2 - 0.06, y / 2 - 0.1), level)
    return Shape((Piece(frame, paint), Piece(mattress, white), Piece(head, paint)), rests=(rest,))


def shelf(size: Size, paint: Paint, options: Options) -> Shape:
    """An open shelf unit; `boards` storeys, or as many as leave 0.3 m each. The top board bears things too."""
    x, y, z = size
    storeys = int(options.get("boards") or max(1, round((z - BOARD) / 0.34)))
    pitch = (z - BOARD) / storeys
    pieces = [box((BOARD, y, z), (s * (x / 2 - BOARD / 2), 0, 0)) for s in (-1, 1)]
    pieces.append(box((x, 0.008, z), (0, y / 2 - 0.004, 0)))
    pieces += [box((x, y, BOARD), (0, 0, k * pitch)) for k in range(storeys + 1)]
    rests = [
        Rest("cell", (0, -0.004), (x / 2 - BOARD - 0.01, y / 2 - 0.014), k * pitch + BOARD, pitch - BOARD - 0.01)
        for k in range(storeys)
    ]
    return Shape(tuple(Piece(p, paint) for p in pieces), rests=(*rests, _top(size)))


def pallet(size: Size, paint: Paint, options: Options) -> Shape:
    """A pallet: deck boards on bearers."""
    x, y, z = size
    bearers = [box((x, 0.1, 0.6 * z), (0, k * (y / 2 - 0.05), 0)) for k in (-1, 0, 1)]
    deck = box((x, y, 0.42 * z), (0, 0, 0.58 * z))
    return Shape((*(Piece(b, paint.shade(0.85)) for b in bearers), Piece(deck, paint)), rests=(_top(size),))


def _fronts(
    width: float, depth: float, low: float, high: float, drawers: int, doors: int, paint: Paint
) -> tuple[list[Piece], list[Joint], list[Rest]]:
    """Drawers above doors on the front of a carcass, each a part of its own with the way it moves."""
    pieces: list[Piece] = []
    joints: list[Joint] = []
    rests: list[Rest] = []
    face = -depth / 2 + FRONT / 2
    inside = depth - FRONT - BOARD - 2 * GAP
    share = 0.0 if not drawers else (1.0 if not doors else min(0.6, 0.2 * drawers / (0.2 * drawers + 0.6)))
    split = high - share * (high - low)
    for k in range(drawers):
        name = f"drawer_{k + 1}"
        each = (high - split) / drawers
        bottom = high - (k + 1) * each
        tall = each - GAP
        box_width, box_tall = width - 2 * BOARD - 4 * GAP, 0.7 * tall
        box_low, middle = bottom + 0.1 * tall, -depth / 2 + FRONT + inside / 2
        wall = 0.012
        pieces += [
            Piece(box((width - 2 * GAP, FRONT, tall), (0, face, bottom)), paint, name),
            Piece(box((box_width, inside, wall), (0, middle, box_low)), paint, name),
            *(
                Piece(box((wall, inside, box_tall), (s * (box_width - wall) / 2, middle, box_low)), paint, name)
                for s in (-1, 1)
            ),
            Piece(box((box_width, wall, box_tall), (0, -depth / 2 + FRONT + inside - wall / 2, box_low)), paint, name),
            Piece(box((0.12, 0.02, 0.012), (0, -depth / 2 - 0.009, bottom + tall / 2)), METAL, name),
        ]
        half = (box_width / 2 - wall - GAP, inside / 2 - wall - GAP)
        rests.append(Rest("drawer", (0, middle), half, box_low + wall, tall - 0.1 * tall - wall - 0.01))
        joints.append(Joint(name, "prismatic", (0, -1, 0), (0, face, bottom + tall / 2), (0.0, round(0.8 * inside, 4))))
    for k in range(doors):
        name = f"door_{k + 1}"
        each = width / doors
        left = -width / 2 + k * each
        tall = split - low - GAP
        # Hinges outside: the left half of the doors opens to the left.
        hinge_left = k < (doors + 1) // 2 if doors > 1 else False
        hinge = left + GAP if hinge_left else left + each - GAP
        knob = left + each - 0.05 if hinge_left else left + 0.05
        pieces += [
            Piece(box((each - 2 * GAP, FRONT, tall), (left + each / 2, face, low)), paint, name),
            Piece(box((0.012, 0.02, min(0.12, 0.4 * tall)), (knob, -depth / 2 - 0.009, low + 0.5 * tall)), METAL, name),
        ]
        axis = (0, 0, -1) if hinge_left else (0, 0, 1)
        joints.append(Joint(name, "revolute", axis, (hinge, -depth / 2 + FRONT, low + tall / 2), (0.0, 1.57)))
    return pieces, joints, rests


def cabinet(size: Size, paint: Paint, options: Options) -> Shape:
    """A carcass with drawers above doors; `drawers` and `doors` say how many (one drawer and two doors)."""
    x, y, z = size
    drawers, doors = int(options.get("drawers", 1)), int(options.get("doors", 2))
    if "drawers" in options and "doors" not in options:
        doors = 0
    elif "doors" in options and "drawers" not in options:
        drawers = 0
    plinth = min(0.08, 0.1 * z)
    shell = y - FRONT - GAP
    behind = (FRONT + GAP) / 2
    carcass = [
        *(box((BOARD, shell, z), (s * (x / 2 - BOARD / 2), behind, 0)) for s in (-1, 1)),
        box((x, shell, BOARD), (0, behind, plinth)),
        box((x, y, BOARD), (0, 0, z - BOARD)),
        box((x, BOARD, z), (0, y / 2 - BOARD / 2, 0)),
        box((x - 0.04, 0.02, plinth), (0, -y / 2 + 0.06, 0)),
    ]
    fronts, joints, rests = _fronts(x, y, plinth, z - BOARD - GAP, drawers, doors, paint.shade(1.08))
    if doors:
        inner = (shell - BOARD) / 2
        floor = Rest("cell", (0, behind - BOARD / 2), (x / 2 - BOARD - RIM, inner - RIM), plinth + BOARD, 0.3 * z)
        rests = [floor, *rests]
    return Shape((*(Piece(c, paint) for c in carcass), *fronts), rests=(*rests, _top(size)), joints=tuple(joints))


def counter(size: Size, paint: Paint, options: Options) -> Shape:
    """A kitchen counter: base cabinets with drawers and doors under one worktop."""
    x, y, z = size
    top = 0.038
    doors = int(options.get("doors", max(1, round(x / 0.6))))
    base = cabinet((x, y - 0.02, z - top), paint, {**options, "doors": doors, "drawers": options.get("drawers", 1)})
    work = Piece(box((x, y, top), (0, 0, z - top)), Paint((0.42, 0.4, 0.38), "speckled"))
    moved = tuple(Piece(p.solid.translate((0, 0.01, 0)), p.paint, p.part) for p in base.pieces)
    joints = tuple(
        Joint(j.part, j.kind, j.axis, (j.origin[0], j.origin[1] + 0.01, j.origin[2]), j.limits) for j in base.joints
    )
    rests = [
        Rest(r.kind, (r.center[0], r.center[1] + 0.01), r.half, r.z, r.clearance) for r in base.rests if r.kind != "top"
    ]
    return Shape((*moved, work), rests=(*rests, _top(size)), joints=joints)


def desk(size: Size, paint: Paint, options: Options) -> Shape:
    """A writing desk: a board on two panels, with a drawer under it where asked for."""
    x, y, z = size
    thick = 0.03
    pieces = [box((x, y, thick), (0, 0, z - thick))]
    pieces += [box((0.04, y - 0.04, z - thick), (s * (x / 2 - 0.04), 0, 0)) for s in (-1, 1)]
    pieces.append(box((x - 0.08, 0.02, 0.4), (0, y / 2 - 0.05, z - thick - 0.4)))
    fronts: list[Piece] = []
    joints: list[Joint] = []
    rests: list[Rest] = []
    drawers = int(options.get("drawers", 0))
    if drawers:
        made, joints, rests = _fronts(
            0.42, y - 0.16, z - thick - 0.13 * drawers - 0.01, z - thick - 0.01, drawers, 0, paint
        )
        shift = x / 2 - 0.04 - 0.04 - 0.21 - 0.02
        fronts = [Piece(p.solid.translate((shift, -0.03, 0)), p.paint, p.part) for p in made]
        joints = [
            Joint(j.part, j.kind, j.axis, (j.origin[0] + shift, j.origin[1] - 0.03, j.origin[2]), j.limits)
            for j in joints
        ]
        rests = [Rest(r.kind, (r.center[0] + shift, r.center[1] - 0.03), r.half, r.z, r.clearance) for r in rests]
    room = z - thick - 0.13 * drawers
    under = Rest("under", (0, -0.06), (x / 2 - 0.08, y / 2 - 0.12), 0.0, room - 0.02)
    return Shape((*(Piece(p, paint) for p in pieces), *fronts), rests=(*rests, _top(size), under), joints=tuple(joints))


def fridge(size: Size, paint: Paint, options: Options) -> Shape:
    """A fridge with two shelves inside and one door, hinged on the right."""
    x, y, z = size
    wall = 0.05
    shell = y - 0.06
    behind = 0.03
    carcass = [
        *(box((wall, shell, z), (s * (x / 2 - wall / 2), behind, 0)) for s in (-1, 1)),
        *(box((x, shell, wall), (0, behind, h)) for h in (0.0, z - wall)),
        box((x, wall, z), (0, y / 2 - wall / 2, 0)),
    ]
    room = z - 2 * wall
    boards = [
        box((x - 2 * wall + 0.002, shell - wall, 0.012), (0, behind - wall / 2, wall + k * room / 3)) for k in (1, 2)
    ]
    door = box((x, 0.055, z - 0.004), (0, -y / 2 + 0.0275, 0.002))
    grip = box((0.025, 0.03, 0.5), (-x / 2 + 0.05, -y / 2 - 0.014, 0.45 * z))
    pieces = [*(Piece(c, paint) for c in carcass), *(Piece(b, Paint((0.85, 0.9, 0.92))) for b in boards)]
    pieces += [Piece(door, paint, "door_1"), Piece(grip, METAL, "door_1")]
    half = (x / 2 - wall - RIM, (shell - wall) / 2 - RIM)
    heights = [wall, *(wall + k * room / 3 + 0.012 for k in (1, 2))]
    rests = [Rest("cell", (0, behind - wall / 2), half, h, room / 3 - 0.03) for h in heights]
    hinge = Joint("door_1", "revolute", (0, 0, 1), (x / 2, -y / 2 + 0.055, z / 2), (0.0, 1.92))
    top = Rest("top", (0, behind), (x / 2 - RIM, shell / 2 - RIM), z)
    return Shape(tuple(pieces), rests=(*rests, top), joints=(hinge,))


def stove(size: Size, paint: Paint, options: Options) -> Shape:
    """A cooker: hob with four plates, an oven with a door that tilts down."""
    x, y, z = size
    shell = y - 0.05
    body = box((x, shell, z - 0.006), (0, 0.025, 0))
    door = box((x - 0.02, 0.04, 0.5 * z), (0, -y / 2 + 0.025, 0.2 * z))
    grip = box((0.7 * x, 0.03, 0.02), (0, -y / 2 - 0.009, 0.64 * z))
    hob = box((x, shell, 0.006), (0, 0.025, z - 0.006))
    knobs = [box((0.04, 0.03, 0.04), (k * 0.15 * x, -y / 2 + 0.037, 0.8 * z)) for k in (-2, -1, 1, 2)]
    pieces = [Piece(body, paint), Piece(hob, DARK), Piece(door, DARK, "door_1"), Piece(grip, METAL, "door_1")]
    pieces += [Piece(k, DARK) for k in knobs]
    hinge = Joint("door_1", "revolute", (1, 0, 0), (0, -y / 2 + 0.045, 0.2 * z), (0.0, 1.57))
    return Shape(tuple(pieces), rests=(Rest("top", (0, 0.025), (x / 2 - RIM, shell / 2 - RIM), z),), joints=(hinge,))


def appliance(size: Size, paint: Paint, options: Options) -> Shape:
    """A washing machine or dishwasher: a closed body with a door that tilts down."""
    x, y, z = size
    body = box((x, y - 0.03, z), (0, 0.015, 0))
    door = box((x - 0.01, 0.025, 0.78 * z), (0, -y / 2 + 0.0145, 0.12 * z))
    grip = box((0.6 * x, 0.02, 0.02), (0, -y / 2 - 0.007, 0.82 * z))
    hinge = Joint("door_1", "revolute", (1, 0, 0), (0, -y / 2 + 0.027, 0.12 * z), (0.0, 1.57))
    pieces = (Piece(body, paint), Piece(door, paint.shade(0.92), "door_1"), Piece(grip, METAL, "door_1"))
    return Shape(pieces, rests=(Rest("top", (0, 0.015), (x / 2 - RIM, y / 2 - 0.035), z),), joints=(hinge,))
