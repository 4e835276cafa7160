from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from pxr import Usd, UsdGeom, UsdPhysics, UsdSemantics, UsdShade

from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.geometry.mesh import save_glb
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.scene.simready import SimreadyError, build_simready, physics_table
from blueprint_assets.scene.usd import assembled, write_scene
from fixtures.stage1_layout import METERS_PER_UNIT, write_stage1
from resources.observability import Progress


def opened(root: Path, each: str) -> Usd.Stage:
    return Usd.Stage.Open(str(root / f"assets/obj_{each}/simready.usda"))


def test_an_asset_stands_on_its_own_in_openusd(built_scene: Path) -> None:
    stage = opened(built_scene, "mug")
    root = stage.GetDefaultPrim()
    assert root.GetName() == "mug"
    assert UsdGeom.GetStageUpAxis(stage) == "Z"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert UsdPhysics.GetStageKilogramsPerUnit(stage) == 1
    assert root.HasAPI(UsdPhysics.RigidBodyAPI)
    assert list(UsdSemantics.LabelsAPI(root, "category").GetLabelsAttr().Get()) == ["mug"]
    extent = np.array(UsdGeom.Mesh(stage.GetPrimAtPath("/mug/visual")).GetExtentAttr().Get())
    assert extent[1, 2] == pytest.approx(0.19 * METERS_PER_UNIT, abs=1e-6), "the scale is baked in"


def test_mass_and_inertia_fit_each_other(built_scene: Path) -> None:
    physics = SimreadyPhysics.read(built_scene / "assets/simready_physics.json")
    for item in physics.objects:
        stage = opened(built_scene, item.id)
        api = UsdPhysics.MassAPI(stage.GetDefaultPrim())
        assert api.GetMassAttr().Get() == pytest.approx(item.mass_kg)
        a, b, c = api.GetDiagonalInertiaAttr().Get()
        assert a + b >= c * 0.999
        assert b + c >= a * 0.999
        assert c + a >= b * 0.999, "no body has such moments"
    carton = next(item for item in physics.objects if item.id == "carton")
    x, y, z = (side * METERS_PER_UNIT for side in (0.16, 0.10, 0.24))
    assert carton.volume_m3 == pytest.approx(x * y * z, rel=1e-6)
    assert carton.diagonal_inertia[2] == pytest.approx(carton.mass_kg * (x**2 + y**2) / 12, rel=1e-5)
    assert carton.center_of_mass == pytest.approx((0, 0, z / 2), abs=1e-6)
    assert (carton.collision.kind, carton.collision.parts) == ("box", 1)
    assert (carton.material, carton.mass_evidence, carton.material_evidence) == ("cardboard", "estimated", "catalogue")
    assert len(physics_table(physics)) == 4


def test_colliders_are_convex_guides_with_friction(built_scene: Path) -> None:
    stage = opened(built_scene, "mug")
    colliders = [prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.CollisionAPI)]
    assert 4 <= len(colliders) <= 16
    for prim in colliders:
        assert UsdGeom.Imageable(prim).ComputePurpose() == "guide"
        assert UsdPhysics.MeshCollisionAPI(prim).GetApproximationAttr().Get() == "convexHull"
        material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial("physics")
        assert UsdPhysics.MaterialAPI(material.GetPrim()).GetDynamicFrictionAttr().Get() == pytest.approx(0.4)
        mesh = UsdGeom.Mesh(prim)
        faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        hull = trimesh.Trimesh(np.array(mesh.GetPointsAttr().Get()), faces, process=False)
        assert hull.is_watertight
        assert hull.is_convex
        assert hull.volume > 0


def test_the_volume_ratio_is_that_of_the_written_hulls(tmp_path: Path) -> None:
    """A ball's underside is flattened so that it stands: the figure is about the hull after that."""
    ball = trimesh.creation.icosphere(3, 0.05)
    physics = build(tmp_path, {"can": ball})
    can = next(item for item in physics.objects if item.id == "can")
    assert any("flattened" in note for note in can.notes)
    stage = opened(tmp_path, "can")
    prim = UsdGeom.Mesh(stage.GetPrimAtPath("/can/collision/hull_0"))
    faces = np.array(prim.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    written = trimesh.Trimesh(np.array(prim.GetPointsAttr().Get()), faces, process=False)
    assert can.collision.volume_ratio == pytest.approx(written.volume / can.volume_m3, rel=1e-5)


def test_the_picture_is_the_meshs_own(built_scene: Path) -> None:
    stage = opened(built_scene, "can")
    material, _ = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath("/can/visual")).ComputeBoundMaterial()
    texture = UsdShade.Shader(stage.GetPrimAtPath(f"{material.GetPath()}/texture")).GetInput("file").Get()
    pixels = np.asarray(Image.open(texture.resolvedPath))
    assert pixels.shape == (64, 64, 3)
    assert pixels[20, 0].tolist() == [50, 80, 190]
    st = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/can/visual")).GetPrimvar("st")
    assert st.GetInterpolation() == "faceVarying"
    assert len(st.ComputeFlattened()) == 3 * len(
        UsdGeom.Mesh(stage.GetPrimAtPath("/can/visual")).GetFaceVertexCountsAttr().Get()
    )


def build(folder: Path, change: dict[str, trimesh.Trimesh] | None = None, **hints: object) -> SimreadyPhysics:
    """A fresh scene in which some meshes were replaced, or every object has other physics hints."""
    info = write_stage1(folder / "stage1")
    manifest = build_manifest(folder / "stage1", info, folder)
    lay_out_scene(folder, folder)
    for each, mesh in (change or {}).items():
        save_glb(mesh, folder / f"assets/objects/{each}/mesh.glb")
    if hints:
        objects = tuple(
            o.model_copy(update={"physics_hints": o.physics_hints.model_copy(update=hints)}) for o in manifest.objects
        )
        manifest.model_copy(update={"objects": objects}).write(folder / "assets/scene_manifest.json")
    return build_simready(folder, folder)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, built_scene: Path) -> None:
    build(tmp_path)
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("assets/obj_*/*"))
    assert len(names) == 12
    for name in (*names, "assets/simready_physics.json"):
        assert (tmp_path / name).read_bytes() == (built_scene / name).read_bytes(), name


def test_a_known_material_changes_mass_friction_and_evidence(tmp_path: Path) -> None:
    small = {"mug": trimesh.creation.box((0.1, 0.1, 0.1))}
    physics = build(tmp_path, small, material="rubber", material_evidence="estimated")
    assert {item.friction_evidence for item in physics.objects} == {"catalogue"}
    assert {item.dynamic_friction for item in physics.objects} == {0.8}


def test_a_mesh_without_a_picture_has_its_colour(tmp_path: Path) -> None:
    plain = trimesh.creation.box((0.1, 0.1, 0.1))
    plain.visual.face_colors = [200, 100, 50, 255]
    build(tmp_path, {"mug": plain})
    assert not (tmp_path / "assets/obj_mug/texture.png").exists()
    stage = opened(tmp_path, "mug")
    surface = UsdShade.Shader(stage.GetPrimAtPath("/mug/Looks/look/surface"))
    assert surface.GetInput("diffuseColor").Get()[0] == pytest.approx(((200 / 255 + 0.055) / 1.055) ** 2.4, abs=0.01)


def test_progress_is_told_and_static_things_do_not_move(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path)
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    keep = [o.model_copy(update={"sim_role": "static"}) for o in manifest.objects if o.id != "mug"]
    changed: SceneManifest = manifest.model_copy(update={"objects": tuple(keep)})
    changed.write(tmp_path / "assets/scene_manifest.json")
    told: list[Progress] = []
    build_simready(tmp_path, tmp_path, told.append)
    assert [(step.done, step.total) for step in told] == [(1, 3), (2, 3), (3, 3)]
    stage = opened(tmp_path, "can")
    assert not stage.GetDefaultPrim().HasAPI(UsdPhysics.RigidBodyAPI)
    kept = tuple(place for place in layout.objects if place.id != "mug")
    write_scene(layout.model_copy(update={"objects": kept}), tmp_path / "usd/scene.usda")
    with assembled(tmp_path, tmp_path) as root:
        from resources.simulator.usd_to_mujoco import load_usd

        model = load_usd(root / "usd/scene.usda", root).compile()
    assert model.nv == 0
    assert model.body("can").id > 0


def test_an_unknown_material_and_a_flat_mesh_name_the_object(tmp_path: Path) -> None:
    with pytest.raises(SimreadyError, match=r"object carton.*'gold' is not in the table"):
        build(tmp_path / "a", material="gold")
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    with pytest.raises(SimreadyError, match=r"object can.*volume"):
        build(tmp_path / "b", {"can": flat})


def test_an_object_that_was_not_laid_out_is_named(tmp_path: Path, built_scene: Path) -> None:
    shutil.copytree(built_scene / "assets", tmp_path / "assets")
    shutil.copytree(built_scene / "layout", tmp_path / "layout")
    manifest = SceneManifest.read(tmp_path / "assets/scene_manifest.json")
    extra = manifest.objects[0].model_copy(update={"id": "ghost"})
    manifest.model_copy(update={"objects": (*manifest.objects, extra)}).write(tmp_path / "assets/scene_manifest.json")
    with pytest.raises(SimreadyError, match="ghost is in the manifest but not in the layout"):
        build_simready(tmp_path, tmp_path / "out")
