"""Rings: drawn with the support seen through them, or with the whole mouth left out of the mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import trimesh

from blueprint_assets.geometry.camera import project
from blueprint_assets.geometry.shapes import cuboid, hollowed, revolved
from fixtures.synthetic_photo import SyntheticPhoto, Thing, draw
from resources.reconstruction.embedded.fitting import fit_solid
from resources.reconstruction.embedded.ring import fit_ring
from resources.reconstruction.embedded.silhouette import make_silhouette
from resources.reconstruction.embedded.solid import Solid

PLACE = (0.05, 1.4, 0.0)


def tube(outer: float, inner: float, height: float, floor: float = -0.01) -> trimesh.Trimesh:
    bore = revolved([inner, inner], [0, height + 0.02 - floor], 64)
    bore.apply_translation([0, 0, floor])
    return hollowed(revolved([outer, outer], [0, height], 64), bore)


def drawn(mesh: trimesh.Trimesh, pitch: float = 45.0) -> SyntheticPhoto:
    return draw([Thing(mesh, PLACE, 0.0, (200, 160, 60))], pitch_degrees=pitch)


def without_mouth(photo: SyntheticPhoto, radius: float, height: float) -> np.ndarray:
    """The mask less the picture of the upper inner circle."""
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full(60, height)], axis=-1) + PLACE
    pixels, _ = project(photo.camera, circle)
    left = (photo.ids > 0).astype(np.uint8)
    cv2.fillConvexPoly(left, np.rint(pixels).astype(np.int32), 0)
    return left > 0


def fitted(photo: SyntheticPhoto, mask: np.ndarray, category: str | None = None) -> Solid:
    solid = fit_solid(mask, np.zeros_like(mask), photo.camera, 0.0, photo.rgb, category=category)
    assert solid is not None
    assert solid.mesh.is_volume
    return solid


@pytest.mark.parametrize(("height", "whole_mouth"), [(0.06, False), (0.06, True), (0.1, True)])
def test_a_ring_keeps_its_height_and_its_hole(height: float, whole_mouth: bool) -> None:
    photo = drawn(tube(0.14, 0.1, height))
    mask = without_mouth(photo, 0.1, height) if whole_mouth else photo.ids > 0
    solid = fitted(photo, mask)
    assert "ring" in solid.note
    assert solid.rest is None
    assert np.ptp(solid.world_vertices(), axis=0) == pytest.approx([0.28, 0.28, height], rel=0.15)
    assert solid.position[:2] == pytest.approx([0.05, 1.4], abs=0.02)
    assert solid.mesh.euler_number == 0  # a torus: one hole through it


def test_a_vessel_whose_mouth_is_missing_has_a_floor() -> None:
    photo = drawn(tube(0.1, 0.09, 0.2, floor=0.01))
    solid = fitted(photo, without_mouth(photo, 0.09, 0.2), "cup")
    assert solid.shape == "hollow_revolved"
    assert solid.rest is not None
    assert np.ptp(solid.world_vertices(), axis=0) == pytest.approx([0.2, 0.2, 0.2], rel=0.1)
    assert solid.mesh.euler_number == 2
    assert solid.mesh.volume < 0.4 * solid.mesh.convex_hull.volume


def test_the_hole_of_a_handle_and_a_closed_mask_are_no_ring() -> None:
    side = hollowed(cuboid((0.16, 0.03, 0.18), 2), _shifted(cuboid((0.12, 0.09, 0.14), 2), 0.02))
    mug = trimesh.util.concatenate([revolved([0.1, 0.1], [0, 0.22], 64), _shifted(side, 0.02, 0.16)])
    for mesh in (mug, revolved([0.14, 0.14], [0, 0.06], 64)):
        photo = drawn(mesh, pitch=30.0)
        mask = photo.ids > 0
        view = make_silhouette(mask, np.zeros_like(mask), photo.camera, 0.0, photo.rgb)
        assert view is not None
        assert fit_ring(view) is None


def _shifted(mesh: trimesh.Trimesh, up: float, aside: float = 0.0) -> trimesh.Trimesh:
    mesh.apply_translation([aside, 0.0, up])
    return mesh
