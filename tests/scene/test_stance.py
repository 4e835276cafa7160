"""Standing objects, judged by MuJoCo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.scene.footprints import convex_footprint, least_width
from blueprint_assets.scene.hulls import Box, Hull, bounded_hull, collision_geometry
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.scene.settle import settle
from blueprint_assets.scene.simready import build_simready
from blueprint_assets.scene.stance import STABLE_SHARE, stand
from blueprint_assets.scene.usd import SCENE, compose_scene
from fixtures.stage1_layout import Thing, textured, write_source, write_stage1

UPRIGHT = (1.0, 0.0, 0.0, 0.0)


def test_what_stands_is_left_alone() -> None:
    parts = collision_geometry(trimesh.creation.box((0.1, 0.1, 0.1))).parts
    stance = stand(parts, np.array([0.02, 0, 0]), UPRIGHT)
    assert stance.notes == ()
    assert stance.parts is parts
    assert stance.center_of_mass.tolist() == [0.02, 0, 0]


def test_a_centre_of_mass_beside_the_base_gives_way_sideways() -> None:
    """A box of 10 cm whose centre of mass lies 7 cm off: the base drawn in by a fifth ends at 4 cm."""
    box = Box(np.zeros(3), np.full(3, 0.1), np.eye(3))
    stance = stand((box,), np.array([0.07, 0.01, 0.02]), UPRIGHT)
    assert stance.center_of_mass == pytest.approx([0.05 * STABLE_SHARE, 0.01, 0.02])
    assert "30.0 mm sideways" in stance.notes[0]
    turned = stand((box,), np.array([0.07, 0.01, 0.02]), (np.sqrt(0.5), 0, 0, np.sqrt(0.5)))
    assert turned.center_of_mass == pytest.approx([0.04, 0.01, 0.02])


def test_a_ball_gets_a_foot_and_a_tip_stays_a_tip() -> None:
    ball = bounded_hull(np.asarray(trimesh.creation.icosphere(3, 0.04).vertices))
    stance = stand((ball,), np.zeros(3), UPRIGHT)
    (foot,) = stance.parts
    assert isinstance(foot, Hull)
    low = foot.vertices[foot.vertices[:, 2] < foot.vertices[:, 2].min() + 1e-9]
    assert least_width(convex_footprint(low)) >= 0.008
    assert "flattened" in stance.notes[0]
    spike = bounded_hull(np.array([[0, 0, 0], [0.02, 0.02, 0.3], [-0.02, 0.02, 0.3], [0, -0.02, 0.3], [0, 0, 0.31]]))
    left = stand((spike,), np.array([0, 0, 0.2]), UPRIGHT)
    assert left.parts == (spike,)
    assert "may fall over" in left.notes[0]


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_standing_never_raises_an_object_or_sinks_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    part = bounded_hull(rng.normal(size=(30, 3)) * rng.uniform(0.02, 0.1, 3))
    stance = stand((part,), part.vertices.mean(axis=0), UPRIGHT)
    found = np.concatenate([p.vertices for p in stance.parts if isinstance(p, Hull)])
    assert found[:, 2].min() == pytest.approx(part.vertices[:, 2].min())
    assert found[:, 2].max() == pytest.approx(part.vertices[:, 2].max())
    assert stance.center_of_mass[2] == pytest.approx(part.vertices[:, 2].mean())


def built(folder: Path, *things: Thing) -> tuple[str, ...]:
    info = write_stage1(folder / "stage1", things)
    write_source(folder, things)
    build_manifest(folder / "stage1", info, folder)
    lay_out_scene(folder, folder)
    build_simready(folder, folder)
    return compose_scene(folder, folder).fallen


def test_a_leaning_thing_stands_and_a_spike_lies_where_it_fell(tmp_path: Path) -> None:
    leaning = trimesh.creation.box((0.08, 0.08, 0.2))
    leaning.apply_translation((0, 0, 0.1))
    leaning.vertices[:, 0] += 0.7 * leaning.vertices[:, 2]
    spike = trimesh.creation.cone(0.05, 0.3, sections=16)
    spike.vertices[:, 2] = 0.3 - spike.vertices[:, 2]
    spike.invert()
    things = (
        Thing("leaning", "post", textured(leaning, (90, 90, 90), split=True), (0, 1.5, 0), 0, "plane_0", "cuboid"),
        Thing("spike", "spike", textured(spike, (90, 90, 90), split=True), (0.5, 1.5, 0), 0, "plane_0", "cuboid"),
    )
    assert built(tmp_path, *things) == ("spike",)
    report = settle(tmp_path / SCENE, tmp_path, 2.0)
    assert max(motion.drift_m for motion in report.objects) < 5e-3, "the scene begins at rest"
    authored = SceneLayout.read(tmp_path / "layout/scene_layout_scaled.json")
    upright = {item.id: item.rotation_quaternion for item in authored.objects}
    lying = {motion.object_id: motion.rotation_quaternion for motion in report.objects}
    assert abs(np.dot(upright["leaning"], lying["leaning"])) > 0.999
    assert abs(np.dot(upright["spike"], lying["spike"])) < 0.9
