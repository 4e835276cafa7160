"""From what is asked for to where every thing is: supports, then places on each support, from the top of a heap to the floor.

Each holder's load is arranged in the holder's own frame and moves with it. World frame: Z-up, metres, x to the viewer's right,
y away from the viewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import compose, yaw_quaternion
from resources.scene_generation import ContradictionError, DoesNotFitError

from .asked import FLOOR, Group, Understood
from .items import Item, balances, foot, make_item, reshape, rest_for
from .packing import ATTEMPTS, Area, Block, Placed, Rule, pack
from .solids import Rest

Array = NDArray[np.float64]

TABLE = "table"
TABLE_SIZES = ((1.2, 0.75), (1.6, 0.8), (2.0, 0.95), (2.4, 1.1))
"""Tops that stand for the table nobody asked for, metres: common dining tables (EN 15372). The smallest with room is taken."""
TABLE_HEIGHT_M = 0.75
TABLE_RIM_M = 0.05
GROWTH = (1.0, 1.2, 1.45, 1.75, 2.1)
"""How much larger than usual a holder may be taken so that its load fits."""
THING_GAP_M = 0.03
FLOOR_GAP_M = 0.4
"""Between furniture that nobody put together: a way through; it shrinks to a fifth where the room is full."""
ROOMS = ((3.0, 3.0), (4.0, 3.6), (5.0, 4.4), (6.0, 5.4), (7.6, 7.6))
"""Floors, metres: the smallest with room is taken. The scene's ground is 8 m wide."""
FACING = ("chair", "office chair", "stool", "armchair")
PREFERRED = (
    "table", "desk", "counter", "workbench", "coffee table", "side table", "console table", "cabinet", "dresser", "tv stand",
    "nightstand", "shelf", "bookcase", "bench",
)  # fmt: skip
"""Where a thing goes that nobody gave a place, when there is furniture."""


@dataclass(frozen=True)
class Arranged:
    """`items` with their world poses (4, 4) and supports; `floor` (width, depth) and `table` (x, y, width, depth) are the
    planes that there are; `adjusted` tells what was taken larger than usual."""

    items: tuple[tuple[Item, Array, str], ...]
    floor: tuple[float, float] | None
    table: tuple[float, float, float, float] | None
    adjusted: tuple[str, ...]
    relations: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


def arrange(asked: Understood, rng: np.random.Generator, room: tuple[float, float] | None = None) -> Arranged:
    """Every thing that is asked for, in its place.

    Raises:
        DoesNotFitError: something has no room where it is asked for, or cannot be stood on.
        ContradictionError: the places exclude each other.
    """
    maker = _Arranger(asked, rng)
    return maker.run(room)


class _Arranger:
    def __init__(self, asked: Understood, rng: np.random.Generator) -> None:
        self.rng = rng
        self.adjusted: list[str] = []
        self.members: dict[int, list[Item]] = {}
        self.items: list[Item] = []
        self.groups = asked.groups
        totals: dict[str, int] = {}
        for group in asked.groups:
            totals[group.kind.category] = totals.get(group.kind.category, 0) + group.count
        counters: dict[str, int] = {}
        for group in asked.groups:
            category = group.kind.category
            made = []
            for _ in range(group.count):
                counters[category] = counters.get(category, 0) + 1
                name = "".join(c if c.isalnum() else "_" for c in category)
                name = name if totals[category] == 1 else f"{name}_{counters[category]}"
                # The planes are called floor and table.
                name = f"{name}_1" if name in (FLOOR, TABLE) else name
                made.append(make_item(name, group))
            self.members[id(group)] = made
            self.items += made
        self.rules: list[tuple[str, Item, tuple[Item, ...]]] = []

    def run(self, room: tuple[float, float] | None) -> Arranged:
        self._give_parents()
        self._give_rules()
        grounded = [i for i in self.items if i.parent == FLOOR]
        tabled = [i for i in self.items if i.parent == TABLE]
        for item in (*grounded, *tabled):
            self._arrange_load(item)
        table: tuple[float, float, float, float] | None = None
        floor: tuple[float, float] | None = None
        if tabled:
            width, depth = self._arrange_table(tabled)
            table = (0.0, 0.0, width, depth)
        height = 0.0
        if grounded:
            floor, place = self._arrange_floor(grounded, table, room)
            if table is not None and place is not None:
                table = (place.x, place.y, table[2], table[3])
                height = TABLE_HEIGHT_M
        found: list[tuple[Item, Array, str]] = []
        for item in self.items:
            if item.parent == FLOOR:
                found += _poses(item, np.eye(4), FLOOR)
            elif item.parent == TABLE:
                assert table is not None
                found += _poses(item, _pose(table[0], table[1], height, 0.0), TABLE)
        order = {item.id: number for number, item in enumerate(self.items)}
        found.sort(key=lambda one: order[one[0].id])
        relations = tuple((relation, one.id, tuple(o.id for o in others)) for relation, one, others in self.rules)
        return Arranged(tuple(found), floor, table, tuple(self.adjusted), relations)

    # What stands on what

    def _give_parents(self) -> None:
        furniture = [g for g in self.groups if not g.movable and not g.place]
        for group in self.groups:
            for number, item in enumerate(self.members[id(group)]):
                if group.standing == "stack" and number:
                    item.parent, item.relation = self.members[id(group)][number - 1], "on"
                elif group.place is not None:
                    self._give_place(item, number, group)
                elif not group.movable:
                    item.parent = FLOOR
        # What is beside a thing stands on what that thing stands on.
        for _ in self.items:
            for group in self.groups:
                for beside in group.beside:
                    members = [group, *beside.targets]
                    known = [
                        self.members[id(g)][0]
                        for g in members
                        if g.movable and self.members[id(g)][0].parent is not None
                    ]
                    if not known:
                        continue
                    for item in (i for g in members if g.movable for i in self.members[id(g)] if i.parent is None):
                        root = known[0]
                        item.parent, item.relation, item.number = root.parent, root.relation, root.number
        home = self._home(furniture)
        for item in self.items:
            if item.parent is None:
                item.parent = home
            if isinstance(item.parent, Item):
                item.parent.load.append(item)

    def _give_place(self, item: Item, number: int, group: Group) -> None:
        place = group.place
        assert place is not None
        item.relation, item.number, item.drawer = place.relation, place.number, place.drawer
        if isinstance(place.target, str):
            item.parent = place.target
            return
        holders = self.members[id(place.target)]
        which = place.number
        if len(holders) == 1 or which is None:
            chosen = number % len(holders)
            if place.target.standing == "stack":
                chosen = len(holders) - 1
        else:
            item.number = None
            chosen = len(holders) - 1 if which == -1 else (len(holders) // 2 if which == 0 else which - 1)
            if chosen >= len(holders):
                raise ContradictionError(f"prompt: there are {len(holders)} {place.target.phrase}, not {which}")
        item.parent = holders[chosen]

    def _home(self, furniture: Sequence[Group]) -> Item | str:
        for category in PREFERRED:
            for group in furniture:
                if group.kind.category == category:
                    return self.members[id(group)][0]
        return TABLE

    def _give_rules(self) -> None:
        for group in self.groups:
            mine = self.members[id(group)]
            if group.standing == "row":
                for one, other in pairwise(mine):
                    self.rules.append(("right", other, (one,)))
                    self.rules.append(("near", other, (one,)))
            for beside in group.beside:
                targets = [i for g in beside.targets for i in self.members[id(g)]]
                if beside.number is not None and 0 < beside.number <= len(targets):
                    targets = [targets[beside.number - 1]]
                targets = [t for t in targets if t not in mine]
                for item in mine:
                    if group.standing == "stack" and item is not mine[0]:
                        continue
                    self._rule(beside.relation, item, targets)

    def _rule(self, relation: str, item: Item, targets: Sequence[Item]) -> None:
        """A rule between those ancestors that stand on the same support."""
        chains = [_chain(each) for each in (item, *targets)]
        for one in chains[0]:
            level = [
                next((c for c in chain if c.parent is one.parent or c.parent == one.parent), None)
                for chain in chains[1:]
            ]
            found = [c for c in level if c is not None and c is not one]
            if len(found) == len(chains) - 1:
                self.rules.append((relation, one, tuple(dict.fromkeys(found))))
                return
        names = ", ".join(t.id for t in targets)
        raise ContradictionError(f"prompt: {item.id} cannot be {relation} of {names}: they are not on the same level")

    # Places

    def _arrange_load(self, holder: Item) -> None:
        for item in holder.load:
            self._arrange_load(item)
        if not holder.load:
            return
        # The members of a stack are of one size.
        growths = GROWTH if holder.group.kind.grows and holder.group.standing != "stack" else (1.0,)
        for growth in growths:
            if growth > 1.0:
                reshape(holder, growth)
            if self._fill(holder):
                if growth > 1.0:
                    self.adjusted.append(f"{holder.id}: {growth:.2f} times its usual size, so that its load fits")
                return
        names = ", ".join(item.id for item in holder.load)
        x, y, z = np.ptp(holder.corners, axis=0)
        raise DoesNotFitError(
            f"{names} {'does' if len(holder.load) == 1 else 'do'} not fit {holder.load[0].relation} {holder.id} "
            f"({x:.2f} x {y:.2f} x {z:.2f} m); ask for fewer, or for something larger to hold them"
        )

    def _fill(self, holder: Item) -> bool:
        from .nesting import nested_height

        by_rest: dict[int, list[Item]] = {}
        for item in holder.load:
            if item.group is holder.group and holder.shape.cuts:  # a stack of open things
                item.local = _pose(0.0, 0.0, nested_height(holder.shape, item.shape), 0.0)
                continue
            by_rest.setdefault(rest_for(holder, item), []).append(item)
        for number, items in by_rest.items():
            rest = holder.shape.rests[number]
            if rest.kind != "cavity" and any(item.heap() > rest.clearance for item in items):
                return False
            if not self._lay(rest, items) and not (rest.kind == "cavity" and self._heap_up(holder, rest, items)):
                return False
        return True

    def _heap_up(self, holder: Item, rest: Rest, items: Sequence[Item]) -> bool:
        """Lets things fall into a container in which they do not fit side by side."""
        from .heaps import drop

        walls = holder.shape.convex_pieces()
        if walls is None or self._rules_of(items):
            return False
        if any(item.load or item.relation != "in" for item in items):
            return False
        things = [item.shape.convex_pieces() or (item.corners,) for item in items]
        poses = drop(walls, rest, things, self.rng)
        if poses is None:
            return False
        for item, pose in zip(items, poses, strict=True):
            item.local = pose
        return True

    def _lay(self, rest: Rest, items: Sequence[Item]) -> bool:
        (cx, cy), (hx, hy) = rest.center, rest.half
        gap = THING_GAP_M if max(hx, hy) > 0.15 else 0.004
        area = Area((cx - hx, cy - hy, cx + hx, cy + hy), gap, rest.round)
        found = pack(area, [self._block(i, small=max(hx, hy) < 0.25) for i in items], self._rules_of(items), self.rng)
        if found is None and len(items) == 1 and rest.kind == "top" and balances(items[0], rest):
            x0, y0, x1, y1 = items[0].rectangle(0.0)
            base = foot(items[0])
            found = {items[0].id: Placed(cx - base[0], cy - base[1], 0.0, (x0, y0, x1, y1))}
        if found is None:
            return False
        for item in items:
            spot = found[item.id]
            item.local = _pose(spot.x, spot.y, rest.z, spot.yaw)
            item.on_floor = rest.kind == "under"
        return True

    def _block(self, item: Item, *, small: bool = False) -> Block:
        group = item.group
        beside = any(relation != "between" and one is item for relation, one, _ in self.rules)
        if group.kind.category in FACING and beside and item.parent == FLOOR:
            turns = tuple((yaw, item.rectangle(yaw)) for yaw in (0.0, math.pi, math.pi / 2, -math.pi / 2))
            return Block(item.id, turns, faces=True, large=True)
        if item.load or not group.kind.portable:
            return Block(
                item.id, ((0.0, item.rectangle(0.0)),), against_wall=group.kind.level == "wall", region=group.region,
                large=not group.kind.portable,
            )  # fmt: skip
        yaw = 0.0 if small else float(self.rng.uniform(-0.35, 0.35))
        choices = [yaw, 0.0, math.pi / 2] if not small else [0.0, math.pi / 2, math.pi / 4]
        return Block(
            item.id, tuple((each, item.rectangle(each)) for each in dict.fromkeys(choices)), region=group.region
        )

    def _rules_of(self, items: Sequence[Item]) -> list[Rule]:
        return [
            Rule(relation, one.id, tuple(o.id for o in others))
            for relation, one, others in self.rules
            if any(one is i for i in items) and all(any(o is i for i in items) for o in others)
        ]

    def _arrange_table(self, items: Sequence[Item]) -> tuple[float, float]:
        for width, depth in TABLE_SIZES:
            half = (width / 2 - TABLE_RIM_M, depth / 2 - TABLE_RIM_M)
            if self._lay(Rest("top", (0.0, 0.0), half, 0.0), items):
                return width, depth
        raise DoesNotFitError(
            f"{len(items)} things do not fit on a table of {TABLE_SIZES[-1][0]} x {TABLE_SIZES[-1][1]} m; ask for fewer, or put "
            "some of them elsewhere"
        )

    def _arrange_floor(
        self, items: Sequence[Item], table: tuple[float, float, float, float] | None, room: tuple[float, float] | None
    ) -> tuple[tuple[float, float], Placed | None]:
        blocks = [self._block(item) for item in items]
        if table is not None:
            width, depth = table[2:]
            blocks.append(Block(TABLE, ((0.0, (-width / 2, -depth / 2, width / 2, depth / 2)),), large=True))
        sizes = (room,) if room is not None else ROOMS
        for width, depth in sizes:
            area = Area((-width / 2, -depth / 2, width / 2, depth / 2), FLOOR_GAP_M)
            # A larger room before furniture without a way through.
            attempts = ATTEMPTS if (width, depth) == sizes[-1] else ATTEMPTS // 3
            found = pack(area, blocks, self._rules_of(items), self.rng, attempts)
            if found is None:
                continue
            for item in items:
                spot = found[item.id]
                item.local = _pose(spot.x, spot.y, 0.0, spot.yaw)
            return (width, depth), found.get(TABLE)
        width, depth = sizes[-1]
        raise DoesNotFitError(
            f"{', '.join(item.id for item in items)} do not fit a floor of {width} x {depth} m as they are asked for; "
            "ask for fewer, or for a larger room"
        )


def _chain(item: Item) -> Iterator[Item]:
    yield item
    while isinstance(item.parent, Item):
        item = item.parent
        yield item


def _poses(item: Item, frame: Array, support: str) -> Iterator[tuple[Item, Array, str]]:
    """World poses of an item and its load, given the pose of what it stands on."""
    own = frame @ item.local
    yield item, own, support
    for other in item.load:
        yield from _poses(other, own, FLOOR if other.on_floor else item.id)


def _pose(x: float, y: float, z: float, yaw: float) -> Array:
    return compose((x, y, z), yaw_quaternion(yaw))
