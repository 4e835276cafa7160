"""`blueprint release`: all scenes that are ready as one versioned dataset; and which releases there are."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from blueprint_assets.commands.display import RunDisplay, own_console, table
from blueprint_assets.commands.instance import open_instance, prepare
from blueprint_assets.commands.one_object import one_object

if TYPE_CHECKING:
    import dagster as dg

    from blueprint_assets.contracts.release import Release as Document
    from blueprint_assets.contracts.release import ReleasedScene, Rules, Split
    from blueprint_assets.release.catalogue import Published


@dataclass
class Release:
    """Put every scene that is up to date and past its gates into a new release: train, val and test as LeRobot datasets.

    Scenes are balanced and split by what they show, not by their names; what was in a split stays there. Nothing is
    encoded again. When the latest release holds the same already, nothing is written. Exit code 1 if a check failed.
    """

    root: Path = Path("blueprint-data")
    """The store."""
    version: str | None = None
    """Name of the release; v1, v2, … if left out."""
    max_scene_share: float = 0.25
    """No scene has a greater part of the episodes. Four scenes are the least for 0.25; the card states another limit."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """What train, val and test aim at, in episodes."""
    dry_run: bool = False
    """Show what would be released, and what would be left out and why; write nothing."""
    list: bool = False
    """Show the releases that there are."""
    json: bool = False
    """Print one JSON object as the last line of standard output."""


def release(options: Release) -> int:
    """Runs the command; returns its exit code."""
    from blueprint_assets.release.catalogue import check_version, folder_of

    console = own_console(sys.stderr if options.json else sys.stdout)
    with one_object(options.json, lambda reason: {"written": False, "failures": [reason]}):
        root = options.root.expanduser().absolute()
        if not root.is_dir():
            raise ValueError(f"--root {root}: no store there; `blueprint run PHOTO --root {root}` makes one")
        if options.list:
            code, document = _list(root, options.json, console)
        else:
            rules = _rules(options)
            if options.version is not None:
                check_version(options.version, folder_of(root))
            prepare(root)
            code, document = (
                _preview(root, rules, console) if options.dry_run else make(root, rules, console, options.version)
            )
    if options.json:
        print(json.dumps(document), flush=True)
    return code


def _rules(options: Release) -> Rules:
    """The rules of the options.

    Raises:
        ValueError: they are none.
    """
    from blueprint_assets.contracts.base import ContractError
    from blueprint_assets.contracts.release import SPLITS, Rules

    fractions = dict(zip(SPLITS, options.fractions, strict=True))
    try:
        return Rules.parse({"max_scene_share": options.max_scene_share, "fractions": fractions}, "rules")
    except ContractError:
        given = " ".join(f"{value:g}" for value in options.fractions)
        raise ValueError(
            f"--max-scene-share {options.max_scene_share:g} --fractions {given}: the share is over 0 and at most 1; the "
            "fractions are those of train, val and test, none negative, add up to 1, and train has a part"
        ) from None


def make(root: Path, rules: Rules, console: Console, version: str | None = None) -> tuple[int, dict[str, Any]]:
    """Materializes the release by its job; returns the exit code and what `--json` prints."""
    from blueprint_assets.definitions import defs
    from blueprint_assets.release.assets import NAME, RELEASE_JOB
    from blueprint_assets.release.catalogue import published

    config: dict[str, Any] = {"max_scene_share": rules.max_scene_share} | dict(rules.fractions)
    if version is not None:
        config["version"] = version
    display = RunDisplay(console)
    with open_instance() as instance, display.shown():
        result = defs.resolve_job_def(RELEASE_JOB).execute_in_process(
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {NAME: {"config": config}},
            },
            instance=instance,
            raise_on_error=False,
        )
    failures = _failures(result)
    if NAME not in display.finished:
        raise RuntimeError("; ".join(failures) or "the release was not made; `blueprint ui` shows the run")
    latest = published(root)[-1]
    written = bool(result.asset_materializations_for_node(NAME)[0].metadata["written"].value)
    document = latest.document
    show(document, console)
    for failure in failures:
        console.print(f"[red]failed[/]   {escape(failure)}", highlight=False, soft_wrap=True)
    if not written:
        console.print(f"{document.version} holds the same already; nothing was written", highlight=False)
    console.print(f"release  {latest.folder}", highlight=False, markup=False, soft_wrap=True)
    summary = _summary(latest) | {"written": written, "failures": failures}
    return (1 if failures else 0), summary


def show(document: Document, console: Console) -> None:
    """A release's splits, scenes and what was left out."""
    _show(document.scenes, {split: figures.empty_because for split, figures in document.splits.items()}, console)
    for item in document.left_out:
        console.print(f"left out {escape(item.scene_id)}: {escape(item.reason)}", highlight=False, soft_wrap=True)
    console.print(f"licence  {document.licence.spdx or 'not determined'}", highlight=False)


def _preview(root: Path, rules: Rules, console: Console) -> tuple[int, dict[str, Any]]:
    import blueprint_assets.definitions  # noqa: F401  makes every gate known
    from blueprint_assets.release.assets import release_code_version, unpassed_gates
    from blueprint_assets.release.catalogue import published
    from blueprint_assets.release.release import plan_release
    from io_managers.store import SceneStore

    with open_instance() as instance:
        plan = plan_release(SceneStore(root), unpassed_gates(instance), rules)
    releases = published(root)
    same = bool(releases) and releases[-1].document.content_sha256 == plan.content_sha256(release_code_version())
    _show(plan.scenes, {split: figures.empty_because for split, figures in plan.splits.items()}, console)
    for item in plan.left_out:
        console.print(f"left out {escape(item.scene_id)}: {escape(item.reason)}", highlight=False, soft_wrap=True)
    console.print(f"licence  {plan.licence.spdx or 'not determined'}", highlight=False)
    console.print(
        f"{releases[-1].document.version} holds the same already" if same else "nothing was written (--dry-run)"
    )
    return 0, {
        "dry_run": True,
        "same_as": releases[-1].document.version if same else None,
        "splits": {split: figures.model_dump(mode="json") for split, figures in plan.splits.items()},
        "scenes": {scene.scene_id: {"split": scene.split, "episodes": len(scene.episodes)} for scene in plan.scenes},
        "left_out": {item.scene_id: item.reason for item in plan.left_out},
        "licence": plan.licence.spdx,
    }


def _list(root: Path, quiet: bool, console: Console) -> tuple[int, dict[str, Any]]:
    from blueprint_assets.release.catalogue import published

    releases = published(root)
    document = {"root": str(root), "releases": [_summary(item) for item in releases]}
    if quiet:
        return 0, document
    if not releases:
        console.print(
            f"{root}: no release yet; `blueprint release --root {root}` makes one", highlight=False, markup=False
        )
    else:
        rows = [
            (
                item.document.version,
                *(str(item.document.splits[split].episodes) for split in item.document.splits),
                str(len(item.document.scenes)),
                item.document.licence.spdx or "not determined",
                ", ".join(sorted({retraction.scene_id for retraction in item.retracted})),
            )
            for item in releases
        ]
        head = ("release", *releases[0].document.splits, "scenes", "licence", "RETRACTED scenes in it")
        console.print(table(escape(str(root)), head, rows))
    return 0, document


def _show(scenes: tuple[ReleasedScene, ...], empty: dict[Split, str | None], console: Console) -> None:
    total = sum(len(scene.episodes) for scene in scenes)
    rows = [
        (scene.split, scene.scene_id, scene.group, str(len(scene.episodes)), f"{len(scene.episodes) / total:.1%}")
        for split in empty
        for scene in scenes
        if scene.split == split
    ]
    console.print(table("", ("split", "scene", "group", "episodes", "share"), rows))
    for split, reason in empty.items():
        if reason:
            console.print(f"no {split}: {escape(reason)}", highlight=False, soft_wrap=True)


def _summary(item: Published) -> dict[str, Any]:
    document = item.document
    return {
        "version": document.version,
        "folder": str(item.folder),
        "content_sha256": document.content_sha256,
        "splits": {split: figures.model_dump(mode="json") for split, figures in document.splits.items()},
        "scenes": len(document.scenes),
        "left_out": {left.scene_id: left.reason for left in document.left_out},
        "licence": document.licence.spdx,
        "retracted": sorted({retraction.scene_id for retraction in item.retracted}),
    }


def _failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """What failed, in sentences: checks, and steps that ended with an error of the domain."""
    found = [
        f"{evaluation.check_name}: {evaluation.description}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    ]
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            found.append(event.step_failure_data.user_failure_data.description or event.step_key or "")
        elif event.is_step_failure and not found:
            found.append(f"{event.step_key}: {event.step_failure_data.error}")
    return found
