"""Measurements of a composed scene: it opens, it is valid USD, it loads, it stands still. Limits are set elsewhere."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blueprint_assets.contracts.base import Quaternion, Vector3

if TYPE_CHECKING:
    import mujoco

VALIDATOR_CATEGORIES = ("Basic", "Geometry", "Layer", "Layout", "Material", "Other", "Physics")
"""Rule categories of omniverse-asset-validator 1.18. Named, because another validator in the same environment adds its own
robot and profile rules to the shared registry, and those are about other kinds of files."""


class UnmeasuredError(RuntimeError):
    """The measurement could not be made, which is not a pass. The message says what is missing."""


@dataclass(frozen=True)
class ObjectMotion:
    """What one object did in the given time. `drift_m`: way of its origin; `sink_m`: how far it went down; `turn_rad`: how
    far it turned; `position` (metres) and `rotation_quaternion` (w, x, y, z): where it was at the end."""

    object_id: str
    drift_m: float
    sink_m: float
    turn_rad: float
    position: Vector3
    rotation_quaternion: Quaternion


@dataclass(frozen=True)
class SettleReport:
    """`initial_penetration_m` before the first step; `max_penetration_m` at any control step; both of contacts that involve
    an object. `speed` is the largest joint-space speed at the end (m/s or rad/s). `warnings` counts MuJoCo's own."""

    seconds: float
    objects: tuple[ObjectMotion, ...]
    initial_penetration_m: float
    max_penetration_m: float
    speed: float
    warnings: int


@dataclass(frozen=True)
class ValidationFindings:
    """`errors` and `warnings` as "rule: message at prim"; `by_rule` counts all findings."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    by_rule: dict[str, int]


def opened_prims(scene_usd: Path, root: Path) -> int:
    """Opens the scene in plain OpenUSD, every reference resolved and below `root`; how many prims it has.

    Raises:
        UsdError: it does not open, or something is missing or outside.
    """
    from resources.simulator.usd_stage import open_contained

    stage = open_contained(scene_usd, root)
    return sum(1 for _ in stage.Traverse())


def validate(scene_usd: Path) -> ValidationFindings:
    """What omniverse-asset-validator says about the scene, by its own categories of rules.

    Raises:
        UnmeasuredError: the validator is not installed.
    """
    logging.getLogger("omni.asset_validator").setLevel(logging.WARNING)  # it tells of its plug-ins otherwise
    with suppress(ImportError):
        # The two validators share a plugin registry; this one fails to load its plugin when it comes first.
        import usd_validation_nvidia  # noqa: F401
    try:
        import omni.asset_validator as judge
    except ImportError as error:
        raise UnmeasuredError(f"omniverse-asset-validator is not installed ({error}); install the dev extra") from error
    engine = judge.ValidationEngine(init_rules=False)
    registry = judge.CategoryRuleRegistry()
    for category in VALIDATOR_CATEGORIES:
        for rule in registry.get_rules(category):
            engine.enable_rule(rule)
    issues = list(engine.validate(str(scene_usd)).issues())
    severity = judge.IssueSeverity
    by_rule: Counter[str] = Counter()
    said: dict[str, list[str]] = {"errors": [], "warnings": []}
    for issue in issues:
        rule = issue.rule.__name__ if issue.rule else "engine"
        by_rule[rule] += 1
        line = f"{rule}: {issue.message}" + (f" at {issue.at}" if issue.at else "")
        said["errors" if issue.severity in (severity.ERROR, severity.FAILURE) else "warnings"].append(line)
    return ValidationFindings(tuple(said["errors"]), tuple(said["warnings"]), dict(sorted(by_rule.items())))


def settle(scene_usd: Path, root: Path, seconds: float = 2.0) -> SettleReport:
    """Lets the scene be for `seconds` of simulated time and measures what moved.

    Raises:
        UsdError: the scene does not load.
        UnmeasuredError: nothing in the scene can move.
    """
    import mujoco

    from blueprint_assets.geometry.transforms import quaternion_to_matrix
    from resources.simulator.usd_to_mujoco import load_usd

    model = load_usd(scene_usd, root).compile()
    data = mujoco.MjData(model)
    free = [j for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE]
    if not free:
        raise UnmeasuredError(f"{scene_usd}: no free body, so nothing can settle")
    mujoco.mj_forward(model, data)
    start = data.qpos.copy()
    first = deepest = _penetration(data)
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
        deepest = max(deepest, _penetration(data))
    motions = []
    for joint in free:
        at = int(model.jnt_qposadr[joint])
        before, after = start[at : at + 7], data.qpos[at : at + 7]
        turn = quaternion_to_matrix(before[3:]).T @ quaternion_to_matrix(after[3:])
        motions.append(
            ObjectMotion(
                object_id=model.body(int(model.jnt_bodyid[joint])).name,
                drift_m=float(np.linalg.norm(after[:3] - before[:3])),
                sink_m=float(before[2] - after[2]),
                turn_rad=float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1.0, 1.0))),
                position=tuple(float(v) for v in after[:3]),  # type: ignore[arg-type]
                rotation_quaternion=tuple(float(v) for v in after[3:]),  # type: ignore[arg-type]
            )
        )
    return SettleReport(
        seconds=seconds,
        objects=tuple(motions),
        initial_penetration_m=first,
        max_penetration_m=deepest,
        speed=float(np.abs(data.qvel).max()),
        warnings=int(sum(data.warning.number)),
    )


def _penetration(data: mujoco.MjData) -> float:
    """Deepest overlap in metres of any contact; 0 when nothing touches. Fixed things have no contacts among themselves."""
    return max(0.0, -float(data.contact.dist.min())) if data.ncon else 0.0
