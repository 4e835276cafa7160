from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.cli import main
from blueprint_assets.commands.status import CHAIN
from blueprint_assets.definitions import defs

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
MASK = PHOTO.with_name("shelf_mask.png")


DOCUMENTS = (
    "assets/scene_manifest.json",
    "assets/.stage1_complete",
    "layout/scene_layout_scaled.json",
    "seg/inventory.json",
    "geniesim/scene_graph.json",
    "geniesim/task_config.json",
    "geniesim/job.json",
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Runs the command line; returns its exit code and the JSON object of its last line."""
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--json"])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code, json.loads(capsys.readouterr().out.splitlines()[-1])


def scene(root: Path) -> list[str]:
    return ["run", str(PHOTO), "--mask", str(MASK), "--root", str(root)]


def contents(root: Path) -> dict[str, int]:
    """Every file of the store, but for Dagster's own history, with the time of its last change."""
    files = (path for path in root.rglob("*") if path.is_file() and ".dagster" not in path.parts)
    return {str(path): path.stat().st_mtime_ns for path in files}


def test_the_chain_that_status_shows_is_the_graph() -> None:
    assert set(CHAIN) == {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}


def test_a_scene_then_a_dataset_then_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "store"
    code, made = run(capsys, *scene(root), "--episodes", "0")
    assert code == 0
    assert made["dataset"] is None
    assert made["checks"]["failed"] == 0
    assert made["checks"]["passed"] >= 10
    assert set(made["seconds"]) == {*CHAIN[:6], "total"}
    assert (root / "scenes/shelf/usd/scene.usda").is_file()

    code, made = run(capsys, *scene(root), "--episodes", "1", "--seed", "3")
    assert code == 0, made
    assert made["scene_id"] == "shelf"
    assert made["episodes"]["succeeded"] == 1
    assert made["episodes"]["attempted"] >= 1
    assert made["episodes"]["frames"] > 40
    assert (Path(made["dataset"]) / "meta/info.json").is_file()
    assert set(made["seconds"]) == {*CHAIN, "total"}
    for document in DOCUMENTS:
        assert (root / "scenes/shelf" / document).is_file(), document

    before = contents(root)
    code, again = run(capsys, *scene(root), "--episodes", "1", "--seed", "3")
    assert code == 0
    assert again["dataset"] == made["dataset"]
    assert contents(root) == before

    code, told = run(capsys, "status", "--root", str(root), "--verify")
    assert code == 0
    (figures,) = told["scenes"]
    assert figures["assets"] == list(CHAIN)
    assert figures["stale"] == []
    assert figures["dataset"] == made["dataset"]

    (root / "scenes/shelf/usd/scene.usda").write_text("somebody's edit")
    code, told = run(capsys, "status", "--root", str(root), "--verify")
    assert code == 1
    assert any("scene.usda" in problem for problem in told["scenes"][0]["problems"])
