"""How many metres a unit is (a unit: the camera's height above the support plane), from priors that say they are priors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from blueprint_assets.contracts.posed_meshes import Scale, ScaleVote

CAMERA_HEIGHT = 0.45
CAMERA_HEIGHT_SD = 0.5
"""Metres that a hand-held camera is above the table-top it looks at, and the standard deviation of its logarithm
(0.27-0.74 m within one): a stated assumption, there is no source that measured it."""
OBJECT_HEIGHT = 0.10
OBJECT_HEIGHT_SD = 0.7
COMMON_SD = 0.3
"""Median height of household objects, metres, and the standard deviation of its logarithm, over the eleven demo objects
of EmbodiedGen's asset list (0.03-0.35 m). COMMON_SD: what the objects of one picture share, which more of them do not
average out."""


def estimate_scale(heights: Sequence[float]) -> Scale:
    """Weighted geometric mean of the votes. `heights`: of the objects, in units. Weights are 1 / variance."""
    votes = [
        ScaleVote(
            name="camera_height",
            factor=CAMERA_HEIGHT,
            weight=1 / CAMERA_HEIGHT_SD**2,
            evidence="default",
            note=f"a camera is about {CAMERA_HEIGHT:g} m above the table-top it looks at",
        )
    ]
    if heights:
        ordered = sorted(heights)
        n = len(ordered)
        median = (ordered[(n - 1) // 2] * ordered[n // 2]) ** 0.5
        votes.append(
            ScaleVote(
                name="object_height",
                factor=OBJECT_HEIGHT / median,
                weight=1 / (OBJECT_HEIGHT_SD**2 / n + COMMON_SD**2),
                evidence="catalogue",
                note=f"median of {n} objects: {median:.3g} units; household objects: {OBJECT_HEIGHT:g} m",
            )
        )
    total = sum(vote.weight for vote in votes)
    mean = sum(vote.weight * math.log(vote.factor) for vote in votes) / total
    spread = math.sqrt(sum(vote.weight * (math.log(vote.factor) - mean) ** 2 for vote in votes) / total)
    # Standard deviation of the logarithm: what the votes claim, and what they disagree by.
    deviation = math.hypot(1 / math.sqrt(total), spread)
    return Scale(
        factor=math.exp(mean),
        evidence="default",
        confidence=round(math.exp(-2 * deviation), 3),
        reason=f"priors only; likely within a factor of {math.exp(deviation):.2f}: give a known size for metric use",
        votes=tuple(votes),
    )
