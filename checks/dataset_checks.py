"""Gates behind the imported episodes and the dataset. Judges from outside: lerobot-doctor and robovet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.import_manifest import ImportManifest
from blueprint_assets.dataset.assets import episodes, lerobot_dataset
from checks import thresholds
from checks.verdict import Verdict, failed, gate, passed, unmeasured

if TYPE_CHECKING:
    from blueprint_assets.dataset.review.judges import Judgement


@gate(episodes)
def episodes_are_whole(scene: Path) -> Verdict:
    """Every accepted episode's files are there with their hashes, and every video has as many frames as rows."""
    from blueprint_assets.dataset.unit import UnitError, read_unit

    path = _only(scene, "episodes/*/import_manifest.json")
    manifest = ImportManifest.read(path)
    wrong = []
    accepted = 0
    for item in manifest.imported:
        if item.accepted:
            accepted += 1
            try:
                read_unit(path.parent / str(item.unit))
            except UnitError as error:
                wrong.append(f"{item.episode_id}: {error}")
    measured = {"accepted": accepted, "rejected": len(manifest.imported) - accepted, "damaged": len(wrong)}
    limits = {"accepted": thresholds.MIN_EPISODES, "damaged": 0}
    if wrong:
        return failed("; ".join(wrong[:3]), measured, limits)
    if accepted < thresholds.MIN_EPISODES:
        reasons = "; ".join(sorted({item.reason or "" for item in manifest.imported if not item.accepted}))
        return failed(f"no episode was accepted: {reasons}", measured, limits)
    return passed(f"{accepted} episodes accepted", measured, limits)


@gate(lerobot_dataset)
def dataset_is_sound(scene: Path) -> Verdict:
    """Every row, packet and statistic is that of the recorded episodes; the tables keep their schemas; no file is extra."""
    from blueprint_assets.dataset.review.verify import verify

    found = verify(_only(scene, "episodes/*/lerobot/meta/info.json").parent.parent)
    measured = {"findings": len(found)}
    if found:
        return failed("; ".join(str(finding) for finding in found[:3]), measured, {"findings": 0})
    return passed("rows, packets and statistics agree", measured, {"findings": 0})


@gate(lerobot_dataset)
def lerobot_doctor_passes(scene: Path) -> Verdict:
    """lerobot-doctor finds nothing failed in the dataset."""
    from blueprint_assets.dataset.review.judges import lerobot_doctor

    return _judged(scene, lerobot_doctor)


@gate(lerobot_dataset)
def robovet_passes(scene: Path) -> Verdict:
    """robovet finds nothing failed in the dataset."""
    from blueprint_assets.dataset.review.judges import robovet

    return _judged(scene, robovet)


def _judged(scene: Path, judge: Callable[[Path], Judgement]) -> Verdict:
    info = _only(scene, "episodes/*/lerobot/meta/info.json")
    judgement = judge(info.parent.parent)
    measured = {"passed": judgement.passed, "failed": judgement.failed, "warned": judgement.warned}
    messages = "; ".join(judgement.messages[:3])
    if judgement.outcome == "unmeasured":
        return unmeasured(messages)
    if judgement.outcome == "failed":
        return failed(f"{judgement.judge}: {messages}", measured, {"failed": 0})
    return passed(f"{judgement.judge}: {judgement.passed} passed, {judgement.warned} warnings", measured, {"failed": 0})


def _only(scene: Path, pattern: str) -> Path:
    found = sorted(scene.glob(pattern))
    if len(found) != 1:
        raise ValueError(f"{pattern}: {len(found)} files, expected one; materialize the asset again")
    return found[0]


ALL = [episodes_are_whole, dataset_is_sound, lerobot_doctor_passes, robovet_passes]
