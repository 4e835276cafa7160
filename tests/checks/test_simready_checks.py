from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.contracts.scene_layout import LayoutObject, SceneLayout
from blueprint_assets.scene.usd import write_scene

PHYSICS = "assets/simready_physics.json"
SCENE = "usd/scene.usda"
CAN = "assets/obj_can/simready.usda"
GATES = ("simready_assets/physics_is_plausible", "simready_assets/assets_open_in_openusd",
         "scene_usd/scene_opens_in_openusd", "scene_usd/asset_validator_finds_no_error", "scene_usd/objects_settle",
         "scene_usd/objects_are_where_the_picture_shows_them")  # fmt: skip


@pytest.mark.parametrize("name", GATES)
def test_a_good_scene_passes(good_scene: Path, measure: Callable[..., Any], name: str) -> None:
    found = measure(name, good_scene)
    assert found.outcome == "passed", found.reason


@pytest.mark.parametrize("name", GATES)
def test_a_scene_without_its_files_does_not_pass(tmp_path: Path, measure: Callable[..., Any], name: str) -> None:
    assert measure(name, tmp_path).outcome == "failed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mass_kg": 120.0}, "can: mass_kg 120 (limits 0.001 to 50.0)"),
        ({"mass_kg": 1e-4}, "can: mass_kg 0.0001"),
        ({"static_friction": 0.0}, "can: static_friction 0"),
        ({"dynamic_friction": 3.0}, "can: dynamic_friction 3"),
        ({"collision": {"volume_ratio": 3.9}}, "can: hull_volume_ratio 3.9"),
        ({"mass_kg": float("nan")}, "NaN is not a JSON number"),
        ({"mass_kg": -1.0}, "mass_kg: Input should be greater than 0"),
    ],
)
def test_physics_that_cannot_be_fails(
    scene: Path, measure: Callable[..., Any], changes: dict[str, Any], said: str
) -> None:
    document = json.loads((scene / PHYSICS).read_text())
    (item,) = (item for item in document["objects"] if item["id"] == "can")
    for key, value in changes.items():
        item[key] = {**item[key], **value} if isinstance(value, dict) else value
    (scene / PHYSICS).write_text(json.dumps(document))
    found = measure("simready_assets/physics_is_plausible", scene)
    assert found.outcome == "failed"
    assert said in found.reason


def rewritten(path: str, old: str, new: str) -> Callable[[Path], None]:
    def damage(scene: Path) -> None:
        text = (scene / path).read_text()
        assert old in text
        (scene / path).write_text(text.replace(old, new))

    return damage


def removed(path: str) -> Callable[[Path], None]:
    return lambda scene: (scene / path).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (removed(CAN), "obj_can/simready.usda: no such file"),
        (removed("assets/obj_can/texture.png"), "texture.png"),
        (removed("assets/obj_can/geometry.usdc"), "geometry.usdc"),
        (rewritten(CAN, 'defaultPrim = "can"', ""), "no defaultPrim"),
        (rewritten(CAN, 'upAxis = "Z"', 'upAxis = "Y"'), "upAxis Y"),
        (rewritten(CAN, "metersPerUnit = 1", "metersPerUnit = 0.01"), "metersPerUnit 0.01"),
        (rewritten(CAN, "./texture.png", "../../../outside.png"), "outside.png"),
        (rewritten(CAN, "{", "{ ("), "obj_can/simready.usda"),
    ],
)
def test_an_asset_that_does_not_stand_alone_fails(
    scene: Path, measure: Callable[..., Any], damage: Callable[[Path], None], said: str
) -> None:
    (scene.parent / "outside.png").write_bytes((scene / "assets/obj_can/texture.png").read_bytes())
    damage(scene)
    found = measure("simready_assets/assets_open_in_openusd", scene)
    assert (found.outcome, found.measured["wrong"]) == ("failed", 1)
    assert said in found.reason


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (removed(CAN), "obj_can/simready.usda"),
        (rewritten(SCENE, "../assets/obj_can/", "../../elsewhere/"), "elsewhere"),
        (rewritten(SCENE, "#usda 1.0", "usda"), "scene.usda"),
    ],
)
def test_a_scene_that_does_not_compose_fails(
    scene: Path, measure: Callable[..., Any], damage: Callable[[Path], None], said: str
) -> None:
    damage(scene)
    found = measure("scene_usd/scene_opens_in_openusd", scene)
    assert found.outcome == "failed"
    assert said in found.reason


def test_what_the_outside_judge_finds_fails(scene: Path, measure: Callable[..., Any]) -> None:
    rewritten(SCENE, "../assets/obj_can/", "../assets/obj_lost/")(scene)
    found = measure("scene_usd/asset_validator_finds_no_error", scene)
    assert found.outcome == "failed"
    assert found.measured["errors"] > 0


def test_without_the_outside_judge_nothing_was_measured(
    good_scene: Path, measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "omni.asset_validator", None)
    found = measure("scene_usd/asset_validator_finds_no_error", good_scene)
    assert found.outcome == "unmeasured"
    assert "not installed" in found.reason


def compose_changed(scene: Path, name: str, update: Callable[[LayoutObject], dict[str, Any]] | None) -> None:
    """Composes the scene with one object changed, or without it; the layout stays."""
    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    objects = [o for o in layout.objects if o.id != name]
    if update is not None:
        objects = [o.model_copy(update=update(o)) if o.id == name else o for o in layout.objects]
    write_scene(layout.model_copy(update={"objects": tuple(objects)}), scene / SCENE)


def moved(x: float = 0.0, z: float = 0.0) -> Callable[[LayoutObject], dict[str, Any]]:
    return lambda item: {"position": (item.position[0] + x, item.position[1], item.position[2] + z)}


@pytest.mark.parametrize(
    ("name", "update", "said"),
    [
        ("can", moved(z=0.02), "can sank 2.0 cm (limit 1.0 cm)"),
        ("can", moved(z=-0.03), "objects start 30.0 mm inside each other"),
        ("crate", moved(x=3.0), "crate drifted"),
        ("cube", moved(x=0.05), "cube sank"),
    ],
)
def test_an_object_that_does_not_rest_fails(
    scene: Path, measure: Callable[..., Any], name: str, update: Callable[[LayoutObject], dict[str, Any]], said: str
) -> None:
    """In the air, in the table, off the table, on the edge of what it stands on."""
    compose_changed(scene, name, update)
    found = measure("scene_usd/objects_settle", scene)
    assert found.outcome == "failed"
    assert said in found.reason


def test_a_scene_in_which_nothing_can_move_is_unmeasured(scene: Path, measure: Callable[..., Any]) -> None:
    for path in scene.glob("assets/obj_*/simready.usda"):
        rewritten(str(path.relative_to(scene)), ', "PhysicsRigidBodyAPI", "PhysicsMassAPI"', "")(scene)
    found = measure("scene_usd/objects_settle", scene)
    assert found.outcome == "unmeasured"
    assert "no free body" in found.reason


def test_furniture_alone_has_nothing_to_measure(scene: Path, measure: Callable[..., Any]) -> None:
    document = json.loads((scene / PHYSICS).read_text())
    for item in document["objects"]:
        item["sim_role"] = "static"
    (scene / PHYSICS).write_text(json.dumps(document))
    found = measure("scene_usd/objects_settle", scene)
    assert found.outcome == "not_applicable"
    assert "all objects are static" in found.reason


def test_an_object_that_is_elsewhere_than_in_the_picture_fails(scene: Path, measure: Callable[..., Any]) -> None:
    compose_changed(scene, "crate", moved(x=0.06))
    found = measure("scene_usd/objects_are_where_the_picture_shows_them", scene)
    assert (found.outcome, found.measured["object"]) == ("failed", "crate")
    assert "crate by 6 cm" in found.reason
    compose_changed(scene, "crate", None)
    found = measure("scene_usd/objects_are_where_the_picture_shows_them", scene)
    assert found.outcome == "failed"
    assert "crate of the layout is not in the scene" in found.reason
