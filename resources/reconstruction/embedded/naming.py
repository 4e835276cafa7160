"""What each thing is: the detector's boxes and the classifier's words, summed over the household catalogue's categories.

Neither was made for this: the detector knows 80 kinds, the classifier takes a box for a router and a carton for a soap dispenser.
So words that mean the same build (FAMILIES) count together for the plainest of them, and the mask's outline and the kind of scene
rule out what cannot be. What stays below LEAST is not named here; its shape may still say so much as "box".
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from blueprint_assets.household import CATEGORIES, from_label
from resources.vision import boxes, names

from .detections import Detected, box_of
from .parting import solidity
from .solid import Solid
from .surface import BoolImage, Image8

LEAST = 0.3
"""Sum of the detector's and the classifier's scores from which a name is given: on sixteen rendered scenes 60 of 85 things were
named, 41 of them rightly."""
SAME_BOX = 0.6
"""Overlap (intersection over union) of the mask's box with the detector's."""
OUT_OF_PLACE = 0.25
"""Weight of furniture and the like (what stands on floors) on a table, and of tableware on a floor."""
ROUND = (0.86, 1.16, 0.93)
"""Least and greatest width over height, and least solidity, of a ball's mask."""
ROOM = 2
"""As many pieces of furniture, surely detected, make a room."""
SURE = 0.5

FAMILIES: dict[str, tuple[str, ...]] = {
    "box": (
        "box", "binder", "router", "hard drive", "radio", "eraser", "switch", "projector", "crate", "chest", "safe", "envelope",
        "tissue box", "small box", "pencil case", "pencil sharpener", "lighter",
    ),
    "bottle": ("bottle", "pill bottle", "soap dispenser", "spray can", "perfume bottle", "spray bottle"),
    "cup": ("cup", "measuring cup", "bucket"),
    "ball": ("ball", "ping pong ball", "golf ball", "baseball", "tennis ball", "football", "basketball", "pool table"),
    "bowl": ("bowl", "mixing bowl", "sink", "wok", "strainer"),
    "basket": ("basket", "hamper"),
}  # fmt: skip
"""What the classifier's words are taken for."""
IN_A_ROOM = {
    "bucket": "trash can",
    "measuring cup": "trash can",
    "cup": "trash can",
    "hamper": "trash can",
    "lamp": "floor lamp",
}
"""The same for what stands on floors."""
_FAMILY = {word: family for family, words in FAMILIES.items() for word in words}
_BALLS = {"ball"}


@dataclass(frozen=True)
class Name:
    """A category of the catalogue, how sure (0..1), and who says so."""

    category: str
    certainty: float
    by: str


def is_room(detected: list[Detected]) -> bool:
    """Whether the picture shows furniture on a floor rather than things on a table."""
    return sum(one.score > SURE and one.category.stands == "floor" for one in detected) >= ROOM


def recognise(rgb: Image8, mask: BoolImage, detected: list[Detected], room: bool) -> Name | None:
    """The most likely name of what the mask shows, or None. `detected`: boxes in pixels of `rgb`."""
    scores: dict[str, list[float]] = {}
    box = box_of(mask)
    for one in detected:
        if boxes.overlap(box, one.box) >= SAME_BOX:
            found = scores.setdefault(one.category.name, [0.0, 0.0])
            found[0] = max(found[0], one.score)
    for name, score in classified(rgb, mask).items():
        known = IN_A_ROOM.get(name, name) if room else _FAMILY.get(name, name)
        scores.setdefault(known, [0.0, 0.0])[1] += score
    if "mug" in scores and "cup" in scores:
        # The detector says cup to both; the classifier knows handles.
        total = [a + b for a, b in zip(scores["cup"], scores["mug"], strict=True)]
        better = "mug" if scores["mug"][1] > 0.5 * scores["cup"][1] else "cup"
        scores.pop("cup")
        scores.pop("mug")
        scores[better] = total
    ranked = sorted(
        ((min(1.0, sum(parts)) * _likely(name, mask, room), name, parts) for name, parts in scores.items()),
        key=lambda item: (-item[0], item[1]),
    )
    if not ranked or ranked[0][0] < LEAST:
        return None
    certainty, name, (seen, read) = ranked[0]
    by = [f"detector {seen:.2f}"] * (seen > 0) + [f"classifier {read:.2f}"] * (read >= 0.01)
    return Name(name, round(min(0.99, certainty), 2), " + ".join(by))


def classified(rgb: Image8, mask: BoolImage) -> dict[str, float]:
    """The classifier's scores for what the mask shows, summed over each category's words."""
    scores: dict[str, float] = {}
    for one in names.classify_masked(rgb, mask.astype(np.float32), top=1000):
        row = from_label("imagenet", one.label)
        if row is not None:
            scores[row.name] = scores.get(row.name, 0.0) + one.score
    return scores


def by_shape(solid: Solid) -> Name | None:
    """What the fitted solid alone makes likely: a box, a ball, a bottle, a can; None for anything else."""
    width, depth, height = (float(side) for side in solid.mesh.extents)
    across = max(width, depth)
    if solid.shape == "cuboid":
        return Name("box", 0.4, "box-shaped")
    if "revolved" not in solid.shape and solid.shape != "ellipsoid":
        return None
    if solid.shape == "ellipsoid" or (0.88 < height / across < 1.12 and _bulges(solid)):
        return Name("ball", 0.4, "ball-shaped")
    if height > 2.2 * across:
        return Name("bottle", 0.35, "tall and round")
    if height > 1.1 * across:
        return Name("can", 0.35, "round and upright")
    return None


def _bulges(solid: Solid) -> bool:
    """Whether the widest place is near the middle, and top and bottom are much narrower."""
    points = solid.mesh.vertices
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    radius = np.linalg.norm(points[:, :2] - points[:, :2].mean(axis=0), axis=1)
    share = (points[:, 2] - low) / max(high - low, 1e-9)
    ends = radius[(share < 0.1) | (share > 0.9)]
    return bool(len(ends)) and float(np.percentile(ends, 90)) < 0.8 * float(radius.max())


def _likely(name: str, mask: BoolImage, room: bool) -> float:
    row = CATEGORIES[name]
    if (row.stands == "top") == room:
        return OUT_OF_PLACE
    if name in _BALLS:
        rows, columns = np.nonzero(mask)
        _, (w, h), _ = cv2.minAreaRect(np.stack([columns, rows], axis=-1).astype(np.float32))
        if not ROUND[0] < w / max(h, 1e-9) < ROUND[1] or solidity(mask) < ROUND[2]:
            return 0.3
    return 1.0
