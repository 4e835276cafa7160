"""Boards of a shelf that fills the picture: drawn from a shelf of known size, and tables that only look like one."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import focal_from_35mm, pinhole, project
from blueprint_assets.geometry.transforms import apply
from resources.reconstruction.embedded.cells import boards_under
from resources.reconstruction.embedded.instances import Instance
from resources.reconstruction.embedded.shelves import find_boards
from resources.reconstruction.embedded.straight_edges import Segments
from resources.reconstruction.embedded.wide_shelves import find_wide_boards

SIZE = (960, 720)
HALF, DEEP, THICK, AWAY = 2.0, 0.6, 0.05, 1.15
"""Half the shelf's width (far beyond the picture), its depth, its boards' thickness and how far away its front is, in camera
heights above the lowest board."""

Corner = tuple[float, float, float]


def camera_of(pitch: float) -> Camera:
    return pinhole(*SIZE, focal_from_35mm(26.0, *SIZE), math.radians(pitch))


def pixels_of(camera: Camera, points: list[Corner], yaw: float) -> NDArray[np.float64]:
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    turn = np.eye(4)
    turn[:2, :2], turn[:3, 3] = [[c, -s], [s, c]], (0.0, AWAY, 0.0)
    pixels, _ = project(camera, apply(turn, np.array(points)))
    return pixels


def inside(
    start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What the picture shows of a line."""
    seen, a, b = cv2.clipLine((0, 0, *SIZE), start.astype(int).tolist(), end.astype(int).tolist())
    return (np.array(a, float), np.array(b, float)) if seen else None


def edges(camera: Camera, heights: list[float], yaw: float, thick: float = THICK) -> Segments:
    """The lower edges of all fronts, as far as the picture shows them."""
    lines = []
    for height in (0.0, *heights):
        line = inside(*pixels_of(camera, [(-HALF, 0.0, height - thick), (HALF, 0.0, height - thick)], yaw))
        if line is not None:
            lines.append(line)
    start, end = np.array([a for a, _ in lines]), np.array([b for _, b in lines])
    length = np.linalg.norm(end - start, axis=1)
    return Segments((start + end) / 2, (end - start) / length[:, None], length, "drawn")


def photo(camera: Camera, heights: list[float], yaw: float) -> NDArray[np.uint8]:
    """A dim inside, tops of another brightness than the fronts, as light from above makes them."""
    picture = np.full((*SIZE[::-1], 3), 80, np.uint8)
    for z in (0.0, *heights):
        top = [(-HALF, 0.0, z), (HALF, 0.0, z), (HALF, DEEP, z), (-HALF, DEEP, z)]
        front = [(-HALF, 0.0, z), (HALF, 0.0, z), (HALF, 0.0, z - THICK), (-HALF, 0.0, z - THICK)]
        for corners, gray in ((top, 120), (front, 170)):
            cv2.fillPoly(picture, [pixels_of(camera, corners, yaw).round().astype(np.int32)], (gray, gray, gray))
    return picture


def thing(camera: Camera, at: Corner, yaw: float = 0.0, tall: float = 0.15) -> NDArray[np.bool_]:
    """A block that stands at a place of the shelf (x to the right, y behind its front), as a mask."""
    x, y, z = at
    corners = [(x + dx, y + dy, z + dz) for dx in (-0.06, 0.06) for dy in (-0.05, 0.05) for dz in (0.0, tall)]
    pixels = pixels_of(camera, corners, yaw)
    low, high = pixels.min(axis=0).round().astype(int), pixels.max(axis=0).round().astype(int)
    mask = np.zeros(SIZE[::-1], bool)
    mask[max(0, low[1]) : high[1], max(0, low[0]) : high[0]] = True
    return mask


@settings(deadline=None, max_examples=25, derandomize=True)
@given(pitch=st.floats(17, 22), yaw=st.floats(-4, 4), height=st.floats(0.6, 0.85))
def test_an_upper_board_has_its_height_and_its_things_though_no_post_shows(
    pitch: float, yaw: float, height: float
) -> None:
    camera = camera_of(pitch)
    places = [(0.2, 0.2, 0.0), (-0.3, 0.15, height), (0.1, 0.15, height)]
    masks = [thing(camera, place, yaw, 0.1) for place in places]
    segments, picture = edges(camera, [height], yaw), photo(camera, [height], yaw)
    assert find_boards(segments, camera, masks) == []
    boards = find_wide_boards(segments, camera, masks, picture)
    assert len(boards) == 1
    assert boards[0].height == pytest.approx(height, abs=0.02)
    assert "wider than the picture" in boards[0].note
    assert "does not show" not in boards[0].note
    assert boards_under(tuple(Instance(mask, "drawn", 1.0) for mask in masks), boards, camera) == [0, 1, 1]


def test_without_its_upper_edge_in_the_picture_a_board_is_a_thickness_low_and_says_so() -> None:
    camera = camera_of(19)
    masks = [thing(camera, place) for place in [(0.2, 0.2, 0.0), (-0.3, 0.15, 0.7), (0.1, 0.15, 0.7)]]
    even = np.full((*SIZE[::-1], 3), 120, np.uint8)
    boards = find_wide_boards(edges(camera, [0.7], 0.0), camera, masks, even)
    assert [board.height for board in boards] == pytest.approx([0.7], abs=0.06)
    assert "does not show its upper edge" in boards[0].note


TABLES: dict[str, list[tuple[Corner, float]]] = {
    "nothing stands above the line": [((0.2, 0.2, 0.0), 0.15), ((-0.3, 0.3, 0.0), 0.15)],
    "one thing hangs above it": [((0.2, 0.2, 0.0), 0.15), ((0.0, 0.15, 0.7), 0.15)],
    "a tall thing hides some of it": [
        ((0.2, 0.2, 0.0), 0.15), ((-0.3, 0.15, 0.7), 0.15), ((0.1, 0.15, 0.7), 0.15), ((-0.1, 0.1, 0.0), 0.9)],
    "nothing is between the lines": [((-0.3, 0.15, 0.7), 0.15), ((0.1, 0.15, 0.7), 0.15)],
    "something is before the lowest": [
        ((0.2, 0.2, 0.0), 0.15), ((-0.3, 0.15, 0.7), 0.15), ((0.1, 0.15, 0.7), 0.15), ((0.3, -0.05, -0.05), 0.15)],
    "what is above is far behind": [((0.2, 0.2, 0.0), 0.15), ((-0.3, 2.0, 0.7), 0.15), ((0.1, 2.0, 0.7), 0.15)],
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_level_edges_alone_are_no_shelf(case: str) -> None:
    camera = camera_of(19)
    masks = [thing(camera, place, 0.0, tall) for place, tall in TABLES[case]]
    assert find_wide_boards(edges(camera, [0.7], 0.0), camera, masks, photo(camera, [0.7], 0.0)) == []


def test_what_a_table_hides_ends_on_its_edge() -> None:
    camera = camera_of(19)
    segments, picture = edges(camera, [0.7], 0.0), photo(camera, [0.7], 0.0)
    low = thing(camera, (0.2, 0.2, 0.0))
    stand = [thing(camera, (x, 0.15, 0.7)) for x in (-0.3, 0.1)]
    line = round(float(pixels_of(camera, [(0.0, 0.0, 0.7 - THICK)], 0.0)[0, 1]))
    hidden = [mask.copy() for mask in stand]
    for mask in hidden:
        columns = np.flatnonzero(mask.any(axis=0))
        mask[np.flatnonzero(mask.any(axis=1)).min() : line, columns.min() : columns.max()] = True
    assert find_wide_boards(segments, camera, [low, *stand], picture)
    assert find_wide_boards(segments, camera, [low, *hidden], picture) == []


def test_a_broken_front_is_one_front_and_a_short_edge_none() -> None:
    camera = camera_of(19)
    masks = [thing(camera, place) for place in [(0.2, 0.2, 0.0), (-0.3, 0.15, 0.7), (0.1, 0.15, 0.7)]]
    whole = edges(camera, [0.7], 0.0)
    picture = photo(camera, [0.7], 0.0)

    def broken(parts: list[tuple[float, float]]) -> Segments:
        start, end = whole.ends()
        cut = [(a + low * (b - a), a + high * (b - a)) for a, b in zip(start, end, strict=True) for low, high in parts]
        first, last = np.array([a for a, _ in cut]), np.array([b for _, b in cut])
        length = np.linalg.norm(last - first, axis=1)
        return Segments((first + last) / 2, (last - first) / length[:, None], length, "drawn")

    assert find_wide_boards(broken([(0.0, 0.4), (0.45, 0.7), (0.72, 1.0)]), camera, masks, picture)
    assert find_wide_boards(broken([(0.1, 0.6)]), camera, masks, picture) == []


@pytest.mark.parametrize("yaw", [-6.0, 0.0, 4.0])
def test_where_the_lowest_front_is_below_the_picture_the_nearest_thing_tells_its_place(yaw: float) -> None:
    camera = camera_of(12)
    segments, picture = edges(camera, [0.7], yaw), photo(camera, [0.7], yaw)
    assert len(segments.length) == 1, "only the upper front is in the picture"
    low, high = thing(camera, (0.2, 0.22, 0.0), yaw, 0.1), [(-0.3, 0.15, 0.7), (0.1, 0.15, 0.7)]
    masks = [low, *(thing(camera, place, yaw) for place in high)]
    boards = find_wide_boards(segments, camera, masks, picture)
    assert [board.height for board in boards] == pytest.approx([0.7], abs=0.03)
    assert "below the picture" in boards[0].note
    assert find_wide_boards(segments, camera, masks[:1], picture) == [], "nothing stands on it"
    assert find_wide_boards(segments, camera, masks[1:], picture) == [], "nothing is under it"
