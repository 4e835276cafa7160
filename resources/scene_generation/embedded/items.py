"""The things of a scene while they are arranged: each with its shape, its load and the flat places that it offers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import apply
from resources.scene_generation import DoesNotFitError

from .asked import Group
from .packing import Rectangle
from .solids import Paint, Rest, Shape, corners

Array = NDArray[np.float64]

REACH_Z = 0.9
"""Height of the shelf that is taken when nobody says which: between a person's hip and shoulder."""
SHELVES = ("shelf", "bookcase")


@dataclass(eq=False)
class Item:
    """One thing. `local` (4, 4) is where it is in its support's frame; `corners` (n, 3) its hull's."""

    id: str
    group: Group
    shape: Shape
    scale: tuple[float, float, float]
    corners: Array
    parent: Item | str | None = None
    relation: str = "on"
    number: int | None = None
    drawer: bool = False
    load: list[Item] = field(default_factory=list)
    local: Array = field(default_factory=lambda: np.eye(4))
    on_floor: bool = False  # under its holder: it stands on the floor

    @property
    def height(self) -> float:
        """Metres, of the thing alone."""
        return float(np.ptp(self.corners[:, 2]))

    def rectangle(self, yaw: float) -> Rectangle:
        """What the thing and its load cover, about its origin, turned by `yaw`."""
        return _bounds(self.reach()[:, :2], yaw)

    def reach(self) -> Array:
        """Corners (n, 3) of the thing and its load."""
        return np.concatenate([self.corners, *(apply(o.local, o.reach()) for o in self.load)])

    def heap(self) -> float:
        """Height of the thing with what stands on or in it."""
        return float(self.reach()[:, 2].max())


def build(group: Group, scale: tuple[float, float, float], growth: float = 1.0) -> Shape:
    """A group's shape in metres."""
    kind = group.kind
    flat = growth if kind.level == "thing" else 1.0  # furniture grows in plan, not in height
    x, y, z = (a * b for a, b in zip(kind.size, scale, strict=True))
    base = kind.paint
    paint = Paint(group.color or base.color, group.grain or base.grain)
    return kind.build((x * growth, y * growth, z * flat), paint, dict(group.options))


def make_item(name: str, group: Group) -> Item:
    """One thing of a group."""
    shape = build(group, group.scale)
    return Item(name, group, shape, group.scale, _corners(shape))


def reshape(item: Item, growth: float) -> None:
    """Takes the thing larger than usual."""
    item.shape = build(item.group, item.scale, growth)
    item.corners = _corners(item.shape)


def _corners(shape: Shape) -> Array:
    """Corners (n, 3) of the pieces' hull: what the thing reaches to."""
    from manifold3d import Manifold

    return corners(Manifold.batch_hull([piece.solid for piece in shape.pieces]))


def _bounds(points: Array, yaw: float) -> tuple[float, float, float, float]:
    c, s = math.cos(yaw), math.sin(yaw)
    x, y = points[:, 0] * c - points[:, 1] * s, points[:, 0] * s + points[:, 1] * c
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def foot(item: Item) -> tuple[float, float]:
    """The middle of what touches the ground."""
    low = item.corners[item.corners[:, 2] < item.corners[:, 2].min() + 0.002]
    x, y = (low[:, :2].min(axis=0) + low[:, :2].max(axis=0)) / 2
    return float(x), float(y)


def balances(item: Item, rest: Rest) -> bool:
    """Whether a thing may stand out over a smaller top: half of its foot's width and depth bear it, the middle in the middle."""
    low = item.corners[item.corners[:, 2] < item.corners[:, 2].min() + 0.002]
    half = np.ptp(low[:, :2], axis=0) / 2
    share = 0.7 if rest.round else 1.0
    return bool((np.array(rest.half) * share >= 0.5 * half).all()) and not item.load


def rest_for(holder: Item, item: Item) -> int:
    """Which of the holder's flat places: by the relation, the number that was said, and else the handiest height."""
    rests = holder.shape.rests
    tops = [k for k, r in enumerate(rests) if r.kind in ("top", "cavity")]
    cells = [k for k, r in enumerate(rests) if r.kind == "cell"]
    drawers = [k for k, r in enumerate(rests) if r.kind == "drawer"]
    if item.relation == "under":
        found = [k for k, r in enumerate(rests) if r.kind == "under"]
        if not found:
            raise DoesNotFitError(f"there is no room under {holder.id} for {item.id}; put it beside or on it")
        return found[0]
    if item.drawer:
        chosen = drawers[::-1] if item.number is not None else drawers  # drawers are listed from the top
    elif item.number is not None and cells:
        chosen = [*cells, *(k for k in tops if holder.group.kind.category in SHELVES)]
        if item.number > 0:
            chosen = cells if item.number <= len(cells) else chosen
    elif (item.relation == "in" and cells) or (cells and tops and rests[tops[0]].z > 1.3):
        chosen = sorted(cells, key=lambda k: abs(rests[k].z - REACH_Z))[:1]
    else:
        chosen = tops
    if not chosen:
        raise DoesNotFitError(
            f"nothing can be put {item.relation} {holder.id}: it has no flat place; put {item.id} beside it"
        )
    if item.number is None or len(chosen) == 1:
        return chosen[0]
    if item.number == -1:
        return chosen[-1] if item.drawer else (cells[-1] if cells else chosen[-1])
    if item.number == 0:
        return chosen[len(chosen) // 2]
    if item.number > len(chosen):
        raise DoesNotFitError(f"{holder.id} has {len(chosen)} of them, not {item.number}, for {item.id}")
    return chosen[item.number - 1]
