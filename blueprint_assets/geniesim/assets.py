"""From a scene to simulated episodes: what the simulator is asked, and what it did."""

from typing import Any

import dagster as dg

from blueprint_assets.backends import Simulation
from blueprint_assets.stage import Metadata, Workspace, produce, stage
from io_managers.dagster_io import SceneStoreResource
from io_managers.record import ArtifactRef


@stage(
    group="geniesim",
    kinds={"json"},
    owns=("geniesim/scene_graph.json", "geniesim/task_config.json", "geniesim/asset_index.json", "geniesim/export_manifest.json"),
    made_by=("blueprint_assets.geniesim.export", "resources.simulator", "resources.planner"),
)  # fmt: skip
def geniesim_export(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    scene_manifest: ArtifactRef,
    scene_layout: ArtifactRef,
    simready_assets: ArtifactRef,
    scene_usd: ArtifactRef,
) -> dg.Output[Any]:
    """Scene graph, tasks for every object that the robot can reach and grasp, and where the robot stands."""
    from blueprint_assets.geniesim.export import export_scene, tasks_table

    def build(work: Workspace) -> Metadata:
        config = export_scene(work.inputs, work.out, work.progress)
        return {
            "tasks": len(config.suggested_tasks),
            "objects_skipped": len(config.skipped_objects),
            "table": tasks_table(config),
        }

    inputs = {
        "scene_manifest": scene_manifest,
        "scene_layout": scene_layout,
        "simready_assets": simready_assets,
        "scene_usd": scene_usd,
    }
    return produce(context, scene_store.open(), inputs, build)


class JobConfig(dg.Config):
    """What to record; `episodes` left out means as many as the simulation resource says."""

    episodes: int | None = None
    seed: int = 0


@stage(
    group="geniesim",
    kinds={"mujoco", "grpc"},
    owns=("geniesim/job.json", "geniesim_local/"),
    made_by=("blueprint_assets.geniesim.job", "resources.simulator", "resources.planner"),
    shape="gpu-rtx-pro-6000",
)
def geniesim_job(
    context: dg.AssetExecutionContext,
    config: JobConfig,
    scene_store: SceneStoreResource,
    simulation: Simulation,
    simready_assets: ArtifactRef,
    scene_usd: ArtifactRef,
    geniesim_export: ArtifactRef,
) -> dg.Output[Any]:
    """Episodes under contact physics: planned, executed, judged from the simulated state; failures kept with their reason."""
    from blueprint_assets.geniesim.job import run_job

    episodes = config.episodes or simulation.episodes_per_scene

    def build(work: Workspace) -> Metadata:
        with simulation.running(work.inputs, work.kept) as (simulator, planner):
            job = run_job(
                work.inputs, work.out, simulator, planner, episodes, config.seed, work.progress, kept=work.kept
            )
        done = job.local_execution
        return {
            "episodes": done.episodes_succeeded,
            "attempts": done.episodes_attempted,
            "success_rate": done.task_success_rate,
            "failures": ", ".join(f"{reason}: {count}" for reason, count in done.failures.items()) or "none",
        }

    inputs = {"simready_assets": simready_assets, "scene_usd": scene_usd, "geniesim_export": geniesim_export}
    seeds = {"episodes": config.seed}
    return produce(
        context,
        scene_store.open(),
        inputs,
        build,
        config={"episodes": episodes},
        seeds=seeds,
        amounts=("episodes",),
    )
