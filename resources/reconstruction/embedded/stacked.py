"""Boxes on each other under one mask: apart by colour, then one solid of all."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import joined

from .parting import pieces
from .silhouette import BoolImage, Silhouette
from .solid import Solid

Array = NDArray[np.float64]

MIN_BESIDE = 0.6
"""Share of the narrower part's columns in which two parts of a stack both show."""
MIN_RISE = 0.35
"""A part of a stack ends at least this much of its own height above the end of the one below."""
MAX_BANDS = 5
MIN_BAND = 0.12
"""Most bands, and the least height of one, as a share of the mask's."""
BAND_CONTRAST = 22.0
LIGHTNESS = np.array([0.4, 1.0, 1.0])
"""LAB difference between two bands (lightness counts less: the faces of a box differ in it)."""
SINK = 0.02
"""A box reaches this share of its height into the one below, so that their union is one solid."""


def stacked_parts(view: Silhouette, mask: BoolImage) -> list[BoolImage]:
    """Full-size masks of the parts, the lowest first; empty when the mask is not a pile of coloured parts."""
    if view.lab is None:
        return []
    ends = _bands(view)
    if len(ends) < 3:
        return []
    labels = _parted(view, ends)
    parts = [labels == k for k in range(len(ends) - 1, 0, -1)]
    if not all(part.any() for part in parts):
        return []
    for low, high in itertools.pairwise(parts):
        both = low.any(axis=0) & high.any(axis=0)
        if both.sum() < MIN_BESIDE * min(low.any(axis=0).sum(), high.any(axis=0).sum()):
            return []
        if _bottom(low) - _bottom(high) < MIN_RISE * int(high.any(axis=1).sum()):
            return []
    full = _full_size(view, labels, mask)
    return [full == k for k in range(len(ends) - 1, 0, -1)]


def _bands(view: Silhouette) -> list[int]:
    """Row limits of the bands of even colour, by dynamic programming over the rows' median colours."""
    assert view.lab is not None
    rows = np.flatnonzero(view.mask.any(axis=1))
    first, last = int(rows[0]), int(rows[-1]) + 1
    colors = (
        np.array(
            [
                np.median(view.lab[y][view.mask[y]], axis=0) if view.mask[y].any() else [np.nan] * 3
                for y in range(first, last)
            ]
        )
        * LIGHTNESS
    )
    if not np.isfinite(colors).all():
        return [first, last]
    n, least = len(colors), max(4, round(MIN_BAND * (last - first)))
    best = np.full((MAX_BANDS + 1, n + 1), np.inf)
    best[0, 0] = 0.0
    previous = np.zeros((MAX_BANDS + 1, n + 1), int)
    costs = _costs(colors, least)
    for end in range(least, n + 1):
        totals = best[:-1, : end - least + 1] + costs[: end - least + 1, end]
        previous[1:, end] = np.argmin(totals, axis=1)
        best[1:, end] = totals.min(axis=1)
    # One band more must save a good part of its rows' contrast.
    totals = best[1:, n] + 0.5 * BAND_CONTRAST * least * np.arange(MAX_BANDS)
    limits = [n]
    for count in range(int(np.argmin(totals)) + 1, 0, -1):
        limits.append(int(previous[count, limits[-1]]))
    limits = limits[::-1]
    medians = [np.median(colors[a:b], axis=0) for a, b in itertools.pairwise(limits)]
    kept = [limits[0]]
    for k, (one, other) in enumerate(itertools.pairwise(medians)):
        if np.linalg.norm(one - other) > BAND_CONTRAST:
            kept.append(limits[k + 1])
    return [first + limit for limit in (*kept, limits[-1])]


def _costs(colors: Array, least: int) -> Array:
    """What the rows of a band differ from its median colour, summed, of every band [start, end) of `least` rows or more."""
    n = len(colors)
    costs = np.full((n + 1, n + 1), np.inf)
    for length in range(least, n + 1):
        pieces_of = np.lib.stride_tricks.sliding_window_view(colors, length, axis=0)  # (n - length + 1, 3, length)
        apart = np.linalg.norm(pieces_of - np.median(pieces_of, axis=2, keepdims=True), axis=1)
        starts = np.arange(n - length + 1)
        costs[starts, starts + length] = np.minimum(apart, BAND_CONTRAST).sum(axis=1)
    return costs


def _parted(view: Silhouette, ends: list[int]) -> NDArray[np.uint8]:
    """Every pixel of the mask to the band whose colour is its own, near the limits, or whose rows it is in; 1 = top."""
    assert view.lab is not None
    rows = np.arange(view.mask.shape[0])[:, None]
    reach = 0.35 * float(np.diff(ends).min())
    distance = np.full((len(ends) - 1, *view.mask.shape), np.inf)
    for k, (top, bottom) in enumerate(itertools.pairwise(ends)):
        inner = (rows >= top) & (rows < bottom) & view.mask
        color = np.median(view.lab[inner], axis=0)
        near = np.broadcast_to((rows >= top - reach) & (rows < bottom + reach), view.mask.shape)
        distance[k][near] = np.linalg.norm((view.lab - color) * LIGHTNESS, axis=2)[near]
    labels = np.where(view.mask, 1 + np.argmin(distance, axis=0), 0).astype(np.uint8)
    labels = np.where(view.mask, cv2.medianBlur(labels, 5), 0).astype(np.uint8)
    for k in range(1, len(ends)):
        for piece in pieces(labels == k)[1:]:
            labels[piece] = 0
    return labels


def join_stack(view: Silhouette, solids: list[Solid]) -> Solid | None:
    """One solid of boxes, the lowest first, each on the one before; None when one does not stand on the other."""
    body = solids[0]
    mesh = body.mesh.copy()
    mesh.vertices = body.world_vertices()
    drawn = view.blank()
    view.draw_hull(drawn, mesh.vertices)
    below = body.position
    for solid in solids[1:]:
        vertices = solid.world_vertices()
        # At a low pitch a contact tells the side well and the depth badly: the depth is the lower box's.
        shift = float((below - solid.position) @ view.away) * view.away
        vertices = vertices + shift
        view.draw_hull(drawn, vertices)
        low, high = float(vertices[:, 2].min()), float(vertices[:, 2].max())
        sunk = vertices.copy()
        sunk[:, 2] = np.where(sunk[:, 2] < low + 1e-9, low - SINK * (high - low), sunk[:, 2])
        part = solid.mesh.copy()
        part.vertices = sunk
        union = joined(mesh, part)
        if union is mesh:
            return None
        mesh, below = union, solid.position + shift
    mesh = mesh.copy()
    mesh.apply_translation(-body.position)
    note = f"{len(solids)} boxes on each other, apart by colour; depth of the upper ones as the lowest (default)"
    return Solid("stacked_cuboids", mesh, body.position, 0.0, view.overlap(drawn), note)


def _bottom(part: BoolImage) -> int:
    return int(np.flatnonzero(part.any(axis=1))[-1])


def _full_size(view: Silhouette, labels: NDArray[np.uint8], mask: BoolImage) -> NDArray[np.uint8]:
    """The labels at the mask's size, every pixel of the mask labelled by the nearest part."""
    x0, y0, factor = view.to_full
    warp = np.array([[1 / factor, 0, x0], [0, 1 / factor, y0]])
    large = cv2.warpAffine(labels, warp, (mask.shape[1], mask.shape[0]), flags=cv2.INTER_NEAREST)
    _, nearest = cv2.distanceTransformWithLabels(
        (large == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(nearest.max()) + 1, np.uint8)
    of_label[nearest[large > 0]] = large[large > 0]
    full: NDArray[np.uint8] = np.where(mask, of_label[nearest], 0).astype(np.uint8)
    return full
