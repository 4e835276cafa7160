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

from blueprint_assets.code_version import code_version
from blueprint_assets.gates import check_gates
from blueprint_assets.partitions import check_scene_id, scenes
from blueprint_assets.presentation import present
from io_managers.errors import NotCommittedError
from io_managers.record import ArtifactRef, CommitRecord, Provenance
from io_managers.store import SceneStore
from resources.node_shapes import op_tags, pool
from resources.observability import Progress, ProgressSink, StageEvent, StageState, announce

OWNERS = ["team:robot-data"]

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


@dataclass(frozen=True)
class Workspace:
    """Where an asset is made. `out` and `inputs` are laid out like the scene: one is empty, one holds what was asked for.

    `kept` outlives this process until the commit: what `io_managers.keep` put there is found again when a run that was
    killed or interrupted is started once more with the same inputs, code and configuration.
    """

    scene_id: str
    inputs: Path
    out: Path
    kept: Path
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
    amounts: tuple[str, ...] = (),
) -> dg.Output[ArtifactRef]:
    """Commits what `build` writes, or finds that the current commit was made from just this and leaves it.

    A typed error of the domain becomes a failure that is not tried again: the same input would fail the same way. A
    second process that is to make the same asset of the same scene waits for the first, and takes its commit if it fits.

    Args:
        context: of the asset.
        store: where the artifact is kept.
        inputs: what it is made from.
        build: writes it.
        backend: what really runs.
        config: what else its content depends on.
        seeds: where everything random in it comes from.
        amounts: entries of `config` that say how much is made and not what: kept work fits any of them.
    """
    asset = context.asset_key.path[-1]
    scene_id = check_scene_id(context.partition_key)
    began, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")

    def tell(state: StageState, progress: Progress | None = None) -> None:
        announce(StageEvent(scene_id, asset, state, progress, time.monotonic() - began))

    def waiting() -> None:
        tell("progress", Progress(0, None, "another process is making this; waiting until it has ended"))

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
        state: StageState = "reused"
        if record is None:
            with store.kept(scene_id, asset, _kept_as(provenance, amounts), waiting) as kept:
                record = store.find(scene_id, asset, provenance.digest())  # by now another process may have made it
                if record is None:
                    state = "committed"
                    records = [store.resolve(reference) for reference in inputs.values()]
                    with store.staging() as staging, checked_out(store, scene_id, records) as scene:
                        checked_out_to = str(scene)
                        metadata = build(Workspace(scene_id, scene, staging, kept, lambda step: tell("progress", step)))
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
        tell(state)
    except (ValueError, RuntimeError, OSError) as error:
        tell("failed")
        said = f"{type(error).__name__}: {error}"
        if checked_out_to:  # a folder that is gone by now: a person finds the same file in the scene
            said = said.replace(checked_out_to, store.url(scene_id))
        raise dg.Failure(description=said, allow_retries=False) from error
    context.set_data_version(context.asset_key, dg.DataVersion(record.commit_id))
    return dg.Output(store.ref(record), metadata=present(store.root, record))


def _kept_as(provenance: Provenance, amounts: tuple[str, ...]) -> str:
    """The fingerprint under which work on an artifact is kept."""
    config = {name: value for name, value in provenance.config.items() if name not in amounts}
    return provenance.model_copy(update={"config": config}).digest()


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
