from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from blueprint_assets.scene.assets import scene_manifest
from blueprint_assets.scene.settle import UnmeasuredError
from checks.verdict import MEASUREMENTS, Verdict, failed, gate, not_applicable, outcome_of, passed, unmeasured


def judged(measure_scene: Callable[[Path], Verdict], scene: Path) -> Verdict:
    """The verdict of a gate, made of a function for this test alone."""

    def try_out(folder: Path) -> Verdict:
        return measure_scene(folder)

    gate(scene_manifest, blocking=False)(try_out)
    return MEASUREMENTS.pop("scene_manifest/try_out")(scene)


def raising(error: Exception) -> Callable[[Path], Verdict]:
    def measure_scene(scene: Path) -> Verdict:
        raise error

    return measure_scene


def test_every_asset_has_a_gate_and_every_gate_a_measurement() -> None:
    from blueprint_assets.definitions import EPISODES, SCENE, dataset_release, defs

    keys = [key for each in defs.asset_checks or () for key in each.check_keys]
    assert {f"{key.asset_key.path[-1]}/{key.name}" for key in keys} <= set(MEASUREMENTS)
    assert {key.asset_key for key in keys} == {asset.key for asset in (*SCENE, *EPISODES, dataset_release)}


def test_a_measurement_is_reachable_without_dagster(tmp_path: Path) -> None:
    assert judged(lambda scene: passed(scene.name), tmp_path) == passed(tmp_path.name)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("mesh.glb: no faces"), failed("ValueError: mesh.glb: no faces")),
        (RuntimeError("the stage is gone"), failed("RuntimeError: the stage is gone")),
        (FileNotFoundError("mask.png"), failed("FileNotFoundError: mask.png")),
        (UnmeasuredError("no judge here"), unmeasured("no judge here")),
    ],
)
def test_errors_of_the_domain_are_verdicts(tmp_path: Path, error: Exception, expected: Verdict) -> None:
    assert judged(raising(error), tmp_path) == expected


@pytest.mark.parametrize("error", [KeyError("id"), AssertionError("wrong"), PermissionError("no")])
def test_other_errors_are_not_taken_for_verdicts(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)):
        judged(raising(error), tmp_path)


@pytest.mark.parametrize("verdict", [failed("no"), unmeasured("no judge here")])
@pytest.mark.parametrize("blocking", [True, False])
def test_only_passed_is_passed(verdict: Verdict, blocking: bool) -> None:
    result = verdict.result("c0", blocking)
    assert not result.passed
    assert result.severity == (dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN)
    assert result.metadata["outcome"].value == verdict.outcome
    assert passed("yes", {"mm": 1}, {"mm": 2}).result("c0").passed


def test_nothing_to_measure_lets_the_scene_through_and_is_not_called_passed() -> None:
    verdict = not_applicable("no picture")
    result = verdict.result("c0")
    assert result.passed, "or a scene without a picture could never go on"
    assert verdict.outcome == "not_applicable"
    assert result.description == "unmeasured, and nothing to measure: no picture"
    evaluation = dg.AssetCheckEvaluation(dg.AssetKey("a"), "c", result.passed, result.metadata)
    assert outcome_of(evaluation) == "not_applicable"
    plain = dg.AssetCheckEvaluation(dg.AssetKey("a"), "c", True, {})
    assert outcome_of(plain) == "passed"
