"""Where the camera looks: pitch, roll and focal length from straight edges and round rims, else from stated defaults."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import focal_from_35mm, pinhole

from .rims import find_rims
from .straight_edges import Segments, find_segments
from .vanishing import PITCH_PRIOR, Clues, Hypothesis

DEFAULT_FOCAL_35MM = 28.0
"""35 mm equivalent assumed without EXIF: phones' main cameras are 24-28 mm, cropped and zoomed pictures longer."""
DEFAULT_PITCH = PITCH_PRIOR
"""Downward pitch assumed without lines."""
MIN_VERTICAL, MIN_LEVEL = 0.25, 0.6
"""Length of segments towards gravity's or level vanishing points, in picture diagonals, from which they are believed: less is
the edge or two that every picture has and that some pitch always explains."""
MIN_RIMS = 0.4
"""Level rims, each as much as it shows of itself, from which they are believed."""


def estimate_camera(rgb: NDArray[np.uint8], exif_focal_35mm: float | None, segments: Segments | None = None) -> Camera:
    """The camera of a picture, one unit above the support plane; `focal_evidence` and `pitch_evidence` say what is known.

    `measured`: from EXIF. `estimated`: segments outweigh the priors. `default`: they do not, and the prior's mean stands.
    `segments`: the picture's straight edges, where they are known already.
    """
    height, width = rgb.shape[:2]
    segments = find_segments(rgb) if segments is None else segments
    center = focal_from_35mm(exif_focal_35mm or DEFAULT_FOCAL_35MM, width, height)
    focals = np.array([center]) if exif_focal_35mm else center * np.exp(np.linspace(-0.35, 0.35, 7))
    clues = Clues(segments, find_rims(rgb), (width, height), float(center))
    default = Hypothesis(center, DEFAULT_PITCH, 0.0)
    found = clues.best(focals)
    seen = clues.evidence_for(found)
    gain = found.value - clues.value_of(default)
    enough = seen.vertical > MIN_VERTICAL or seen.level > MIN_LEVEL or seen.rims > MIN_RIMS
    if not enough:
        found = default
    note = (
        f"{len(segments.length)} segments ({segments.method}); towards gravity's vanishing point {seen.vertical:.2f} and towards "
        f"those of {len(seen.yaws)} level frames {seen.level:.2f} picture diagonals; {seen.rims:.1f} level rims; "
        f"gain over the default {gain:.2f}"
    )
    if not enough:
        note += f": too little, so the default pitch of {math.degrees(DEFAULT_PITCH):.0f} degrees and no roll"
        if exif_focal_35mm is None:
            note += f"; default focal length ({DEFAULT_FOCAL_35MM:.0f} mm equivalent)"
    focal_evidence: Evidence = "measured" if exif_focal_35mm is not None else "estimated" if enough else "default"
    return pinhole(
        width,
        height,
        found.focal,
        found.pitch,
        found.roll,
        focal_evidence=focal_evidence,
        pitch_evidence="estimated" if enough else "default",
        note=note,
    )
