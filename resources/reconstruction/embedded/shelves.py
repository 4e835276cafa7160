"""Boards above the support plane: the shelf's front is an upright plane, known where it stands on the lowest board.

A shelf shows long level edges of one direction (the fronts of its boards) that meet upright edges (its posts). The lowest of
them that a post stands on lies on the support plane, which gives the front's distance; where the other edges cross the front
gives their boards' heights. No edge alone tells its distance, so that nothing is a board that no post joins to the lowest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import camera_position, ground_points, pixel_rays, project

from .board_fronts import THICKNESS, Line, raised, thickness
from .silhouette import BoolImage
from .straight_edges import Segments
from .surface import Image8

Array = NDArray[np.float64]

LONG_BOARD = 0.35
"""Least length of a board's front edge, as a share of the picture's width: shorter ones are things."""
LONG_POST = 0.15
"""Least length of an upright edge, as a share of the picture's height."""
UPRIGHT = math.radians(1.5)
"""How far an upright edge may point beside gravity's vanishing point."""
PARALLEL = math.radians(3.0)
"""Greatest angle on the ground between two boards' fronts."""
FACING = math.radians(50.0)
"""Greatest angle between the fronts and the picture's right: a shelf is photographed from before it."""
JOINT = 0.03
"""Greatest distance between the end of a board's edge and a post, as a share of the diagonal: the sides' thickness."""
NEAR = 4.0
"""An upright edge this close to a thing is the thing's own, pixels: masks are a few pixels off."""
OWN = 0.8
"""A thing's own edge has at least this share of its length there."""
GOES_ON = 0.05
"""A post goes on above an upper board by this share of the picture's height at least."""
HEIGHTS = (0.1, 0.97)
"""Heights of upper boards, in the camera's: lower ones are the thickness of the lowest, and higher ones show no top."""
APART = 0.12
"""Edges closer than this (in camera heights) are of one board."""
SAME_WIDTH = 0.6
"""The shorter of two boards' edges has at least this share of the other's length, where the picture shows both ends."""
DEPTH, BEFORE = 0.6, 0.05
"""Greatest depth of a shelf over its width, and how far before its front and beside its ends things still stand on it."""


@dataclass(frozen=True)
class Board:
    """`height` of its top above the support plane, world units; `left` and `right`: ends of its front edge in the world, (3,).

    `note`: what its place was taken from, where that is not the shelf's frame.
    """

    height: float
    left: Array
    right: Array
    note: str = ""


def find_boards(
    segments: Segments, camera: Camera, masks: Sequence[BoolImage], rgb: Image8 | None = None
) -> list[Board]:
    """Upper boards of a shelf that fills much of the picture, the lowest first; empty where there is none.

    `masks`: what is in the picture. Something must stand in the lowest cell, seen between its board and the next: tiles and
    panels of a wall behind a table have edges just so, but what there is stands before them. `rgb`, shape (h, w, 3): where no
    straight edge is the upper one of a front, it is looked for there.
    """
    fronts = fronts_of(segments, camera)
    posts = [post for post in _posts(segments, camera) if not any(_edge_of(mask, post) for mask in masks)]
    if len(fronts) < 2 or not posts:
        return []
    diagonal = math.hypot(camera.width, camera.height)
    # The lowest edge that a post ends on is on the support plane.
    for lowest in sorted(fronts, key=lambda line: -float((line.start + line.end)[1])):
        on_it = any(
            _beside(post, end) < JOINT * diagonal
            and abs(post.end[1] - end[1]) < 2 * JOINT * diagonal
            and post.start[1] < end[1] - GOES_ON * camera.height
            for post in posts
            for end in (lowest.start, lowest.end)
        )
        if on_it:
            return _boards(lowest, fronts, posts, camera, masks, rgb)
    return []


def _boards(
    lowest: Line, fronts: list[Line], posts: list[Line], camera: Camera, masks: Sequence[BoolImage], rgb: Image8 | None
) -> list[Board]:
    """The boards over the lowest one, each by the upper edge of its front."""
    ground = _upper_edge(lowest, fronts) or lowest
    found: list[tuple[float, Line]] = []
    for line in fronts:
        height = height_over(line, ground, camera)
        if height is not None and _joined(line, posts, camera) and _alike(line, ground, camera):
            found.append((height, line))
    boards: list[Board] = []
    for height, line in sorted(found, key=lambda item: item[0]):
        if boards and height - boards[-1].height < APART:
            continue
        board = board_over(*_upper_edges(line, lowest, fronts, masks, rgb), camera)
        if board is not None:
            boards.append(board)
    if not boards or not any(_between(mask, boards[0], ground, camera) for mask in masks):
        return []
    return boards


def _upper_edges(
    line: Line, lowest: Line, fronts: list[Line], masks: Sequence[BoolImage], rgb: Image8 | None
) -> tuple[Line, Line]:
    """The upper edges of a front and of the lowest one, each a straight edge or where the picture turns brighter or darker. The
    latter only if then both are known: the upper edge of one over the lower edge of the other is wrong by a board's thickness.
    """
    known = []
    for one in (line, lowest):
        top = _upper_edge(one, fronts)
        if top is None and rgb is not None:
            by = thickness(one, masks, rgb)
            top = None if by is None else raised(one, by)
        known.append(top)
    if known[0] is None or known[1] is None:
        return _upper_edge(line, fronts) or line, _upper_edge(lowest, fronts) or lowest
    return known[0], known[1]


def _upper_edge(line: Line, fronts: list[Line]) -> Line | None:
    """The upper one of a front's two edges: another a board's thickness above, or the line itself if one is as much below."""
    gaps = [
        (float((line.start + line.end)[1] - (other.start + other.end)[1]) / 2, other)
        for other in fronts
        if other is not line and min(other.end[0], line.end[0]) - max(other.start[0], line.start[0]) > 0.5 * line.length
    ]
    near = [(gap, other) for gap, other in gaps if THICKNESS[0] < abs(gap) / line.length < THICKNESS[1]]
    above = [(gap, other) for gap, other in near if gap > 0]
    if above:
        return min(above, key=lambda item: item[0])[1]
    return line if near else None


def _between(mask: BoolImage, board: Board, lowest: Line, camera: Camera) -> bool:
    """Whether a thing shows between a board's front and the edge below, standing behind the latter."""
    ends, _ = project(camera, np.stack([board.left, board.right]))
    rows, columns = np.nonzero(mask)
    x = float(np.median(columns))
    upper = float(np.interp(x, ends[:, 0], ends[:, 1]))
    along = (x - lowest.start[0]) / (lowest.end[0] - lowest.start[0])
    lower = lowest.start[1] + along * (lowest.end[1] - lowest.start[1])
    return bool(rows.min() > upper and rows.max() < lower and 0 < along < 1)


def fronts_of(segments: Segments, camera: Camera) -> list[Line]:
    """Long level edges of the direction that most of them have, from left to right."""
    right = np.array(camera.camera_to_world)[:2, 0]
    lines: list[tuple[float, Line]] = []
    for start, end, length in zip(*segments.ends(), segments.length, strict=True):
        if length < LONG_BOARD * camera.width:
            continue
        line = Line(start, end) if start[0] <= end[0] else Line(end, start)
        # The level direction in the plane through the camera and the edge.
        normal = np.cross(*pixel_rays(camera, np.stack([line.start, line.end])))
        angle = math.atan2(-normal[0], normal[1]) - math.atan2(right[1], right[0])
        angle = (angle + math.pi / 2) % math.pi - math.pi / 2
        if abs(angle) < FACING:
            lines.append((angle, line))
    best: list[Line] = []
    for angle, _ in lines:
        together = [line for other, line in lines if abs(other - angle) < PARALLEL]
        if sum(line.length for line in together) > sum(line.length for line in best):
            best = together
    return best


def _posts(segments: Segments, camera: Camera) -> list[Line]:
    """Long upright edges, from top to bottom."""
    down = -np.array(camera.camera_to_world)[2, :3]
    middle = (segments.middle - np.array([camera.cx, camera.cy])) / camera.fx
    toward = down[:2] - middle * down[2]
    toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-9)
    beside = np.abs(toward[:, 0] * segments.direction[:, 1] - toward[:, 1] * segments.direction[:, 0])
    chosen = (beside < math.sin(UPRIGHT)) & (segments.length > LONG_POST * camera.height)
    starts, ends = segments.ends()
    return [
        Line(start, end) if start[1] <= end[1] else Line(end, start)
        for start, end in zip(starts[chosen], ends[chosen], strict=True)
    ]


def _edge_of(mask: BoolImage, post: Line) -> bool:
    """Whether an upright edge is of a thing: nearly all of it is in the thing's mask or runs along it. A part of a post that is
    taken for a thing is shorter than the post."""
    share = np.linspace(0.05, 0.95, 19)[:, None]
    x, y = ((1 - share) * post.start + share * post.end).T
    near = [
        mask[np.clip(y, 0, mask.shape[0] - 1).astype(int), np.clip(x + aside, 0, mask.shape[1] - 1).astype(int)]
        for aside in (-NEAR, 0, NEAR)
    ]
    return bool(np.any(near, axis=0).mean() > OWN)


def _alike(line: Line, lowest: Line, camera: Camera) -> bool:
    """Whether two fronts are about as long, as far as the picture shows both their ends."""
    inside = [2 < end[0] < camera.width - 3 for one in (line, lowest) for end in (one.start, one.end)]
    return not all(inside) or min(line.length, lowest.length) > SAME_WIDTH * max(line.length, lowest.length)


def height_over(line: Line, lowest: Line, camera: Camera) -> float | None:
    """Height of an edge in camera heights, where it is that of an upper board."""
    board = None if line is lowest else board_over(line, lowest, camera)
    height = None if board is None else board.height / float(camera_position(camera)[2])
    return height if height is not None and HEIGHTS[0] < height < HEIGHTS[1] else None


def board_over(line: Line, lowest: Line, camera: Camera) -> Board | None:
    """The board whose front is this edge, in the upright plane over the lowest board's front edge."""
    feet = ground_points(camera, np.stack([lowest.start, lowest.end]))
    if not np.isfinite(feet).all():
        return None
    along = feet[1] - feet[0]
    normal = np.array([-along[1], along[0], 0.0]) / np.linalg.norm(along)
    eye, rays = camera_position(camera), pixel_rays(camera, np.stack([line.start, line.end]))
    facing = rays @ normal
    if np.abs(facing).min() < 1e-9:
        return None
    distance = ((feet[0] - eye) @ normal) / facing
    if (distance <= 0).any():
        return None
    left, right = eye + distance[:, None] * rays
    height = float(left[2] + right[2]) / 2
    return Board(height, np.array([*left[:2], height]), np.array([*right[:2], height]))


def _joined(line: Line, posts: list[Line], camera: Camera) -> bool:
    """Whether a post passes one end of the edge and goes on above it."""
    diagonal = math.hypot(camera.width, camera.height)
    return any(
        _beside(post, end) < JOINT * diagonal
        and post.start[1] < end[1] - GOES_ON * camera.height
        and post.end[1] > end[1] - JOINT * diagonal
        for post in posts
        for end in (line.start, line.end)
    )


def _beside(line: Line, point: Array) -> float:
    """Distance of a point from the line, which goes on beyond its ends, pixels."""
    along = (line.end - line.start) / line.length
    away = point - line.start
    return abs(float(along[0] * away[1] - along[1] * away[0]))


def stands_on(boards: list[Board], contact: Array, camera: Camera) -> int | None:
    """The index of the board that a contact pixel, shape (2,), is on: behind its front edge by at most the depth of a shelf and
    between its ends; None where it is on none, or the board's top does not show.
    """
    for k, board in reversed(list(enumerate(boards))):
        point = ground_points(camera, contact[None], board.height)[0]
        if not np.isfinite(point).all():
            continue
        along = board.right - board.left
        width = float(np.linalg.norm(along))
        along /= width
        behind = np.array([-along[1], along[0], 0.0])
        if behind @ (board.left - camera_position(camera)) < 0:
            behind = -behind
        deep, aside = float((point - board.left) @ behind), float((point - board.left) @ along)
        if -BEFORE * width < deep < DEPTH * width and -BEFORE * width < aside < (1 + BEFORE) * width:
            return k
    return None


def cell(boards: list[Board], k: int, camera: Camera) -> tuple[float, float, float, float]:
    """What shows of the space over a board, in pixels (left, top, right, bottom): up to the next board or the picture's edge."""
    ends, _ = project(camera, np.stack([boards[k].left, boards[k].right]))
    left, right = max(0.0, float(ends[0, 0])), min(float(camera.width), float(ends[1, 0]))
    top = 0.0
    if k + 1 < len(boards):
        over, _ = project(camera, np.stack([boards[k + 1].left, boards[k + 1].right]))
        top = max(0.0, float(over[:, 1].min()))
    return left, top, right, min(float(camera.height), float(ends[:, 1].max()))
