"""What a measurement says: passed, failed, that it could not be made, or that there is nothing that it could be made of. Only
the first is counted as passed; the last does not hold a scene back."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Literal

import dagster as dg

from blueprint_assets.gates import COMMIT, guarded_by
from blueprint_assets.partitions import scenes
from blueprint_assets.stage import checked_out, current_records

Outcome = Literal["passed", "failed", "unmeasured", "not_applicable"]
Number = float | int | str
Measurement = Callable[[Path], "Verdict"]
OUTCOME = "outcome"

MEASUREMENTS: dict[str, Measurement] = {}
"""What every gate measures, by `asset/check` and without Dagster: from a folder laid out like the scene to a verdict."""


@dataclass(frozen=True)
class Verdict:
    """`measured` and `limits` share their keys where a figure has a limit; `reason` says it in a sentence."""

    outcome: Outcome
    reason: str
    measured: dict[str, Number] = field(default_factory=dict)
    limits: dict[str, Number] = field(default_factory=dict)

    def result(self, commit_id: str, blocking: bool = True) -> dg.AssetCheckResult:
        """The verdict on a commit as Dagster shows it. A check that blocks also blocks when it could not measure, but not when
        there is nothing to measure. Dagster knows two answers only, so a reader asks `outcome_of` which one it was."""
        return dg.AssetCheckResult(
            passed=self.outcome in ("passed", "not_applicable"),
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            description=self.reason,
            metadata={
                OUTCOME: self.outcome,
                COMMIT: commit_id,
                **{f"measured_{key}": value for key, value in self.measured.items()},
                **{f"limit_{key}": value for key, value in self.limits.items()},
            },
        )


def passed(
    reason: str, measured: Mapping[str, Number] | None = None, limits: Mapping[str, Number] | None = None
) -> Verdict:
    """The thing was measured and is within its limits."""
    return Verdict("passed", reason, dict(measured or {}), dict(limits or {}))


def failed(
    reason: str, measured: Mapping[str, Number] | None = None, limits: Mapping[str, Number] | None = None
) -> Verdict:
    """The thing was measured and is not within its limits."""
    return Verdict("failed", reason, dict(measured or {}), dict(limits or {}))


def unmeasured(reason: str) -> Verdict:
    """Nothing was measured, though something should have been."""
    return Verdict("unmeasured", reason)


def not_applicable(reason: str) -> Verdict:
    """Nothing was measured, because a scene of this kind has nothing to measure: no picture in one that is made from words."""
    return Verdict("not_applicable", f"unmeasured, and nothing to measure: {reason}")


def outcome_of(evaluation: dg.AssetCheckEvaluation) -> str:
    """The verdict's outcome that a check's evaluation carries."""
    value = evaluation.metadata.get(OUTCOME)
    return str(value.value) if value is not None else "passed" if evaluation.passed else "failed"


def _in_the_scene(error: Exception, scene: Path) -> str:
    """What an error says, with paths relative to the scene: the folder that was looked at is gone by the time it is read."""
    return str(error).replace(f"{scene}/", "")


def judged(measure: Measurement) -> Measurement:
    """The measurement, with the verdict "unmeasured" for an UnmeasuredError, and "failed" for an error of the domain or a
    file that is not there."""

    @wraps(measure)
    def judge(folder: Path) -> Verdict:
        from blueprint_assets.scene.settle import UnmeasuredError

        try:
            return measure(folder)
        except UnmeasuredError as error:
            return unmeasured(_in_the_scene(error, folder))
        except (ValueError, RuntimeError, FileNotFoundError) as error:
            return failed(f"{type(error).__name__}: {_in_the_scene(error, folder)}")

    return judge


def gate(
    asset: dg.AssetsDefinition, *needs: dg.AssetsDefinition, blocking: bool = True
) -> Callable[[Measurement], dg.AssetChecksDefinition]:
    """Makes an asset check, one result per scene, of a function from a folder to a verdict.

    The folder is laid out like the scene and holds the committed artifacts of `asset` and `needs`. The function's name
    is the check's, its docstring the description. What it raises becomes a verdict (`judged`).
    """
    names = [each.key.path[-1] for each in (asset, *needs)]

    def decorate(measure: Measurement) -> dg.AssetChecksDefinition:
        if blocking:
            guarded_by(names[0], measure.__name__)

        judge = judged(measure)
        MEASUREMENTS[f"{names[0]}/{measure.__name__}"] = judge

        def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            store = context.resources.scene_store.open()
            records = current_records(store, context.partition_key, *names)
            with checked_out(store, context.partition_key, records) as scene:
                return judge(scene).result(records[0].commit_id, blocking)

        with warnings.catch_warnings():
            # Checks with partitions are new in Dagster 1.13 and carry a preview warning, once for each of them.
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.asset_check(
                asset=asset,
                name=measure.__name__,
                description=(measure.__doc__ or "").strip(),
                blocking=blocking,
                partitions_def=scenes,
                required_resource_keys={"scene_store"},
            )(check)

    return decorate


def store_gate(
    asset: dg.AssetsDefinition, find: Callable[[str], tuple[Path, str] | None]
) -> Callable[[Measurement], dg.AssetChecksDefinition]:
    """As `gate`, for an asset that has no scenes. `find`: the store's root -> the folder to measure and the hash of what
    it holds, or None when there is nothing yet."""
    name = asset.key.path[-1]

    def decorate(measure: Measurement) -> dg.AssetChecksDefinition:
        judge = judged(measure)
        MEASUREMENTS[f"{name}/{measure.__name__}"] = judge

        def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            found = find(context.resources.scene_store.open().root)
            if found is None:
                return unmeasured(f"there is no {name} yet").result("")
            return judge(found[0]).result(found[1])

        return dg.asset_check(
            asset=asset,
            name=measure.__name__,
            description=(measure.__doc__ or "").strip(),
            blocking=True,
            required_resource_keys={"scene_store"},
        )(check)

    return decorate
