"""What each thing may be, by how it looks: the detector's and the classifier's words, and what pictures usually show.

Neither network was made for this: the detector knows 80 kinds, the classifier takes a box for a router and a tin for an oil
filter. So a word speaks for everything of that build (`look_alikes`), and what comes out is not a name but shares of the
household catalogue's categories. The surest family of solids goes to the shape fit; names are given at the end, by shape and
sizes as well (`calling`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from blueprint_assets.household import CATEGORIES
from blueprint_assets.household.prevalence import prevalence
from resources.vision import boxes, names

from .detections import Detected, box_of
from .families import FAMILY, Family
from .legged import TEMPLATE, Template
from .look_alikes import said_of
from .parting import solidity
from .surface import BoolImage, Image8

LEAST_FAMILY = 0.4
"""Share of a family of solids from which its likeliest member goes to the shape fit: of 88 things on sixteen rendered scenes 68
had one, 57 of them rightly (most of the rest: a can as a cup); from 0.5 on 61 and 53."""
MOST = 0.5
"""Share of all box-shaped, or all soft, categories from which one decides the proportions that the outline leaves loose."""
LEAST_SHARE = 0.002
SAME_BOX = 0.5
"""Overlap (intersection over union) of the mask's box with the detector's."""
CLOSE, CLOSE_SCORE = 1.5, 0.05
"""A close look at a thing shows as much of the picture, times its longer side; there the detector's weak words count too."""
MISTAKEN = 0.01
"""What a network's words say for a category that they do not mean: they may all be wrong."""
SILENT = 0.2
"""What the detector says for every category by saying nothing."""
OUT_OF_PLACE = 0.15
"""Weight of furniture and the like (what stands on floors) on a table, and of tableware on a floor."""
ROUND = (0.86, 1.16, 0.93)
"""Least and greatest width over height, and least solidity, of a ball's mask."""
NO_BALL = 0.3
ROOM = 2
"""As many pieces of furniture, surely detected, make a room."""
SURE = 0.5


@dataclass(frozen=True)
class Recognition:
    """`may_be`: categories and their shares by looks, best first, at most 1 together. `category` is the likeliest of the
    surest family of solids, None where no family is sure; `certainty` is the family's share. `by`: each network's best word."""

    category: str | None
    certainty: float
    by: str
    may_be: tuple[tuple[str, float], ...]


def is_room(detected: list[Detected]) -> bool:
    """Whether the picture shows furniture on a floor rather than things on a table."""
    return sum(one.score > SURE and one.category.stands == "floor" for one in detected) >= ROOM


def recognise(rgb: Image8, mask: BoolImage, detected: list[Detected], room: bool) -> Recognition:
    """What the mask may show. `detected`: boxes in pixels of `rgb`."""
    seen, read = detector_words(rgb, mask, detected), classifier_words(rgb, mask)
    shares = looks(seen, read, room)
    if not _is_round(mask):
        shares = {name: share * (NO_BALL if FAMILY.get(name) == "ball" else 1.0) for name, share in shares.items()}
    may_be = ranked(shares)
    families: dict[Family | Template | None, float] = {}
    for name, share in may_be:
        families[_solids_of(name)] = families.get(_solids_of(name), 0.0) + share
    family = max(families, key=lambda each: families[each])
    best = [
        f"{who} {word} {score:.2f}" for who, word, score in (_best("detector", seen), _best("classifier", read)) if word
    ]
    return Recognition(
        category=_for_the_shape(may_be, family, families[family]) if families[family] >= LEAST_FAMILY else None,
        certainty=round(min(0.99, families[family]), 2),
        by=" + ".join(best) or "nothing seen that has a word",
        may_be=tuple((name, round(share, 4)) for name, share in may_be if share >= LEAST_SHARE),
    )


def looks(seen: dict[str, float], read: dict[str, float], room: bool) -> dict[str, float]:
    """Weight of each category: how usual it is, times what each network's words say for it.

    Args:
        seen: the detector's words and scores; `read`: the classifier's.
        room: what stands on floors is expected, else what stands on tops.
    """
    by_detector, by_classifier = dict[str, float](), dict[str, float]()
    for word, score in seen.items():
        for name, weight in said_of("coco", word).items():
            by_detector[name] = by_detector.get(name, 0.0) + score * weight
    for word, score in read.items():
        for name, weight in said_of("imagenet", word).items():
            by_classifier[name] = by_classifier.get(name, 0.0) + score * weight
    silent = MISTAKEN + SILENT * (1.0 - max(seen.values(), default=0.0))
    return {
        name: prevalence(name)
        * (silent + by_detector.get(name, 0.0))
        * (MISTAKEN + by_classifier.get(name, 0.0))
        * (OUT_OF_PLACE if (row.stands == "top") == room else 1.0)
        for name, row in CATEGORIES.items()
    }


def ranked(shares: dict[str, float]) -> list[tuple[str, float]]:
    """Weights as shares of 1, best first."""
    total = sum(shares.values())
    return sorted(((name, share / total) for name, share in shares.items()), key=lambda item: (-item[1], item[0]))


def detector_words(rgb: Image8, mask: BoolImage, detected: list[Detected]) -> dict[str, float]:
    """The detector's words for the mask's box, in the whole picture and in a close look, each with its best score."""
    box = box_of(mask)
    found = [(one.category.coco[0], one.score, one.box) for one in detected if one.category.coco]
    height, width = mask.shape
    side = CLOSE * max(box[2] - box[0], box[3] - box[1])
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    left, top = max(0, round(middle[0] - side / 2)), max(0, round(middle[1] - side / 2))
    right, bottom = min(width, round(middle[0] + side / 2)), min(height, round(middle[1] + side / 2))
    close = boxes.detect(np.ascontiguousarray(rgb[top:bottom, left:right]), score=CLOSE_SCORE, tiles=False)
    for one in close:
        x0, y0, x1, y1 = one.box
        found.append((one.label, one.score, (x0 + left, y0 + top, x1 + left, y1 + top)))
    words: dict[str, float] = {}
    for word, score, where in found:
        if boxes.overlap(box, where) >= SAME_BOX:
            words[word] = max(words.get(word, 0.0), score)
    return words


def classifier_words(rgb: Image8, mask: BoolImage) -> dict[str, float]:
    """The classifier's words, all 1000, and their scores for what the mask shows."""
    return {one.label: one.score for one in names.classify_masked(rgb, mask.astype(np.float32), top=1000)}


def _solids_of(name: str) -> Family | Template | None:
    """What a category is fitted with: a family of solids or a piece of furniture; desks and coffee tables are built alike."""
    return FAMILY.get(name) or TEMPLATE.get(name)


def _for_the_shape(may_be: list[tuple[str, float]], family: Family | Template | None, total: float) -> str | None:
    """The likeliest of the family. Boxes and soft things differ in proportions, and what has no family is alike in nothing: there
    it must be the most of it."""
    name, share = next((name, share) for name, share in may_be if _solids_of(name) == family)
    if family is None:
        return name if share >= LEAST_FAMILY else None
    if family in ("box", "soft") and share < MOST * total:
        return "box" if family == "box" else None
    return name


def _best(who: str, words: dict[str, float]) -> tuple[str, str, float]:
    word = max(words, key=lambda each: words[each], default="")
    return who, word.split(",")[0], words.get(word, 0.0)


def _is_round(mask: BoolImage) -> bool:
    rows, columns = np.nonzero(mask)
    _, (w, h), _ = cv2.minAreaRect(np.stack([columns, rows], axis=-1).astype(np.float32))
    return ROUND[0] < w / max(h, 1e-9) < ROUND[1] and solidity(mask) >= ROUND[2]
