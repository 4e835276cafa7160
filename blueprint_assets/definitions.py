"""Blueprint: a photograph, words or a ready reconstruction in, a LeRobot dataset of physically simulated episodes out.

    source -> reconstruction -> scene_manifest -> scene_layout -> simready_assets -> scene_usd
           -> geniesim_export -> geniesim_job -> episodes -> lerobot_dataset
    every scene's episodes -> dataset_release

One partition per scene; one artifact per asset and scene, committed whole; a gate (asset check) behind every asset. A
release is made on demand, of all scenes that are past their gates.
"""

from __future__ import annotations

import dagster as dg

from blueprint_assets import deployment
from blueprint_assets.automation import automation_sensor, photo_inbox
from blueprint_assets.backends import Enrichment, Reconstruction, Simulation
from blueprint_assets.dataset.assets import episodes, lerobot_dataset
from blueprint_assets.geniesim.assets import geniesim_export, geniesim_job
from blueprint_assets.release.assets import RELEASE_JOB, dataset_release
from blueprint_assets.scene.assets import scene_layout, scene_manifest, scene_usd, simready_assets
from blueprint_assets.stage1.assets import reconstruction, source
from checks import (
    dataset_checks,
    episode_checks,
    geniesim_checks,
    release_checks,
    scene_checks,
    simready_checks,
    stage1_checks,
)
from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource

SCENE = [source, reconstruction, scene_manifest, scene_layout, simready_assets, scene_usd]
EPISODES = [geniesim_export, geniesim_job, episodes, lerobot_dataset]

SCENE_JOB = "photo_to_scene"
SCENES_TO_DATASETS_JOB = "photo_to_dataset"

scene_store = SceneStoreResource()


def definitions(
    reconstructor: Reconstruction, simulation: Simulation, enrichment: Enrichment | None = None
) -> dg.Definitions:
    """The graph with the given backends."""
    return dg.Definitions(
        assets=[*SCENE, *EPISODES, dataset_release],
        asset_checks=[
            *stage1_checks.ALL,
            *scene_checks.ALL,
            *simready_checks.ALL,
            *geniesim_checks.ALL,
            *episode_checks.ALL,
            *dataset_checks.ALL,
            *release_checks.ALL,
        ],
        jobs=[
            dg.define_asset_job(SCENE_JOB, selection=SCENE),
            dg.define_asset_job(SCENES_TO_DATASETS_JOB, selection=[*SCENE, *EPISODES]),
            dg.define_asset_job(RELEASE_JOB, selection=[dataset_release]),
        ],
        sensors=[photo_inbox, automation_sensor],
        resources={
            "scene_store": scene_store,
            "artifact_io": SceneStoreIOManager(store=scene_store),
            "reconstructor": reconstructor,
            "simulation": simulation,
            "enrichment": enrichment or Enrichment(),
        },
        executor=deployment.executor(),
    )


defs = definitions(Reconstruction(), Simulation())
