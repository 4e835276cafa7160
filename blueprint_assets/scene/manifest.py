"""The scene manifest: every reconstructed object by name, with its role and what it affords.

Transforms stay in reconstruction units, as the reconstruction gave them; `dimensions_est` is in metres
(units times `scene.meters_per_unit`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from blueprint_assets.contracts.inventory import Inventory, InventoryItem
from blueprint_assets.contracts.posed_meshes import Bounds, Pose, PosedObject, SceneInfo
from blueprint_assets.contracts.scene_manifest import (
    AssetFile,
    Dimensions,
    ManifestMetadata,
    ManifestObject,
    PhysicsHints,
    Relationship,
    SceneFrame,
    SceneManifest,
    Semantics,
    SimRole,
    Stage1Complete,
    Transform,
    Wxyz,
    Xyz,
)
from blueprint_assets.scene.scale import decide_scale

MANIFEST = "assets/scene_manifest.json"
INVENTORY = "seg/inventory.json"
COMPLETE = "assets/.stage1_complete"

HAND_SIZED_M = 0.35
"""Largest dimension of what one arm picks up from a table: a 1.5 l bottle stands 0.33 m high. Larger things stay put."""
GRIPPER_OPENING_M = 0.08
"""Franka Hand, product manual: stroke 80 mm."""
ADJACENT_M = 0.15
"""Horizontal neighbourhood of the published scene graph."""


class ManifestError(ValueError):
    """The stage 1 layout cannot become a manifest. The message names the file or object."""


def mesh_path(object_id: str) -> str:
    """Where an object's mesh is kept, relative to the scene."""
    return f"assets/objects/{object_id}/mesh.glb"


def build_manifest(stage1: Path, info: SceneInfo, out: Path) -> SceneManifest:
    """Writes the manifest, the inventory, a copy of every mesh and the completion marker below `out`.

    Args:
        stage1: the reconstruction's folder.
        info: its table of contents.
        out: an empty folder laid out like the scene.

    Raises:
        ManifestError: a mesh that `info` names is missing, or an id appears twice.
        ContractError: a pose or bounds file that it names is missing or broken.
        ScaleError: an object has no extent.
    """
    ids = [item.id for item in info.objects]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise ManifestError(f"{stage1 / 'scene_info.json'}: object {twice[0]} appears twice; ids are unique")
    bounds = {item.id: Bounds.read(stage1 / item.bounds) for item in info.objects}
    scale = decide_scale(info, [max(bounds[i].size) for i in ids])
    neighbours = _neighbours(bounds, scale.factor)
    objects = tuple(
        _manifest_object(number, item, bounds[item.id], neighbours[item.id], stage1, info, scale.factor)
        for number, item in enumerate(info.objects, start=1)
    )
    for item in info.objects:
        source, target = stage1 / item.mesh, out / mesh_path(item.id)
        if not source.is_file():
            raise ManifestError(f"{source}: named by scene_info.json but missing; reconstruct the scene again")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    manifest = SceneManifest(
        scene_id=info.scene_id,
        scene=SceneFrame(meters_per_unit=scale.factor, environment_type=info.environment_type),
        objects=objects,
        metadata=ManifestMetadata(
            source_pipeline=info.reconstruction_method,
            notes=f"scale: {scale.evidence}, confidence {scale.confidence:.2f}",
        ),
    )
    manifest.write(out / MANIFEST)
    _inventory(manifest).write(out / INVENTORY)
    Stage1Complete(scene_id=info.scene_id, timestamp=info.generated_at).write(out / COMPLETE)
    return manifest


def _manifest_object(
    number: int,
    item: PosedObject,
    bounds: Bounds,
    neighbours: list[Relationship],
    stage1: Path,
    info: SceneInfo,
    factor: float,
) -> ManifestObject:
    pose = Pose.read(stage1 / item.pose)
    width, depth, height = (extent * factor for extent in bounds.size)
    role: SimRole = "manipulable_object" if max(width, depth, height) < HAND_SIZED_M else "static"
    obtained = item.obtained
    return ManifestObject(
        id=item.id,
        name=item.label,
        category=item.label,
        description=f"{item.label}; shape: {obtained.shape}, place: {obtained.position}, texture: {obtained.texture}",
        sim_role=role,
        transform=Transform(
            position=Xyz(**dict(zip("xyz", pose.translation, strict=True))),
            rotation_quaternion=Wxyz(**dict(zip("wxyz", pose.rotation_quaternion, strict=True))),
            scale=Xyz(**dict(zip("xyz", pose.scale, strict=True))),
        ),
        dimensions_est=Dimensions(width=width, depth=depth, height=height),
        dimensions_source="estimated" if info.scale.factor is not None else "default",
        asset=AssetFile(path=mesh_path(item.id), source=info.reconstruction_method),
        semantics=Semantics(
            **{"class": item.label},
            instance_id=number,
            affordances=affordances(role, obtained.shape, (width, depth, height)),
        ),
        # Nothing in a first-form reconstruction says what a thing is made of.
        physics_hints=PhysicsHints(material="unknown", material_evidence="default", shape=obtained.shape),
        relationships=(Relationship(type="on", subject_id=item.id, object_id=item.support), *neighbours),
    )


def affordances(role: SimRole, shape: str, size: tuple[float, float, float]) -> tuple[str, ...]:
    """What can be done with an object: names of the published affordance table (Graspable, Stackable).

    Graspable: it can be moved and its narrower side fits the gripper. Stackable: a cuboid no more than twice as high as its
    narrower side, so that something can stand on its flat top. `size` is (x, y, z) in metres.
    """
    if role != "manipulable_object":
        return ()
    narrow = min(size[0], size[1])
    found = ["Graspable"] if narrow <= GRIPPER_OPENING_M else []
    if shape == "cuboid" and size[2] <= 2 * narrow:
        found.append("Stackable")
    return tuple(found)


def _neighbours(bounds: dict[str, Bounds], factor: float) -> dict[str, list[Relationship]]:
    """`adjacent` relations of objects whose world-aligned boxes are within the neighbourhood, on the earlier of the two."""
    found: dict[str, list[Relationship]] = {each: [] for each in bounds}
    ids = list(found)
    for index, one in enumerate(ids):
        for other in ids[index + 1 :]:
            a, b = bounds[one], bounds[other]
            gaps = [max(a.min[k] - b.max[k], b.min[k] - a.max[k], 0.0) * factor for k in range(2)]
            if max(gaps) <= ADJACENT_M:
                found[one].append(Relationship(type="adjacent", subject_id=one, object_id=other))
    return found


def _inventory(manifest: SceneManifest) -> Inventory:
    counts: dict[str, int] = {}
    for item in manifest.objects:
        counts[item.category] = counts.get(item.category, 0) + 1
    return Inventory(
        scene_id=manifest.scene_id,
        objects=tuple(
            InventoryItem(
                id=item.id,
                category=item.category,
                count=counts[item.category],
                sim_role=item.sim_role,
                affordances=item.semantics.affordances,
            )
            for item in manifest.objects
        ),
    )
