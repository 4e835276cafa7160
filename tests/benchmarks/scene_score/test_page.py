"""Reading scenes back, the verdicts on the bars, and the generated page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.geometry.mesh import save_glb
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from fixtures.stage1_layout import METERS_PER_UNIT, table_scene, write_stage1
from tests.benchmarks import scene_reconstruction
from tests.benchmarks.scene_score.figures import overall, score_scene
from tests.benchmarks.scene_score.page import Shown, carried, credit, mask_of, page, read_results, strip
from tests.benchmarks.scene_score.scenes import LAYOUT, read_predicted, read_truth

COMMAND = Path(scene_reconstruction.__file__)


@pytest.fixture
def pipeline_scene(tmp_path: Path) -> Path:
    """A scene folder as manifest and layout leave it, from exact solids."""
    info = write_stage1(tmp_path / "stage1")
    build_manifest(tmp_path / "stage1", info, tmp_path)
    lay_out_scene(tmp_path, tmp_path)
    return tmp_path


@pytest.fixture
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same solids as a rendered scene tells its truth, in metres and another world."""
    root = tmp_path_factory.mktemp("truth")
    folder = root / "table"
    objects = []
    for thing in table_scene():
        mesh = thing.mesh.copy()
        mesh.apply_scale(METERS_PER_UNIT)
        save_glb(mesh, folder / "meshes" / f"{thing.id}.glb")
        x, y, z = (METERS_PER_UNIT * v for v in thing.place)
        c, s = float(np.cos(thing.turn)), float(np.sin(thing.turn))
        pose = [[c, -s, 0, x], [s, c, 0, y], [0, 0, 1, z], [0, 0, 0, 1]]
        objects.append(
            {
                "id": thing.id,
                "category": thing.label,
                "mesh": f"table/meshes/{thing.id}.glb",
                "pose": pose,
                "support": "surface",
            }
        )
    (folder / "scene.json").write_text(json.dumps({"scene_id": "table", "objects": objects}))
    return folder


def test_the_manifest_of_exact_solids_scores_nearly_perfect(pipeline_scene: Path, truth: Path) -> None:
    _, true = read_truth(truth)
    solids, unusable = read_predicted(pipeline_scene, true, "manifest")
    found = score_scene(solids, true, unusable)
    assert unusable == 0
    assert found["metric"]["f1"] == found["metric"]["add_s_01"] == 1
    assert found["metric"]["mean_iou"] > 0.98
    assert found["metric_scale_ratio"] == pytest.approx(1, abs=0.02)


def test_the_layout_is_read_in_metres(pipeline_scene: Path, truth: Path) -> None:
    _, true = read_truth(truth)
    solids, _ = read_predicted(pipeline_scene, true, "layout")
    layout = {item["id"]: item for item in json.loads((pipeline_scene / LAYOUT).read_text())["objects"]}
    for solid in solids:
        assert solid.high - solid.low == pytest.approx(layout[solid.id]["size"], abs=1e-5)


def test_a_mesh_that_cannot_be_read_is_unusable_and_not_fatal(pipeline_scene: Path, truth: Path) -> None:
    _, true = read_truth(truth)
    (pipeline_scene / "assets/objects/can/mesh.glb").write_bytes(b"not a mesh")
    solids, unusable = read_predicted(pipeline_scene, true, "manifest")
    assert (len(solids), unusable) == (3, 1)


def result(truth: Path, pipeline: Path) -> dict:
    _, true = read_truth(truth)
    cost = {"cpu_seconds": 3.0, "peak_memory_gib": 0.5, "error": None}
    scenes = {"table": score_scene(read_predicted(pipeline, true, "manifest")[0], true) | cost}
    total = overall(scenes)
    bars = scene_reconstruction.against_bars(scenes, total)
    return {"set": "dev", "seed": 1, "mask": "none", "bars": bars, "overall": total, "scenes": scenes}


def test_bars_are_missed_by_what_was_not_measured(pipeline_scene: Path, truth: Path) -> None:
    found = result(truth, pipeline_scene)
    assert all(bar["met"] for bar in found["bars"].values())
    _, true = read_truth(truth)
    scenes = {"table": score_scene((), true) | {"cpu_seconds": 3.0, "peak_memory_gib": 0.5}}
    bars = scene_reconstruction.against_bars(scenes, overall(scenes))
    assert bars["support_err_mm"] == {"reached": None, "bar": 5.0, "sense": "at most", "met": False}
    assert not bars["scale_error"]["met"]
    assert bars["cpu_seconds"]["met"]


def test_the_page_shows_figures_photographs_and_refusals(pipeline_scene: Path, truth: Path, tmp_path: Path) -> None:
    found = result(truth, pipeline_scene)
    file = tmp_path / "dev.json"
    file.write_text(json.dumps(found))
    photos = tmp_path / "photos"
    photos.mkdir()
    rgb = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.png", "unlicensed.png"):
        Image.fromarray(rgb).save(photos / name)
    for name in ("a.jpg", "b.png"):
        (photos / f"{name}.license").write_text(
            f"SPDX-License-Identifier: CC0-1.0\nSPDX-FileCopyrightText: Someone, {name}\n"
        )
    Image.fromarray(rgb[..., 0]).save(photos / "b_mask.png")
    assert [path.name for path in carried([photos])] == ["a.jpg", "b.png"]
    assert mask_of(photos / "b.png") == photos / "b_mask.png"
    assert mask_of(photos / "a.jpg") is None
    mask = np.zeros((60, 80), bool)
    mask[10:30, 10:30] = True
    drawn = strip(rgb, [mask], rgb, tmp_path / "docs/pictures/reconstruction_a.jpg")
    assert Image.open(drawn).size == (3 * 480 + 16, 360)
    out = tmp_path / "docs/reconstruction.md"
    shown = [
        Shown("a", credit(photos / "a.jpg"), drawn, "1 objects: mug."),
        Shown("b", credit(photos / "b.png"), None, "Refused: no plane"),
    ]
    page(read_results([file]), shown, [scene_reconstruction.table(found["scenes"], found["overall"])], out)
    text = out.read_text()
    assert "(pictures/reconstruction_a.jpg)" in text
    assert "Refused: no plane" in text
    assert "CC0-1.0; Someone, a.jpg" in text
    assert "| f1 | 1.0 | at least 0.85 | met |" in text


def test_a_refused_photograph_scores_nothing_and_says_why(truth: Path, tmp_path: Path) -> None:
    gray = np.full((120, 160, 3), 128, np.uint8)
    Image.fromarray(gray).save(truth / "photo.png")
    document = json.loads((truth / "scene.json").read_text()) | {"photo": "photo.png", "mask": "mask.png"}
    (truth / "scene.json").write_text(json.dumps(document))
    scored = scene_reconstruction.score(truth, False, tmp_path)
    assert scored["metric"]["f1"] == 0
    assert "photo.png" in scored["error"]


def test_a_wrong_scene_name_is_refused() -> None:
    done = subprocess.run([sys.executable, COMMAND, "--scenes", "x99"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no scene of that name" in done.stderr
