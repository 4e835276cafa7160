"""From simulated episodes to the dataset that a policy is trained on."""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

from blueprint_assets.backends import Simulation
from blueprint_assets.stage import Metadata, Workspace, produce, stage
from io_managers.dagster_io import SceneStoreResource
from io_managers.record import ArtifactRef


class EpisodesConfig(dg.Config):
    """How the cameras' pictures are made and encoded."""

    codec: Literal["auto", "h264", "av1"] = Field(
        default="auto", description="auto: h264 for pictures of at most 256 pixels a side, av1 for larger ones"
    )
    width: int = Field(default=256, ge=16, le=1280, multiple_of=2, description="of a picture, pixels")
    height: int = Field(default=256, ge=16, le=960, multiple_of=2, description="of a picture, pixels")
    depth: bool = Field(default=False, description="every camera's depth, as LeRobot 0.6's depth feature")
    segmentation: bool = Field(default=False, description="every camera's segmentation by object, in a file beside")
    point_cloud: bool = Field(default=False, description="what all cameras saw at the first and the last frame, as PLY")


class DatasetConfig(dg.Config):
    """What the dataset's rows hold."""

    language: bool = Field(
        default=False,
        description="LeRobot 0.6's language columns: subtasks and plan; LeRobot before 0.6 cannot open the dataset then",
    )


@stage(
    group="dataset",
    kinds={"parquet", "video"},
    owns=("episodes/*/import_manifest.json", "episodes/*/units/", "episodes/*/contact_sheet.png"),
    made_by=("blueprint_assets.dataset.episodes", "blueprint_assets.dataset.rendering", "resources.simulator"),
)
def episodes(
    context: dg.AssetExecutionContext,
    config: EpisodesConfig,
    scene_store: SceneStoreResource,
    simulation: Simulation,
    simready_assets: ArtifactRef,
    scene_usd: ArtifactRef,
    geniesim_export: ArtifactRef,
    geniesim_job: ArtifactRef,
) -> dg.Output[Any]:
    """Episodes that passed validation, rendered from their recorded states and encoded once."""
    from blueprint_assets.dataset.episodes import import_episodes
    from blueprint_assets.dataset.sidecars import MODALITIES
    from blueprint_assets.dataset.video import AV1, H264

    codec = {"auto": None, "h264": H264, "av1": AV1}[config.codec]

    def build(work: Workspace) -> Metadata:
        render = simulation.renderer(work.inputs, config.width, config.height)
        manifest = import_episodes(
            work.inputs,
            work.out,
            render,
            work.progress,
            codec=codec,
            modalities=[name for name in MODALITIES if getattr(config, name)],
            kept=work.kept,
        )
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
    return produce(context, scene_store.open(), inputs, build, config=config.model_dump())


@stage(
    group="dataset",
    kinds={"parquet", "video", "huggingface"},
    owns=("episodes/*/lerobot/",),
    made_by=("blueprint_assets.dataset.lerobot",),
)
def lerobot_dataset(
    context: dg.AssetExecutionContext, config: DatasetConfig, scene_store: SceneStoreResource, episodes: ArtifactRef
) -> dg.Output[Any]:
    """The LeRobot dataset (v3.0): accepted episodes only, assembled without re-encoding."""
    from blueprint_assets.dataset.lerobot import assemble_scene

    def build(work: Workspace) -> Metadata:
        summary = assemble_scene(work.inputs, work.out, language=config.language)
        return {"dataset": summary.path, "episodes": summary.episodes, "frames": summary.frames, "tasks": summary.tasks}

    return produce(context, scene_store.open(), {"episodes": episodes}, build, config=config.model_dump())
