from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_manifest import SceneManifest, Stage1Complete
from blueprint_assets.scene.inventory import inventory_table
from blueprint_assets.scene.manifest import ManifestError, build_manifest, mesh_path
from fixtures.stage1_layout import GENERATED_AT, METERS_PER_UNIT, Thing, box, table_scene, textured, write_stage1


def test_every_object_is_listed_and_copied(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path / "out")
    assert SceneManifest.read(tmp_path / "out/assets/scene_manifest.json") == manifest
    assert [item.id for item in manifest.objects] == [item.id for item in info.objects]
    for item in info.objects:
        copied = (tmp_path / "out" / mesh_path(item.id)).read_bytes()
        assert copied == (tmp_path / "stage1" / item.mesh).read_bytes()
    assert Stage1Complete.read(tmp_path / "out/assets/.stage1_complete").timestamp == GENERATED_AT
    carton = manifest.objects[0]
    assert carton.dimensions_est.height == pytest.approx(0.24 * METERS_PER_UNIT)
    assert {(r.type, r.object_id) for r in manifest.objects[1].relationships} >= {("on", "carton")}


def test_the_inventory_says_what_is_there_and_what_nobody_recognised(tmp_path: Path) -> None:
    odd = Thing(
        "odd",
        "brown thing",
        textured(box(0.1, 0.1, 0.1), (90, 60, 30), split=True),
        (0.6, 1.8, 0),
        0,
        "plane_0",
        "cuboid",
    )
    spoon = replace(odd, id="spoon", label="small metal spoon", place=(0.6, 1.4, 0))
    info = write_stage1(tmp_path / "stage1", (*table_scene(), odd, spoon))
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path / "out")
    inventory = Inventory.read(tmp_path / "out/seg/inventory.json")
    assert inventory.categories == {"box": 2, "can": 1, "mug": 1, "spoon": 1}
    assert inventory.not_recognised == ("odd",)
    found = {item.id: item for item in inventory.objects}
    assert list(found) == [item.id for item in info.objects]
    mug = found["mug"]
    assert (mug.category, mug.count, mug.body, mug.recognised_by) == ("mug", 1, "open", "given")
    assert (mug.material, mug.material_evidence) == ("ceramic", "catalogue")
    assert mug.size == pytest.approx((0.09, 0.09, 0.095), rel=0.01)
    assert {"Fillable", "Containable"} <= set(mug.affordances)
    assert (found["carton"].count, found["cube"].count) == (2, 2)
    assert (found["spoon"].material, found["spoon"].material_evidence) == ("metal", "estimated")
    unknown = found["odd"]
    assert (unknown.category, unknown.body, unknown.recognised_by) == (None, None, "nobody")
    assert unknown.unknown == {"category": "nobody said", "body": "not recognised"}
    assert (unknown.material, unknown.material_evidence) == ("unknown", "default")
    known = {item.id: item for item in manifest.objects}
    assert known["odd"].category == "brown thing"
    assert known["mug"].physics_hints.body == "open"
    assert inventory_table(inventory)[4]["category"] == "not recognised (brown thing)"


def test_a_category_comes_before_the_label_and_a_description_is_not_a_name(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    said = {"carton": ("cereal boxes", "red box"), "cube": (None, "green stack of boxes"), "can": ("gizmo", "blue can")}
    objects = tuple(
        item.model_copy(
            update={
                "category": said[item.id][0],
                "label": said[item.id][1],
                "unknown": {"mask": "none"} if said[item.id][0] else item.unknown,
            }
        )
        if item.id in said
        else item
        for item in info.objects
    )
    manifest = build_manifest(tmp_path / "stage1", info.model_copy(update={"objects": objects}), tmp_path / "out")
    found = {item.id: item.category for item in manifest.objects}
    assert found == {"carton": "cereal box", "cube": "green stack of boxes", "can": "gizmo", "mug": "mug"}
    reasons = {item.id: item.unknown for item in Inventory.read(tmp_path / "out/seg/inventory.json").objects}
    assert reasons["can"]["category"] == "'gizmo' is not in the household catalogue"


def test_the_same_reconstruction_gives_the_same_bytes(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    trees = []
    for name in ("one", "two"):
        build_manifest(tmp_path / "stage1", info, tmp_path / name)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        trees.append([(p.relative_to(tmp_path / name).as_posix(), p.read_bytes()) for p in files])
    assert trees[0] == trees[1]


def test_roles_follow_kind_and_metric_size(tmp_path: Path) -> None:
    large = Thing(
        "slab", "slab", textured(box(1.0, 0.5, 0.2), (9, 9, 9), split=True), (0, 2, 0), 0, "plane_0", "cuboid"
    )
    fridge = replace(large, id="fridge", label="small fridge", place=(0, 3, 0))
    info = write_stage1(tmp_path / "stage1", (*table_scene(), large, fridge))
    roles = {o.id: o.sim_role for o in build_manifest(tmp_path / "stage1", info, tmp_path / "out").objects}
    assert roles.pop("slab") == "static"
    assert roles.pop("fridge") == "articulated_appliance"
    assert set(roles.values()) == {"manipulable_object"}


def test_a_missing_mesh_is_named(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    (tmp_path / "stage1/objects/can/mesh.glb").unlink()
    with pytest.raises(ManifestError, match=r"can/mesh\.glb"):
        build_manifest(tmp_path / "stage1", info, tmp_path / "out")


def test_an_id_may_not_appear_twice(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    twice = info.model_copy(update={"objects": (*info.objects, info.objects[0])})
    with pytest.raises(ManifestError, match="carton appears twice"):
        build_manifest(tmp_path / "stage1", twice, tmp_path / "out")
