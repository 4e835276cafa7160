"""Which pixels are which object, and what it is: a given instance mask, or what the networks and the colours show."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.vision.weights import obstacle

from .detections import detect
from .lower_end import with_lower_ends
from .naming import Recognition, is_room, recognise
from .proposals import propose
from .surface import BoolImage, ColorSurface, Image8, find_backgrounds, find_plane, to_lab
from .things import Thing, find_things

MAX_OBJECTS = 16
MIN_GIVEN = 64
"""A given id with fewer pixels is a speck."""
PIECE_SHARE = 0.05
"""Of one id's separate pieces, those below this share of the largest are specks."""
SURFACE_SIZE = 512
"""Longer side at which colour surfaces are fitted and objects proposed, pixels."""


@dataclass(frozen=True)
class Instance:
    """`mask` at full size; `certainty` 0..1 is of the mask alone. `category`: what its solid is chosen by (a row of the household
    catalogue), None where nothing is sure enough; `category_certainty` 0..1 and `named_by` say how sure that is and who says so.
    `may_be`: all that it may be by its looks, with shares; empty where no network looked."""

    mask: BoolImage
    obtained: str
    certainty: float
    category: str | None = None
    category_certainty: float = 0.0
    named_by: str = ""
    may_be: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Segmentation:
    """`plane` is at SURFACE_SIZE, None when no surface was found (only with a given mask)."""

    instances: tuple[Instance, ...]
    plane: ColorSurface | None
    room: bool
    """Furniture on a floor rather than things on a table."""
    learned: bool
    """By the networks; else by colour alone."""
    notes: tuple[str, ...]


def segment(rgb: Image8, ids: NDArray[np.uint16] | None, horizon_row: float) -> Segmentation:
    """The picture's objects, largest first, at most MAX_OBJECTS, and the support plane's colour surface.

    A given mask is taken as it is; without one, objects are looked for: by the networks where their weights are there, else by
    colour alone. Names come from the networks in either case.

    Args:
        rgb: the picture at working size.
        ids: a given instance mask, shape (h, w), 0 = background, or None.
        horizon_row: of the camera, pixels.
    """
    factor = min(1.0, SURFACE_SIZE / max(rgb.shape[:2]))
    size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    lab = to_lab(small)
    why_not = obstacle(("salient", "boxes", "names"))
    notes = [] if why_not is None else [f"objects are found by colour alone and nothing is recognised: {why_not}"]
    detected, nameless = ([], []) if why_not else detect(rgb)
    if ids is not None:
        instances = given_instances(ids, notes)
        known = cv2.resize((ids > 0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        near = cv2.dilate(known, np.ones((7, 7), np.uint8)) > 0
        plane = find_plane(lab, near, horizon_row * factor)
    else:
        nothing = np.zeros(small.shape[:2], bool)
        plane = find_plane(lab, nothing, horizon_row * factor)
        backgrounds = [] if plane is None else find_backgrounds(lab, plane, nothing)
        things: list[Thing] = []
        if why_not is None:
            named = [one.scaled(factor) for one in detected]
            others = [(left * factor, top * factor, right * factor, low * factor) for left, top, right, low in nameless]
            things, dropped = find_things(rgb, small, lab, plane, backgrounds, named, others, horizon_row * factor)
            notes += dropped
            if plane is not None and not is_room(detected):
                ends = with_lower_ends([thing.mask for thing in things], lab, plane)
                things = [dataclasses.replace(thing, mask=mask) for thing, mask in zip(things, ends, strict=True)]
        elif plane is not None:
            masks, dropped = propose(small, lab, plane, backgrounds, horizon_row * factor)
            things = [Thing(mask, "colour_model+grabcut", 0.7) for mask in masks]
            notes += dropped
        instances = [
            Instance(_enlarged(thing.mask, rgb.shape[1], rgb.shape[0]), thing.obtained, thing.certainty)
            for thing in things
        ]
    instances.sort(key=lambda instance: -int(instance.mask.sum()))
    if len(instances) > MAX_OBJECTS:
        notes.append(f"{len(instances)} objects seen; the {MAX_OBJECTS} largest are kept")
    instances = instances[:MAX_OBJECTS]
    room = is_room(detected)
    if why_not is None:
        instances = [_named(instance, recognise(rgb, instance.mask, detected, room)) for instance in instances]
    return Segmentation(tuple(instances), plane, room, why_not is None, tuple(notes))


def _named(instance: Instance, seen: Recognition) -> Instance:
    return dataclasses.replace(
        instance, category=seen.category, category_certainty=seen.certainty, named_by=seen.by, may_be=seen.may_be
    )


def given_instances(ids: NDArray[np.uint16], notes: list[str]) -> list[Instance]:
    """One instance an id; specks are dropped, and an id whose pieces lie far apart becomes one instance a piece."""
    instances: list[Instance] = []
    specks = 0
    for value in np.unique(ids):
        if value == 0:
            continue
        mask = ids == value
        if mask.sum() < MIN_GIVEN:
            specks += 1
            continue
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        largest = stats[1:, cv2.CC_STAT_AREA].max()
        pieces = [labels == k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= PIECE_SHARE * largest]
        groups = _grouped(pieces)
        if len(groups) > 1:
            notes.append(f"mask id {value} has {len(groups)} pieces far apart: one object each")
        instances += [Instance(group, "given", 1.0) for group in groups]
    if specks:
        notes.append(f"{specks} mask id(s) of fewer than {MIN_GIVEN} pixels were ignored")
    return instances


def _grouped(pieces: list[BoolImage]) -> list[BoolImage]:
    """Pieces nearer to each other than the size of the smaller one belong together (something hides what joins them)."""
    groups: list[BoolImage] = []
    for piece in pieces:
        size = max(3, round(float(np.sqrt(piece.sum()))))
        apart = cv2.distanceTransform((~piece).astype(np.uint8), cv2.DIST_L2, 3)
        near = [k for k, group in enumerate(groups) if apart[group].min() < size]
        joint = piece.copy()
        for k in near:
            joint |= groups[k]
        groups = [group for k, group in enumerate(groups) if k not in near] + [joint]
    return groups


def _enlarged(mask: BoolImage, width: int, height: int) -> BoolImage:
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    if width > mask.shape[1]:
        soft = cv2.GaussianBlur(soft, (0, 0), 0.5 * width / mask.shape[1])
    large: BoolImage = soft > 0.5
    return large
