"""Drawn things of known size, fitted with and without their category: sizes, places, hollows, and closed meshes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from blueprint_assets.geometry.shapes import cuboid, hollowed, revolved
from blueprint_assets.household import CATEGORIES
from fixtures.synthetic_photo import Thing, draw
from resources.reconstruction.embedded.families import FAMILY, family_of
from resources.reconstruction.embedded.fitting import fit_solid
from resources.reconstruction.embedded.hull_fit import _foot_hidden
from resources.reconstruction.embedded.legged import TEMPLATE
from resources.reconstruction.embedded.silhouette import make_silhouette
from resources.reconstruction.embedded.solid import Solid
from resources.reconstruction.embedded.texture import textured

RED = (190, 60, 50)


def fitted(mesh: trimesh.Trimesh, category: str | None, yaw: float = 0.0, pitch: float = 35.0, y: float = 1.4) -> Solid:
    photo = draw([Thing(mesh, (0.05, y, 0.0), yaw, RED)], pitch_degrees=pitch)
    solid = fit_solid(photo.ids > 0, np.zeros_like(photo.ids, bool), photo.camera, 0.0, photo.rgb, category=category)
    assert solid is not None
    assert solid.mesh.is_volume
    assert solid.mesh.volume > 0
    assert len(solid.mesh.faces) < 20_000
    assert solid.world_vertices()[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    return solid


def extents(solid: Solid) -> np.ndarray:
    return np.ptp(solid.world_vertices(), axis=0)


def ball(radius: float) -> trimesh.Trimesh:
    angle = np.pi * np.linspace(0, 1, 25)
    return revolved(radius * np.sin(angle), radius * (1 - np.cos(angle)), 48)


def cup(top: float, bottom: float, height: float, wall: float) -> trimesh.Trimesh:
    outer = revolved([bottom, top], [0, height], 48)
    inner = revolved([bottom - wall, top - wall], [0, height], 48)
    inner.apply_translation([0, 0, wall])
    return hollowed(outer, inner)


@pytest.mark.parametrize("category", ["ball", "orange", None])
def test_a_ball_is_a_ball_of_its_size_at_its_place(category: str | None) -> None:
    solid = fitted(ball(0.11), category)
    assert solid.shape == "ellipsoid"
    assert extents(solid) == pytest.approx([0.22] * 3, rel=0.03)
    assert solid.position[:2] == pytest.approx([0.05, 1.4], abs=0.008)


@pytest.mark.parametrize("category", ["can", None])
def test_a_cylinder_keeps_its_height_and_depth(category: str | None) -> None:
    solid = fitted(revolved([0.1, 0.1], [0, 0.26], 64), category)
    assert solid.shape == "revolved_silhouette"
    assert extents(solid) == pytest.approx([0.2, 0.2, 0.26], rel=0.05)
    assert solid.position[:2] == pytest.approx([0.05, 1.4], abs=0.01)


def test_a_cup_is_hollow_and_things_stand_on_its_floor() -> None:
    solid = fitted(cup(0.1, 0.08, 0.2, 0.008), "cup")
    assert solid.shape == "hollow_revolved"
    assert extents(solid) == pytest.approx([0.2, 0.2, 0.2], rel=0.06)
    hull = solid.mesh.convex_hull
    assert solid.mesh.volume < 0.4 * hull.volume
    # On the axis there is the floor, and no lid.
    assert solid.rest is not None
    middle = np.linalg.norm(solid.mesh.vertices[:, :2], axis=1) < 0.01
    assert solid.mesh.vertices[middle, 2].max() == pytest.approx(solid.rest, abs=1e-6)
    assert solid.rest < 0.25 * extents(solid)[2]


def test_a_cup_keeps_its_handle() -> None:
    body, handle = cup(0.1, 0.1, 0.22, 0.008), cuboid((0.09, 0.03, 0.12), 2)
    handle.apply_translation([0.135, 0.0, 0.05])
    mug = trimesh.util.concatenate([body, handle])
    solid = fitted(mug, "mug")
    assert solid.parts == 1
    assert "a part beside it" in solid.note
    # 0.1 to the left of the axis, 0.18 to its right.
    assert extents(solid)[0] == pytest.approx(0.28, rel=0.08)
    assert extents(solid)[1] == pytest.approx(0.2, rel=0.08)


def test_a_basket_may_be_a_box_and_is_open() -> None:
    solid = fitted(cuboid((0.4, 0.3, 0.22), 2), "basket", yaw=0.4)
    assert solid.shape == "cuboid"
    assert solid.rest is not None
    assert solid.mesh.volume < 0.5 * solid.mesh.convex_hull.volume


@pytest.mark.parametrize("yaw", [-0.5, 0.2, 0.75])
def test_a_flat_box_keeps_its_height_yaw_and_sides(yaw: float) -> None:
    solid = fitted(cuboid((0.36, 0.25, 0.03), 2), "book", yaw=yaw)
    assert solid.shape == "cuboid"
    assert sorted(solid.mesh.extents) == pytest.approx([0.03, 0.25, 0.36], rel=0.2)
    turned = (solid.yaw - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert abs(np.degrees(turned)) < 3.0


def test_a_lemon_lies_on_its_side() -> None:
    lemon = ball(0.5)
    lemon.apply_scale([0.235, 0.18, 0.18])
    solid = fitted(lemon, "lemon", yaw=0.6)
    assert solid.shape == "ellipsoid"
    assert sorted(solid.mesh.extents) == pytest.approx([0.18, 0.18, 0.235], rel=0.1)


def test_a_free_form_is_closed_and_shows_nowhere_outside_its_mask() -> None:
    bear = ball(0.15)
    head = ball(0.1)
    head.apply_translation([0, 0, 0.26])
    solid = fitted(trimesh.util.concatenate([bear, head]), "teddy bear", pitch=20)
    assert solid.shape == "inflated_silhouette"
    assert solid.overlap > 0.85
    assert extents(solid)[[0, 2]] == pytest.approx([0.3, 0.46], rel=0.2)


def test_a_table_gets_legs_and_a_chair_a_seat() -> None:
    top = cuboid((1.4, 0.8, 0.05), 2)
    top.apply_translation([0, 0, 0.7])
    legs = [cuboid((0.06, 0.06, 0.71), 1) for _ in range(4)]
    for leg, (x, y) in zip(legs, [(-0.65, -0.35), (0.65, -0.35), (-0.65, 0.35), (0.65, 0.35)], strict=True):
        leg.apply_translation([x, y, 0])
    table = trimesh.util.concatenate([top, *legs])
    table.apply_scale(0.5)
    solid = fitted(table, "table", y=2.2)
    assert solid.shape == "furniture_template"
    assert extents(solid) == pytest.approx([0.7, 0.4, 0.375], rel=0.2)
    assert solid.mesh.volume < 0.3 * solid.mesh.convex_hull.volume
    assert solid.rest is None


def _seat(back: bool) -> trimesh.Trimesh:
    """A three-legged stool, or a chair with four legs and a back, at half its size."""
    if not back:
        top = revolved([0.18, 0.18], [0.0, 0.04], 32)
        corners = [(0.14 * np.cos(angle), 0.14 * np.sin(angle)) for angle in (0.5, 2.6, 4.7)]
    else:
        top = cuboid((0.42, 0.42, 0.04), 2)
        corners = [(x, y) for x in (-0.19, 0.19) for y in (-0.19, 0.19)]
    high = 0.45 if back else 0.65
    top.apply_translation([0, 0, high])
    parts = [top]
    for x, y in corners:
        parts.append(cuboid((0.04, 0.04, high), 1))
        parts[-1].apply_translation([x, y, 0])
    if back:
        parts.append(cuboid((0.42, 0.03, 0.45), 1))
        parts[-1].apply_translation([0, 0.19, high])
    whole = trimesh.util.concatenate(parts)
    whole.apply_scale(0.5)
    return whole


@pytest.mark.parametrize("yaw", [0.0, 0.6])
def test_a_stool_that_the_detector_calls_a_chair_gets_no_back(yaw: float) -> None:
    stool = fitted(_seat(back=False), "chair", yaw, pitch=20, y=2.2)
    assert "no back shows" in stool.note
    assert stool.rest is None
    assert extents(stool)[2] == pytest.approx(0.345, rel=0.15)


@pytest.mark.parametrize("yaw", [0.3, 1.2])
def test_a_chair_keeps_its_back(yaw: float) -> None:
    chair = fitted(_seat(back=True), "chair", yaw, pitch=20, y=2.2)
    assert "no back shows" not in chair.note
    assert chair.rest == pytest.approx(0.235, rel=0.2)
    assert extents(chair)[2] == pytest.approx(0.45, rel=0.15)


def test_a_wrong_category_does_not_win_over_the_outline() -> None:
    solid = fitted(cuboid((0.3, 0.2, 0.3), 2), "orange", yaw=0.6)
    assert solid.shape == "cuboid"


def test_a_box_whose_foot_is_hidden_reaches_down_behind_what_hides_it() -> None:
    photo = draw([Thing(cuboid((0.3, 0.2, 0.4), 2), (0.0, 1.5, 0.0), 0.3, RED)], pitch_degrees=25)
    mask = photo.ids > 0
    rows = np.nonzero(mask)[0]
    half = np.arange(mask.shape[0])[:, None] > (rows.min() + 2 * rows.max()) / 3
    hidden = half & np.ones_like(mask)
    seen = mask & ~hidden
    view = make_silhouette(seen, hidden, photo.camera, 0.0, photo.rgb)
    assert view is not None
    assert _foot_hidden(view) > 0.9
    solid = fit_solid(seen, hidden, photo.camera, 0.0, photo.rgb, category="cereal box")
    assert solid is not None
    assert extents(solid)[2] > 0.3


def test_every_family_and_template_names_catalogue_rows() -> None:
    assert set(FAMILY) <= set(CATEGORIES)
    assert set(TEMPLATE) <= set(CATEGORIES)
    assert not set(FAMILY) & set(TEMPLATE)
    assert family_of("no such thing") == (None, None)
    assert family_of(None) == (None, None)
    assert family_of("apple")[0] == "ball"


def test_the_inside_of_a_near_wall_mirrors_the_far_one() -> None:
    """A cup that is white inside stays white inside all around."""
    photo = draw([Thing(cup(0.1, 0.1, 0.2, 0.01), (0.0, 1.2, 0.0), 0.0, RED)], pitch_degrees=40)
    mask = photo.ids > 0
    solid = fit_solid(mask, np.zeros_like(mask), photo.camera, 0.0, photo.rgb, category="cup")
    assert solid is not None
    mesh = textured(solid, mask, photo.rgb, photo.camera)
    uv = np.asarray(mesh.visual.uv)
    inner = np.linalg.norm(mesh.vertices[:, :2], axis=1) < 0.97 * np.linalg.norm(mesh.vertices[:, :2], axis=1).max()
    upper = inner & (mesh.vertices[:, 2] > 0.7 * mesh.vertices[:, 2].max())
    near = upper & (mesh.vertices[:, 1] < -0.05)
    far = upper & (mesh.vertices[:, 1] > 0.05)
    # v counts from below: the near inside shows where the far inside does, above the cup's middle.
    assert uv[near, 1].min() > 0.5
    assert uv[near, 1].mean() == pytest.approx(uv[far, 1].mean(), abs=0.15)


def test_the_same_picture_gives_the_same_bytes() -> None:
    one, other = (fitted(cup(0.1, 0.08, 0.2, 0.008), "cup") for _ in range(2))
    assert one.mesh.vertices.tobytes() == other.mesh.vertices.tobytes()
    assert one.mesh.faces.tobytes() == other.mesh.faces.tobytes()
