"""What a prompt asks for: groups of equal things, and where they are to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from .catalogue import Kind, kinds

FLOOR = "floor"
BIG = ("box", "basket", "hamper", "crate", "tub", "tray", "cutting board", "place mat", "trash can", "bucket", "pallet")
"""What is there to carry several things: "a cup and a spoon on a tray" puts both on it, "… on a plate" the spoon alone."""


@dataclass
class Place:
    """Where a group is: `relation` on | in | under to one target. `number` says which shelf, drawer or instance, counted from
    1; -1 is the top or last one, 0 the middle one. `tentative`: the sentence began with it, and may say otherwise later."""

    relation: str
    target: Group | str
    number: int | None = None
    drawer: bool = False
    tentative: bool = False


@dataclass
class Beside:
    """left | right | front | behind | near to all members of one target, or between two."""

    relation: str
    targets: tuple[Group, ...]
    number: int | None = None


@dataclass(eq=False)
class Group:
    """Equal things that were asked for together."""

    kind: Kind
    count: int
    phrase: str
    color: tuple[float, float, float] | None = None
    grain: str | None = None
    looks: tuple[str, ...] = ()
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    options: dict[str, float] = field(default_factory=dict)
    standing: str | None = None  # stack | row
    place: Place | None = None
    beside: list[Beside] = field(default_factory=list)
    region: str | None = None
    definite: bool = False  # spoken of as if it were known

    @property
    def movable(self) -> bool:
        """It belongs on something, not on the floor."""
        return self.kind.level == "thing"

    @property
    def carries(self) -> bool:
        """It is there to bear several things."""
        return not self.movable or self.kind.category in BIG


@dataclass
class Understood:
    """What a prompt says. `read_as` tells how vague words were taken."""

    groups: list[Group]
    room: str | None
    not_understood: list[str]
    read_as: list[str]


@cache
def holds(category: str) -> str | None:
    """How a thing holds others: "in" an open container, "on" a surface, or not at all. Only its category counts."""
    kind = kinds()[category]
    shape = kind.build(kind.size, kind.paint, {**kind.options, "open": 1.0})
    rests = {rest.kind for rest in shape.rests}
    return "in" if "cavity" in rests else ("on" if rests else None)


def can_be(group: Group, place: Place) -> bool:
    """Whether a group may be put there at all: furniture stands on the floor."""
    return group.kind.portable or place.target == FLOOR or (group.kind.level == "floor" and place.relation == "under")


def stands_on(target: Group | str, group: Group) -> bool:
    """Whether `target` stands on `group`, directly or not."""
    while isinstance(target, Group) and target.place is not None:
        target = target.place.target
        if target is group:
            return True
    return False
