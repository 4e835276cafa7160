from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_layout import LayoutObject, SceneLayout

LAYOUT = "layout/scene_layout_scaled.json"
GATES = ("scene_manifest/objects_have_their_meshes", "scene_layout/scale_is_plausible",
         "scene_layout/objects_stand_on_their_supports")  # fmt: skip


@pytest.mark.parametrize("name", GATES)
def test_a_good_scene_passes(good_scene: Path, measure: Callable[..., Any], name: str) -> None:
    assert measure(name, good_scene).outcome == "passed"


@pytest.mark.parametrize("name", GATES)
def test_a_scene_without_its_documents_fails(tmp_path: Path, measure: Callable[..., Any], name: str) -> None:
    found = measure(name, tmp_path)
    assert found.outcome == "failed"
    assert "no such file" in found.reason


def change(scene: Path, name: str, update: Callable[[LayoutObject], dict[str, Any]]) -> None:
    """Changes one object of the layout."""
    layout = SceneLayout.read(scene / LAYOUT)
    objects = [o.model_copy(update=update(o)) if o.id == name else o for o in layout.objects]
    layout.model_copy(update={"objects": tuple(objects)}).write(scene / LAYOUT)


def moved(x: float = 0.0, z: float = 0.0) -> Callable[[LayoutObject], dict[str, Any]]:
    return lambda item: {"position": (item.position[0] + x, item.position[1], item.position[2] + z)}


@pytest.mark.parametrize(
    ("name", "update", "said"),
    [
        ("can", moved(z=0.002), "can is 0.2 cm above plane_0"),
        ("can", moved(z=-0.01), "can is 1.0 cm inside plane_0"),
        ("cube", moved(z=0.05), "cube is 5.0 cm above base"),
        ("cube", moved(x=0.2), "outside base"),
        ("crate", moved(x=3.0), "outside plane_0"),
        ("can", lambda item: {"support": "shelf_9"}, "can stands on shelf_9, which is not in the layout"),
        ("can", lambda item: {"id": "ghost"}, "ghost is in the layout but not in the manifest"),
        ("can", lambda item: {"rotation_quaternion": (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)}, "inside plane_0"),
    ],
)
def test_an_object_that_does_not_stand_fails(
    scene: Path, measure: Callable[..., Any], name: str, update: Callable[[LayoutObject], dict[str, Any]], said: str
) -> None:
    change(scene, name, update)
    found = measure("scene_layout/objects_stand_on_their_supports", scene)
    assert found.outcome == "failed"
    assert said in found.reason


@pytest.mark.parametrize("factor", [0.01, 20.0])
def test_a_scene_of_another_scale_fails(scene: Path, measure: Callable[..., Any], factor: float) -> None:
    for name in ("can", "base", "cube", "crate"):
        change(scene, name, lambda item: {"size": tuple(factor * side for side in item.size)})
    found = measure("scene_layout/scale_is_plausible", scene)
    assert found.outcome == "failed"
    assert "expected 0.01 to 0.6 m" in found.reason


def test_a_mesh_that_cannot_be_read_fails(scene: Path, measure: Callable[..., Any]) -> None:
    mesh = scene / "assets/objects/can/mesh.glb"
    mesh.write_bytes(mesh.read_bytes()[:300])
    (scene / "assets/objects/cube/mesh.glb").unlink()
    found = measure("scene_manifest/objects_have_their_meshes", scene)
    assert (found.outcome, found.measured["wrong"]) == ("failed", 2)
    assert "can: " in found.reason


def test_an_inventory_of_other_objects_fails(scene: Path, measure: Callable[..., Any]) -> None:
    inventory = Inventory.read(scene / "seg/inventory.json")
    inventory.model_copy(update={"objects": inventory.objects[1:]}).write(scene / "seg/inventory.json")
    found = measure("scene_manifest/objects_have_their_meshes", scene)
    assert found.outcome == "failed"
    assert "lists other objects than the manifest" in found.reason
