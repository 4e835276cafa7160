"""What a hosted vision model adds to a reconstruction: names for what nobody recognised, and a look at the material."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import PosedObject, SceneInfo
from blueprint_assets.contracts.source import Source
from blueprint_assets.household import find
from blueprint_assets.scene.recognised import recognise
from resources.enrichment import Answer, Enricher, EnrichmentError
from resources.observability import Progress, ProgressSink, silent

MARGIN = 0.2
"""Of the object's box, shown around it: what a thing stands on helps to tell what it is."""
CROP_SIDE = 512
"""Pixels of the longer side of what is sent."""
FAILURES = 2
"""After so many failures in a row the provider is not asked again in this scene."""


@dataclass(frozen=True)
class Enriched:
    """`info` with the names that were added; `answers` by object id; `by` the provider and model, "" when nobody was asked."""

    info: SceneInfo
    answers: Mapping[str, Answer]
    notes: tuple[str, ...]
    by: str


def enrich(
    stage1: Path, info: SceneInfo, photo: Path | None, enricher: Enricher, progress: ProgressSink = silent
) -> Enriched:
    """Shows every object with a mask to the enricher. Whatever goes wrong is a note; nothing that was known is replaced.

    A category is taken where the reconstruction gave none that the household catalogue knows, and only if the catalogue
    knows the answer. `photo` is the picture that the masks belong to; None where there is none.
    """
    if photo is None:
        return Enriched(info, {}, (f"{enricher.name} was not asked: the scene has no photograph",), enricher.name)
    answers: dict[str, Answer] = {}
    notes: list[str] = []
    objects: list[PosedObject] = []
    failed = 0
    for number, item in enumerate(info.objects):
        progress(Progress(number, len(info.objects), f"{enricher.name}: {item.id}"))
        objects.append(item)
        if item.mask is None or failed >= FAILURES:
            notes.append(
                f"{item.id}: not shown to {enricher.name}: {'it has no mask' if item.mask is None else 'given up'}"
            )
            continue
        try:
            answer = enricher.describe(crop(photo, stage1 / item.mask), item.label)
        except EnrichmentError as error:
            failed += 1
            notes.append(f"{item.id}: {error}")
            continue
        failed = 0
        answers[item.id] = answer
        if answer.ignored:
            notes.append(f"{item.id}: {enricher.name} said what we have no name for: {', '.join(answer.ignored)}")
        objects[-1], note = _named(item, answer, enricher.name)
        notes += [note] if note else []
    return Enriched(info.model_copy(update={"objects": tuple(objects)}), answers, tuple(notes), enricher.name)


def look_again(scene: Path, info: SceneInfo, enricher: Enricher, progress: ProgressSink) -> Enriched:
    """`enrich` with the photograph of a folder laid out like the scene."""
    image = Source.read(scene / "input/source.json").image
    return enrich(scene / "stage1", info, scene / image if image else None, enricher, progress)


def crop(photo: Path, mask: Path) -> bytes:
    """The object and some of what is around it, cut from the photograph, as PNG.

    Raises:
        EnrichmentError: the photograph or the mask cannot be read, they differ in size, or the mask is empty.
    """
    import cv2
    import numpy as np

    picture, shown = cv2.imread(str(photo), cv2.IMREAD_COLOR), cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    if picture is None or shown is None or picture.shape[:2] != shown.shape[:2] or not (shown > 127).any():
        raise EnrichmentError(f"{photo} and {mask}: not a picture and a mask of the same size that shows something")
    rows, columns = np.nonzero(shown > 127)
    pad = round(MARGIN * max(np.ptp(rows), np.ptp(columns)))
    part = picture[
        max(0, rows.min() - pad) : rows.max() + pad + 1, max(0, columns.min() - pad) : columns.max() + pad + 1
    ]
    factor = min(1.0, CROP_SIDE / max(part.shape[:2]))
    size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
    _, encoded = cv2.imencode(".png", cv2.resize(part, size, interpolation=cv2.INTER_AREA))
    return bytes(encoded)


def _named(item: PosedObject, answer: Answer, who: str) -> tuple[PosedObject, str]:
    """The object with the answer's category where it had none, and a note where the answer was not taken."""
    known, said = recognise(item), answer.category
    if said is None:
        return item, ""
    row = find(said)
    if known is not None:
        return item, "" if row is known else f"{item.id}: {who} takes the {known.name} for a {said}; kept"
    if row is None:
        return item, f"{item.id}: {who} says {said!r}, which the household catalogue does not have"
    unknown = {name: reason for name, reason in item.unknown.items() if name != "category"}
    obtained = item.obtained.model_copy(update={"label": f"{who} (estimated from the photograph)"})
    return item.model_copy(update={"category": row.name, "obtained": obtained, "unknown": unknown}), ""
