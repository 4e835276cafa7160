from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.cli import main
from blueprint_assets.commands.given import Options, _licence
from blueprint_assets.commands.status import CHAIN
from blueprint_assets.definitions import defs
from io_managers.locks import file_lock

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
    assets = {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert set(CHAIN) == assets - {"dataset_release"}, "a scene's assets; a release is of all scenes"


def test_the_licence_of_a_photograph_is_said_by_option_or_by_the_file_beside_it(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    assert _licence(Options(source=photo)) == (None, None)
    (tmp_path / "photo.png.license").write_text("CC-BY-4.0\nA. Uthor\n")
    assert _licence(Options(source=photo)) == ("CC-BY-4.0", "A. Uthor")
    assert _licence(Options(source=photo, license="CC0-1.0")) == ("CC0-1.0", "A. Uthor")


def test_a_refusal_is_a_json_object_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, refused = run(capsys, "run", str(tmp_path / "none.png"), "--root", str(tmp_path / "store"))
    assert code == 2
    assert refused["success"] is False
    assert refused["dataset"] is None
    (failure,) = refused["failures"]
    assert "none.png: no such file" in failure


def test_variants_of_words_are_scenes_and_a_known_size_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "run",
        "--prompt",
        "a mug, a bowl and a kettle on a table",
        "--scene-id",
        "desk",
        "--root",
        str(tmp_path / "store"),
    ]
    code, refused = run(capsys, *words, "--episodes", "0", "--known-size", "mug=high")
    assert code == 2
    assert "mug=high" in refused["failures"][0]
    assert not (tmp_path / "store").exists()
    code, made = run(capsys, *words, "--episodes", "0", "--variants", "2", "--known-size", "mug.height=0.1")
    assert code == 0, made
    assert made["success"] is True
    assert [each["scene_id"] for each in made["scenes"]] == ["desk", "desk-v2"]
    for each in made["scenes"]:
        assert each["checks"]["failed"] == 0
        assert each["checks"]["not_applicable"] == 2
        report = json.loads((tmp_path / "store/scenes" / each["scene_id"] / "layout/scale_report.json").read_text())
        assert report["known_sizes"] == {"mug.height": 0.1}
        for file in ("package.json", "request.normalized.json", ".textgen_complete"):
            assert (tmp_path / "store/scenes" / each["scene_id"] / "textgen" / file).is_file()
    report_of_desk = tmp_path / "store/scenes/desk/layout/scale_report.json"
    for said, kept in (((), {"mug.height": 0.1}), (("--forget-known-sizes",), {})):
        code, made = run(capsys, *words, "--episodes", "0", *said)
        assert code == 0, made
        assert json.loads(report_of_desk.read_text())["known_sizes"] == kept


def test_two_runs_of_a_scene_take_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "bare.png"
    bare = np.full((96, 128, 3), 60, np.uint8)
    bare[:48] = 128
    Image.fromarray(bare).save(photo)
    lock = tmp_path / "store/.dagster/scenes/bare.lock"
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "blueprint_assets.cli", "run", str(photo), "--root", str(tmp_path / "store")]
    with file_lock(lock, exclusive=True, timeout=0):
        second = subprocess.Popen([*command, "--episodes", "0"], stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "-> scene bare in" in second.stdout.readline()
        assert second.stdout.readline() == "another run makes scene bare; waiting until it has ended\n"
        assert not (tmp_path / "store/scenes").exists()
    said, _ = second.communicate(timeout=120)
    assert "source             made" in said


def test_another_picture_of_the_same_name_does_not_take_the_scene_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for folder, color in (("first", 60), ("second", 200)):
        photo = tmp_path / folder / "IMG_0001.png"
        photo.parent.mkdir()
        bare = np.full((96, 128, 3), color, np.uint8)
        bare[:48] = 128
        Image.fromarray(bare).save(photo)
        code, failed = run(capsys, "run", str(photo), "--root", str(tmp_path / "store"), "--episodes", "0")
        assert code == 1
        assert failed["seconds"]["source"] >= 0
        said.append(failed["scene_id"])
        (failure,) = failed["failures"]
        assert f"store/scenes/{failed['scene_id']}/input/image.png" in failure  # not the folder it was worked on in
        assert (tmp_path / "store/scenes" / failed["scene_id"] / "input/image.png").is_file()
    assert said[0] == "img_0001"
    assert said[1].startswith("img_0001_")


def test_a_scene_then_a_dataset_then_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
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

    def gone(*_: object) -> None:
        raise RuntimeError("[/] is no simulator")

    with monkeypatch.context() as broken:
        broken.setattr("blueprint_assets.backends.Simulation.running", gone)
        code, failed = run(capsys, *scene(root), "--episodes", "1", "--seed", "4")
    assert code == 1
    assert failed["failures"] == ["geniesim_job: RuntimeError: [/] is no simulator"]
    assert failed["episodes"] == {"attempted": 0, "succeeded": 0, "frames": 0}  # not those of the run before
    assert failed["dataset"] is None

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

    code, told = run(capsys, "status", "--root", str(root), "--verify", "--repair")
    assert code == 0
    assert told["scenes"][0]["problems"] == []
