"""Boards of a shelf that is wider than the picture: no post shows, but its boards' fronts run from side to side.

Two level edges of one direction that cross the picture, nothing across either of them, things in the cell between and things
that stand above the upper one: those stand on a board, or else would be far behind what they are above. On a table, things
hide its back edge or the wall's lines. Where the lowest board ends below the picture, its front is taken to be just before the
nearest thing on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import camera_position, ground_points, pixel_rays, project

from .board_fronts import THICKNESS, Line, gap_over, raised, share_below, thickness
from .shelves import APART, Board, board_over, fronts_of, height_over, stands_on
from .silhouette import BoolImage, contact_pixel
from .straight_edges import Segments
from .surface import Image8

Array = NDArray[np.float64]

WIDE = 0.5
"""Least part of the picture's width in which a front shows: the lowest one may leave by the lower side."""
SPANS = 0.75
"""Least share of it that straight edges cover."""
ON_LINE = 0.004
"""Greatest distance of an edge's ends from a line that it is part of, as a share of the diagonal."""
FRONT_BEFORE = 0.15
"""A front that is below the picture is before the nearest thing by this share of that thing's distance (10 cm at 0.65 m); by
judgement: things as deep as a mug in the middle of a shelf 0.3 m deep."""
ON_BOARDS = 2
"""Least number of things on upper boards: one alone may hang on the wall behind."""


def find_wide_boards(segments: Segments, camera: Camera, masks: Sequence[BoolImage], rgb: Image8) -> list[Board]:
    """Upper boards of a shelf whose sides are outside the picture, the lowest first; empty where there is none.

    `masks`: what is in the picture; `rgb`, shape (h, w, 3): the upper edges of the fronts are looked for in it.
    """
    crossing = sorted(_crossing(segments, camera), key=lambda line: -float((line.start + line.end)[1]))
    free = [line for line in crossing if all(share_below(mask, line) in (0.0, 1.0) for mask in masks)]
    for number, lowest in enumerate(free):
        if all(share_below(mask, lowest) == 0 for mask in masks):
            return _boards(lowest, free[number + 1 :], camera, masks, rgb)
    if free and free[0] is crossing[0] and thickness(free[0], masks, rgb) is not None:
        below = _below_the_picture(free[0], camera, masks)
        return [] if below is None else _boards(below, free, camera, masks, rgb)
    return []


def _below_the_picture(upper: Line, camera: Camera, masks: Sequence[BoolImage]) -> Line | None:
    """The lowest board's front, where the picture ends above it: under an upper one, before the nearest thing below that."""
    low = np.array([contact_pixel(mask) for mask in masks if share_below(mask, upper) == 1])
    feet = ground_points(camera, low) if len(low) else np.zeros((0, 3))
    if not len(feet) or not np.isfinite(feet).all():
        return None
    normal = np.cross(*pixel_rays(camera, np.stack([upper.start, upper.end])))
    along = np.array([-normal[1], normal[0], 0.0]) / math.hypot(normal[0], normal[1])
    toward = np.array([-along[1], along[0], 0.0])
    eye = camera_position(camera)
    if toward @ (feet[0] - eye) > 0:
        toward = -toward
    distance = float(((eye - feet) @ toward).min())
    middle = feet[int(np.argmin((eye - feet) @ toward))] + FRONT_BEFORE * distance * toward
    ends, depth = project(camera, np.stack([middle - distance * along, middle + distance * along]))
    if (depth <= 0).any():
        return None
    start, end = ends if ends[0, 0] < ends[1, 0] else ends[::-1]
    return Line(start, end)


def _boards(lowest: Line, above: list[Line], camera: Camera, masks: Sequence[BoolImage], rgb: Image8) -> list[Board]:
    """The boards over the lowest one that things stand on, if something is between them and the lowest."""
    boards: list[Board] = []
    standing = 0
    for line in above:
        over = [mask for mask in masks if share_below(mask, line) == 0]
        if not over or len(over) == len(masks):
            continue
        front, ground, note = _top_edges(line, lowest, masks, rgb)
        board, height = board_over(front, ground, camera), height_over(front, ground, camera)
        if board is None or height is None or (boards and height - boards[-1].height < APART):
            continue
        on_it = [mask for mask in over if stands_on([board], contact_pixel(mask), camera) == 0]
        # What is hidden by an edge ends on it; what stands on a board shows some of its front and top below.
        if on_it and all(gap_over(mask, line) > THICKNESS[0] * line.length for mask in on_it):
            boards.append(replace(board, note=note))
            standing += len(on_it)
    return boards if standing >= ON_BOARDS else []


def _crossing(segments: Segments, camera: Camera) -> list[Line]:
    """Fronts that run from side to side, each as far as the picture shows it."""
    near = ON_LINE * math.hypot(camera.width, camera.height)
    starts, ends = segments.ends()
    found = []
    for line in fronts_of(segments, camera):
        whole = _prolonged(line, camera)
        if whole.length < WIDE * camera.width:
            continue
        along = (whole.end - whole.start) / whole.length
        covered = np.zeros(int(whole.length) + 1, bool)
        for start, end in zip(starts, ends, strict=True):
            away = [abs(float(along[0] * d[1] - along[1] * d[0])) for d in (start - whole.start, end - whole.start)]
            if max(away) < near:
                low, high = sorted(float((point - whole.start) @ along) for point in (start, end))
                covered[max(0, round(low)) : max(0, round(high))] = True
        if covered.mean() > SPANS:
            found.append(whole)
    return found


def _prolonged(line: Line, camera: Camera) -> Line:
    """The line up to the picture's sides or its lower or upper one."""
    slope = float((line.end[1] - line.start[1]) / (line.end[0] - line.start[0]))
    x = np.array([0.0, float(camera.width)])
    if abs(slope) > 1e-6:
        low, high = sorted(float(line.start[0] + (y - line.start[1]) / slope) for y in (0.0, float(camera.height)))
        x = np.clip(x, low, high)
    y = line.start[1] + slope * (x - line.start[0])
    return Line(np.array([x[0], y[0]]), np.array([x[1], y[1]]))


def _top_edges(line: Line, lowest: Line, masks: Sequence[BoolImage], rgb: Image8) -> tuple[Line, Line, str]:
    """A front's and the lowest front's upper edges if both show, else both lines as they are; and a note on that."""
    upper = thickness(line, masks, rgb)
    note = "a shelf wider than the picture: its upper board is over the lowest board's front edge"
    if min(lowest.start[1], lowest.end[1]) >= rgb.shape[0]:
        return (line if upper is None else raised(line, upper)), lowest, f"{note}, which is below the picture (default)"
    lower = thickness(lowest, masks, rgb)
    if upper is None or lower is None:
        return line, lowest, f"{note}; one of their fronts does not show its upper edge"
    return raised(line, upper), raised(lowest, lower), note
