"""`geniesim/export_manifest.json`: what was exported for the simulator, with which settings, and every file's hash."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, SceneId, Sha256


class SchemaDefinition(Document):
    version: Literal["3.0"] = "3.0"
    description: str
    fields: dict[str, str]
    notes: tuple[str, ...] = ()


class ExportInfo(Document):
    timestamp: str = Field(description="ISO 8601: when the scene was received; the commit record says when this ran")
    exporter_version: str
    source_pipeline: str


class ExportConfig(Document):
    robot_type: str
    generate_embeddings: bool
    embedding_model: str | None
    require_embeddings: bool
    filter_commercial_only: bool
    max_tasks: int = Field(ge=0, description="0: no limit")
    lerobot_export_format: str


class ExportOutputs(Document):
    """Paths relative to the scene; scene_config is the scene file itself, where a simulator starts."""

    scene_graph: str
    asset_index: str
    task_config: str
    scene_config: str


class ExportStatistics(Document):
    nodes: int = Field(ge=0)
    edges: int = Field(ge=0)
    assets: int = Field(ge=0)
    tasks: int = Field(ge=0)


class ExportResult(Document):
    success: bool
    scene_id: SceneId
    output_dir: str
    outputs: ExportOutputs
    statistics: ExportStatistics
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class GenieSimFormats(Document):
    scene_graph: str
    asset_index: str
    task_config: str
    scene_config: str


class GenieSimCompatibility(Document):
    """`version` and `isaac_sim_version`: what the documents were tried with; "not tested" where nothing was."""

    version: str
    isaac_sim_version: str
    formats: GenieSimFormats


class InventoriedFile(Document):
    path: str
    size_bytes: int = Field(ge=0)


class FileChecksum(Document):
    sha256: Sha256
    size_bytes: int = Field(ge=0)


class ExportChecksums(Document):
    files: dict[str, FileChecksum]


class ExportManifest(Document):
    schema_version: Literal["3.0"] = "3.0"
    schema_definition: SchemaDefinition
    export_info: ExportInfo
    asset_provenance_path: str | None
    config: ExportConfig
    result: ExportResult
    geniesim_compatibility: GenieSimCompatibility
    file_inventory: tuple[InventoriedFile, ...]
    checksums: ExportChecksums
