from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from blueprint_assets.commands.trace import Trace, trace
from fixtures.synthetic_episodes import SCENE
from fixtures.whole_scene import DATASET, FIRST, MADE_FROM, build_scene_folder, commit_asset
from io_managers.store import SceneStore


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a scene and its dataset. Read only."""
    scene, root = build_scene_folder(tmp_path_factory.mktemp("scene")), tmp_path_factory.mktemp("store")
    store = SceneStore(root)
    for asset in MADE_FROM:
        commit_asset(store, scene, asset)
    return root


def test_a_person_reads_the_way_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace(Trace(root / DATASET, "0")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"episode {FIRST}  task Pick up the red square.")
    assets = [line.split()[1] for line in lines if line[:2] in ("├─", "└─")][3:]
    assert assets == list(MADE_FROM)[::-1], "beside each other, each after what was made from it"
    assert [line for line in lines if "photo" in line and "sha256" in line]
    assert lines[-1].endswith(" ok")
    assert not [line for line in lines if "…" in line and "sha256" not in line and "commit" not in line], (
        "nothing is cut off"
    )


def test_a_program_reads_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace(Trace(root / DATASET, FIRST, json=True)) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["matches"], found["trace"]["name"]) == (True, f"episode {FIRST}")
    node, kinds = found["trace"], set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        kinds.add(node["kind"])
        waiting += node["from"]
        assert all(len(value) == 64 for name, value in node["facts"].items() if name.endswith("sha256"))
    assert kinds == {"episode", "measured", "asset", "file", "told"}
    assert found["counts"]["ok"] > 40


def test_something_that_no_longer_matches_is_exit_code_1(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "store"))
    mesh = copy / "scenes" / SCENE / "assets/objects/can/mesh.glb"
    mesh.unlink()
    mesh.write_bytes(b"another mesh")
    assert trace(Trace(copy / DATASET, "0", json=True)) == 1
    assert not json.loads(capsys.readouterr().out)["matches"]
    assert trace(Trace(copy / DATASET, "0")) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if "CHANGED" in line]
    assert len(said) == 1
    assert "view changed" in said[0]
    assert "expected sha256" in said[0]


def test_a_dataset_elsewhere_needs_its_store(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(shutil.copytree(root / DATASET, tmp_path / "copy"))
    assert trace(Trace(copy, "0")) == 0
    assert "NOT HERE" in capsys.readouterr().out
    assert trace(Trace(copy, "0", root=root)) == 0
    assert "NOT HERE" not in capsys.readouterr().out
    with pytest.raises(ValueError, match="no store there"):
        trace(Trace(copy, "0", root=tmp_path))
    with pytest.raises(ValueError, match="neither a LeRobot dataset nor a release"):
        trace(Trace(tmp_path / "nowhere", "0"))
    shutil.rmtree(copy / "meta/provenance")
    assert trace(Trace(copy, "0", provenance=root / DATASET)) == 0
    assert "NOT HERE" not in capsys.readouterr().out, "the store is found where --provenance lies"
