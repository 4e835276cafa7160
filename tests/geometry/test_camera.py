from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.geometry.camera import (
    camera_position,
    focal_from_35mm,
    ground_points,
    pinhole,
    pitch_and_roll,
    project,
    resized,
)

pitches = st.floats(2, 80).map(math.radians)
rolls = st.floats(-20, 20).map(math.radians)


def test_focal_length_follows_the_diagonal_rule() -> None:
    # 960 x 720 at 28 mm: 776.58 px, as CIPA's rule gives it.
    assert focal_from_35mm(28, 960, 720) == pytest.approx(776.580275, abs=1e-5)
    with pytest.raises(ValueError, match="must be positive"):
        focal_from_35mm(0, 960, 720)


@given(pitch=pitches, roll=rolls)
@settings(deadline=None, max_examples=60)
def test_pitch_and_roll_come_back_and_the_camera_is_a_rotation(pitch: float, roll: float) -> None:
    camera = pinhole(640, 480, 500.0, pitch, roll)
    assert np.allclose(pitch_and_roll(camera), (pitch, roll), atol=1e-9)
    rotation = np.array(camera.camera_to_world)[:3, :3]
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert np.allclose(camera_position(camera), [0, 0, 1])


@given(pitch=pitches, roll=rolls, x=st.floats(-2, 2), y=st.floats(0.3, 6))
@settings(deadline=None, max_examples=80)
def test_a_ground_point_survives_the_way_to_the_picture_and_back(pitch: float, roll: float, x: float, y: float) -> None:
    camera = pinhole(640, 480, 500.0, pitch, roll)
    pixels, depth = project(camera, [[x, y, 0.0]])
    if depth[0] <= 0.01:
        return
    assert np.allclose(ground_points(camera, pixels)[0], [x, y, 0.0], atol=1e-6)


def test_axes_right_away_up() -> None:
    camera = pinhole(640, 480, 500.0, math.radians(30))
    pixels, depth = project(camera, [[0, 2, 0], [0.5, 2, 0], [0, 3, 0], [0, 2, 0.3]])
    assert pixels[1, 0] > pixels[0, 0]  # +x is to the right
    assert pixels[2, 1] < pixels[0, 1]  # farther is higher in the picture
    assert pixels[3, 1] < pixels[0, 1]  # up is up
    assert depth[2] > depth[0]


def test_pixels_at_and_above_the_horizon_meet_no_ground() -> None:
    camera = pinhole(640, 480, 500.0, math.radians(10))
    horizon = camera.cy - camera.fy * math.tan(math.radians(10))
    points = ground_points(camera, [[320, horizon - 1], [320, horizon], [320, horizon + 5]])
    assert np.isnan(points[:2]).all()
    assert np.isfinite(points[2]).all()


def test_a_resized_camera_sees_the_same_point_at_the_scaled_pixel() -> None:
    camera = pinhole(640, 480, 500.0, math.radians(25), math.radians(3))
    point = [[0.2, 1.7, 0.1]]
    assert np.allclose(project(resized(camera, 0.5), point)[0], project(camera, point)[0] / 2)
