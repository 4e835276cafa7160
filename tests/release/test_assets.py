from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from blueprint_assets.definitions import defs
from blueprint_assets.release.assets import NAME, RELEASE_JOB, unpassed_gates
from blueprint_assets.release.catalogue import published
from fixtures.committed_scenes import commit_scene, pass_gates
from io_managers.store import SceneStore

SCENES = ("a1", "a2", "a3", "a4")


@pytest.fixture
def instance(store: SceneStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("BLUEPRINT_STORE", store.root)
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(RELEASE_JOB).execute_in_process(
        instance=instance, run_config={"ops": {NAME: {"config": config}}}, raise_on_error=False
    )


def test_scenes_past_their_gates_are_released_and_every_check_of_the_release_passes(
    store: SceneStore, instance: dg.DagsterInstance
) -> None:
    for name in SCENES:
        commit_scene(store, name, 2)
        pass_gates(instance, store, name)
    commit_scene(store, "bad", 2)
    pass_gates(instance, store, "bad", failing="robovet_passes")
    commit_scene(store, "new", 2)
    instance.add_dynamic_partitions("scenes", ["new"])
    result = run(instance)
    assert result.success
    checks = {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}
    assert len(checks) == 6
    assert all(checks.values())
    (release,) = published(store.root)
    assert [scene.scene_id for scene in release.document.scenes] == list(SCENES)
    reasons = {item.scene_id: item.reason for item in release.document.left_out}
    assert reasons["bad"] == "not past its gates: lerobot_dataset/robovet_passes failed: reported by a test"
    assert "unmeasured: the check has not run" in reasons["new"]
    (event,) = result.asset_materializations_for_node(NAME)
    assert event.metadata["version"].value == "v1"
    assert event.tags is not None
    assert event.tags["dagster/data_version"] == release.document.content_sha256
    again = run(instance)
    assert again.success
    assert again.asset_materializations_for_node(NAME)[0].metadata["written"].value is False


def test_a_release_that_cannot_be_made_fails_once_with_the_remedy(
    store: SceneStore, instance: dg.DagsterInstance
) -> None:
    commit_scene(store, "a1", 2)
    pass_gates(instance, store, "a1")
    result = run(instance)
    assert not result.success
    failure = next(event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure)
    assert failure is not None
    assert "needs at least 4" in str(failure.description)
    assert run(instance, max_scene_share=1.0, train=1.0, val=0.0, test=0.0).success
    (release,) = published(store.root)
    assert release.document.splits["test"].empty_because == "the rules give test no part"


def test_without_checks_nobody_can_tell(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blueprint_assets.gates._gates", {})
    with pytest.raises(RuntimeError, match="no gate is known for episodes, lerobot_dataset"):
        unpassed_gates(instance)("kitchen", {"episodes": "1", "lerobot_dataset": "2"})


def test_it_is_made_on_demand_only(instance: dg.DagsterInstance) -> None:
    graph = defs.resolve_asset_graph()
    key = dg.AssetKey(NAME)
    assert graph.get(key).automation_condition is None
    assert {parent.path[-1] for parent in graph.get(key).parent_keys} == {"episodes", "lerobot_dataset"}
