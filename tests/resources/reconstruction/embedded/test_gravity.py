"""Pitch and focal length from straight edges, on a drawn tiled floor with posts, whose camera is known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.geometry.camera import focal_from_35mm, pinhole, pitch_and_roll, project
from resources.reconstruction.embedded import gravity


def tiles(pitch: float, roll: float = 0.0, focal_35mm: float = 28.0) -> NDArray[np.uint8]:
    camera = pinhole(800, 600, focal_from_35mm(focal_35mm, 800, 600), math.radians(pitch), math.radians(roll))
    rgb = np.full((600, 800, 3), 150, np.uint8)
    turn = np.array([[math.cos(0.5), -math.sin(0.5), 0], [math.sin(0.5), math.cos(0.5), 0], [0, 0, 1]])
    starts, ends = [], []
    for k in np.arange(-3, 3.01, 0.5):
        starts += [(k, -3, 0), (-3, k, 0)]
        ends += [(k, 3, 0), (3, k, 0)]
    for x, y in ((-0.5, 0.2), (0.4, 0.4), (0.1, -0.4)):
        starts.append((x, y, 0))
        ends.append((x, y, 0.6))
    offset = np.array([0.0, 2.0, 0.0])
    for start, end in zip(starts, ends, strict=True):
        line = np.linspace(start, end, 80) @ turn.T + offset
        pixels, depth = project(camera, line)
        shown = np.clip(pixels[depth > 0.2], -2000, 3000).round().astype(np.int32)
        cv2.polylines(rgb, [shown], False, (40, 40, 40), 3, cv2.LINE_AA)
    return np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


@pytest.fixture(params=[True, False])
def learned(request: pytest.FixtureRequest) -> bool:
    """With and without the line detector."""
    if request.param:
        request.getfixturevalue("networks")
    return bool(request.param)


@pytest.mark.parametrize("pitch", [22.0, 45.0])
def test_pitch_and_roll_are_those_of_the_tiles(pitch: float, learned: bool) -> None:
    camera = gravity.estimate_camera(tiles(pitch, roll=2.0), 28.0)
    assert (camera.focal_evidence, camera.pitch_evidence) == ("measured", "estimated")
    assert np.degrees(pitch_and_roll(camera)) == pytest.approx([pitch, 2.0], abs=1.5)
    assert ("M-LSD" if learned else "(LSD)") in camera.note


@pytest.mark.usefixtures("learned")
def test_without_exif_the_focal_length_comes_from_two_level_directions() -> None:
    camera = gravity.estimate_camera(tiles(35.0, focal_35mm=33.0), None)
    assert camera.focal_evidence == "estimated"
    assert camera.fx == pytest.approx(focal_from_35mm(33.0, 800, 600), rel=0.08)
    assert math.degrees(pitch_and_roll(camera)[0]) == pytest.approx(35, abs=3)


def test_an_even_picture_says_default() -> None:
    camera = gravity.estimate_camera(np.full((300, 400, 3), 128, np.uint8), None)
    assert (camera.focal_evidence, camera.pitch_evidence) == ("default", "default")
    assert pitch_and_roll(camera)[0] == pytest.approx(gravity.DEFAULT_PITCH)
    assert "too little" in camera.note
