"""One kind of household thing: its words, its usual size, what it is made of and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from blueprint_assets.contracts.scene_manifest import SimRole

Trust = Literal["height", "width", "largest"]
Body = Literal["solid", "hollow", "open"]
Stands = Literal["top", "floor", "wall"]
Affordance = Literal[
    "Graspable", "Stackable", "Pourable", "Insertable", "Hangable", "Openable", "Slidable", "Turnable", "Pressable",
    "Fillable", "Containable",
]  # fmt: skip
"""Names of the published affordance table, from which tasks are made."""

OWN = "catalogue default: usual sizes of the trade, our own table, not a survey"
EMBODIEDGEN = "height of the one such asset in EmbodiedGen's published asset list; its other sides: catalogue default"


@dataclass(frozen=True)
class Category:
    """A row of the catalogue.

    Attributes:
        name: singular, lower case; unique.
        words: other names, singular, lower case. A word means one category only.
        plurals: irregular plurals of the name and the words; regular ones are derived.
        size: width, depth, height in metres as it usually rests: width is the longer horizontal side, height is vertical.
        log_sd: standard deviation of the natural logarithm of the trusted dimension between things of this kind: 0.1 is
            10 %. A stated estimate, as is the size unless `source` says otherwise.
        trust: the dimension that varies least and is therefore used for metric scale. `largest` is the longest side in
            whatever pose.
        role: what it is in a simulated scene. Movable things that turn out too large for an arm are made static later.
        material: a name of the material table: what most of it is usually made of.
        body: `solid`, `hollow` (closed: a carton, a bottle) or `open` (hollow and open at the top: a cup).
        affordances: what can be done with it, from its kind; the measured size still has to allow it.
        stands: where it usually is: on a top (table, counter, shelf), on the floor, or on a wall.
        coco: labels of COCO-80 that mean it.
        imagenet: labels of ImageNet-1k that mean it: the first of each label's synonyms.
        source: where the size comes from.
    """

    name: str
    words: tuple[str, ...]
    plurals: tuple[str, ...]
    size: tuple[float, float, float]
    log_sd: float
    trust: Trust
    role: SimRole
    material: str
    body: Body
    affordances: tuple[Affordance, ...]
    stands: Stands
    coco: tuple[str, ...]
    imagenet: tuple[str, ...]
    source: str

    @property
    def trusted_m(self) -> float:
        """The usual length of the trusted dimension, metres."""
        return {"height": self.size[2], "width": self.size[0], "largest": max(self.size)}[self.trust]


def category(
    name: str,
    size: tuple[float, float, float],
    log_sd: float,
    trust: Trust,
    material: str,
    body: Body,
    affordances: str = "Graspable",
    *,
    words: str = "",
    plurals: str = "",
    coco: str = "",
    imagenet: str = "",
    role: SimRole = "manipulable_object",
    stands: Stands = "top",
    source: str = OWN,
) -> Category:
    """A row as the tables write it: lists of words and labels are separated by `|`, affordances by spaces."""
    return Category(
        name=name,
        words=_list(words),
        plurals=_list(plurals),
        size=size,
        log_sd=log_sd,
        trust=trust,
        role=role,
        material=material,
        body=body,
        affordances=tuple(affordances.split()),  # type: ignore[arg-type]
        stands=stands,
        coco=_list(coco),
        imagenet=_list(imagenet),
        source=source,
    )


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split("|")) if words else ()
