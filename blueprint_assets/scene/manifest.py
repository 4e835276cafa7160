"""The scene manifest: every reconstructed object by name, with its role and what it affords.

Transforms stay in reconstruction units, as the reconstruction gave them; `dimensions_est` is in metres
(units times `scene.meters_per_unit`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from blueprint_assets.contracts.base import Evidence
from blueprint_assets.contracts.declared_physics import PHYSICS
from blueprint_assets.contracts.posed_meshes import Bounds, Pose, PosedObject, SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleDecision
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
    Stage1Complete,
    Transform,
    Wxyz,
    Xyz,
)
from blueprint_assets.household import Category
from blueprint_assets.household.materials import material_of
from blueprint_assets.scene.affordances import affordances, sim_role
from blueprint_assets.scene.enrich import Enriched
from blueprint_assets.scene.extents import Extents, posed_extents
from blueprint_assets.scene.inventory import INVENTORY, take_inventory
from blueprint_assets.scene.recognised import category_name, recognise
from blueprint_assets.scene.scale import SCALE, decide_scale
from resources.enrichment import Answer

MANIFEST = "assets/scene_manifest.json"
COMPLETE = "assets/.stage1_complete"

ADJACENT_M = 0.15
"""Horizontal neighbourhood of the published scene graph."""


@dataclass(frozen=True)
class MaterialGuess:
    """`name` of the material table, and who says so."""

    name: str
    evidence: Evidence
    by: str


@dataclass(frozen=True)
class _Known:
    """What is known of an object beside the reconstruction; `size` in metres."""

    row: Category | None
    size: Extents
    material: MaterialGuess
    answer: Answer | None


class ManifestError(ValueError):
    """The stage 1 layout cannot become a manifest. The message names the file or object."""


def mesh_path(object_id: str) -> str:
    """Where an object's mesh is kept, relative to the scene."""
    return f"assets/objects/{object_id}/mesh.glb"


def build_manifest(
    stage1: Path,
    info: SceneInfo,
    out: Path,
    known_sizes: Mapping[str, float] = MappingProxyType({}),
    enriched: Enriched | None = None,
) -> SceneManifest:
    """Writes the manifest, the scale, the inventory, a copy of every mesh (and of what its maker says of its body) and the
    completion marker below `out`.

    Args:
        stage1: the reconstruction's folder.
        info: its table of contents.
        out: an empty folder laid out like the scene.
        known_sizes: metres, as in `scene.scale.decide_scale`.
        enriched: what a vision model adds to `info`; None where none was asked.

    Raises:
        ManifestError: a mesh that `info` names is missing, or an id appears twice.
        ContractError: a pose or bounds file that it names is missing or broken.
        ScaleError: nothing tells how large the scene is, or an object has no extent.
        KnownSizeError: a known size is not a length, or is of nothing in the scene.
    """
    info = enriched.info if enriched else info
    ids = [item.id for item in info.objects]
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise ManifestError(f"{stage1 / 'scene_info.json'}: object {twice[0]} appears twice; ids are unique")
    for item in info.objects:
        source, target = stage1 / item.mesh, out / mesh_path(item.id)
        if not source.is_file():
            raise ManifestError(f"{source}: named by scene_info.json but missing; reconstruct the scene again")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        declared = stage1 / "objects" / item.id / PHYSICS
        if declared.is_file():
            shutil.copyfile(declared, target.with_name(PHYSICS))
    scale = decide_scale(stage1, info, known_sizes)
    bounds = {item.id: Bounds.read(stage1 / item.bounds) for item in info.objects}
    neighbours = _neighbours(bounds, scale.factor)
    rows = {item.id: recognise(item) for item in info.objects}
    sizes = {item.id: posed_extents(stage1, item).times(scale.factor) for item in info.objects}
    materials = {item.id: guess_material(item, rows[item.id], enriched) for item in info.objects}
    objects = tuple(
        _manifest_object(
            number,
            item,
            _Known(
                rows[item.id], sizes[item.id], materials[item.id], enriched.answers.get(item.id) if enriched else None
            ),
            bounds[item.id],
            neighbours[item.id],
            stage1,
            info,
            scale,
        )
        for number, item in enumerate(info.objects, start=1)
    )
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
    scale.write(out / SCALE)
    sources = {each: material.by for each, material in materials.items()}
    notes = enriched.notes if enriched else ()
    take_inventory(info, manifest, rows, sizes, sources, notes).write(out / INVENTORY)
    Stage1Complete(scene_id=info.scene_id, timestamp=info.generated_at).write(out / COMPLETE)
    return manifest


def _manifest_object(
    number: int,
    item: PosedObject,
    known: _Known,
    bounds: Bounds,
    neighbours: list[Relationship],
    stage1: Path,
    info: SceneInfo,
    scale: ScaleDecision,
) -> ManifestObject:
    pose = Pose.read(stage1 / item.pose)
    width, depth, height = (extent * scale.factor for extent in bounds.size)
    row = known.row
    role = sim_role(row, known.size)
    obtained = item.obtained
    category = category_name(item, row)
    return ManifestObject(
        id=item.id,
        name=item.label,
        category=category,
        description=f"{item.label}; shape: {obtained.shape}, place: {obtained.position}, texture: {obtained.texture}",
        sim_role=role,
        transform=Transform(
            position=Xyz(**dict(zip("xyz", pose.translation, strict=True))),
            rotation_quaternion=Wxyz(**dict(zip("wxyz", pose.rotation_quaternion, strict=True))),
            scale=Xyz(**dict(zip("xyz", pose.scale, strict=True))),
        ),
        dimensions_est=Dimensions(width=width, depth=depth, height=height),
        dimensions_source="default" if scale.evidence == "default" else "estimated",
        asset=AssetFile(path=mesh_path(item.id), source=info.reconstruction_method),
        semantics=Semantics(
            **{"class": category},
            instance_id=number,
            affordances=affordances(
                role, row, obtained.shape, known.size, known.answer.affordances if known.answer else ()
            ),
        ),
        physics_hints=PhysicsHints(
            material=known.material.name,
            material_evidence=known.material.evidence,
            shape=obtained.shape,
            body=row.body if row else None,
        ),
        relationships=(Relationship(type="on", subject_id=item.id, object_id=item.support), *neighbours),
    )


def guess_material(item: PosedObject, row: Category | None, enriched: Enriched | None = None) -> MaterialGuess:
    """What an object is made of: the words for it ("wooden spoon"), else what somebody saw who looked at the photograph,
    else what its kind is usually made of."""
    said = material_of(item.label.split())
    if said:
        return MaterialGuess(said, "estimated", f"its label: {item.label}")
    answer = enriched.answers.get(item.id) if enriched else None
    if enriched and answer and answer.material:
        return MaterialGuess(answer.material, "estimated", f"{enriched.by} (estimated from the photograph)")
    if row:
        return MaterialGuess(row.material, "catalogue", f"usual of a {row.name}")
    return MaterialGuess("unknown", "default", "nobody")


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
