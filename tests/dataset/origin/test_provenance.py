from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.geniesim_local import Episode, LocalDatasetInfo
from blueprint_assets.dataset.origin.provenance import episode_provenance, name_and_version, recorded_penetration
from fixtures.synthetic_episodes import finished_job, recorded_episode, recordings_folder

VALUES = {"lifted_m": 0.13, "lift_height_min_m": 0.1, "gripped_frames": 20.0}


def recorded(root: Path, **changes: Any) -> tuple[Episode, LocalDatasetInfo]:
    folder = recordings_folder(root)
    finished_job(root, [recorded_episode(folder, 7, frames=4, **changes)])
    info = LocalDatasetInfo.read(root / "geniesim_local/run/metadata/dataset_info.json")
    return Episode.read(folder / "episode_000007.json"), info


def hit(depth: float) -> dict[str, Any]:
    collision = {"body_a": "panda_hand", "body_b": "can", "depth": depth, "position": [0, 0, 0]}
    observation = {"joint_positions": [0.0] * 8, "joint_velocities": [0.0] * 8, "robot_state": [0.0] * 8}
    return {"observation": observation | {"physics": {"collisions": [collision]}}}


def test_every_column_is_there(tmp_path: Path) -> None:
    ran = {
        "simulator": "mujoco 4.0.0 (embedded)",
        "planner": "rrt",
        "scene_sha256": "0" * 64,
        "physics_timestep": 0.002,
        "control_hz": 20.0,
        "robot": "franka_panda",
    }
    episode, info = recorded(
        tmp_path, success_values=VALUES, provenance=ran, frame_changes={1: hit(0.003), 2: hit(0.001)}
    )
    columns = episode_provenance(episode, info)
    assert columns == {
        "episode_uuid": episode.episode_uuid,
        "episode_id": "episode_000007",
        "attempt": 7,
        "quality_score": 0.75,
        "seed": 7,
        "scene_id": "squares",
        "task_id": "pick_red_square",
        "task_type": "pick_lift",
        "target_object": "red_square",
        "robot": "franka_panda",
        "simulator": "mujoco (embedded)",
        "simulator_version": "4.0.0",
        "planner": "rrt",
        "physics_timestep": 0.002,
        "control_hz": 20.0,
        "max_penetration_m": 0.003,
        "scene_sha256": "0" * 64,
        "state_hash": episode.state_hash,
        "code_commit": "test",
        "run_id": "run",
        "success/lifted_m": 0.13,
        "success/lift_height_min_m": 0.1,
        "success/gripped_frames": 20.0,
    }
    assert type(columns["attempt"]) is int


def test_what_nobody_told_is_left_out(tmp_path: Path) -> None:
    columns = episode_provenance(*recorded(tmp_path))
    assert columns["simulator"] == "synthetic"
    assert "simulator_version" not in columns
    assert not [name for name in columns if name.startswith("success/")]
    assert columns["max_penetration_m"] == 0.0
    assert type(columns["max_penetration_m"]) is float
    assert recorded_penetration(()) == 0.0


@pytest.mark.parametrize(
    ("told", "name", "version"),
    [
        ("mujoco 4.0.0 (embedded)", "mujoco (embedded)", "4.0.0"),
        ("genie-sim@a1b2c3", "genie-sim", "a1b2c3"),
        ("Isaac Sim 5.0.0-rc1", "Isaac Sim", "5.0.0-rc1"),
        ("Isaac Sim v5.1", "Isaac Sim", "5.1"),
        ("geniesim at 10.0.0.1:50051", "geniesim at 10.0.0.1:50051", ""),
        ("geniesim at 10.0.0.1", "geniesim at 10.0.0.1", ""),
        ("synthetic", "synthetic", ""),
    ],
)
def test_a_simulators_name_and_version(told: str, name: str, version: str) -> None:
    assert name_and_version(told) == (name, version)


@settings(deadline=None)
@given(
    st.from_regex(r"[a-z][a-z-]{0,12}( \(embedded\))?", fullmatch=True),
    st.lists(st.integers(0, 99), min_size=2, max_size=4),
)
def test_a_version_is_taken_out_of_its_name(name: str, numbers: list[int]) -> None:
    version = ".".join(map(str, numbers))
    first, _, rest = name.partition(" ")
    assert name_and_version(f"{first} {version}" + (f" {rest}" if rest else "")) == (name, version)
    assert name_and_version(name) == (name, "")
