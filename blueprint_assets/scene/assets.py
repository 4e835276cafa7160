"""From posed meshes to a scene that a simulator can load: what is there, how big it is, what it weighs, where it stands."""

import json
from typing import Any

import dagster as dg

from blueprint_assets.backends import Enrichment
from blueprint_assets.stage import Metadata, Workspace, produce, stage
from io_managers.dagster_io import SceneStoreResource
from io_managers.record import ArtifactRef


class ManifestConfig(dg.Config):
    """Lengths that somebody measured, metres: object id or category (its longest side), or either with .height, .width or
    .depth. Left out: those of the scene's last manifest. Empty: none."""

    known_sizes: dict[str, float] | None = None


@stage(
    group="scene",
    kinds={"json", "mesh"},
    owns=("assets/scene_manifest.json", "assets/objects/", "assets/.stage1_complete", "seg/"),
    made_by=("blueprint_assets.scene.manifest",),
)
def scene_manifest(
    context: dg.AssetExecutionContext,
    config: ManifestConfig,
    scene_store: SceneStoreResource,
    enrichment: Enrichment,
    source: ArtifactRef,
    reconstruction: ArtifactRef,
) -> dg.Output[Any]:
    """Every object by name: its mesh, its transform, its role and what it affords; and how large the scene is."""
    from blueprint_assets.contracts.inventory import Inventory
    from blueprint_assets.contracts.posed_meshes import SceneInfo
    from blueprint_assets.scene.enrich import look_again
    from blueprint_assets.scene.inventory import INVENTORY, inventory_table
    from blueprint_assets.scene.known_sizes import sizes_kept
    from blueprint_assets.scene.manifest import build_manifest
    from blueprint_assets.scene.recognised import categories_of

    store = scene_store.open()
    document = store.read(store.resolve(reconstruction), "stage1/scene_info.json")
    info = SceneInfo.parse(json.loads(document), "stage1/scene_info.json")
    known = config.known_sizes
    if known is None:
        previous = store.current(context.partition_key, "scene_manifest")
        known = sizes_kept(previous, reconstruction.commit_id, categories_of(info))

    def build(work: Workspace) -> Metadata:
        enricher = enrichment.open()
        enriched = look_again(work.inputs, info, enricher, work.progress) if enricher else None
        manifest = build_manifest(work.inputs / "stage1", info, work.out, known, enriched)
        inventory = Inventory.read(work.out / INVENTORY)
        return {
            "objects": len(manifest.objects),
            "meters_per_unit": manifest.scene.meters_per_unit,
            "not_recognised": len(inventory.not_recognised),
            "table": inventory_table(inventory),
        }

    settings = {"known_sizes": known, "enrichment": enrichment.name}
    return produce(context, store, {"source": source, "reconstruction": reconstruction}, build, config=settings)


@stage(group="scene", kinds={"json"}, owns=("layout/",), made_by=("blueprint_assets.scene.layout",))
def scene_layout(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    reconstruction: ArtifactRef,
    scene_manifest: ArtifactRef,
) -> dg.Output[Any]:
    """The scene in metres on a table that stands on the ground, overlaps resolved; every change is reported."""
    from blueprint_assets.scene.layout import lay_out_scene, layout_table

    def build(work: Workspace) -> Metadata:
        layout, report = lay_out_scene(work.inputs, work.out)
        return {
            "scale_factor": report.factor,
            "scale_confidence": report.confidence,
            "adjustments": len(report.adjustments),
            "table": layout_table(layout),
        }

    inputs = {"reconstruction": reconstruction, "scene_manifest": scene_manifest}
    return produce(context, scene_store.open(), inputs, build)


@stage(
    group="simready",
    kinds={"usd", "mesh"},
    owns=("assets/obj_*/", "assets/simready_physics.json"),
    made_by=("blueprint_assets.scene.simready",),
)
def simready_assets(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    scene_manifest: ArtifactRef,
    scene_layout: ArtifactRef,
) -> dg.Output[Any]:
    """One USD asset per object with collision hulls, mass, friction and semantics; every figure says where it came from."""
    from blueprint_assets.scene.simready import build_simready, physics_table

    def build(work: Workspace) -> Metadata:
        physics = build_simready(work.inputs, work.out, work.progress)
        return {"objects": len(physics.objects), "table": physics_table(physics)}

    inputs = {"scene_manifest": scene_manifest, "scene_layout": scene_layout}
    return produce(context, scene_store.open(), inputs, build)


@stage(
    group="simready",
    kinds={"usd", "mujoco"},
    owns=("usd/",),
    made_by=("blueprint_assets.scene.usd",),
)
def scene_usd(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    source: ArtifactRef,
    scene_layout: ArtifactRef,
    simready_assets: ArtifactRef,
) -> dg.Output[Any]:
    """The composed scene with table, ground and the photograph's camera, and a render beside the photograph."""
    from blueprint_assets.scene.usd import compose_scene

    def build(work: Workspace) -> Metadata:
        composed = compose_scene(work.inputs, work.out)
        return {
            "preview": "usd/preview.png",
            "prims": composed.prims,
            "bytes_usd": composed.size_bytes,
            "fallen": ", ".join(composed.fallen) or "none",
        }

    inputs = {"source": source, "scene_layout": scene_layout, "simready_assets": simready_assets}
    return produce(context, scene_store.open(), inputs, build)
