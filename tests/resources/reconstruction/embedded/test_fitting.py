"""Round, box or a stack of boxes: what the outline and the shading of drawn things tell."""

from __future__ import annotations

import numpy as np
import pytest

from blueprint_assets.geometry.shapes import cuboid, revolved
from fixtures.synthetic_photo import Thing, draw
from resources.reconstruction.embedded.fitting import fit_solid
from resources.reconstruction.embedded.solid import Solid


def fitted(*things: Thing, pitch: float = 15.0) -> Solid:
    """All things under one mask."""
    photo = draw(things, pitch_degrees=pitch)
    mask = photo.ids > 0
    solid = fit_solid(mask, np.zeros_like(mask), photo.camera, 0.0, photo.rgb)
    assert solid is not None
    assert solid.mesh.is_volume
    return solid


@pytest.mark.parametrize("yaw", [0.2, 0.7])
def test_a_block_from_a_low_pitch_is_a_box(yaw: float) -> None:
    assert fitted(Thing(cuboid((0.2, 0.2, 0.2), 2), (0.1, 1.8, 0), yaw, (60, 160, 70))).shape == "cuboid"


def test_a_can_from_a_low_pitch_is_round_and_says_why() -> None:
    solid = fitted(Thing(revolved([0.12, 0.12], [0, 0.3], 64), (0.1, 1.8, 0), 0.0, (190, 60, 50)))
    assert solid.shape == "revolved_silhouette"
    assert "as a box" in solid.note
    assert "shading unexplained" in solid.note


def test_blocks_on_each_other_under_one_mask_are_a_stack_of_boxes() -> None:
    solid = fitted(
        Thing(cuboid((0.2, 0.2, 0.2), 2), (0.0, 1.8, 0.0), 0.6, (170, 60, 170)),
        Thing(cuboid((0.2, 0.2, 0.2), 2), (0.0, 1.8, 0.2), 0.1, (200, 50, 40)),
        Thing(cuboid((0.18, 0.18, 0.2), 2), (0.02, 1.8, 0.4), -0.5, (60, 150, 220)),
    )
    assert solid.shape == "stacked_cuboids"
    assert solid.note.startswith("3 boxes")
    assert np.ptp(solid.world_vertices()[:, 2]) == pytest.approx(0.6, abs=0.07)
    assert solid.position[:2] == pytest.approx([0.0, 1.8], abs=0.08)


def test_a_can_with_bands_of_colour_is_no_stack() -> None:
    can = revolved([0.12, 0.12], [0, 0.15], 64)
    solid = fitted(Thing(can, (0.0, 1.8, 0.0), 0.0, (190, 60, 50)), Thing(can, (0.0, 1.8, 0.15), 0.0, (60, 80, 190)))
    assert solid.shape == "revolved_silhouette"


def test_a_low_cross_is_as_high_as_it_is_and_not_a_slab_on_edge() -> None:
    """A toy aeroplane's shape, seen from above: neither round nor a box, and no name."""
    wing, body = cuboid((0.6, 0.1, 0.1), 2), cuboid((0.1, 0.5, 0.1), 2)
    plane = [Thing(part, (0.0, 1.4, 0.0), 0.5, (190, 180, 160)) for part in (wing, body)]
    solid = fitted(*plane, pitch=40.0)
    assert solid.shape == "inflated_silhouette"
    assert solid.overlap > 0.86
    assert 0.05 < float(solid.mesh.extents[2]) < 0.3
    assert max(float(side) for side in solid.mesh.extents[:2]) == pytest.approx(0.6, rel=0.3)
