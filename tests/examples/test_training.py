"""A tiny policy is trained on synthetic episodes by LeRobot's environment, and acts once in the simulator."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.geniesim.export import export_scene
from examples.behaviour_cloning import rollout
from fixtures.simulated_scene import build_simulated_scene
from fixtures.stage1_layout import PLANE, Thing, box, textured
from fixtures.synthetic_episodes import make_unit

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "examples" / "behaviour_cloning"
PYTHON = PROJECT / ".conformance" / "venv" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs LeRobot's own environment, which `make conformance` makes"),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    kinds = ("pick_lift", "pick_place", "pick_lift", "pick_lift")
    units = [
        make_unit(folder / f"unit{seed}", frames=40 + seed, seed=seed, more_provenance={"task_type": kind})
        for seed, kind in enumerate(kinds)
    ]
    assemble(units, folder / "dataset")
    return folder / "dataset"


def train(dataset: Path, checkpoint: Path, *options: str) -> dict[str, Any]:
    command = [str(PYTHON), str(EXAMPLE / "train.py"), str(dataset), str(checkpoint), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_training_repeats_learns_and_acts(dataset: Path, tmp_path: Path) -> None:
    options = ("--episodes", "3", "--steps", "300", "--seed", "5")
    said = [train(dataset, tmp_path / name, *options) for name in ("a.safetensors", "b.safetensors")]
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    keyframe, _, chunk = np.transpose(said[0]["losses"])
    assert keyframe[-1] < 0.5 * keyframe[0]
    assert chunk[-1] < 0.7 * chunk[0]
    (frames,) = tmp_path.glob("frames-*")
    assert np.load(frames / "starts.npy").tolist() == [0, 40, 82, 125], "the pick_place episode was left out"
    assert np.load(frames / "pictures.npy").shape == (125, 2, 64, 64, 3)

    mesh = textured(box(0.1, 0.1, 0.12), (190, 60, 50), split=True)
    build_simulated_scene(tmp_path, (Thing("block", "red box", mesh, (0.0, 1.5, 0.0), 0.3, PLANE, "cuboid"),))
    export_scene(tmp_path, tmp_path)
    serve = [str(PYTHON), str(EXAMPLE / "policy.py"), str(tmp_path / "a.safetensors")]
    with rollout.staged(tmp_path) as stage, rollout.cloned(serve) as actor:
        verdict = rollout.attempt(stage, actor, 0)
    assert not verdict.success, "it was taught to wave"
    assert verdict.reason is not None


def test_more_episodes_than_there_are_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        train(dataset, tmp_path / "c.safetensors", "--episodes", "4")
    assert "4 episodes asked for; the dataset has 3 of type pick_lift" in refused.value.stderr
    assert not (tmp_path / "c.safetensors").exists()
