"""From simulated episodes to the dataset that a policy is trained on."""

from typing import Any

import dagster as dg

from blueprint_assets.backends import Simulation
from blueprint_assets.stage import Metadata, Workspace, produce, stage
from io_managers.dagster_io import SceneStoreResource
from io_managers.record import ArtifactRef


@stage(
    group="dataset",
    kinds={"parquet", "video"},
    owns=("episodes/*/import_manifest.json", "episodes/*/units/", "episodes/*/contact_sheet.png"),
    made_by=("blueprint_assets.dataset", "resources.simulator"),
)
def episodes(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    simulation: Simulation,
    simready_assets: ArtifactRef,
    scene_usd: ArtifactRef,
    geniesim_export: ArtifactRef,
    geniesim_job: ArtifactRef,
) -> dg.Output[Any]:
    """Episodes that passed validation, rendered from their recorded states and encoded once."""
    from blueprint_assets.dataset.episodes import import_episodes

    def build(work: Workspace) -> Metadata:
        manifest = import_episodes(work.inputs, work.out, simulation.renderer(work.inputs), work.progress)
        counts = manifest.episodes
        return {
            "preview": f"episodes/geniesim_{manifest.job_id}/contact_sheet.png",
            "episodes": counts.passed_validation,
            "rejected": counts.rejected,
            "frames": sum(item.frames for item in manifest.imported if item.accepted),
            "average_quality": manifest.quality.average_score,
        }

    inputs = {
        "simready_assets": simready_assets,
        "scene_usd": scene_usd,
        "geniesim_export": geniesim_export,
        "geniesim_job": geniesim_job,
    }
    return produce(context, scene_store.open(), inputs, build)


@stage(
    group="dataset",
    kinds={"parquet", "video", "huggingface"},
    owns=("episodes/*/lerobot/",),
    made_by=("blueprint_assets.dataset",),
)
def lerobot_dataset(
    context: dg.AssetExecutionContext, scene_store: SceneStoreResource, episodes: ArtifactRef
) -> dg.Output[Any]:
    """The LeRobot dataset (v3.0): accepted episodes only, assembled without re-encoding."""
    from blueprint_assets.dataset.lerobot import assemble_scene

    def build(work: Workspace) -> Metadata:
        summary = assemble_scene(work.inputs, work.out)
        return {"dataset": summary.path, "episodes": summary.episodes, "frames": summary.frames, "tasks": summary.tasks}

    return produce(context, scene_store.open(), {"episodes": episodes}, build)
