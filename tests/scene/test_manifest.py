from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_manifest import SceneManifest, Stage1Complete
from blueprint_assets.scene.manifest import ManifestError, affordances, build_manifest, mesh_path
from blueprint_assets.scene.scale import TYPICAL_OBJECT_M, ScaleError, decide_scale
from fixtures.stage1_layout import GENERATED_AT, METERS_PER_UNIT, Thing, box, table_scene, textured, write_stage1


def test_every_object_is_listed_and_copied(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path / "out")
    assert SceneManifest.read(tmp_path / "out/assets/scene_manifest.json") == manifest
    assert [item.id for item in manifest.objects] == [item.id for item in info.objects]
    for item in info.objects:
        copied = (tmp_path / "out" / mesh_path(item.id)).read_bytes()
        assert copied == (tmp_path / "stage1" / item.mesh).read_bytes()
    inventory = Inventory.read(tmp_path / "out/seg/inventory.json")
    assert {item.category for item in inventory.objects} == {item.label for item in info.objects}
    assert Stage1Complete.read(tmp_path / "out/assets/.stage1_complete").timestamp == GENERATED_AT
    carton = manifest.objects[0]
    assert carton.dimensions_est.height == pytest.approx(0.24 * METERS_PER_UNIT)
    assert {(r.type, r.object_id) for r in manifest.objects[1].relationships} >= {("on", "carton")}


def test_the_same_reconstruction_gives_the_same_bytes(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    trees = []
    for name in ("one", "two"):
        build_manifest(tmp_path / "stage1", info, tmp_path / name)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        trees.append([(p.relative_to(tmp_path / name).as_posix(), p.read_bytes()) for p in files])
    assert trees[0] == trees[1]


def test_roles_follow_metric_size(tmp_path: Path) -> None:
    large = Thing(
        "desk", "desk", textured(box(1.0, 0.5, 0.2), (9, 9, 9), split=True), (0, 2, 0), 0, "plane_0", "cuboid"
    )
    info = write_stage1(tmp_path / "stage1", (*table_scene(), large))
    roles = {o.id: o.sim_role for o in build_manifest(tmp_path / "stage1", info, tmp_path / "out").objects}
    assert roles["desk"] == "static"
    assert {role for each, role in roles.items() if each != "desk"} == {"manipulable_object"}


@pytest.mark.parametrize(
    ("role", "shape", "size", "expected"),
    [
        ("manipulable_object", "cuboid", (0.05, 0.05, 0.05), ("Graspable", "Stackable")),
        ("manipulable_object", "cuboid", (0.05, 0.05, 0.2), ("Graspable",)),
        ("manipulable_object", "revolved_silhouette", (0.07, 0.07, 0.1), ("Graspable",)),
        ("manipulable_object", "cuboid", (0.2, 0.15, 0.05), ("Stackable",)),
        ("static", "cuboid", (0.05, 0.05, 0.05), ()),
    ],
)
def test_affordances(role: str, shape: str, size: tuple[float, float, float], expected: tuple[str, ...]) -> None:
    assert affordances(role, shape, size) == expected  # type: ignore[arg-type]


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


def test_scale_is_known_found_or_a_prior(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "a")
    assert decide_scale(info, [1.0]).factor == METERS_PER_UNIT
    known = decide_scale(info, [1.0], known=0.3)
    assert (known.factor, known.evidence, known.confidence) == (0.3, "measured", 1.0)
    assert known.spread > 0, "the user and the reconstruction disagree"
    unknown = write_stage1(tmp_path / "b", scaled=False)
    prior = decide_scale(unknown, [0.1, 0.3, 5.0])
    assert (prior.factor, prior.evidence) == (TYPICAL_OBJECT_M / 0.3, "default")
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ScaleError, match="positive"):
            decide_scale(info, [1.0], known=wrong)
    with pytest.raises(ScaleError, match="without extent"):
        decide_scale(unknown, [0.0])
