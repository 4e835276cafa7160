"""The gates behind the assets: which check blocks what, and what each has said about a commit.

A blocking check is a gate. Dagster itself blocks only inside one run, so whoever reads an artifact in a later run asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
)

from io_managers.record import ArtifactRef

COMMIT = "commit"
"""Under this name a check's metadata says which commit it looked at."""

_gates: dict[str, list[str]] = {}


class GateError(RuntimeError):
    """An input's blocking check failed, in an earlier run. The message names the check, what it said and the remedy."""


@dataclass(frozen=True)
class GateResult:
    """What one gate has said about one commit. `unmeasured`: nothing, or its latest word was about another commit."""

    asset: str
    check: str
    outcome: Literal["passed", "failed", "unmeasured"]
    said: str


def guarded_by(asset: str, check: str) -> None:
    """Notes that `check` blocks what is made from `asset`."""
    _gates.setdefault(asset, []).append(check)


def gate_results(instance: dg.DagsterInstance, scene_id: str, commits: Mapping[str, str]) -> list[GateResult]:
    """The latest word of every gate of these assets (asset -> commit id), in the order of the assets."""
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset in commits for name in _gates.get(asset, ())]
    storage = instance.event_log_storage
    latest = dict(storage.get_latest_asset_check_execution_by_key(keys, PartitionKeyFilter(key=scene_id)))
    for key, record in latest.items():
        # A run that goes on beside this one, or was killed, has announced checks that have no result.
        if record.status not in COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES:
            latest[key] = _latest_completed(storage, key, scene_id) or record
    return [_result(key, latest.get(key), commits[key.asset_key.path[-1]]) for key in keys]


def check_gates(instance: dg.DagsterInstance, scene_id: str, inputs: Mapping[str, ArtifactRef]) -> None:
    """Looks at the gates of earlier runs.

    Raises:
        GateError: the latest result of a gate is a failure, and it is about the very commit that would be read.
    """
    for gate in gate_results(instance, scene_id, {asset: ref.commit_id for asset, ref in inputs.items()}):
        if gate.outcome == "failed":
            raise GateError(
                f"{gate.asset}/{gate.check} failed for scene {scene_id}: {gate.said}; "
                f"materialize {gate.asset} again once its cause is gone, or run the check again if its limit was wrong"
            )


def _latest_completed(storage: Any, key: dg.AssetCheckKey, scene_id: str) -> AssetCheckExecutionRecord | None:
    found = storage.get_asset_check_execution_history(
        key,
        limit=1,
        status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
        partition_filter=PartitionKeyFilter(key=scene_id),
    )
    return found[0] if found else None


def _result(key: dg.AssetCheckKey, record: AssetCheckExecutionRecord | None, commit_id: str) -> GateResult:
    asset = key.asset_key.path[-1]
    evaluation = record.evaluation if record else None
    if evaluation is None:
        return GateResult(asset, key.name, "unmeasured", "the check has not run")
    about = evaluation.metadata.get(COMMIT)
    if about is None or about.value != commit_id:
        return GateResult(asset, key.name, "unmeasured", "the check has run about another commit only")
    return GateResult(asset, key.name, "passed" if evaluation.passed else "failed", evaluation.description or "")
