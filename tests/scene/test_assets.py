from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from blueprint_assets.backends import Enrichment, Reconstruction
from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_layout import ScaleReport
from blueprint_assets.scene.assets import scene_layout, scene_manifest
from blueprint_assets.stage1.assets import reconstruction, source
from fixtures.stage1_layout import write_source, write_stage1
from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource
from io_managers.record import Provenance
from io_managers.store import SceneStore

SCENE = "fixture"


class RefusedError(Exception):
    """An asset failed; what it said."""


def reconstructed(root: Path, code: str = "1") -> None:
    """Commits a source and its reconstruction, whose scale nobody knows."""
    store = SceneStore(root)
    inputs: dict[str, str] = {}
    for asset, owns in (("source", "input/"), ("reconstruction", "stage1/")):
        with store.staging() as folder:
            if asset == "source":
                write_source(folder)
            else:
                write_stage1(folder / "stage1", scaled=False)
            record = store.commit(
                SCENE,
                asset,
                folder,
                owns=(owns,),
                provenance=Provenance(inputs=inputs, code_version=code, backend="fixture"),
                started_at="2026-01-01T00:00:00+00:00",
                seconds=0.0,
            )
        inputs = {asset: record.commit_id}


def made(root: Path, known: dict[str, float] | None, enrichment: Enrichment | None = None) -> dict[str, Any]:
    """Materializes the manifest and the layout; their commits and the scale report."""
    store = SceneStoreResource(root=str(root))
    config = {} if known is None else {"ops": {"scene_manifest": {"config": {"known_sizes": known}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("scenes", [SCENE])
        result = dg.materialize(
            [source, reconstruction, scene_manifest, scene_layout],
            selection=[scene_manifest, scene_layout],
            partition_key=SCENE,
            instance=instance,
            resources={
                "scene_store": store,
                "artifact_io": SceneStoreIOManager(store=store),
                "enrichment": enrichment or Enrichment(),
                "reconstructor": Reconstruction(),
            },
            run_config=config,
            raise_on_error=False,
        )
    for event in result.all_events:
        if event.is_step_failure and (said := event.step_failure_data.user_failure_data):
            raise RefusedError(said.description)
    assert result.success
    opened = SceneStore(root)
    records = {asset: opened.current(SCENE, asset) for asset in opened.assets(SCENE)}
    report = ScaleReport.parse(json.loads(opened.read(records["scene_layout"], "layout/scale_report.json")), "report")
    commits = {asset: record.commit_id for asset, record in records.items() if record}
    return {"commits": commits, "report": report, "store": opened, "records": records}


def test_a_known_size_rebuilds_from_the_manifest_on_and_stays(tmp_path: Path) -> None:
    reconstructed(tmp_path)
    guessed = made(tmp_path, None)
    assert guessed["report"].evidence != "measured"
    told = made(tmp_path, {"carton": 0.12, "coffee mug.height": 0.095})
    assert told["report"].evidence == "measured"
    assert told["report"].factor == pytest.approx(0.5)
    changed = {asset for asset in told["commits"] if told["commits"][asset] != guessed["commits"][asset]}
    assert changed == {"scene_manifest", "scene_layout"}
    assert made(tmp_path, None)["commits"] == told["commits"], "nothing new was said"
    reconstructed(tmp_path, code="2")
    again = made(tmp_path, None)
    assert again["report"].decided_by == ("known height of mug",), "the carton's id may be another object's now"
    assert made(tmp_path, {})["report"].evidence != "measured"


def test_a_size_of_nothing_fails_with_the_remedy(tmp_path: Path) -> None:
    reconstructed(tmp_path)
    with pytest.raises(RefusedError, match=r"known size 'plate' is for nothing in it.*--known-size"):
        made(tmp_path, {"plate": 0.2})


def test_a_provider_that_is_not_there_leaves_notes_and_a_missing_key_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reconstructed(tmp_path)
    gone = Enrichment(provider="gemini", model="m", key_variable="MY_KEY", base_url="http://127.0.0.1:9", timeout_s=2)
    with pytest.raises(RefusedError, match="MY_KEY"):
        made(tmp_path, None, gone)
    monkeypatch.setenv("MY_KEY", "k-1-secret")
    scene = made(tmp_path, None, gone)
    record = scene["records"]["scene_manifest"]
    assert record.config["enrichment"] == "gemini/m"
    inventory = Inventory.parse(json.loads(scene["store"].read(record, "seg/inventory.json")), "inventory")
    assert len(inventory.notes) == 4
    assert all("not shown to gemini/m: it has no mask" in note for note in inventory.notes)
    assert "k-1-secret" not in record.to_json() + inventory.to_json()
