"""How many metres a reconstruction unit is, from everything that is known about it.

Three kinds of knowledge, the best one decides:
1. lengths that the user measured;
2. the reconstruction's own scale, where it says that it measured it or built the scene to a catalogue's sizes;
3. else all opinions together: the reconstruction's own estimate, the usual height of the camera, and what every object may
   be at its size. What each object is comes from all of them at once (`household.together`): one that no scale of the others
   explains loses its weight by itself.

Every opinion is a vote and is written down with the decision, whether it counted or not: of an object what it most likely is,
with its share of the certainty. The scale is the weighted mean of the votes that agree with their weighted median. (The median
of what `household.together` makes likely was tried instead: on fifty rendered table tops it was wrong by 8 %, this by 7 %, and
the worst by 41 % and 34 %; it takes the objects' opinions for more independent than they are.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.posed_meshes import Camera, PosedObject, Scale, ScaleVote, SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleDecision
from blueprint_assets.household import CATEGORIES, Category
from blueprint_assets.household.together import Explained, Opinion, Thing, explain
from blueprint_assets.household.usual_size import ANY_M, ANY_SD, ANY_SHARED_SD, SEEN_SD, Sides, alone
from blueprint_assets.household.viewpoint import CAMERA_HEIGHT
from blueprint_assets.scene.extents import Extents, posed_extents
from blueprint_assets.scene.known_sizes import REMEDY, resolve
from blueprint_assets.scene.recognised import categories_of, recognise

SCALE = "seg/scale.json"

READING_SD = 0.02
"""Standard deviation of the logarithm of a length that somebody measured with a tape, and of where an object begins and ends."""
UNSURE = 0.5
"""Weight of an object whose confidence is not known; and never less than a tenth of it, so that every opinion shows."""
LABEL = 0.9
"""Share of a category that a reconstruction gives without alternatives, or that somebody else gave: one in ten is wrong."""
LEAST_WEIGHT = 1e-3
"""Of a vote: what is surely something else still shows."""
AGREES_SD = 2.5
"""A vote agrees with the result within so many of its own standard deviations, 1 / sqrt(weight)."""


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
            weight=1 / (READING_SD**2 + SEEN_SD[0] ** 2),
            evidence="measured",
            note=f"{each.name} is {each.length:g} m, given by the user",
        )
        for each in measured
    )
    own = _own_votes(info.scale)
    may_be = {item.id: _may_be(item) for item in info.objects}
    floor = _on_a_floor(info, may_be)
    usual = _camera_votes(info, camera, extents, floor, any(may_be.values()))
    things = [
        Thing(_sides(extents[item.id]), may_be[item.id], _sure(item), floor) for item in info.objects if may_be[item.id]
    ]
    together = explain(things, [_opinion(vote) for vote in (*own, *usual)])
    votes = (*known, *own, *usual, *_object_votes(info.objects, extents, may_be, together))
    reported = dict(sorted(known_sizes.items()))
    if known:
        return combine(info.scene_id, votes, known, "lengths that the user measured", reported)
    if own and info.scale.evidence in ("measured", "catalogue"):
        reason = f"the reconstruction's own scale: {info.scale.reason or info.scale.evidence}"
        return combine(info.scene_id, votes, own, reason, reported)
    if together is None or not votes:
        raise ScaleError(
            f"scene {info.scene_id}: nothing tells how large it is: the reconstruction says "
            f"{info.scale.reason!r}, no object was recognised and no camera saw it; {REMEDY}"
        )
    return combine(
        info.scene_id, votes, votes, "what every object may be and all other opinions, together", reported, together
    )


def combine(
    scene_id: str,
    votes: Sequence[ScaleVote],
    counted: Sequence[ScaleVote],
    reason: str,
    known_sizes: dict[str, float],
    together: Explained | None = None,
) -> ScaleDecision:
    """The scale, and how all of `votes` lie around it: the weighted mean of the `counted` votes that agree with their weighted
    median.

    The confidence is exp(-2 s): s is the standard deviation of the logarithm. That of `together` (on sixty rendered scenes
    five in six errors were within it); else by what the votes claim, 1 / sqrt(sum of weights), and by how
    they disagree. 0.9 is 5 %, 0.37 is a factor of 1.6.
    """
    median = weighted_median([vote.factor for vote in counted], [vote.weight for vote in counted])
    agreed = [vote for vote in counted if _agrees(vote, median)] or list(counted)
    claimed = 1 / math.sqrt(sum(vote.weight for vote in agreed))
    deviation = math.hypot(claimed, _spread(counted)) if together is None else together.sd
    by_evidence: dict[Evidence, float] = {}
    for vote in agreed:
        by_evidence[vote.evidence] = by_evidence.get(vote.evidence, 0.0) + vote.weight
    return ScaleDecision(
        scene_id=scene_id,
        factor=median * math.exp(_mean_log(agreed, median)),
        median=median,
        evidence=max(by_evidence, key=lambda evidence: by_evidence[evidence]),
        confidence=round(math.exp(-2 * deviation), 3),
        spread=_spread(votes),
        reason=f"{reason}; likely within a factor of {math.exp(deviation):.2f}",
        votes=tuple(votes),
        decided_by=tuple(vote.name for vote in agreed),
        outliers=tuple(vote.name for vote in votes if not _agrees(vote, median)),
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


def _may_be(item: PosedObject) -> tuple[tuple[Category, float], ...]:
    """What an object may be: the reconstruction's candidates; its category alone where it weighs none, or where somebody
    else named it."""
    weighed = tuple((CATEGORIES[each.category], each.share) for each in item.candidates if each.category in CATEGORIES)
    row = recognise(item)
    if weighed and (row is None or any(row is other for other, _ in weighed)):
        return weighed
    return () if row is None else ((row, LABEL),)


def _sides(found: Extents) -> Sides:
    return found.width, found.depth, found.height


def _sure(item: PosedObject) -> float:
    return max(UNSURE if item.confidence is None else item.confidence, 0.1 * UNSURE)


def _opinion(vote: ScaleVote) -> Opinion:
    return Opinion(math.log(vote.factor), 1 / math.sqrt(vote.weight))


def _object_votes(
    objects: Sequence[PosedObject],
    extents: Mapping[str, Extents],
    may_be: Mapping[str, tuple[tuple[Category, float], ...]],
    together: Explained | None,
) -> tuple[ScaleVote, ...]:
    """What every object most likely is, by everything together, and the scale that it alone would give. Objects of one kind
    share its deviation (six equal mugs are one opinion about mugs), so that theirs does not average out, the
    reconstruction's error does."""
    if together is None:
        return ()
    votes = []
    named = [item for item in objects if may_be[item.id]]
    for item, shares in zip(named, together.shares, strict=True):
        if not shares:
            continue
        row, share = shares[0].row, shares[0].by_size
        sides = _sides(extents[item.id])
        found = alone(row, sides, together.log_scale, together.sharers(row))
        votes.append(
            ScaleVote(
                name=f"{row.name} {item.id}",
                factor=math.exp(found.log_scale),
                weight=max(LEAST_WEIGHT, _sure(item) * share / found.variance),
                evidence="catalogue",
                note=f"{_times(sides)} units, a {row.name} is usually {_times(row.size)} m; that it is one: "
                f"{shares[0].certainty:.2f}",
            )
        )
    return tuple(votes)


def _times(sides: Sequence[float]) -> str:
    return " x ".join(f"{side:.3g}" for side in sides)


def _on_a_floor(info: SceneInfo, may_be: Mapping[str, tuple[tuple[Category, float], ...]]) -> bool:
    """Whether the first support plane is a floor: it is called so, or furniture is likely to stand on it."""
    plane = info.support_planes[0]
    if plane.label:
        return plane.label == "floor"
    standing = [may_be[item.id] for item in info.objects if item.support == plane.id and may_be[item.id]]
    return any(sum(share for row, share in each if row.stands == "floor") > 0.5 for each in standing)


def _camera_votes(
    info: SceneInfo, camera: Camera | None, extents: Mapping[str, Extents], floor: bool, recognised: bool
) -> tuple[ScaleVote, ...]:
    """What is usual of pictures: the height of the camera and, of a picture in which nothing was recognised, of objects."""
    if camera is None:
        return ()
    height = camera.camera_to_world[2][3] - info.support_planes[0].point[2]
    if height <= 0:
        return ()
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
    if not floor and not recognised:
        means = [math.log(max(each.width * each.depth * each.height, 1e-9)) / 3 for each in extents.values()]
        mean, n = sum(means) / len(means), len(means)
        votes.append(
            ScaleVote(
                name="typical size",
                factor=ANY_M / math.exp(mean),
                weight=1 / (ANY_SD**2 / n + ANY_SHARED_SD**2),
                evidence="default",
                note=f"{n} objects are {math.exp(mean):.4g} units large; things on tables: {ANY_M:g} m",
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
