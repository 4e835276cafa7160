"""The solids among each other: which hides which, what stands on what, and that no two share a place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import camera_position

from .fitting import fit_solid
from .instances import Instance
from .silhouette import BoolImage, contact_pixel
from .solid import Solid
from .surface import Image8

Array = NDArray[np.float64]

RESTING = 0.7
"""Share of an object's lower outline that must border on another object's mask before it can stand on that object."""
WITHIN = 0.5
"""Share of the pixels right under its lower outline that are within the other's convex outline; what stands behind ends
above that."""
MAX_OVERHANG = 1.4
"""An object that shows up to this much wider than another can stand on it: the same block turned by 45 degrees does."""
TOP_SHARE = 0.15
"""What is as near to a solid's top, as a share of its height, belongs to the top that things stand on."""
BESIDE = 0.15
"""What stands on a thing may have the middle of its base so far beside that thing's top, as a share of its own width (errors of
both fits): what is behind it has it half its depth beyond."""
MAX_GAP = 0.08
"""A gap between an object and what is in front of it, up to this share of the object, says nothing about its outline."""
MAX_SHIFT = 0.6
"""Greatest move, in widths of the object, that resolves an overlap. Where it does not, a fit is wrong (or a chair stands under
its table), and a move would only add its own error: the object stays where its picture puts it, and the note says so."""


@dataclass(frozen=True)
class Placed:
    """`support`: index of the object it stands on, or None for the plane; `plane`: which one, in the end."""

    instance: Instance
    solid: Solid
    support: int | None
    notes: tuple[str, ...] = ()
    plane: int = 0


def arrange(
    instances: tuple[Instance, ...],
    camera: Camera,
    rgb: Image8 | None = None,
    planes: Sequence[float] = (0.0,),
    on: Sequence[int] | None = None,
    known: Mapping[int, int] | None = None,
) -> tuple[list[Placed], list[str]]:
    """Fits every instance, nearest first; drops, with a note, what cannot stand anywhere.

    Args:
        instances: what is in the picture.
        camera: its camera.
        rgb: the picture, for what outlines alone cannot tell.
        planes: heights of the support planes.
        on: the plane (an index) under each instance, or under what it stands on; the first one if left out.
        known: what is known to stand on what (indices); the rest is judged by the masks.
    """
    on = list(on or [0] * len(instances))
    notes: list[str] = []
    order = sorted(range(len(instances)), key=lambda k: -float(contact_pixel(instances[k].mask)[1]))
    known = known or {}
    carriers = {k: known[k] if k in known else _carrier(k, instances, on) for k in order}
    solids: dict[int, Solid] = {}
    for k in sorted(order, key=lambda k: _depth_of_chain(k, carriers)):
        carrier = carriers[k]
        if carrier is not None and carrier not in solids:
            carrier = carriers[k] = None
        ground = planes[on[k]]
        mask = instances[k].mask
        hidden = _in_front_of(k, order, carriers, instances) & ~mask
        height = ground if carrier is None else _top(solids[carrier])
        solid = fit_solid(mask, hidden, camera, height, rgb, category=instances[k].category)
        if carrier is not None and (solid is None or (k not in known and not _over(solid, solids[carrier]))):
            carriers[k] = None
            hidden = _in_front_of(k, order, carriers, instances) & ~mask
            solid = fit_solid(mask, hidden, camera, ground, rgb, category=instances[k].category)
        if solid is None:
            notes.append(f"left out 1 object at row {int(contact_pixel(mask)[1])}: it does not stand below the horizon")
            continue
        solids[k] = solid
    kept = [k for k in range(len(instances)) if k in solids]
    placed = [
        Placed(
            instances[k],
            solids[k],
            None if carriers[k] is None else kept.index(carriers[k]),  # type: ignore[arg-type]
            plane=on[k],
        )
        for k in kept
    ]
    return _apart(placed, camera), notes


def _in_front_of(
    k: int, order: list[int], carriers: dict[int, int | None], instances: tuple[Instance, ...]
) -> BoolImage:
    """Pixels of what may hide part of instance `k`: what touches down nearer to the camera, and what stands on it."""
    hidden = np.zeros(instances[k].mask.shape, bool)
    nearer = order[: order.index(k)]
    for other in order:
        if other != k and ((other in nearer and carriers[k] != other) or carriers[other] == k):
            hidden |= instances[other].mask
    return _without_gaps(hidden, instances[k].mask)


def _without_gaps(hidden: BoolImage, mask: BoolImage) -> BoolImage:
    """`hidden` with the small gaps between it and the mask: seen through a handle, an object often goes unnamed."""
    both = hidden | mask
    contours, _ = cv2.findContours(both.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(((filled > 0) & ~both).astype(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < MAX_GAP * mask.sum()
    small[0] = False
    gaps: BoolImage = small[labels]
    return hidden | gaps if hidden.any() else hidden


def _depth_of_chain(k: int, carriers: dict[int, int | None]) -> int:
    depth, at = 0, carriers[k]
    while at is not None and depth < len(carriers):
        depth, at = depth + 1, carriers[at]
    return depth


def _carrier(k: int, instances: tuple[Instance, ...], on: list[int]) -> int | None:
    """The instance that `k` stands on, judged by the pictures alone, or None.

    It stands on another when its lower outline borders on the other's mask from within its convex outline, the other is about
    as wide or wider, and its lower outline bulges downwards: the outline of something hidden behind another's rim bulges upwards.
    """
    mask = instances[k].mask
    _rows, columns = np.nonzero(mask)
    x = np.unique(columns)
    bottom = mask.shape[0] - 1 - np.argmax(mask[::-1][:, x], axis=0)
    width = float(len(x))
    # The outline's lower side, without the flanks.
    central = (x > x.min() + 0.12 * width) & (x < x.max() - 0.12 * width)
    if central.sum() < 4:
        return None
    step = max(2, round(0.004 * max(mask.shape)))
    best: tuple[float, int] | None = None
    for other, instance in enumerate(instances):
        if other == k or on[other] != on[k] or contact_pixel(instance.mask)[1] <= contact_pixel(mask)[1] + 2 * step:
            continue
        touching = np.zeros(int(central.sum()), bool)
        for s in (1, 2, 3):
            rows = np.minimum(bottom[central] + s * step, mask.shape[0] - 1)
            touching |= instance.mask[rows, x[central]]
        share = float(touching.mean())
        other_x = np.unique(np.nonzero(instance.mask)[1])
        if share < RESTING or width > MAX_OVERHANG * len(other_x):
            continue
        under = np.minimum(bottom[central] + step, mask.shape[0] - 1)
        if _convex(instance.mask)[under, x[central]].mean() < WITHIN:
            continue
        middle = bottom[central][len(touching) // 3 : -max(1, len(touching) // 3)]
        ends = np.concatenate(
            [bottom[central][: max(1, len(touching) // 6)], bottom[central][-max(1, len(touching) // 6) :]]
        )
        if float(np.median(middle)) < float(np.median(ends)) - 0.03 * width:
            continue
        if best is None or share > best[0]:
            best = (share, other)
    return best[1] if best else None


def _convex(mask: BoolImage) -> BoolImage:
    rows, columns = np.nonzero(mask)
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))
    filled: BoolImage = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1) > 0
    return filled


def _top(solid: Solid) -> float:
    """Where things stand on it: a plate's floor, else its top."""
    return float(solid.position[2] + solid.rest if solid.rest is not None else solid.world_vertices()[:, 2].max())


def _over(solid: Solid, carrier: Solid) -> bool:
    """Whether the middle of a solid's base is over the top of its carrier, within BESIDE."""
    import shapely

    vertices = carrier.world_vertices()
    if carrier.rest is None:
        high = float(vertices[:, 2].max())
        vertices = vertices[vertices[:, 2] >= high - TOP_SHARE * (high - float(vertices[:, 2].min()))]
    top = shapely.convex_hull(shapely.MultiPoint(vertices[:, :2]))
    width = float(np.ptp(solid.world_vertices()[:, :2], axis=0).min())
    return bool(top.distance(shapely.Point(solid.position[:2])) <= BESIDE * width)


def _apart(placed: list[Placed], camera: Camera) -> list[Placed]:
    """Moves the farther of two overlapping objects along its ray on the ground, away from the camera, by the least
    amount that parts their footprints; what stands on it moves along. What MAX_SHIFT does not part stays."""
    import shapely
    from shapely import affinity

    result = list(placed)
    eye = camera_position(camera)[:2]
    prints = [shapely.convex_hull(shapely.MultiPoint(item.solid.world_vertices()[:, :2])) for item in result]
    order = sorted(range(len(result)), key=lambda k: float(np.linalg.norm(result[k].solid.position[:2] - eye)))
    for at, k in enumerate(order):
        if result[k].support is not None:
            continue
        away = result[k].solid.position[:2] - eye
        away = away / max(float(np.linalg.norm(away)), 1e-9)
        width = float(np.sqrt(prints[k].area))
        shift, step = 0.0, 0.02 * width
        blockers = [prints[j] for j in order[:at] if result[j].support is None and result[j].plane == result[k].plane]
        moved = prints[k]
        while shift < MAX_SHIFT * width and any(moved.intersects(other) for other in blockers):
            shift += step
            moved = affinity.translate(prints[k], *(shift * away))
        if shift == 0.0:
            continue
        if any(moved.intersects(other) for other in blockers):
            note = f"shares a place with a nearer object, and {100 * MAX_SHIFT:.0f} % of its width would not part them"
            result[k] = dataclasses.replace(result[k], notes=(*result[k].notes, note))
            continue
        note = f"moved away by {100 * shift / width:.0f} % of its width: it shared a place with a nearer object"
        for j in [k, *_riders(k, result)]:
            solid = result[j].solid
            position = solid.position + np.array([*(shift * away), 0.0])
            result[j] = dataclasses.replace(
                result[j], solid=dataclasses.replace(solid, position=position), notes=(*result[j].notes, note)
            )
        prints[k] = moved
    return result


def _riders(k: int, placed: list[Placed]) -> list[int]:
    found = [j for j, item in enumerate(placed) if item.support == k]
    return found + [rider for j in found for rider in _riders(j, placed)]
