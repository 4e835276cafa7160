"""How many metres a reconstruction unit is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.posed_meshes import ScaleVote, SceneInfo

TYPICAL_OBJECT_M = 0.12
"""Largest dimension of a typical thing that is picked up from a table: the geometric mean of a 5 cm toy block and a 30 cm
bottle. Used only when the reconstruction has no opinion at all."""


class ScaleError(ValueError):
    """The scene cannot be given a size in metres."""


@dataclass(frozen=True)
class ScaleDecision:
    """`spread` is the weighted standard deviation of log(factor) over the votes."""

    factor: float
    evidence: Evidence
    confidence: float
    spread: float
    votes: tuple[ScaleVote, ...]
    reason: str


def decide_scale(info: SceneInfo, sizes: Sequence[float], known: float | None = None) -> ScaleDecision:
    """Metres per unit: what the caller knows, else what the reconstruction found, else a prior on object size.

    Args:
        info: the reconstruction.
        sizes: largest dimension of every object, reconstruction units.
        known: metres per unit, where somebody measured it.

    Raises:
        ScaleError: `known` or the objects' sizes are not positive.
    """
    votes = info.scale.votes
    if known is not None:
        if not (known > 0 and math.isfinite(known)):
            raise ScaleError(f"scene {info.scene_id}: known scale {known}: it must be positive, metres per unit")
        vote = ScaleVote(name="known", factor=known, weight=1.0, evidence="measured", note="given by the user")
        return ScaleDecision(known, "measured", 1.0, _spread((*votes, vote)), (*votes, vote), "given by the user")
    scale = info.scale
    if scale.factor is not None:
        return ScaleDecision(scale.factor, scale.evidence, scale.confidence, _spread(votes), votes, scale.reason)
    if not sizes or min(sizes) <= 0:
        raise ScaleError(f"scene {info.scene_id}: an object without extent; reconstruct it again")
    median = sorted(sizes)[len(sizes) // 2]
    factor = TYPICAL_OBJECT_M / median
    note = f"the median object ({median:.4g} units) is taken to be {TYPICAL_OBJECT_M} m"
    vote = ScaleVote(name="typical_object", factor=factor, weight=1.0, evidence="default", note=note)
    return ScaleDecision(factor, "default", 0.1, _spread((*votes, vote)), (*votes, vote), note)


def _spread(votes: Sequence[ScaleVote]) -> float:
    total = sum(vote.weight for vote in votes)
    if total <= 0:
        return 0.0
    mean = sum(vote.weight * math.log(vote.factor) for vote in votes) / total
    return math.sqrt(sum(vote.weight * (math.log(vote.factor) - mean) ** 2 for vote in votes) / total)
