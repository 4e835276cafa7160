from __future__ import annotations

import pytest

from blueprint_assets.contracts.scene_manifest import SimRole
from blueprint_assets.household import CATEGORIES
from blueprint_assets.scene.affordances import affordances, sim_role
from blueprint_assets.scene.extents import Extents

MUG = Extents(0.12, 0.085, 0.095)


@pytest.mark.parametrize(
    ("name", "size", "role"),
    [
        ("mug", MUG, "manipulable_object"),
        ("mug", MUG.times(5), "static"),
        ("table", Extents(1.4, 0.8, 0.75), "static"),
        ("table", Extents(0.14, 0.08, 0.075), "static"),
        ("fridge", Extents(0.6, 0.6, 1.7), "articulated_appliance"),
        ("towel", Extents(0.3, 0.2, 0.03), "deformable_object"),
        ("towel", Extents(1.4, 0.7, 0.01), "static"),
        (None, Extents(0.3, 0.2, 0.1), "manipulable_object"),
        (None, Extents(1.0, 0.5, 0.2), "static"),
    ],
)
def test_roles(name: str | None, size: Extents, role: str) -> None:
    assert sim_role(CATEGORIES[name] if name else None, size) == role


@pytest.mark.parametrize(
    ("role", "name", "shape", "size", "expected"),
    [
        ("manipulable_object", None, "cuboid", Extents(0.05, 0.05, 0.05), "Graspable Stackable"),
        ("manipulable_object", None, "cuboid", Extents(0.05, 0.05, 0.2), "Graspable"),
        ("manipulable_object", None, "revolved_silhouette", Extents(0.07, 0.07, 0.1), "Graspable"),
        ("manipulable_object", None, "cuboid", Extents(0.2, 0.15, 0.05), "Stackable"),
        ("static", None, "cuboid", Extents(0.05, 0.05, 0.05), ""),
        ("manipulable_object", "mug", "x", MUG, "Containable Fillable Graspable Pourable"),
        ("manipulable_object", "bowl", "x", Extents(0.16, 0.16, 0.07), "Containable Fillable Graspable Stackable"),
        ("manipulable_object", "plate", "x", Extents(0.25, 0.25, 0.02), "Containable Stackable"),
        ("manipulable_object", "can", "x", Extents(0.066, 0.066, 0.115), "Graspable Stackable"),
        ("manipulable_object", "can", "x", Extents(0.066, 0.066, 0.17), "Graspable"),
        ("manipulable_object", "bottle", "x", Extents(0.12, 0.12, 0.3), "Fillable Openable"),
        ("articulated_furniture", "cabinet", "x", Extents(0.8, 0.4, 0.9), "Containable Openable"),
    ],
)
def test_affordances(role: SimRole, name: str | None, shape: str, size: Extents, expected: str) -> None:
    row = CATEGORIES[name] if name else None
    assert affordances(role, row, shape, size) == tuple(expected.split())
