"""A close look into the cell over a board, by the real network, on a drawn shelf."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blueprint_assets.geometry.camera import camera_position, focal_from_35mm, pinhole, project
from blueprint_assets.geometry.shapes import cuboid
from resources.reconstruction.embedded.cells import look_into_cells, things_in_cells
from resources.reconstruction.embedded.instances import Instance
from resources.reconstruction.embedded.shelves import Board, cell

CAMERA = pinhole(960, 720, focal_from_35mm(26.0, 960, 720), np.radians(14.0))
BOARD = Board(0.6, np.array([-0.8, 2.0, 0.6]), np.array([0.8, 2.0, 0.6]))


def fill(rgb: np.ndarray, points: list[tuple[float, float, float]], color: tuple[int, int, int]) -> None:
    pixels, _ = project(CAMERA, np.array(points))
    cv2.fillPoly(rgb, [(pixels * 16).round().astype(np.int32)], color, cv2.LINE_AA, 4)


def drawn(height: float = 0.6, ceiling: float = 1.4, aside: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A cell with its back and board, and a red box on the board; and the box's mask."""
    rgb = np.full((720, 960, 3), 120, np.uint8)
    fill(rgb, [(-0.8, 2.4, height), (0.8, 2.4, height), (0.8, 2.4, ceiling), (-0.8, 2.4, ceiling)], (188, 186, 180))
    fill(rgb, [(-0.8, 2.0, height), (0.8, 2.0, height), (0.8, 2.4, height), (-0.8, 2.4, height)], (222, 220, 214))
    mask = np.zeros((720, 960), np.uint8)
    corners = cuboid((0.3, 0.2, 0.3)).bounds
    box = np.array([[x, y, z] for x in corners[:, 0] for y in corners[:, 1] for z in corners[:, 2]])
    box += np.array([aside, 2.2, height])
    sides = (((0, 1, 5, 4), (190, 40, 35)), ((0, 1, 3, 2), (150, 30, 28)), ((1, 3, 7, 5), (225, 70, 60)))
    eye = camera_position(CAMERA)
    for face, color in sides:
        normal = np.cross(box[face[1]] - box[face[0]], box[face[2]] - box[face[1]])
        out = normal if normal @ (box[list(face)].mean(axis=0) - box.mean(axis=0)) > 0 else -normal
        if out @ (eye - box[face[0]]) > 0:
            fill(rgb, [tuple(box[k]) for k in face], color)
            pixels, _ = project(CAMERA, box[list(face)])
            cv2.fillPoly(mask, [(pixels * 16).round().astype(np.int32)], 1, shift=4)
    noisy = cv2.GaussianBlur(rgb, (0, 0), 0.8) + np.random.default_rng(0).normal(0, 2, rgb.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), mask > 0


@pytest.mark.usefixtures("networks")
def test_what_stands_on_a_board_is_seen_once() -> None:
    rgb, true = drawn()
    found = things_in_cells(rgb, (), [BOARD], CAMERA)
    assert len(found) == 1
    assert (found[0].mask & true).sum() / (found[0].mask | true).sum() > 0.85
    assert "cell" in found[0].obtained
    assert look_into_cells(rgb, (Instance(true, "known", 1.0),), [BOARD], CAMERA) == []


@pytest.mark.usefixtures("networks")
def test_a_wide_gap_of_the_lowest_cell_is_looked_at_too() -> None:
    upper, above = drawn()
    lower, true = drawn(0.0, 0.55, -0.3)
    _, beside = drawn(0.0, 0.55, 0.4)
    front = round(cell([BOARD], 0, CAMERA)[3])
    rgb = np.concatenate([upper[:front], lower[front:]])
    known = [Instance(mask, "known", 1.0) for mask in (above, beside)]
    found = look_into_cells(rgb, tuple(known), [BOARD], CAMERA)
    assert len(found) == 1
    assert (found[0] & true).sum() / (found[0] | true).sum() > 0.85
    assert look_into_cells(rgb, (*known, Instance(true, "known", 1.0)), [BOARD], CAMERA) == []


def test_a_cell_ends_where_the_next_board_begins() -> None:
    lift = np.array([0.0, 0.0, 0.3])
    upper = Board(0.9, BOARD.left + lift, BOARD.right + lift)
    front, _ = project(CAMERA, np.stack([upper.left, upper.right]))
    left, top, right, bottom = cell([BOARD, upper], 0, CAMERA)
    assert top == pytest.approx(front[:, 1].min())
    assert 0 <= left < right <= 960
    assert top < bottom <= 720
