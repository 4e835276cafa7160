"""What the simulator is asked: scene graph, tasks, asset index, and a manifest with every file's hash."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

from blueprint_assets.contracts.asset_index import AssetIndex, IndexedAsset, IndexMaterial
from blueprint_assets.contracts.base import Document
from blueprint_assets.contracts.export_manifest import (
    ExportChecksums,
    ExportConfig,
    ExportInfo,
    ExportManifest,
    ExportOutputs,
    ExportResult,
    ExportStatistics,
    FileChecksum,
    GenieSimCompatibility,
    GenieSimFormats,
    InventoriedFile,
    SchemaDefinition,
)
from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest, Stage1Complete
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.scene_graph import SCENE_FILE, build_scene_graph
from blueprint_assets.tasks.tasks import make_tasks
from resources.observability import ProgressSink, silent

FOLDER = "geniesim"
TASK_CONFIG, SCENE_GRAPH, ASSET_INDEX, EXPORT_MANIFEST = (
    f"{FOLDER}/{name}.json" for name in ("task_config", "scene_graph", "asset_index", "export_manifest")
)


def export_scene(inputs: Path, out: Path, progress: ProgressSink = silent) -> TaskConfig:
    """Writes task_config, scene_graph, asset_index and export_manifest below `out/geniesim`. The same scene, the same bytes.

    Args:
        inputs: a folder laid out like the scene, with manifest, layout, object assets and scene.usda.
        out: the folder to write to, laid out like the scene.
        progress: told about each object.

    Raises:
        ContractError: an input document is missing or invalid.
        UsdError: the scene does not load.
        TasksError: the robot can pick nothing.
        StandingError: there is no place for the robot.
    """
    from resources.simulator.usd_to_mujoco import load_usd

    layout = SceneLayout.read(inputs / "layout/scene_layout_scaled.json")
    manifest = SceneManifest.read(inputs / "assets/scene_manifest.json")
    physics = SimreadyPhysics.read(inputs / "assets/simready_physics.json")
    received = Stage1Complete.read(inputs / "assets/.stage1_complete").timestamp
    config = make_tasks(load_usd(inputs / SCENE_FILE, inputs), layout, manifest, physics, progress)
    graph = build_scene_graph(layout, manifest, physics, config.suggested_tasks)
    index = _asset_index(manifest, physics)
    documents: dict[str, Document] = {TASK_CONFIG: config, SCENE_GRAPH: graph, ASSET_INDEX: index}
    checksums = {}
    for path, document in documents.items():
        data = document.write(out / path).read_bytes()
        checksums[path] = FileChecksum(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    statistics = ExportStatistics(
        nodes=len(graph.nodes), edges=len(graph.edges), assets=len(index.assets), tasks=len(config.suggested_tasks)
    )
    _manifest(config, received, statistics, checksums).write(out / EXPORT_MANIFEST)
    return config


def tasks_table(config: TaskConfig) -> list[dict[str, str | float]]:
    """One row per task and per object without one, as the asset page shows it."""
    rows: list[dict[str, str | float]] = [
        {"object": task.target_object, "task": task.task_type, "instruction": task.task_name, "note": task.difficulty}
        for task in config.suggested_tasks
    ]
    rows += [
        {"object": item.object_id, "task": "none", "instruction": "", "note": item.reason}
        for item in config.skipped_objects
    ]
    return rows


def _asset_index(manifest: SceneManifest, physics: SimreadyPhysics) -> AssetIndex:
    facts = {item.id: item for item in physics.objects}
    assets = []
    for item in manifest.objects:
        if item.id not in facts:
            continue
        fact = facts[item.id]
        assets.append(
            IndexedAsset(
                asset_id=item.id,
                usd_path=fact.usd,
                semantic_description=item.description or item.name,
                categories=(item.category,),
                mass=fact.mass_kg,
                mass_evidence=fact.mass_evidence,
                material=IndexMaterial(
                    friction=fact.dynamic_friction, restitution=fact.restitution, density=fact.density
                ),
                collision_hull_path=None,
                commercial_ok=None,
                license=None,
                source=fact.source,
            )
        )
    return AssetIndex(scene_id=manifest.scene_id, assets=tuple(assets))


def _manifest(
    config: TaskConfig, received: str, statistics: ExportStatistics, checksums: dict[str, FileChecksum]
) -> ExportManifest:
    ours = "blueprint 1.0"
    return ExportManifest(
        schema_definition=SchemaDefinition(
            description="A scene, its tasks and its assets, for a simulator that records episodes.",
            fields={
                TASK_CONFIG: "tasks, objects without one, and where the robot stands",
                SCENE_GRAPH: "objects and surfaces; what stands on and beside what",
                ASSET_INDEX: "mass, material and words per object",
            },
            notes=("scene_config names the scene's USD file: it holds everything else a simulator needs",),
        ),
        export_info=ExportInfo(
            timestamp=received, exporter_version=version("blueprint-assets"), source_pipeline="blueprint"
        ),
        asset_provenance_path=None,
        config=ExportConfig(
            robot_type=config.robot_config.type,
            generate_embeddings=False,
            embedding_model=None,
            require_embeddings=False,
            filter_commercial_only=False,
            max_tasks=0,
            lerobot_export_format="v3.0",
        ),
        result=ExportResult(
            success=True,
            scene_id=config.scene_id,
            output_dir=FOLDER,
            outputs=ExportOutputs(
                scene_graph=SCENE_GRAPH, asset_index=ASSET_INDEX, task_config=TASK_CONFIG, scene_config=SCENE_FILE
            ),
            statistics=statistics,
            warnings=tuple(f"{item.object_id}: no task: {item.reason}" for item in config.skipped_objects),
        ),
        geniesim_compatibility=GenieSimCompatibility(
            version="not tested",
            isaac_sim_version="not tested",
            formats=GenieSimFormats(scene_graph=ours, asset_index=ours, task_config=ours, scene_config="OpenUSD"),
        ),
        file_inventory=tuple(InventoriedFile(path=p, size_bytes=c.size_bytes) for p, c in checksums.items()),
        checksums=ExportChecksums(files=checksums),
    )
