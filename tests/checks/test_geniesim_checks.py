from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import TaskConfig
from fixtures.synthetic_episodes import finished_job, recorded_episode, recordings_folder

FAILED = {"success": False, "validation_passed": False, "quality_score": 0.0, "failure_reason": "grasp_slipped"}
GATES = ("geniesim_export/there_is_a_task", "geniesim_job/episodes_succeeded", "geniesim_job/success_rate")


def export(scene: Path, *targets: str) -> None:
    """An export of a scene with one can, and a task for each of `targets`."""
    pose = {"position": [0, 0, 0.75], "orientation": [1, 0, 0, 0]}
    node = {"asset_id": "can", "semantic": "can", "size": [0.1, 0.1, 0.1], "pose": pose, "task_tag": ["pick"]}
    SceneGraph.parse(
        {"scene_id": "kitchen", "nodes": [{**node, "usd_path": "assets/obj_can/simready.usda"}], "edges": []}, "graph"
    ).write(scene / "geniesim/scene_graph.json")
    task = {"task_name": "Pick it up.", "task_type": "pick_lift", "difficulty": "easy", "priority": 1}
    TaskConfig.parse(
        {
            "scene_id": "kitchen",
            "environment_type": "unknown",
            "suggested_tasks": [{**task, "task_id": f"lift_{name}", "target_object": name} for name in targets],
            "skipped_objects": [] if targets else [{"object_id": "can", "reason": "wider than the gripper"}],
            "robot_config": {"base_position": [0, -0.6, 0.75], "workspace_bounds": [[-1, -1, 0], [1, 1, 2]]},
        },
        "tasks",
    ).write(scene / "geniesim/task_config.json")


def record(scene: Path, *episodes: dict[str, Any]) -> None:
    folder = recordings_folder(scene)
    finished_job(scene, [recorded_episode(folder, i, frames=4, **changes) for i, changes in enumerate(episodes)])


@pytest.mark.parametrize("name", GATES)
def test_without_documents_nothing_passes(tmp_path: Path, measure: Callable[..., Any], name: str) -> None:
    found = measure(name, tmp_path)
    assert found.outcome == "failed"
    assert "no such file" in found.reason


def test_there_must_be_a_task_about_an_object_of_the_scene(tmp_path: Path, measure: Callable[..., Any]) -> None:
    export(tmp_path, "can")
    assert measure("geniesim_export/there_is_a_task", tmp_path).outcome == "passed"
    export(tmp_path, "can", "ghost")
    found = measure("geniesim_export/there_is_a_task", tmp_path)
    assert found.outcome == "failed"
    assert "not in the scene graph: ghost" in found.reason
    export(tmp_path)
    found = measure("geniesim_export/there_is_a_task", tmp_path)
    assert found.outcome == "failed"
    assert "can: wider than the gripper" in found.reason


def test_recordings_and_job_must_agree(tmp_path: Path, measure: Callable[..., Any]) -> None:
    record(tmp_path, {}, FAILED, {})
    found = measure("geniesim_job/episodes_succeeded", tmp_path)
    assert (found.outcome, found.measured) == ("passed", {"attempted": 3, "succeeded": 2})
    path = recordings_folder(tmp_path) / "episode_000002.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | FAILED))
    found = measure("geniesim_job/episodes_succeeded", tmp_path)
    assert found.outcome == "failed"
    assert "job.json counts 2 successes in 3 attempts, the recordings 1 in 3" in found.reason
    (recordings_folder(tmp_path) / "episode_000001.json").unlink()
    path.write_text(json.dumps(document))
    found = measure("geniesim_job/episodes_succeeded", tmp_path)
    assert found.outcome == "failed"
    assert "the recordings 2 in 2" in found.reason
    path.write_text(json.dumps(document | {"surprise": 1}))
    found = measure("geniesim_job/episodes_succeeded", tmp_path)
    assert found.outcome == "failed"
    assert "surprise" in found.reason


def test_a_run_without_success_fails(tmp_path: Path, measure: Callable[..., Any]) -> None:
    record(tmp_path, FAILED, FAILED)
    found = measure("geniesim_job/episodes_succeeded", tmp_path)
    assert found.outcome == "failed"
    assert "no attempt of 2 succeeded" in found.reason


@pytest.mark.parametrize(("failures", "outcome"), [(0, "passed"), (1, "passed"), (2, "failed")])
def test_half_of_the_attempts_must_succeed(
    tmp_path: Path, measure: Callable[..., Any], failures: int, outcome: str
) -> None:
    record(tmp_path, {}, *[FAILED] * failures)
    found = measure("geniesim_job/success_rate", tmp_path)
    assert found.outcome == outcome
    assert found.measured["success_rate"] == pytest.approx(1 / (1 + failures))
