from __future__ import annotations

import json
from pathlib import Path

import pytest

from blueprint_assets.cli import main
from io_managers.record import Provenance
from io_managers.store import SceneStore


def status(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["status", *arguments])
    return stopped.value.code, capsys.readouterr().out


def test_an_empty_folder_is_a_store_without_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "my [store]"
    root.mkdir()
    code, said = status(capsys, "--root", str(root))
    assert code == 0
    assert "no scene yet" in said
    assert str(root) in said
    assert list(root.iterdir()) == []

    code, said = status(capsys, "--root", str(root), "--json")
    assert code == 0
    assert json.loads(said) == {"root": str(root), "scenes": []}


def commit(store: SceneStore, asset: str, text: str, **inputs: str) -> str:
    with store.staging() as staging:
        (staging / f"{asset}.txt").write_text(text)
        record = store.commit(
            "scene",
            asset,
            staging,
            owns=(f"{asset}.txt",),
            provenance=Provenance(
                inputs=inputs, code_version="1", config={}, seeds={}, tool_versions={}, backend="embedded"
            ),
            started_at="2026-01-01T00:00:00+00:00",
            seconds=1.0,
            peak_memory_bytes=1,
            metadata={},
        )
    return record.commit_id


def test_what_was_made_from_something_behind_is_behind_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = SceneStore(tmp_path)
    source = commit(store, "source", "a picture")
    reconstruction = commit(store, "reconstruction", "meshes", source=source)
    commit(store, "scene_manifest", "objects", reconstruction=reconstruction)
    _, said = status(capsys, "--root", str(tmp_path), "--json")
    assert json.loads(said)["scenes"][0]["stale"] == []
    commit(store, "source", "another picture")
    _, said = status(capsys, "--root", str(tmp_path), "--json")
    assert json.loads(said)["scenes"][0]["stale"] == ["reconstruction", "scene_manifest"]
