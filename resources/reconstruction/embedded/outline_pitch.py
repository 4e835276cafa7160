"""The camera's pitch from the outlines of boxes, for pictures without straight edges to tell it.

The outline of an upright box over a level plane fits a cuboid exactly only under the right pitch. So the pitch is taken
at which the most box-like objects of the picture overlap their best cuboids most.
"""

from __future__ import annotations

import math

import numpy as np

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import pinhole, pitch_and_roll

from .boxed import fit_cuboid
from .instances import Instance
from .silhouette import make_silhouette

BOXLIKE = 0.975
"""Overlap that a cuboid must reach, at the best pitch, for the object to have a say."""
MIN_GAIN = 0.004
"""Least rise of the mean overlap from the default pitch (its noise from one start to another is 0.002)."""
MAX_OBJECTS = 5
COARSE = np.radians([12.0, 20.0, 28.0, 36.0, 44.0, 52.0, 60.0])


def pitch_from_boxes(instances: tuple[Instance, ...], camera: Camera) -> Camera:
    """`camera` with the pitch that box-like outlines tell; unchanged when it is known already or none tells."""
    if camera.pitch_evidence != "default":
        return camera
    start, roll = pitch_and_roll(camera)
    cache: dict[tuple[int, float], float] = {}

    def overlap(k: int, pitch: float) -> float:
        key = (k, round(pitch, 6))
        if key not in cache:
            trial = pinhole(camera.width, camera.height, camera.fx, pitch, roll)
            others = np.any([o.mask for j, o in enumerate(instances) if j != k], axis=0) if len(instances) > 1 else None
            mask = instances[k].mask
            view = make_silhouette(mask, np.zeros_like(mask) if others is None else others & ~mask, trial, 0.0)
            box = None if view is None else fit_cuboid(view)
            cache[key] = 0.0 if box is None else box.overlap
        return cache[key]

    def mean(voters: list[int], pitch: float) -> float:
        return float(np.mean([overlap(k, pitch) for k in voters]))

    likely = sorted(range(len(instances)), key=lambda k: -overlap(k, start))[:MAX_OBJECTS]
    likely = [k for k in likely if overlap(k, start) > 0.93]
    voters = [k for k in likely if max(overlap(k, pitch) for pitch in COARSE) >= BOXLIKE]
    if not voters:
        return camera
    best = max(COARSE, key=lambda pitch: mean(voters, float(pitch)))
    for step in np.radians([4.0, 2.0]):
        best = max((best - step, best, best + step), key=lambda pitch: mean(voters, float(pitch)))
    gain = mean(voters, float(best)) - mean(voters, start)
    if gain < MIN_GAIN or best <= COARSE[0] or best >= COARSE[-1]:
        return camera
    return pinhole(
        camera.width,
        camera.height,
        camera.fx,
        float(best),
        roll,
        focal_evidence=camera.focal_evidence,
        pitch_evidence="estimated",
        note=f"{camera.note}; then {math.degrees(best):.0f} degrees from the outlines of {len(voters)} box-like objects "
        f"(mean overlap +{gain:.3f})",
    )
