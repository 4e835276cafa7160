from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from blueprint_assets.contracts.asset_index import AssetIndex
from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.export_manifest import ExportManifest
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.export import export_scene, tasks_table
from blueprint_assets.geniesim.scene_graph import graph_supports, graph_surfaces
from blueprint_assets.tasks.tasks import scene_surfaces


def test_every_file_is_listed_with_its_hash(exported: Path) -> None:
    manifest = ExportManifest.read(exported / "geniesim/export_manifest.json")
    files = {path.relative_to(exported).as_posix() for path in (exported / "geniesim").glob("*.json")}
    assert set(manifest.checksums.files) == files - {"geniesim/export_manifest.json"}
    for path, listed in manifest.checksums.files.items():
        data = (exported / path).read_bytes()
        assert (listed.sha256, listed.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    outputs = manifest.result.outputs
    for path in (outputs.scene_graph, outputs.asset_index, outputs.task_config, outputs.scene_config):
        assert (exported / path).is_file()
    assert manifest.geniesim_compatibility.isaac_sim_version == "not tested", "nothing was tried with it here"


def test_statistics_are_counted(exported: Path) -> None:
    counted = ExportManifest.read(exported / "geniesim/export_manifest.json").result.statistics
    graph = SceneGraph.read(exported / "geniesim/scene_graph.json")
    assert counted.nodes == len(graph.nodes) == 5
    assert counted.edges == len(graph.edges)
    assert counted.assets == len(AssetIndex.read(exported / "geniesim/asset_index.json").assets) == 4
    assert counted.tasks == len(TaskConfig.read(exported / "geniesim/task_config.json").suggested_tasks)


def test_the_graph_tells_supports_and_surfaces_back(exported: Path) -> None:
    graph = SceneGraph.read(exported / "geniesim/scene_graph.json")
    layout = SceneLayout.read(exported / "layout/scene_layout_scaled.json")
    assert graph_supports(graph) == {item.id: item.support for item in layout.objects}
    for found, meant in zip(graph_surfaces(graph), scene_surfaces(layout), strict=True):
        assert (found.id, found.height) == (meant.id, meant.height)
        assert found.low == pytest.approx(meant.low)
        assert found.high == pytest.approx(meant.high)
    stacked = [edge for edge in graph.edges if edge.relation == "stacked"]
    assert [(edge.source, edge.target, edge.confidence) for edge in stacked] == [("cube", "base", 1.0)]
    assert all((exported / node.usd_path).is_file() for node in graph.nodes)


def test_the_same_scene_exports_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export_scene(exported, tmp_path)
    for path in sorted((exported / "geniesim").glob("*.json")):
        assert (tmp_path / "geniesim" / path.name).read_bytes() == path.read_bytes(), path.name


def test_the_table_has_a_row_for_every_task_and_every_object_without(exported: Path) -> None:
    config = TaskConfig.read(exported / "geniesim/task_config.json")
    rows = tasks_table(config)
    assert {str(row["object"]) for row in rows} == {"can", "base", "cube", "crate"}
    assert len(rows) == len(config.suggested_tasks) + len(config.skipped_objects)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"scene_layout_scaled\.json: no such file"):
        export_scene(tmp_path, tmp_path)
