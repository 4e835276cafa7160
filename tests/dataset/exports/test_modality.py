from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.exports.modality import joint_groups, modality, statistics_json
from blueprint_assets.dataset.stats import vector_statistics
from resources.simulator import JOINT_NAMES


def test_the_panda() -> None:
    document = modality(JOINT_NAMES, ["observation.images.scene", "observation.images.wrist"])
    groups = {"arm": {"start": 0, "end": 7}, "gripper": {"start": 7, "end": 8}}
    assert document["state"] == document["action"] == groups
    assert document["video"] == {name: {"original_key": f"observation.images.{name}"} for name in ("scene", "wrist")}
    assert document["annotation"] == {
        "human.task_description": {"original_key": "task_index"},
        "human.action.task_description": {"original_key": "task_index"},
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["joint", "Finger", "left_gripper", "wheel"]), min_size=1, max_size=12))
def test_groups_tile_the_joints_in_order(names: list[str]) -> None:
    groups = list(joint_groups(names).values())
    assert [index for start, end in groups for index in range(start, end)] == list(range(len(names)))
    assert all(start < end for start, end in groups)


def test_every_statistic_can_be_cut_by_joint() -> None:
    statistics = statistics_json({"action": vector_statistics(np.arange(16.0).reshape(2, 8))})
    assert set(statistics["action"]) == {"mean", "std", "min", "max", "q01", "q99"}
    assert {len(values[7:8]) for values in statistics["action"].values()} == {1}
