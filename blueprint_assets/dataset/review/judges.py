"""What independent linters say about a LeRobot dataset. A judge that is not installed has measured nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal


class JudgeError(ValueError):
    """There is no dataset to judge. The message names the folder."""


@dataclass(frozen=True)
class Judgement:
    """Counts of a judge's checks, and the message of every check that did not pass.

    `outcome`: failed when any check failed, unmeasured when the judge is not installed or looked at nothing.
    """

    judge: str
    outcome: Literal["passed", "failed", "unmeasured"]
    passed: int = 0
    failed: int = 0
    warned: int = 0
    messages: tuple[str, ...] = ()


def lerobot_doctor(dataset: Path) -> Judgement:
    """lerobot-doctor on every episode: metadata, timing, actions, video files, statistics, training readiness.

    Raises:
        JudgeError: the folder holds no dataset.
    """
    _demand_dataset(dataset)
    if find_spec("lerobot_doctor") is None:
        return _not_installed("lerobot-doctor")
    from lerobot_doctor.dataset_loader import load_dataset
    from lerobot_doctor.runner import Severity, run_checks

    loaded = load_dataset(str(dataset.resolve()))
    texts = _language_columns(loaded.info.features) if loaded.info else []
    for name in texts:
        del loaded.info.features[name]
        for episode in loaded.episodes_data:
            episode.columns.pop(name, None)
    report = run_checks(loaded)
    labels = [result.severity.value for result in report.results]
    messages = _not_judged("lerobot-doctor", texts)
    messages += [
        f"{message.severity.value} {result.name}: {message.message}"
        for result in report.results
        for message in result.messages
        if message.severity is not Severity.PASS
    ]
    return _judgement("lerobot-doctor", labels, messages)


def robovet(dataset: Path) -> Judgement:
    """robovet's doctor on every episode: integrity, structure, timestamps, statistics against data, video packets.

    Raises:
        JudgeError: the folder holds no dataset.
    """
    _demand_dataset(dataset)
    if find_spec("robovet") is None:
        return _not_installed("robovet")
    from robovet import load_dataset, run_doctor
    from robovet.checks import Severity

    loaded = load_dataset(dataset)
    texts = _language_columns({name: {"dtype": feature.dtype} for name, feature in loaded.features.items()})
    for name in texts:
        del loaded.features[name]
    results = run_doctor(loaded).results
    messages = _not_judged("robovet", texts)
    messages += [
        f"{result.severity.label} {result.check_id} {result.title}: {result.summary}"
        for result in results
        if result.severity is not Severity.PASS
    ]
    return _judgement("robovet", [result.severity.label for result in results], messages)


JUDGES = (lerobot_doctor, robovet)


def _demand_dataset(dataset: Path) -> None:
    # lerobot-doctor takes the name of a folder that is not there for one on the Hub, and asks for it.
    if not (dataset / "meta" / "info.json").is_file():
        raise JudgeError(f"{dataset}: no meta/info.json, so no LeRobot dataset to judge")


def _language_columns(features: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """LeRobot 0.6's language columns: text, which both judges take for numbers."""
    return [name for name, feature in features.items() if feature.get("dtype") == "language"]


def _not_judged(package: str, columns: list[str]) -> list[str]:
    return [f"not judged, since {package} does not know the type language: {', '.join(columns)}"] if columns else []


def _judgement(package: str, labels: list[str], messages: list[str]) -> Judgement:
    counts = {label: labels.count(label) for label in ("PASS", "FAIL", "WARN")}
    outcome: Literal["passed", "failed", "unmeasured"] = "passed" if counts["PASS"] else "unmeasured"
    return Judgement(
        judge=f"{package} {version(package)}",
        outcome="failed" if counts["FAIL"] else outcome,
        passed=counts["PASS"],
        failed=counts["FAIL"],
        warned=counts["WARN"],
        messages=tuple(sorted(messages, key=lambda message: not message.startswith("FAIL"))),  # what failed comes first
    )


def _not_installed(package: str) -> Judgement:
    try:
        found = f"{package} {version(package)} is installed but cannot be imported"
    except PackageNotFoundError:
        found = f"{package} is not installed; pip install {package}"
    return Judgement(judge=package, outcome="unmeasured", messages=(found,))
