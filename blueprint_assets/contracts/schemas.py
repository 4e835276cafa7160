"""JSON Schemas of the documents, generated into `fixtures/contracts/`: `python -m blueprint_assets.contracts.schemas`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import (
    asset_index,
    dataset_calibration,
    declared_physics,
    encoded_episode,
    export_manifest,
    geniesim_local,
    geniesim_recording,
    import_manifest,
    inventory,
    job,
    posed_meshes,
    release,
    scene_graph,
    scene_layout,
    scene_manifest,
    scene_request,
    simready_physics,
    source,
    task_config,
)
from .base import Document

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "contracts"

DOCUMENTS: dict[str, type[Document]] = {
    "intake": source.Intake,
    "source": source.Source,
    "scene_request_v1": scene_request.SceneRequest,
    "scene_request_normalized": scene_request.NormalizedRequest,
    "textgen_package": scene_request.TextgenPackage,
    "textgen_complete": scene_request.TextgenComplete,
    "posed_meshes": posed_meshes.SceneInfo,
    "camera": posed_meshes.Camera,
    "pose": posed_meshes.Pose,
    "bounds": posed_meshes.Bounds,
    "declared_physics": declared_physics.DeclaredPhysics,
    "scene_manifest": scene_manifest.SceneManifest,
    "stage1_complete": scene_manifest.Stage1Complete,
    "inventory": inventory.Inventory,
    "scene_layout_scaled": scene_layout.SceneLayout,
    "scale": scene_layout.ScaleDecision,
    "scale_report": scene_layout.ScaleReport,
    "simready_physics": simready_physics.SimreadyPhysics,
    "scene_graph": scene_graph.SceneGraph,
    "task_config": task_config.TaskConfig,
    "asset_index": asset_index.AssetIndex,
    "export_manifest": export_manifest.ExportManifest,
    "geniesim_recording": geniesim_recording.Recording,
    "job_output": job.Job,
    "geniesim_local_episode": geniesim_local.Episode,
    "geniesim_local_episodes_index": geniesim_local.EpisodeIndexEntry,
    "geniesim_local_dataset_info": geniesim_local.LocalDatasetInfo,
    "import_manifest": import_manifest.ImportManifest,
    "encoded_episode": encoded_episode.EncodedEpisode,
    "dataset_calibration": dataset_calibration.DatasetCalibration,
    "release": release.Release,
    "retraction": release.Retraction,
}


def schema(name: str) -> str:
    """The schema of one document, as the text of its file."""
    document = DOCUMENTS[name]
    content = document.model_json_schema(by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **content}, indent=2) + "\n"


def write_all(folder: Path = FOLDER) -> list[Path]:
    """Writes every schema and removes those of documents that there are no longer."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.schema.json" for name in DOCUMENTS]
    for stale in set(folder.glob("*.schema.json")) - set(paths):
        stale.unlink()
    for name, path in zip(DOCUMENTS, paths, strict=True):
        path.write_text(schema(name), encoding="utf-8")
    return paths


if __name__ == "__main__":
    for written in write_all():
        sys.stdout.write(f"{written.name}\n")
