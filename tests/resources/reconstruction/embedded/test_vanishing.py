"""The camera's tilt from edges of things that are turned each its own way, and from rims: drawn exactly, with known truth."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera
from blueprint_assets.geometry.camera import focal_from_35mm, pinhole, pitch_and_roll, project
from resources.reconstruction.embedded.gravity import estimate_camera
from resources.reconstruction.embedded.rims import Rims, find_rims
from resources.reconstruction.embedded.straight_edges import Segments
from resources.reconstruction.embedded.vanishing import Clues, Hypothesis

SIZE = (960, 720)
FOCAL = focal_from_35mm(28.0, *SIZE)
NO_RIMS = Rims(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
NO_SEGMENTS = Segments(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), "none")


def camera_of(pitch: float, roll: float = 0.0, focal: float = FOCAL) -> Camera:
    return pinhole(*SIZE, focal, math.radians(pitch), math.radians(roll))


def edges_of(camera: Camera, yaws: list[float]) -> Segments:
    """The twelve edges of one box a yaw, standing before the camera."""
    ends = []
    for k, yaw in enumerate(yaws):
        corners = np.array([[x, y, z] for x in (-0.16, 0.16) for y in (-0.1, 0.1) for z in (0.0, 0.25)])
        c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
        away = 1.0 / math.tan(pitch_and_roll(camera)[0])
        at = corners @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + [0.45 * (k - 1), away + 0.1 * k, 0]
        pixels, _ = project(camera, at)
        ends += [(pixels[a], pixels[b]) for a in range(8) for b in range(a) if (a ^ b) in (1, 2, 4)]
    start, end = (np.array(side) for side in zip(*ends, strict=True))
    length = np.linalg.norm(end - start, axis=1)
    return Segments((start + end) / 2, (end - start) / length[:, None], length, "drawn")


@settings(deadline=None, max_examples=8, derandomize=True)
@given(
    pitch=st.floats(20, 55),
    roll=st.floats(-3, 3),
    yaws=st.tuples(st.floats(0, 25), st.floats(30, 55), st.floats(60, 85)),
)
def test_boxes_turned_each_its_own_way_tell_the_tilt(pitch: float, roll: float, yaws: tuple[float, ...]) -> None:
    clues = Clues(edges_of(camera_of(pitch, roll), list(yaws)), NO_RIMS, SIZE, FOCAL)
    found = clues.best(np.array([FOCAL]))
    assert np.degrees([found.pitch, found.roll]) == pytest.approx([pitch, roll], abs=1.0)
    assert found.focal == FOCAL
    assert len(clues.evidence_for(found).yaws) == 3


def test_the_focal_length_comes_with_the_tilt() -> None:
    focal = 1.2 * FOCAL
    clues = Clues(edges_of(camera_of(38, 1, focal), [10, 40, 70]), NO_RIMS, SIZE, FOCAL)
    found = clues.best(FOCAL * np.exp(np.linspace(-0.35, 0.35, 7)))
    assert found.focal == pytest.approx(focal, rel=0.06)
    assert math.degrees(found.pitch) == pytest.approx(38, abs=1.5)


def test_a_frame_more_must_explain_enough() -> None:
    one = Clues(edges_of(camera_of(35), [10]), NO_RIMS, SIZE, FOCAL)
    assert len(one.evidence_for(Hypothesis(FOCAL, math.radians(35), 0.0)).yaws) == 1


def circle(camera: Camera, centre: tuple[float, float, float], radius: float) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(200)], axis=-1) * radius + centre
    return project(camera, ring)[0]


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    pitch=st.floats(10, 60), roll=st.floats(-5, 5), x=st.floats(-0.4, 0.4), z=st.floats(0, 0.3), radius=st.floats(0.05, 0.2)
)  # fmt: skip
def test_a_level_circle_gives_the_way_up_in_closed_form(
    pitch: float, roll: float, x: float, z: float, radius: float
) -> None:
    camera = camera_of(pitch, roll)
    away = min(1.0 / math.tan(math.radians(pitch)), 3.0)
    (cx, cy), axes, degrees = cv2.fitEllipseDirect(circle(camera, (x, away, z), radius).astype(np.float32))
    long, short = max(axes), min(axes)
    angle = math.radians(degrees if axes[0] >= axes[1] else degrees + 90)
    rims = Rims(np.array([[cx, cy]]), np.array([[long, short]]), np.array([angle]), np.array([2 * math.pi]))
    up = np.array(camera.camera_to_world)[2, :3]
    error = np.degrees(np.arccos(np.clip(np.abs(rims.normals(camera.fx, SIZE)[0] @ up).max(), 0, 1)))
    # The axes are known to about a hundredth of a pixel.
    assert error < 0.3 + 10 / long


def drawn_rims(camera: Camera) -> NDArray[np.uint8]:
    rgb = np.full((SIZE[1], SIZE[0], 3), 170, np.uint8)
    for centre, radius, color in (
        ((-0.2, 1.0, 0.1), 0.12, 90),
        ((0.25, 1.2, 0.0), 0.2, 120),
        ((0.2, 0.8, 0.2), 0.08, 60),
    ):
        outline = (circle(camera, centre, radius) * 16).round().astype(np.int32)
        cv2.fillPoly(rgb, [outline], (color,) * 3, cv2.LINE_AA, 4)
    return np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("pitch", [25.0, 48.0])
def test_without_straight_edges_rims_tell_the_pitch(pitch: float) -> None:
    rgb = drawn_rims(camera_of(pitch))
    assert len(find_rims(rgb).arc) == 3
    camera = estimate_camera(rgb, 28.0, NO_SEGMENTS)
    assert camera.pitch_evidence == "estimated"
    assert math.degrees(pitch_and_roll(camera)[0]) == pytest.approx(pitch, abs=1.5)
    assert "rims" in camera.note


def test_noise_and_straight_things_have_no_rims() -> None:
    rng = np.random.default_rng(1)
    assert not len(find_rims(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)).arc)
    rgb = np.full((300, 400, 3), 200, np.uint8)
    cv2.rectangle(rgb, (60, 60), (300, 220), (40, 40, 40), -1)
    assert not len(find_rims(rgb).arc)
