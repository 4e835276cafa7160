"""One USD asset per object: what it looks like, what it weighs, how it collides.

    assets/obj_<id>/simready.usda     /<id>            Xform: RigidBodyAPI, MassAPI, semantic labels
                                      /<id>/visual     the textured mesh
                                      /<id>/collision  guide: Cube or convex meshes with CollisionAPI
                                      /<id>/Looks      UsdPreviewSurface and the physics material
    assets/obj_<id>/geometry.usdc     sublayer: the meshes' arrays
    assets/obj_<id>/texture.png

All numbers are in metres: the layout's scale is baked into the points.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.scene_layout import LayoutObject, SceneLayout
from blueprint_assets.contracts.scene_manifest import ManifestObject, SceneManifest
from blueprint_assets.contracts.simready_physics import CollisionFacts, ObjectPhysics, SimreadyPhysics
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from blueprint_assets.scene.affordances import MOVABLE
from blueprint_assets.scene.declared import (
    DeclaredPhysicsError,
    declared_collision,
    declared_physics,
    with_declared,
)
from blueprint_assets.scene.hulls import Box, CollisionGeometry, HullError, collision_geometry
from blueprint_assets.scene.layout import LAYOUT
from blueprint_assets.scene.manifest import MANIFEST
from blueprint_assets.scene.solid import Solid, SolidError, make_solid
from blueprint_assets.scene.stance import Stance, stand
from resources.observability import Progress, ProgressSink, silent
from resources.physics_estimator import PhysicalProperties, PhysicsEstimateError, PhysicsEstimator

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

PHYSICS = "assets/simready_physics.json"

CAVITY_SHARE = 0.5
"""A mesh that holds less than half of its convex hull's volume has its own hollow (a cup, a bowl): it is material only."""


class SimreadyError(ValueError):
    """An object cannot be made ready for simulation. The message names the object, what is wrong and the remedy."""


def asset_path(object_id: str) -> str:
    """Where an object's USD asset is kept, relative to the scene."""
    return f"assets/obj_{object_id}/simready.usda"


def build_simready(
    inputs: Path, out: Path, progress: ProgressSink = silent, estimator: PhysicsEstimator | None = None
) -> SimreadyPhysics:
    """Writes the asset of every object and the table of their physics below `out`.

    Args:
        inputs: a folder laid out like the scene, with the manifest, its meshes and the layout.
        out: an empty folder laid out like the scene.
        progress: told after every object.
        estimator: gives mass and friction; the material table when None.

    Raises:
        SimreadyError: an object's mesh has no volume, or its material is not known.
    """
    if estimator is None:
        from resources.physics_estimator.material_table import MaterialTable

        estimator = MaterialTable()
    manifest = SceneManifest.read(inputs / MANIFEST)
    layout = SceneLayout.read(inputs / LAYOUT)
    places = {place.id: place for place in layout.objects}
    for item in manifest.objects:
        if item.id not in places:
            raise SimreadyError(f"object {item.id} is in the manifest but not in the layout; lay the scene out again")
    found = []
    for number, item in enumerate(manifest.objects, start=1):
        found.append(_build_object(item, places[item.id], inputs, out, estimator))
        progress(Progress(number, len(manifest.objects), item.id))
    physics = SimreadyPhysics(scene_id=manifest.scene_id, estimator=estimator.name, objects=tuple(found))
    physics.write(out / PHYSICS)
    return physics


def physics_table(physics: SimreadyPhysics) -> list[dict[str, str | float]]:
    """One row per object, as the asset page shows it."""
    return [
        {
            "id": item.id,
            "mass_g": round(item.mass_kg * 1000, 1),
            "mass_from": item.mass_evidence,
            "friction": item.dynamic_friction,
            "volume_cm3": round(item.volume_m3 * 1e6, 1),
            "collision": f"{item.collision.kind} ({item.collision.parts})",
        }
        for item in physics.objects
    ]


def _build_object(
    item: ManifestObject, place: LayoutObject, inputs: Path, out: Path, estimator: PhysicsEstimator
) -> ObjectPhysics:
    mesh = load_glb(inputs / item.asset.path)
    said = declared_physics(inputs / item.asset.path)
    try:
        solid = make_solid(mesh, place.scale)
        known = declared_collision(said, place.scale, solid) if said else None
        collision = known or collision_geometry(solid.mesh)
        hollow = solid.volume < CAVITY_SHARE * float(solid.mesh.convex_hull.volume)
        extents = np.asarray(solid.mesh.extents, dtype=float)
        size = (float(extents[0]), float(extents[1]), float(extents[2]))
        material = item.physics_hints.material
        properties = estimator.estimate(
            material,
            solid.volume,
            size,
            cavity_modelled=hollow,
            hollow=item.physics_hints.body in ("hollow", "open"),
        )
    except (SolidError, HullError, PhysicsEstimateError, DeclaredPhysicsError) as error:
        raise SimreadyError(f"object {item.id} ({item.asset.path}): {error}") from error
    if said:
        properties = with_declared(properties, said, size[2])
    if known:  # its underside is known, and it may lie on other things, tilted
        stance = Stance(known.parts, solid.center_of_mass, ())
    else:
        stance = stand(collision.parts, solid.center_of_mass, place.rotation_quaternion)
    center = _three(stance.center_of_mass)
    total = sum(part.volume for part in stance.parts)
    collision = replace(collision, parts=stance.parts, volume_ratio=total / solid.volume)
    _write_asset(item, place, mesh, solid, center, collision, properties, out / asset_path(item.id))
    inertia = solid.unit_inertia * properties.mass_kg
    return ObjectPhysics(
        id=item.id,
        usd=asset_path(item.id),
        sim_role=item.sim_role,
        material=material,
        material_evidence=item.physics_hints.material_evidence,
        mass_kg=properties.mass_kg,
        mass_evidence=properties.mass_evidence,
        density=properties.density,
        fill=properties.fill,
        volume_m3=solid.volume,
        volume_evidence=solid.volume_evidence,
        static_friction=properties.static_friction,
        dynamic_friction=properties.dynamic_friction,
        restitution=properties.restitution,
        friction_evidence=properties.friction_evidence,
        center_of_mass=center,
        diagonal_inertia=_three(inertia),
        principal_axes=tuple(float(v) for v in solid.principal_axes),  # type: ignore[arg-type]
        collision=CollisionFacts(
            kind=collision.kind, parts=len(collision.parts), volume_ratio=collision.volume_ratio, note=collision.note
        ),
        mesh_before=solid.before,
        mesh_after=solid.after,
        repairs=solid.steps,
        source=properties.source,
        notes=(*properties.notes, *stance.notes),
    )


def _write_asset(
    item: ManifestObject,
    place: LayoutObject,
    mesh: trimesh.Trimesh,
    solid: Solid,
    center_of_mass: tuple[float, float, float],
    collision: CollisionGeometry,
    properties: PhysicalProperties,
    path: Path,
) -> None:
    from pxr import Gf, Sdf, UsdGeom, UsdPhysics, UsdSemantics

    from blueprint_assets.scene import authoring

    layer = Sdf.Layer.CreateAnonymous(".usda")
    stage = authoring.new_stage(layer, item.id, "component")
    root = stage.GetDefaultPrim()
    root.SetAssetInfoByKey("name", item.id)
    root.SetDocumentation(item.description)
    for taxonomy, labels in (("category", [item.category]), ("instance", [item.id])):
        UsdSemantics.LabelsAPI.Apply(root, taxonomy).CreateLabelsAttr(labels)
    if item.sim_role in MOVABLE:
        UsdPhysics.RigidBodyAPI.Apply(root)
        mass = UsdPhysics.MassAPI.Apply(root)
        mass.CreateMassAttr(properties.mass_kg)
        mass.CreateCenterOfMassAttr(Gf.Vec3f(*center_of_mass))
        mass.CreateDiagonalInertiaAttr(Gf.Vec3f(*_three(solid.unit_inertia * properties.mass_kg)))
        mass.CreatePrincipalAxesAttr(authoring.quaternion(solid.principal_axes))
    looks = f"/{item.id}/Looks"
    UsdGeom.Scope.Define(stage, looks)
    texture, uv, color = _texture(mesh, path.parent)
    look = authoring.look(stage, f"{looks}/look", color=color, texture=texture)
    contact = authoring.contact_material(
        stage,
        f"{looks}/contact",
        properties.static_friction,
        properties.dynamic_friction,
        properties.restitution,
    )
    vertices = np.asarray(mesh.vertices, dtype=float) * np.asarray(place.scale)
    visual = authoring.mesh(stage, f"/{item.id}/visual", vertices, mesh.faces, uv)
    authoring.bind(visual.GetPrim(), look)
    group = UsdGeom.Xform.Define(stage, f"/{item.id}/collision")
    group.CreatePurposeAttr(UsdGeom.Tokens.guide)
    for number, part in enumerate(collision.parts):
        name = f"/{item.id}/collision/hull_{number}"
        if isinstance(part, Box):
            turned = authoring.quaternion(matrix_to_quaternion(part.rotation))
            prim = authoring.box(stage, name, part.center, part.size, turned).GetPrim()
        else:
            prim = authoring.mesh(stage, name, part.vertices, part.faces).GetPrim()
        authoring.collide(prim, contact, convex_hull=not isinstance(part, Box))
    authoring.export_with_geometry(layer, path, "geometry.usdc")


def _texture(mesh: trimesh.Trimesh, folder: Path) -> tuple[str, Array | None, Array]:
    """Writes the mesh's picture beside its asset: its path there, texture coordinates (n, 2), and the colour, sRGB 0..1.

    A mesh without a picture has the path "" and no coordinates; one with vertex colours has their mean.
    """
    material = getattr(mesh.visual, "material", None)
    uv = getattr(mesh.visual, "uv", None)
    if material is None:
        main = getattr(mesh.visual, "main_color", (128, 128, 128, 255))
        return "", None, np.asarray(main, dtype=float)[:3] / 255
    factor = getattr(material, "baseColorFactor", None)
    tint = np.ones(3) if factor is None else np.asarray(factor, dtype=float)[:3] / 255
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if picture is None or uv is None or len(uv) != len(mesh.vertices):
        return "", None, tint
    from PIL import Image

    pixels = np.asarray(picture.convert("RGB"), dtype=float) * tint
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels.round(), 0, 255).astype(np.uint8)).save(folder / "texture.png")
    return "./texture.png", np.asarray(uv, dtype=float), tint


def _three(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
