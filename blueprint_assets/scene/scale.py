"""How many metres a reconstruction unit is, from everything that is known about it.

Three kinds of knowledge, the best one decides:
1. lengths that the user measured;
2. the reconstruction's own scale, where it says that it measured it or built the scene to a catalogue's sizes;
3. else all opinions together: the reconstruction's own estimate, the usual size of every recognised object, the usual
   height of the camera. Their weighted median finds the middle, which one wrongly recognised object does not move; the
   weighted mean of the votes that agree with it is the scale.

Every opinion is a vote and is written down with the decision, whether it counted or not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.posed_meshes import Camera, PosedObject, Scale, ScaleVote, SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleDecision
from blueprint_assets.household import Category, Stands
from blueprint_assets.scene.extents import Extents, posed_extents
from blueprint_assets.scene.known_sizes import REMEDY, resolve
from blueprint_assets.scene.recognised import categories_of, recognise

SCALE = "seg/scale.json"

SHAPE_SD = 0.10
"""Standard deviation of the logarithm of a reconstructed object's height or width: 10 %, a stated assumption."""
READING_SD = 0.02
"""The same of a length that somebody measured with a tape, and of deciding where an object begins and ends."""
UNSURE = 0.5
"""Weight of an object whose confidence is not known; and never less than a tenth of it, so that every opinion shows."""
CAMERA_HEIGHT: dict[Stands, tuple[float, float]] = {"top": (0.45, 0.5), "floor": (1.45, 0.2)}
"""Metres that a camera is above the table top, or the floor, that it looks at, and the standard deviation of the logarithm
(0.27 to 0.74 m, 1.19 to 1.77 m within one). Stated assumptions: a hand-held picture of things on a table; a room
photographed at the eye height of somebody who sits or stands."""
TYPICAL_HEIGHT, TYPICAL_SD, TYPICAL_SHARED_SD = 0.10, 0.7, 0.3
"""Median height of things on tables, metres, and the standard deviation of its logarithm, over the eleven demo objects of
EmbodiedGen's asset list (0.03 to 0.35 m); and the part of it that the objects of one picture share, which more of them
do not average out. Asked only where nothing was recognised."""
LYING = 0.6
"""A thing that is usually highest and is now lower than this share of its longest side lies on its side."""
AGREES_SD = 2.5
"""A vote agrees with the median within so many of its own standard deviations, 1 / sqrt(weight). In 1,500 simulated scenes of
five things of the catalogue, one in ten recognised as something else, the scale was within 15 % in 71 % of them by the median
alone, in 73 % by the mean of all votes and in 79 % by this; 2 and 3 gave 78 and 79 % (tests/scene/test_scale.py)."""


class ScaleError(ValueError):
    """The scene cannot be given a size in metres. The message names the remedy."""


def decide_scale(stage1: Path, info: SceneInfo, known_sizes: Mapping[str, float]) -> ScaleDecision:
    """Metres per reconstruction unit.

    Args:
        stage1: the reconstruction's folder.
        info: its table of contents.
        known_sizes: metres, by object id or category, of the longest side; by `<name>.height`, `.width`, `.depth` of that.

    Raises:
        ScaleError: nothing at all tells the scale, or an object has no extent.
        KnownSizeError: a known size is not a length, or is of nothing in the scene.
        MeshError, ContractError: a file that `info` names cannot be read.
    """
    rows = {item.id: recognise(item) for item in info.objects}
    extents = {item.id: posed_extents(stage1, item) for item in info.objects}
    flat = next(
        (each for each, found in extents.items() if not (found.largest > 0 and math.isfinite(found.largest))), None
    )
    if flat:
        raise ScaleError(f"scene {info.scene_id}: {flat} is an object without extent; reconstruct it again")
    camera = None if info.camera is None else Camera.read(stage1 / info.camera)
    measured = resolve(known_sizes, categories_of(info), info.scene_id)
    known = tuple(
        ScaleVote(
            name=f"known {each.side} of {each.object_id}",
            factor=each.factor(extents[each.object_id]),
            weight=1 / (READING_SD**2 + SHAPE_SD**2),
            evidence="measured",
            note=f"{each.name} is {each.length:g} m, given by the user",
        )
        for each in measured
    )
    own = _own_votes(info.scale)
    typical = (
        *_object_votes(info.objects, rows, extents),
        *_camera_votes(info, camera, rows, list(extents.values())),
    )
    votes = (*known, *own, *typical)
    if known:
        counted, reason = known, "lengths that the user measured"
    elif own and info.scale.evidence in ("measured", "catalogue"):
        counted, reason = own, f"the reconstruction's own scale: {info.scale.reason or info.scale.evidence}"
    else:
        counted, reason = (*own, *typical), "the votes that agree with the weighted median of all"
    if not counted:
        raise ScaleError(
            f"scene {info.scene_id}: nothing tells how large it is: the reconstruction says "
            f"{info.scale.reason!r}, no object was recognised and no camera saw it; {REMEDY}"
        )
    return combine(info.scene_id, votes, counted, reason, dict(sorted(known_sizes.items())))


def combine(
    scene_id: str, votes: Sequence[ScaleVote], counted: Sequence[ScaleVote], reason: str, known_sizes: dict[str, float]
) -> ScaleDecision:
    """The scale by the `counted` votes, and how all of `votes` lie around it.

    The confidence is exp(-2 s): s is the standard deviation of the logarithm, by what the votes claim (1 / sqrt(sum of
    weights)) and by how they disagree. 0.9 is 5 %, 0.37 is a factor of 1.6.
    """
    median = weighted_median([vote.factor for vote in counted], [vote.weight for vote in counted])
    outliers = {vote.name for vote in votes if not _agrees(vote, median)}
    agreed = [vote for vote in counted if vote.name not in outliers] or list(counted)
    factor = median * math.exp(_mean_log(agreed, median))
    deviation = math.hypot(1 / math.sqrt(sum(vote.weight for vote in agreed)), _spread(counted))
    by_evidence: dict[Evidence, float] = {}
    for vote in agreed:
        by_evidence[vote.evidence] = by_evidence.get(vote.evidence, 0.0) + vote.weight
    return ScaleDecision(
        scene_id=scene_id,
        factor=factor,
        median=median,
        evidence=max(by_evidence, key=lambda evidence: by_evidence[evidence]),
        confidence=round(math.exp(-2 * deviation), 3),
        spread=_spread(votes),
        reason=f"{reason}; likely within a factor of {math.exp(deviation):.2f}",
        votes=tuple(votes),
        decided_by=tuple(vote.name for vote in agreed),
        outliers=tuple(vote.name for vote in votes if vote.name in outliers),
        known_sizes=known_sizes,
    )


def weighted_median(factors: Sequence[float], weights: Sequence[float]) -> float:
    """The factor at which half of the weight is below and half above; between two such, their geometric mean.

    Whatever votes of less than half of the weight say, the result stays among the others'.
    """
    ordered = sorted(zip(factors, weights, strict=True))
    half = sum(weights) / 2
    passed = 0.0
    for index, (factor, weight) in enumerate(ordered):
        passed += weight
        if math.isclose(passed, half, rel_tol=1e-9) and index + 1 < len(ordered):
            return math.sqrt(factor * ordered[index + 1][0])
        if passed > half:
            return factor
    return ordered[-1][0]


def _own_votes(scale: Scale) -> tuple[ScaleVote, ...]:
    if scale.factor is None:  # it may still have opinions
        return tuple(vote.model_copy(update={"name": f"reconstruction: {vote.name}"}) for vote in scale.votes)
    deviation = max(
        READING_SD, -math.log(max(scale.confidence, 1e-6)) / 2
    )  # the inverse of the confidence in `combine`
    vote = ScaleVote(
        name="reconstruction",
        factor=scale.factor,
        weight=1 / deviation**2,
        evidence=scale.evidence,
        note=scale.reason,
    )
    return (vote,)


def _object_votes(
    objects: Sequence[PosedObject], rows: Mapping[str, Category | None], extents: Mapping[str, Extents]
) -> tuple[ScaleVote, ...]:
    """One vote an object that the catalogue knows. Objects of one kind share its deviation (six equal mugs are one opinion
    about mugs), so that theirs does not average out, the reconstruction's error does."""
    counts = Counter(row.name for row in rows.values() if row)
    votes = []
    for item in objects:
        row, found = rows[item.id], extents[item.id]
        if row is None:
            continue
        side, length = _trusted_side(row, found)
        if length <= 0:
            continue
        sure = max(UNSURE if item.confidence is None else item.confidence, 0.1 * UNSURE)
        votes.append(
            ScaleVote(
                name=f"{row.name} {item.id}",
                factor=(max(row.size) if side == "largest" else row.trusted_m) / length,
                weight=sure / (counts[row.name] * row.log_sd**2 + SHAPE_SD**2),
                evidence="catalogue",
                note=f"{side} {length:.4g} units; usually {max(row.size) if side == 'largest' else row.trusted_m:g} m",
            )
        )
    return tuple(votes)


def _trusted_side(row: Category, found: Extents) -> tuple[str, float]:
    """Which side is compared with the catalogue's, and its length in units: the longest where the thing lies on its side
    or stands on its edge."""
    usually_highest = row.size[2] >= max(row.size)
    turned = found.height < LYING * found.width if usually_highest else row.size[2] < LYING * row.size[0] < found.height
    if row.trust == "largest" or (turned and row.trusted_m >= max(row.size)):
        return "largest", found.largest
    return row.trust, getattr(found, row.trust)


def _camera_votes(
    info: SceneInfo, camera: Camera | None, rows: Mapping[str, Category | None], extents: Sequence[Extents]
) -> tuple[ScaleVote, ...]:
    """What is usual of pictures: the height of the camera and, of a picture in which nothing was recognised, of objects."""
    if camera is None:
        return ()
    plane = info.support_planes[0]
    height = camera.camera_to_world[2][3] - plane.point[2]
    if height <= 0:
        return ()
    on_it = {rows[item.id] for item in info.objects if item.support == plane.id}
    floor = plane.label == "floor" or any(row is not None and row.stands == "floor" for row in on_it)
    usual, deviation = CAMERA_HEIGHT["floor" if floor else "top"]
    votes = [
        ScaleVote(
            name="camera height",
            factor=usual / height,
            weight=1 / deviation**2,
            evidence="default",
            note=f"a camera is about {usual:g} m above the {'floor' if floor else 'table top'} it looks at",
        )
    ]
    if not floor and not any(rows.values()):
        ordered = sorted(found.height for found in extents)
        n = len(ordered)
        median = math.sqrt(ordered[(n - 1) // 2] * ordered[n // 2])
        if median > 0:
            votes.append(
                ScaleVote(
                    name="typical height",
                    factor=TYPICAL_HEIGHT / median,
                    weight=1 / (TYPICAL_SD**2 / n + TYPICAL_SHARED_SD**2),
                    evidence="default",
                    note=f"the median of {n} objects is {median:.4g} units high; things on tables: {TYPICAL_HEIGHT:g} m",
                )
            )
    return tuple(votes)


def _agrees(vote: ScaleVote, median: float) -> bool:
    return abs(math.log(vote.factor / median)) <= AGREES_SD / math.sqrt(vote.weight)


def _mean_log(votes: Sequence[ScaleVote], about: float = 1.0) -> float:
    """Weighted mean of log(factor / about)."""
    return sum(vote.weight * math.log(vote.factor / about) for vote in votes) / sum(vote.weight for vote in votes)


def _spread(votes: Sequence[ScaleVote]) -> float:
    """Weighted standard deviation of log(factor)."""
    middle = math.exp(_mean_log(votes))
    total = sum(vote.weight for vote in votes)
    return math.sqrt(sum(vote.weight * math.log(vote.factor / middle) ** 2 for vote in votes) / total)
