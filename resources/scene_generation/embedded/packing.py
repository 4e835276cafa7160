"""Blocks on a flat area, seen from above: none over another, each where it was asked to be beside others.

Blocks are axis-aligned rectangles around what they stand for, so that rectangles apart means solids apart. x is to the right and
y away from the viewer. Deterministic: the same blocks and random numbers give the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from resources.scene_generation import ContradictionError

Array = NDArray[np.float64]
Rectangle = tuple[float, float, float, float]
"""x from, y from, x to, y to."""

NEAR_M = 0.15
"""Horizontal neighbourhood of the published scene graph: what is "next to"."""
FLOOR_NEAR_M = 0.3
"""The same between furniture."""
ATTEMPTS = 14
"""Of a whole arrangement. The first leave blocks wide apart and turned; the last ones pack them."""
CELLS = 72
"""Candidate places along an area's longer side, at least 4 mm apart."""


@dataclass(frozen=True)
class Block:
    """`turns`: yaw (radians) -> its rectangle about its own origin, the preferred one first."""

    name: str
    turns: tuple[tuple[float, Rectangle], ...]
    against_wall: bool = False
    region: str | None = None
    faces: bool = False  # it is turned towards the block that it is beside
    large: bool = False


@dataclass(frozen=True)
class Rule:
    """`name` is left of (right, front, behind, near, between) the blocks `others`."""

    relation: str
    name: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Area:
    """A rectangle; `round` keeps blocks inside the circle of its half width. `gap` is kept between blocks, metres."""

    rectangle: Rectangle
    gap: float
    round: bool = False


@dataclass
class Placed:
    """Where a block's origin is, and its rectangle there."""

    x: float
    y: float
    yaw: float
    box: Rectangle = field(default=(0.0, 0.0, 0.0, 0.0))


def pack(
    area: Area, blocks: Sequence[Block], rules: Sequence[Rule], rng: np.random.Generator, attempts: int = ATTEMPTS
) -> dict[str, Placed] | None:
    """Places for all blocks that keep all rules; None when none were found in the first `attempts`.

    Raises:
        ContradictionError: no arrangement can keep the rules: something is left of itself.
    """
    order = _order(blocks, rules)
    for attempt in range(attempts):
        tight = attempt / (ATTEMPTS - 1)
        placed: dict[str, Placed] = {}
        for block in order:
            found = _place(area, block, placed, blocks, rules, rng, tight)
            if found is None:
                break
            placed[block.name] = found
        else:
            return placed
    return None


def _order(blocks: Sequence[Block], rules: Sequence[Rule]) -> list[Block]:
    """Whatever a rule refers to comes before what it places; large blocks before small ones."""
    for before, after in (("left", "right"), ("front", "behind")):
        edges = [(r.name, o) for r in rules if r.relation == before for o in r.others]
        edges += [(o, r.name) for r in rules if r.relation == after for o in r.others]
        _demand_no_circle(edges, before)
    waiting = sorted(blocks, key=lambda b: (not b.against_wall, -_extent(b), b.name))
    done: list[Block] = []
    names: set[str] = set()
    while waiting:
        ready = [b for b in waiting if all(set(r.others) <= names for r in rules if r.name == b.name)]
        following = (ready or waiting)[0]  # mutual neighbours: either may come first
        waiting.remove(following)
        done.append(following)
        names.add(following.name)
    return done


def _demand_no_circle(edges: list[tuple[str, str]], relation: str) -> None:
    following: dict[str, set[str]] = {}
    for one, other in edges:
        following.setdefault(one, set()).add(other)
    for start in sorted(following):
        seen, waiting = set(), [start]
        while waiting:
            for other in sorted(following.get(waiting.pop(), ())):
                if other == start:
                    raise ContradictionError(
                        f"prompt: {start} would be on the {relation} of itself; check left, right, behind"
                    )
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)


def _extent(block: Block) -> float:
    x0, y0, x1, y1 = block.turns[0][1]
    return (x1 - x0) * (y1 - y0)


def _place(
    area: Area, block: Block, placed: dict[str, Placed], blocks: Sequence[Block], rules: Sequence[Rule],
    rng: np.random.Generator, tight: float,
) -> Placed | None:  # fmt: skip
    x0, y0, x1, y1 = area.rectangle
    gap = area.gap * (1 - 0.8 * tight)
    turns = block.turns if tight < 0.35 or len(block.turns) == 1 else block.turns[1:]
    # Where it would like to be: anywhere, nearer to the middle when others are to be placed around it.
    anchor = any(block.name in rule.others for rule in rules)
    spread = 0.25 if anchor else 0.8
    wish = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + spread * (rng.random(2) - 0.5) * [x1 - x0, y1 - y0]
    if tight > 0.5 and not anchor:
        wish = np.array([x0, y0])
    best: tuple[float, Placed] | None = None
    for yaw, rectangle in turns:
        spots = _spots(area, block, rectangle, rng, tight)
        if not len(spots):
            continue
        boxes = spots[:, [0, 1, 0, 1]] + np.array(rectangle)
        good = np.ones(len(spots), dtype=bool)
        for other in placed.values():
            b = other.box
            good &= (
                (boxes[:, 0] >= b[2] + gap) | (boxes[:, 2] <= b[0] - gap)
                | (boxes[:, 1] >= b[3] + gap) | (boxes[:, 3] <= b[1] - gap)
            )  # fmt: skip
        if block.region is not None:
            good &= _in_region(block.region, boxes, area.rectangle)
        cost = np.hypot(*(spots - wish).T)
        for rule in rules:
            if rule.name == block.name and set(rule.others) <= set(placed):
                kept, extra = _keeps(rule, boxes, [placed[o].box for o in rule.others], block, yaw)
                good &= kept
                cost = 0.15 * cost + extra
            elif rule.relation == "between" and block.name in rule.others:
                good &= _leaves_room(rule, block.name, boxes, placed, blocks, gap)
        if not good.any():
            continue
        k = int(np.flatnonzero(good)[np.argmin(cost[good])])
        if best is None or cost[k] < best[0] - 1e-9:
            box = tuple(float(v) for v in boxes[k])
            best = (float(cost[k]), Placed(float(spots[k, 0]), float(spots[k, 1]), yaw, box))  # type: ignore[arg-type]
    return best[1] if best else None


def _spots(area: Area, block: Block, rectangle: Rectangle, rng: np.random.Generator, tight: float) -> Array:
    """Candidate origins (n, 2) with which the block's rectangle is inside the area."""
    low = np.array(area.rectangle[:2]) - rectangle[:2]
    high = np.array(area.rectangle[2:]) - rectangle[2:]
    room = high - low
    if (room < -1e-9).any():
        return np.zeros((0, 2))
    room = np.maximum(room, 0.0)
    step = max(float(max(area.rectangle[2] - area.rectangle[0], area.rectangle[3] - area.rectangle[1])) / CELLS, 0.004)
    phase = rng.random(2) if tight < 0.5 else np.zeros(2)
    axes = []
    for k in range(2):
        inner = np.arange(phase[k] * step, room[k], step)
        axes.append(low[k] + np.unique(np.concatenate([[0.0, room[k] / 2, room[k]], inner])))
    if block.against_wall and tight < 0.7:
        axes[1] = high[1:2]
    spots = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    if area.round:
        middle = (np.array(area.rectangle[:2]) + area.rectangle[2:]) / 2
        radius = (area.rectangle[2] - area.rectangle[0]) / 2
        reach = np.zeros(len(spots))
        for x in (rectangle[0], rectangle[2]):
            for y in (rectangle[1], rectangle[3]):
                reach = np.maximum(reach, np.hypot(*(spots + np.array([x, y]) - middle).T))
        spots = spots[reach <= radius + 1e-9]
    return spots


def _in_region(region: str, boxes: Array, area: Rectangle) -> NDArray[np.bool_]:
    middle = np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)], axis=1)
    share = (middle - area[:2]) / (np.array(area[2:]) - area[:2])
    inside: NDArray[np.bool_] = {
        "left": share[:, 0] < 0.4, "right": share[:, 0] > 0.6, "front": share[:, 1] < 0.4, "back": share[:, 1] > 0.6,
        "middle": (np.abs(share - 0.5) < 0.2).all(axis=1),
    }[region]  # fmt: skip
    return inside


def _keeps(
    rule: Rule, boxes: Array, others: list[Rectangle], block: Block, yaw: float
) -> tuple[NDArray[np.bool_], Array]:
    """Which candidates keep a rule, and how far each is from the best way to keep it (metres)."""
    merged = np.array(others)
    ref = np.concatenate([merged[:, :2].min(axis=0), merged[:, 2:].max(axis=0)])
    middle = np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)], axis=1)
    center = np.array([(ref[0] + ref[2]) / 2, (ref[1] + ref[3]) / 2])
    away = middle - center
    apart = np.maximum(np.maximum(boxes[:, :2] - ref[2:], ref[:2] - boxes[:, 2:]), 0.0)
    distance = np.hypot(*apart.T)
    kept: NDArray[np.bool_]
    # What faces it looks along -y at yaw 0: at each side of the other it is turned towards it.
    looks = np.array([np.sin(yaw), -np.cos(yaw)])
    towards = (apart * -np.sign(away) @ looks > 0.9 * distance) & ((apart > 0).sum(axis=1) == 1)
    if rule.relation in ("left", "right", "front", "behind"):
        axis = 0 if rule.relation in ("left", "right") else 1
        sign = 1 if rule.relation in ("right", "behind") else -1
        kept = (apart[:, axis] > 0) & (sign * away[:, axis] > 0) & (np.abs(away[:, 1 - axis]) <= np.abs(away[:, axis]))
        if block.faces:
            kept &= towards
        return kept, distance + 2 * np.abs(away[:, 1 - axis])
    if rule.relation == "between":
        one, other = np.array(others[0]), np.array(others[-1])
        a, b = (one[:2] + one[2:]) / 2, (other[:2] + other[2:]) / 2
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
        share = ((middle - a) @ along) / max(float(np.hypot(*(b - a))), 1e-9)
        across = np.abs((middle - a) @ np.array([-along[1], along[0]]))
        kept = (share > 0.25) & (share < 0.75) & (across < 0.3 * np.hypot(*(b - a)))
        return kept, across + np.abs(share - 0.5)
    each = np.stack([np.hypot(*np.maximum(np.maximum(boxes[:, :2] - o[2:], o[:2] - boxes[:, 2:]), 0.0).T)
                     for o in np.array(others)])  # fmt: skip
    nearest = each.min(axis=0)
    kept = nearest <= (FLOOR_NEAR_M if block.large else NEAR_M) * 0.9
    if block.faces:
        kept &= towards
        side = np.abs(away @ np.array([-looks[1], looks[0]]))
        return kept, distance + 0.2 * side
    return kept, nearest


def _leaves_room(
    rule: Rule, name: str, boxes: Array, placed: dict[str, Placed], blocks: Sequence[Block], gap: float
) -> NDArray[np.bool_]:
    """The second of two between which something goes leaves its width, on the first one's right, in line with it."""
    first = [o for o in rule.others if o != name and o in placed]
    if not first:
        return np.ones(len(boxes), dtype=bool)
    inner = next(b for b in blocks if b.name == rule.name)
    reach = max(max(r[2] - r[0], r[3] - r[1]) for _, r in inner.turns)
    b = placed[first[0]].box
    space = np.maximum(boxes[:, 0] - b[2], b[0] - boxes[:, 2])
    level = np.abs(boxes[:, [1, 3]].mean(axis=1) - (b[1] + b[3]) / 2)
    fits: NDArray[np.bool_] = (space >= reach + 2.1 * gap) & (space <= reach + 2 * gap + 0.25) & (level <= 0.04)
    # The first named goes to the left of the second.
    before = list(rule.others).index(name) < list(rule.others).index(first[0])
    return fits & ((boxes[:, 2] < b[0]) if before else (boxes[:, 0] > b[2]))
