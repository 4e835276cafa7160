from __future__ import annotations

import numpy as np
import pytest

from blueprint_assets.geometry.transforms import from_rotation
from blueprint_assets.tasks.scene import Surface, TaskScene
from blueprint_assets.tasks.solids import ConvexPart, ObjectSolid
from blueprint_assets.tasks.variation import EDGE_MIN, GAP_MIN, SHIFT_MAX, TURN_MAX, footprint, varied_poses

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (0, 2)], dtype=float)
TABLE = Surface("table", np.array([-0.4, -0.3]), np.array([0.4, 0.3]), 0.75)
PLACES = {
    "left": (-0.2, 0.0, 0.75),
    "right": (0.05, 0.0, 0.75),
    "near": (0.137, 0.0, 0.75),  # 7 mm from right: closer than episodes may bring them
    "edge": (-0.2, 0.27, 0.75),  # as far over the edge of the table as it stands
    "top": (-0.19, 0.01, 0.83),  # on left
    "post": (0.05, 0.2, 0.75),
}


def scene() -> TaskScene:
    part = ConvexPart.around(CORNERS * [0.04, 0.04, 0.04])
    supports = dict.fromkeys(PLACES, "table") | {"top": "left"}
    rest = {name: from_rotation(np.eye(3), place) for name, place in PLACES.items()}
    solids = {name: ObjectSolid(name, (part,), 0.5, np.array([0, 0, 0.04]), 0.1) for name in PLACES}
    return TaskScene(solids, rest, tuple(n for n in PLACES if n != "post"), (TABLE,), supports)


@pytest.mark.parametrize("seed", range(12))
def test_objects_stay_apart_on_their_support_and_near_their_place(seed: int) -> None:
    made = scene()
    poses = varied_poses(made, np.random.default_rng(seed))
    assert set(poses) == set(made.movable)
    where = dict(made.rest) | poses
    outlines = {name: footprint(made.solids[name], where[name]) for name in PLACES}
    before = {name: footprint(made.solids[name], made.rest[name]) for name in PLACES}
    for name, outline in outlines.items():
        x0, y0, x1, y1 = outline.bounds
        usual = 0.3 - before[name].bounds[3]
        assert min(x0 + 0.4, y0 + 0.3, 0.4 - x1, 0.3 - y1) >= min(EDGE_MIN, usual) - 1e-9
        for other in set(PLACES) - {name}:
            if {name, other} != {"left", "top"}:
                assert outline.distance(outlines[other]) >= min(GAP_MIN, before[name].distance(before[other])) - 1e-9
    for name in set(made.movable) - {"top", "left"}:
        assert np.linalg.norm(poses[name][:3, 3] - made.rest[name][:3, 3]) <= SHIFT_MAX + 1e-9
        assert np.arccos(np.clip(poses[name][0, 0], -1, 1)) <= TURN_MAX + 1e-9
        assert poses[name][2, 3] == made.rest[name][2, 3]


def test_what_stands_on_something_moves_with_it() -> None:
    made = scene()
    poses = varied_poses(made, np.random.default_rng(3))
    assert not np.allclose(poses["left"], made.rest["left"])
    usual = np.linalg.inv(made.rest["left"]) @ made.rest["top"]
    assert np.linalg.inv(poses["left"]) @ poses["top"] == pytest.approx(usual, abs=1e-12)


def test_the_seed_decides() -> None:
    made = scene()
    first, again, other = (varied_poses(made, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_nothing_moves_with_furniture() -> None:
    made = scene()
    fixed = TaskScene(made.solids, made.rest, ("top",), made.surfaces, made.supports)
    poses = varied_poses(fixed, np.random.default_rng(0))
    assert np.array_equal(poses["top"], made.rest["top"]), "it stands on something that stays"


def test_supports_are_followed_down() -> None:
    made = scene()
    assert made.surface_below("top") is TABLE
    assert made.carries["left"] == ("top",)
    assert made.surface_below("nowhere") is None
