"""What every asset shares: one partition per scene, a place of its own in the store, a code version, a gate before it."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

from blueprint_assets.code_version import code_version
from blueprint_assets.partitions import check_scene_id, scenes
from blueprint_assets.presentation import present
from io_managers.errors import NotCommittedError
from io_managers.record import ArtifactRef, CommitRecord, Provenance
from io_managers.store import SceneStore
from resources.node_shapes import op_tags, pool
from resources.observability import Progress, ProgressSink, StageEvent, StageState, announce

OWNERS = ["team:robot-data"]
COMMIT = "commit"
"""Under this name a check's metadata says which commit it looked at."""

_LACKING = (
    dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.execution_failed()
)
_PAST_THE_GATES: dg.AutomationCondition[Any] = dg.AutomationCondition.all_deps_match(
    # What is requested in the same tick runs in the same run, with its checks, and there a failed one blocks.
    dg.AutomationCondition.will_be_requested()
    | dg.AutomationCondition.all_checks_match(dg.AutomationCondition.check_passed(), blocking_only=True)
)
CARRY_ON = (dg.AutomationCondition.eager() | _LACKING) & _PAST_THE_GATES
"""A scene goes on to the next asset when something above it is new, or when it was never made (`eager` alone never sees
scenes that were there before the daemon), and in both cases only past passed gates. What failed is not tried again
until something above it changes."""

_owned: dict[str, tuple[str, ...]] = {}
_gates: dict[str, list[str]] = {}


class GateError(RuntimeError):
    """An input's blocking check failed, in an earlier run. The message names the check, what it said and the remedy."""


def guarded_by(asset: str, check: str) -> None:
    """Notes that `check` blocks what is made from `asset`."""
    _gates.setdefault(asset, []).append(check)


def check_gates(instance: dg.DagsterInstance, scene_id: str, inputs: Mapping[str, ArtifactRef]) -> None:
    """Looks at the gates of earlier runs: Dagster itself blocks only inside one run.

    Raises:
        GateError: the latest result of a gate is a failure, and it is about the very commit that would be read.
    """
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset in inputs for name in _gates.get(asset, ())]
    for key in keys:
        # Results only: a run that goes on beside this one, or was killed, has announced checks that have none.
        latest = instance.event_log_storage.get_asset_check_execution_history(
            key,
            limit=1,
            status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
            partition_filter=PartitionKeyFilter(key=scene_id),
        )
        evaluation = latest[0].evaluation if latest else None
        asset = key.asset_key.path[-1]
        if evaluation is None or evaluation.passed:
            continue
        about = evaluation.metadata.get(COMMIT)
        if about is not None and about.value == inputs[asset].commit_id:
            raise GateError(
                f"{asset}/{key.name} failed for scene {scene_id}: {evaluation.description}; "
                f"materialize {asset} again once its cause is gone, or run the check again if its limit was wrong"
            )


@dataclass(frozen=True)
class Workspace:
    """Where an asset is made. Both folders are laid out like the scene: `out` is empty, `inputs` holds what was asked for."""

    scene_id: str
    inputs: Path
    out: Path
    progress: ProgressSink


Metadata = dict[str, Any]


def stage(
    *,
    group: str,
    kinds: set[str],
    owns: tuple[str, ...],
    made_by: tuple[str, ...],
    shape: str = "cpu",
    condition: dg.AutomationCondition[Any] = CARRY_ON,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset of the scene graph.

    Args:
        group: the box of the graph it stands in.
        kinds: what it is made of (at most three, for the icons).
        owns: the paths below `scenes/<scene_id>/` that it alone may write.
        made_by: the modules and packages whose code makes it; they and what they import are its code version.
        shape: the row of `resources.node_shapes` that its step runs on in a cluster.
        condition: when automation makes it.
    """

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = function.__name__
        _owned[name] = owns
        return dg.asset(
            name=name,
            partitions_def=scenes,
            group_name=group,
            kinds=kinds,
            owners=OWNERS,
            code_version=code_version(*made_by),
            io_manager_key="artifact_io",
            automation_condition=condition,
            op_tags=op_tags(shape),
            pool=pool(shape),
            metadata={"paths": ", ".join(owns)},
        )(function)

    return decorate


def produce(
    context: dg.AssetExecutionContext,
    store: SceneStore,
    inputs: Mapping[str, ArtifactRef],
    build: Callable[[Workspace], Metadata],
    *,
    backend: str = "embedded",
    config: Mapping[str, Any] | None = None,
    seeds: Mapping[str, int] | None = None,
) -> dg.Output[ArtifactRef]:
    """Commits what `build` writes, or finds that the current commit was made from just this and leaves it.

    A typed error of the domain becomes a failure that is not tried again: the same input would fail the same way.
    """
    asset = context.asset_key.path[-1]
    scene_id = check_scene_id(context.partition_key)
    began, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")

    def tell(state: StageState, progress: Progress | None = None) -> None:
        announce(StageEvent(scene_id, asset, state, progress, time.monotonic() - began))

    tell("started")
    checked_out_to = ""
    try:
        check_gates(context.instance, scene_id, inputs)
        provenance = Provenance(
            inputs={name: reference.commit_id for name, reference in inputs.items()},
            code_version=context.assets_def.code_versions_by_key[context.asset_key] or "",
            config=dict(config or {}),
            seeds=dict(seeds or {}),
            tool_versions=tool_versions(),
            backend=backend,
        )
        record = store.find(scene_id, asset, provenance.digest())
        if record is not None:
            tell("reused")
        else:
            records = [store.resolve(reference) for reference in inputs.values()]
            with store.staging() as staging, checked_out(store, scene_id, records) as scene:
                checked_out_to = str(scene)
                metadata = build(Workspace(scene_id, scene, staging, lambda step: tell("progress", step)))
                record = store.commit(
                    scene_id,
                    asset,
                    staging,
                    owns=_owned[asset],
                    provenance=provenance,
                    started_at=started_at,
                    seconds=round(time.monotonic() - began, 3),
                    peak_memory_bytes=_peak_memory(),
                    metadata=metadata,
                )
            tell("committed")
    except (ValueError, RuntimeError, OSError) as error:
        tell("failed")
        said = f"{type(error).__name__}: {error}"
        if checked_out_to:  # a folder that is gone by now: a person finds the same file in the scene
            said = said.replace(checked_out_to, store.url(scene_id))
        raise dg.Failure(description=said, allow_retries=False) from error
    context.set_data_version(context.asset_key, dg.DataVersion(record.commit_id))
    return dg.Output(store.ref(record), metadata=present(store.root, record))


def current_records(store: SceneStore, scene_id: str, *assets: str) -> list[CommitRecord]:
    """The current commits of these assets.

    Raises:
        NotCommittedError: one of them was never made.
    """
    records = []
    for asset in assets:
        record = store.current(scene_id, asset)
        if record is None:
            raise NotCommittedError(f"{asset} of scene {scene_id} is not in {store.root}; materialize it first")
        records.append(record)
    return records


@contextmanager
def checked_out(store: SceneStore, scene_id: str, records: list[CommitRecord]) -> Iterator[Path]:
    """A folder laid out like the scene with the files of these commits, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="blueprint-") as folder:
        yield store.checkout(scene_id, records, Path(folder))


@cache
def tool_versions() -> dict[str, str]:
    """The installed versions of what decides an artifact's bytes."""
    return {name: version(name) for name in ("mujoco", "numpy", "opencv-python-headless", "trimesh", "usd-core", "av")}


def _peak_memory() -> int:
    """Largest resident set of this process so far, bytes (getrusage counts in kB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
