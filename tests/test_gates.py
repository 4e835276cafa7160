from __future__ import annotations

import uuid
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster._core.events import DagsterEvent, DagsterEventType

from blueprint_assets import gates
from blueprint_assets.gates import COMMIT, GateResult, gate_results


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance; `word` has the gates short and loud, `sound` has none."""
    monkeypatch.setattr(gates, "_gates", {"word": ["short", "loud"]})
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def say(instance: dg.DagsterInstance, check: str, passed: bool, commit: str, scene: str = "kitchen") -> None:
    """What a run leaves in the log: that the check is planned, then its result."""
    planned = AssetCheckEvaluationPlanned(
        asset_key=dg.AssetKey("word"), check_name=check, partitions_subset=DefaultPartitionsSubset({scene})
    )
    result = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("word"),
        check_name=check,
        passed=passed,
        metadata={COMMIT: commit},
        description=f"looked at {commit}",
        blocking=True,
        partition=scene,
    )
    run_id = str(uuid.uuid4())
    for kind, data in (
        (DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, planned),
        (DagsterEventType.ASSET_CHECK_EVALUATION, result),
    ):
        instance.report_dagster_event(
            DagsterEvent(kind.value, "run", message="", event_specific_data=data), run_id=run_id
        )


def outcomes(instance: dg.DagsterInstance, commit: str = "now") -> dict[str, str]:
    found = gate_results(instance, "kitchen", {"word": commit, "sound": "x"})
    return {result.check: result.outcome for result in found}


def test_silence_is_not_a_pass(instance: dg.DagsterInstance) -> None:
    assert gate_results(instance, "kitchen", {"word": "now"})[0] == GateResult(
        "word", "short", "unmeasured", "the check has not run"
    )


def test_the_latest_word_about_the_very_commit_counts(instance: dg.DagsterInstance) -> None:
    say(instance, "short", True, "now")
    say(instance, "loud", False, "now")
    assert outcomes(instance) == {"short": "passed", "loud": "failed"}
    say(instance, "loud", True, "now")
    assert outcomes(instance) == {"short": "passed", "loud": "passed"}
    say(instance, "short", True, "later")
    assert outcomes(instance) == {"short": "unmeasured", "loud": "passed"}
    assert outcomes(instance, "later") == {"short": "passed", "loud": "unmeasured"}


def test_another_scenes_word_is_not_this_ones(instance: dg.DagsterInstance) -> None:
    say(instance, "short", True, "now", scene="garage")
    assert outcomes(instance)["short"] == "unmeasured"
