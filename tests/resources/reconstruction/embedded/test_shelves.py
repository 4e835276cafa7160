"""Boards of a shelf from its edges: projected from a shelf of known size, and walls that only look like one."""

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
from resources.reconstruction.embedded.shelves import Board, cell, find_boards, stands_on
from resources.reconstruction.embedded.straight_edges import Segments

SIZE = (960, 720)
WIDTH, THICK = 1.6, 0.045
"""Of the shelf, in camera heights above its lowest board."""


def camera_of(pitch: float) -> Camera:
    return pinhole(*SIZE, focal_from_35mm(26.0, *SIZE), math.radians(pitch))


def placed(points: list[tuple[float, float, float]], yaw: float, away: float) -> NDArray[np.float64]:
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    turn = np.eye(4)
    turn[:2, :2], turn[:3, 3] = [[c, -s], [s, c]], (0.0, away, 0.0)
    return apply(turn, np.array(points))


def shelf(camera: Camera, heights: list[float], yaw: float = 0.0, away: float = 2.0, posts: bool = True) -> Segments:
    """Both edges of every board's front and the two front posts."""
    half, ends = WIDTH / 2, []
    for height in (0.0, *heights):
        for z in (height, height - THICK):
            ends += [(-half, 0.0, z), (half, 0.0, z)]
    if posts:
        for x in (-half - 0.03, half + 0.03):
            ends += [(x, 0.0, -THICK), (x, 0.0, 1.3)]
    pixels, _ = project(camera, placed(ends, yaw, away))
    start, end = pixels[::2], pixels[1::2]
    length = np.linalg.norm(end - start, axis=1)
    return Segments((start + end) / 2, (end - start) / length[:, None], length, "drawn")


def thing(camera: Camera, at: tuple[float, float, float], yaw: float = 0.0, away: float = 2.0) -> NDArray[np.bool_]:
    """A block that stands at a place of the shelf (x to the right, y behind its front), as a mask."""
    x, y, z = at
    corners = [(x + dx, y + dy, z + dz) for dx in (-0.1, 0.1) for dy in (-0.05, 0.05) for dz in (0.0, 0.2)]
    pixels, _ = project(camera, placed(corners, yaw, away))
    low, high = pixels.min(axis=0).round().astype(int), pixels.max(axis=0).round().astype(int)
    mask = np.zeros(SIZE[::-1], bool)
    mask[max(0, low[1]) : high[1], max(0, low[0]) : high[0]] = True
    return mask


@settings(deadline=None, max_examples=25, derandomize=True)
@given(pitch=st.floats(8, 22), yaw=st.floats(-20, 20), height=st.floats(0.4, 0.85))
def test_an_upper_board_has_its_height_and_its_things(pitch: float, yaw: float, height: float) -> None:
    camera = camera_of(pitch)
    low, high = thing(camera, (0.2, 0.15, 0.0), yaw), thing(camera, (-0.3, 0.1, height), yaw)
    boards = find_boards(shelf(camera, [height], yaw), camera, [low, high])
    assert len(boards) == 1
    assert boards[0].height == pytest.approx(height, abs=0.01)
    instances = tuple(Instance(mask, "drawn", 1.0) for mask in (low, high))
    assert boards_under(instances, boards, camera) == [0, 1]
    left, top, right, bottom = cell(boards, 0, camera)
    rows, columns = np.nonzero(high)
    assert left <= columns.min()
    assert columns.max() <= right
    assert top <= rows.min()
    assert rows.max() <= bottom


def test_two_upper_boards_come_lowest_first() -> None:
    camera = camera_of(14)
    boards = find_boards(shelf(camera, [0.4, 0.8]), camera, [thing(camera, (0.2, 0.15, 0.0))])
    assert [board.height for board in boards] == pytest.approx([0.4, 0.8], abs=0.01)
    assert cell(boards, 0, camera)[1] > cell(boards, 1, camera)[1]


def test_without_posts_or_with_everything_before_it_there_is_no_shelf() -> None:
    camera = camera_of(14)
    inside, before = thing(camera, (0.2, 0.15, 0.0)), thing(camera, (0.2, -0.6, 0.0))
    assert find_boards(shelf(camera, [0.6]), camera, [inside])
    assert find_boards(shelf(camera, [0.6], posts=False), camera, [inside]) == []
    assert find_boards(shelf(camera, [0.6]), camera, [before]) == []
    assert find_boards(shelf(camera, [0.6]), camera, []) == []


def without(segments: Segments, number: int) -> Segments:
    keep = np.arange(len(segments.length)) != number
    return Segments(segments.middle[keep], segments.direction[keep], segments.length[keep], "drawn")


def painted(camera: Camera, heights: list[float]) -> NDArray[np.uint8]:
    """A dim inside, and boards with tops of another brightness than their fronts."""
    picture = np.full((*SIZE[::-1], 3), 80, np.uint8)
    half = WIDTH / 2
    for z in (0.0, *heights):
        top = [(-half, 0.0, z), (half, 0.0, z), (half, 0.5, z), (-half, 0.5, z)]
        front = [(-half, 0.0, z), (half, 0.0, z), (half, 0.0, z - THICK), (-half, 0.0, z - THICK)]
        for corners, gray in ((top, 120), (front, 170)):
            pixels, _ = project(camera, placed(corners, 0.0, 2.0))
            cv2.fillPoly(picture, [pixels.round().astype(np.int32)], (gray, gray, gray))
    return picture


@pytest.mark.parametrize("missing", [0, 2])
def test_an_upper_edge_that_no_straight_edge_shows_is_where_the_brightness_turns(missing: int) -> None:
    camera = camera_of(14)
    masks = [thing(camera, (0.2, 0.15, 0.0))]
    segments = without(shelf(camera, [0.6]), missing)
    assert find_boards(segments, camera, masks)[0].height != pytest.approx(0.6, abs=0.015)
    assert find_boards(segments, camera, masks, painted(camera, [0.6]))[0].height == pytest.approx(0.6, abs=0.012)
    # Nothing to see: as if there were no picture.
    even = np.full((*SIZE[::-1], 3), 120, np.uint8)
    assert find_boards(segments, camera, masks, even)[0].height == find_boards(segments, camera, masks)[0].height


def test_an_upper_edge_is_not_taken_for_a_lower_one() -> None:
    camera = camera_of(14)
    masks = [thing(camera, (0.2, 0.15, 0.0))]
    # The board's top seen flat looks like a front under the back wall.
    board = find_boards(shelf(camera, [0.85]), camera, masks, painted(camera, [0.85]))
    assert board[0].height == pytest.approx(0.85, abs=0.01)


def test_the_edges_of_a_thing_are_no_posts_but_a_piece_of_a_post_may_be_taken_for_a_thing() -> None:
    camera = camera_of(14)
    inside = thing(camera, (0.2, 0.15, 0.0))
    segments = shelf(camera, [0.6])
    foot, top = segments.ends()[0][-1], segments.ends()[1][-1]

    def along_both(low: float, high: float) -> NDArray[np.bool_]:
        """What covers a part of the posts' length."""
        mask = np.zeros(SIZE[::-1], bool)
        rows = sorted(round(float(foot[1] + share * (top[1] - foot[1]))) for share in (low, high))
        for column in (foot[0], SIZE[0] - foot[0]):
            mask[max(0, rows[0]) : rows[1], max(0, round(column) - 80) : round(column) + 80] = True
        return mask

    assert find_boards(segments, camera, [inside, along_both(0.2, 0.6)])
    assert find_boards(segments, camera, [inside, along_both(0.0, 1.0)]) == []


def test_a_board_above_the_camera_shows_no_top() -> None:
    camera = camera_of(10)
    assert find_boards(shelf(camera, [1.15]), camera, [thing(camera, (0.2, 0.15, 0.0))]) == []


def test_what_is_beside_a_board_or_far_behind_it_is_not_on_it() -> None:
    camera = camera_of(14)
    board = Board(0.5, np.array([-0.8, 2.0, 0.5]), np.array([0.8, 2.0, 0.5]))

    def under(x: float, y: float) -> int | None:
        return stands_on([board], project(camera, np.array([[x, y, 0.5]]))[0][0], camera)

    assert under(0.0, 2.3) == 0
    assert under(0.0, 3.4) is None
    assert under(1.2, 2.3) is None
    assert under(0.0, 1.5) is None
