"""Piles of boxes under one mask, parted into one instance each: two that are turned each its own way, or bands of colour.

Bands of colour are a pile when nobody recognises the whole (mugs and bottles have them too), and the parts, each a box that is
fitted where the one below ends, cover the mask clearly better than any one solid does, each higher than a mere top face, and
each over the one below.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from blueprint_assets.contracts.posed_meshes import Camera

from .boxed import fit_cuboid
from .families import FAMILY
from .fitting import ONE_THING, fit_solid
from .instances import Instance
from .revolved import fit_revolved
from .silhouette import BoolImage, Silhouette, make_silhouette
from .solid import Solid
from .stacked import stacked_parts
from .surface import Image8
from .two_boxes import upper_box
from .vessel import fit_vessel

GAIN = 0.01
"""Overlap that the parts of a pile must gain over the best single solid of any kind."""
GOOD = 0.88
"""Overlap that each part must reach with its own solid: half a thing is no solid."""
FLAT = 0.15
"""Height of a part over the narrower side of its base: the top face of a box in another colour is flatter; books have 0.15."""
ASIDE = 0.6
"""The middle of each part is at most this far beside the one below, as a share of the widths of both, halved."""
CERTAINTY = 0.9
LEAST_PART = 0.06
"""Share of a pile's mask that each of its boxes shows at least: less is the mask's ragged edge."""


def parted(
    instances: tuple[Instance, ...], on: Sequence[int], camera: Camera, rgb: Image8, planes: Sequence[float]
) -> tuple[tuple[Instance, ...], list[int], dict[int, int]]:
    """The instances with every pile replaced by its parts, the lowest first; the plane (an index) under each; and for each part
    that stands on another one, which.

    Args:
        instances: what is in the picture, and `on`: the plane under each.
        camera: the picture's camera.
        rgb: the picture.
        planes: the heights of the planes.
    """
    found: list[Instance] = []
    levels: list[int] = []
    carriers: dict[int, int] = {}
    for k, instance in enumerate(instances):
        others = [other.mask for j, other in enumerate(instances) if j != k]
        hidden = np.any(others, axis=0) & ~instance.mask if others else np.zeros_like(instance.mask)
        parts = _parts(instance, hidden, camera, rgb, planes[on[k]])
        carriers |= {len(found) + j: len(found) + j - 1 for j in range(1, len(parts))}
        found += parts or [instance]
        levels += [on[k]] * (len(parts) or 1)
    return tuple(found), levels, carriers


def _parts(instance: Instance, hidden: BoolImage, camera: Camera, rgb: Image8, height: float) -> list[Instance]:
    boxlike = instance.category is None or FAMILY.get(instance.category) == "box"
    view = make_silhouette(instance.mask, hidden, camera, height, rgb) if boxlike else None
    if view is None:
        return []
    masks, how = _two_boxes(instance, view), "two boxes on each other"
    if not masks and instance.category is None:
        masks, how = _bands(instance, hidden, view, camera, rgb), "bands of colour, a box each"
    sure, obtained = CERTAINTY * instance.certainty, f"{instance.obtained}, parted from a pile: {how}"
    return [dataclasses.replace(instance, mask=mask, obtained=obtained, certainty=sure) for mask in masks]


def _two_boxes(instance: Instance, view: Silhouette) -> list[BoolImage]:
    """Masks of the lower and the upper one; empty where one box or a round thing covers the mask about as well."""
    found = upper_box(view)
    if found is None:
        return []
    small, overlap = found
    x0, y0, factor = view.to_full
    warp = np.array([[1 / factor, 0, x0], [0, 1 / factor, y0]])
    size = (instance.mask.shape[1], instance.mask.shape[0])
    over = cv2.warpAffine(small.astype(np.uint8), warp, size, flags=cv2.INTER_NEAREST) > 0
    upper = instance.mask & over
    lower = instance.mask & ~over
    if min(upper.sum(), lower.sum()) < LEAST_PART * instance.mask.sum():
        return []
    round_ones = (fit_vessel(view, None, None), fit_revolved(view))
    best = max((solid.overlap for solid in round_ones if solid is not None), default=0.0)
    return [lower, upper] if best < overlap - GAIN else []


def _bands(instance: Instance, hidden: BoolImage, view: Silhouette, camera: Camera, rgb: Image8) -> list[BoolImage]:
    """Masks of the bands, the lowest first; empty where they are not a box each."""
    masks = stacked_parts(view, instance.mask)
    box = fit_cuboid(view) if len(masks) > 1 else None
    if box is None or box.overlap >= ONE_THING:
        return []
    solids: list[Solid] = []
    at = view.height
    for k, mask in enumerate(masks):
        above = np.any(masks[k + 1 :], axis=0) if masks[k + 1 :] else np.zeros_like(mask)
        solid = fit_solid(mask, (hidden | above) & ~mask, camera, at, rgb)
        if solid is None or solid.overlap < GOOD or solid.shape != "cuboid":
            return []
        extents = solid.mesh.extents
        if k and extents[2] < FLAT * min(extents[:2]):
            return []
        solids.append(solid)
        at = float(solid.world_vertices()[:, 2].max())
    if not all(_above(low, high) for low, high in itertools.pairwise(solids)):
        return []
    single = fit_solid(instance.mask, hidden, camera, view.height, rgb)
    if single is None or (single.shape != "stacked_cuboids" and single.overlap >= ONE_THING):
        return []
    areas = [float(mask.sum()) for mask in masks]
    together = float(np.average([solid.overlap for solid in solids], weights=areas))
    return masks if single.shape == "stacked_cuboids" or together >= single.overlap + GAIN else []


def _above(low: Solid, high: Solid) -> bool:
    reach = sum(float(np.min(solid.mesh.extents[:2])) for solid in (low, high)) / 2
    return float(np.linalg.norm(high.position[:2] - low.position[:2])) <= ASIDE * reach
