"""Sizes that somebody measured: how they are written, and which object and side they mean."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blueprint_assets.household import find
from blueprint_assets.scene.extents import Extents
from io_managers.record import CommitRecord

SIDES = ("height", "width", "depth")
"""What can follow a name: mug.height. Without it the longest side is meant."""
METRES = {"": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001}
LIMITS_M = (0.001, 10.0)
"""Smaller than a millimetre or larger than a room is a slip of the unit. Own choice."""
REMEDY = (
    "give a length that you measured, as --known-size object_01=0.10 (metres; its longest side) or mug.height=9.5cm"
)


class KnownSizeError(ValueError):
    """A known size cannot be understood or belongs to nothing in the scene."""


@dataclass(frozen=True)
class Measured:
    """`length` metres are the `side` of the object."""

    name: str
    object_id: str
    side: str
    length: float

    def factor(self, extents: Extents) -> float:
        """Metres per unit, by the object's extents in units."""
        found = extents.largest if self.side == "largest" else getattr(extents, self.side)
        if not found > 0:
            raise KnownSizeError(f"known size {self.name}: {self.object_id} has no {self.side}; give another side")
        return float(self.length / found)


def parse_known_sizes(texts: Iterable[str]) -> dict[str, float]:
    """`["object_01=0.10", "mug.height=9.5cm"]` as `{"object_01": 0.1, "mug.height": 0.095}`, metres.

    Raises:
        KnownSizeError: a text is not NAME=LENGTH, a name comes twice, or a length is not 1 mm to 10 m.
    """
    found: dict[str, float] = {}
    for text in texts:
        match = re.fullmatch(r"\s*([^=]+?)\s*=\s*([0-9.eE+-]+)\s*(m|cm|mm|)\s*", text)
        if not match:
            raise KnownSizeError(f"known size {text!r}: not NAME=LENGTH; {REMEDY}")
        name, number, unit = match.groups()
        if name in found:
            raise KnownSizeError(f"known size {name!r} is given twice; give it once")
        try:
            found[name] = round(float(number) * METRES[unit], 9)
        except ValueError:
            raise KnownSizeError(f"known size {text!r}: {number!r} is not a number; {REMEDY}") from None
        _demand_length(name, found[name])
    return found


def resolve(known: Mapping[str, float], categories: Mapping[str, str | None], scene_id: str) -> tuple[Measured, ...]:
    """Which object's which side every known size means; a category's means each of its objects.

    Args:
        known: name or name.side -> metres.
        categories: every object's category in the scene, by its id; None where it was not recognised.
        scene_id: for errors.

    Raises:
        KnownSizeError: a name is neither an object nor a category of the scene, or a length is not 1 mm to 10 m.
    """
    found = []
    for name, length in sorted(known.items()):
        _demand_length(name, length)
        target, side = _target(name)
        ids = _meant(target, categories)
        if not ids:
            present = ", ".join(f"{each} ({kind or 'not recognised'})" for each, kind in categories.items())
            raise KnownSizeError(
                f"scene {scene_id}: known size {name!r} is for nothing in it; there are: {present}; {REMEDY}"
            )
        found += [Measured(name, each, side, length) for each in ids]
    return tuple(found)


def sizes_kept(
    previous: CommitRecord | None, reconstruction: str, categories: Mapping[str, str | None]
) -> dict[str, float]:
    """The known sizes that still hold when nobody gives new ones: those of the scene's last manifest.

    An object's hold as long as the reconstruction does: in another one the same id may be another object, and a wrong length
    is worse than none. A category's hold as long as the scene has it.

    Args:
        previous: the scene's last manifest, None where there is none.
        reconstruction: commit id of the reconstruction that the next one is made from.
        categories: as in `resolve`.
    """
    given = previous.config.get("known_sizes") if previous else None
    if previous is None or not isinstance(given, dict):
        return {}
    same = previous.inputs.get("reconstruction") == reconstruction
    return {
        name: float(length)
        for name, length in given.items()
        if isinstance(length, int | float)
        and _meant(target := _target(name)[0], categories)
        and (same or target not in categories)
    }


def _meant(target: str, categories: Mapping[str, str | None]) -> list[str]:
    """The objects that a name means: the one of that id, else all of that category."""
    if target in categories:
        return [target]
    row = find(target)
    return [each for each, kind in categories.items() if row is not None and kind == row.name]


def _target(name: str) -> tuple[str, str]:
    """The object or category, and the side, that a name means."""
    stem, _, last = name.rpartition(".")
    return (stem, last) if stem and last in SIDES else (name, "largest")


def _demand_length(name: str, length: float) -> None:
    low, high = LIMITS_M
    if not (math.isfinite(length) and low <= length <= high):
        raise KnownSizeError(f"known size {name!r}: {length:g} m; it must be {low:g} to {high:g} m: {REMEDY}")
