"""The tasks in plain English, as the person who took the photograph would say them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest

Array = NDArray[np.float64]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True)
class Instructions:
    """`names`: what each object is called, unique. `places`: object id -> (right, away), metres, seen from the camera."""

    names: dict[str, str]
    places: dict[str, Array]
    right: Array
    away: Array

    @classmethod
    def of(cls, manifest: SceneManifest, layout: SceneLayout) -> Instructions:
        """Names objects by the manifest; those of one name are told apart by their order from left to right."""
        axes = np.array(layout.camera.camera_to_world)[:2, :3]
        right = _unit(axes[:, 0])
        away = np.array([-right[1], right[0]])
        places = {
            item.id: np.array([np.dot(item.position[:2], right), np.dot(item.position[:2], away)])
            for item in layout.objects
        }
        plain = {
            item.id: (item.name or item.id).replace("_", " ").strip() for item in manifest.objects if item.id in places
        }
        names = {}
        for object_id, name in plain.items():
            alike = sorted(
                (other for other in plain if plain[other] == name), key=lambda other: (places[other][0], other)
            )
            names[object_id] = name if len(alike) == 1 else _ordered(name, alike.index(object_id), len(alike))
        return cls(names, places, right, away)

    def lift(self, object_id: str) -> str:
        """The text of a pick-and-lift."""
        return f"pick up the {self.names[object_id]} and lift it"

    def place(self, object_id: str, center: ArrayLike) -> str:
        """The text of a pick-and-place: where to, seen from the camera, from the nearest other object or the start."""
        spot = np.asarray(center, dtype=float)[:2]
        seen = np.array([spot @ self.right, spot @ self.away])
        others = [name for name in self.places if name != object_id and name in self.names]
        if not others:
            step = seen - self.places[object_id]
            side = _side(step, ("to the right", "to the left", "away from the camera", "towards the camera"))
            return f"move the {self.names[object_id]} {side}"
        nearest = min(others, key=lambda name: (float(np.linalg.norm(seen - self.places[name])), name))
        side = _side(seen - self.places[nearest], ("to the right of", "to the left of", "behind", "in front of"))
        return f"pick up the {self.names[object_id]} and put it {side} the {self.names[nearest]}"


def _side(step: Array, words: tuple[str, str, str, str]) -> str:
    """One of (right, left, away, towards) for a step (right, away)."""
    if abs(step[0]) >= abs(step[1]):
        return words[0] if step[0] > 0 else words[1]
    return words[2] if step[1] > 0 else words[3]


def _ordered(name: str, index: int, count: int) -> str:
    if count == 2:
        return f"{('left', 'right')[index]} {name}"
    if count == 3:
        return f"{('left', 'middle', 'right')[index]} {name}"
    place = ORDINALS[index] if index < len(ORDINALS) else f"{index + 1}th"
    return f"{place} {name} from the left"


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit
