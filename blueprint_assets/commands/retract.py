"""`blueprint retract`: what taking a scene back touches, and doing it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.markup import escape

from blueprint_assets.commands.display import own_console, table
from blueprint_assets.commands.instance import prepare
from blueprint_assets.commands.one_object import one_object
from blueprint_assets.commands.release import make

if TYPE_CHECKING:
    from blueprint_assets.release.retraction import Proposal


@dataclass
class Retract:
    """Take a scene back: show which releases, splits, episodes and files hold it; with --yes, bar it and release without it.

    The photograph and the scene file are barred by their content, under whatever name they come again. Releases that hold
    them are marked and otherwise left as they are; the next release is made by copying packets, by the rules of the
    latest one. The scene itself stays in the store. Exit code 1 if nothing was retracted, or no release could be made.
    """

    scene: Annotated[str, tyro.conf.Positional]
    """The scene's id."""
    reason: str = "not stated"
    """Why; it is written beside every release that holds the scene."""
    root: Path = Path("blueprint-data")
    """The store."""
    dry_run: bool = False
    """Only show what it would touch; exit code 0."""
    yes: bool = False
    """Do it."""
    json: bool = False
    """Print one JSON object as the last line of standard output."""


def retract(options: Retract) -> int:
    """Runs the command; returns its exit code."""
    from blueprint_assets.release.retraction import latest_is_touched, propose
    from blueprint_assets.release.retraction import retract as do_it
    from io_managers.store import SceneStore

    console = own_console(sys.stderr if options.json else sys.stdout)
    code, made = (0 if options.dry_run else 1), None
    with one_object(options.json, lambda reason: {"scene_id": options.scene, "retracted": False, "error": reason}):
        if options.dry_run and options.yes:
            raise ValueError("--dry-run and --yes contradict each other; give one of them")
        root = options.root.expanduser().absolute()
        if not root.is_dir():
            raise ValueError(f"--root {root}: no store there; give the folder that `blueprint run` was given")
        store = SceneStore(root)
        if options.yes:
            proposal = do_it(store, options.scene, options.reason)
            show(proposal, console)
            console.print(f"retracted {options.scene}", highlight=False, markup=False)
            code, made = _release_without(root, console) if latest_is_touched(store) else (0, None)
        else:
            proposal = propose(store, options.scene, options.reason)
            show(proposal, console)
            console.print("nothing was changed" if options.dry_run else "nothing was changed: add --yes to retract it")
    if options.json:
        print(json.dumps(_document(proposal, options.yes, made)), flush=True)
    return code


def show(proposal: Proposal, console: Console) -> None:
    """What a retraction touches, in a table."""
    if not proposal.touched:
        console.print("no release holds it", highlight=False)
    else:
        rows = [
            (t.version, t.split, ", ".join(t.scene_ids), f"{t.episodes} of {t.of}", str(t.frames), "\n".join(t.files))
            for t in proposal.touched
        ]
        console.print(
            table("touched", ("release", "split", "scenes", "episodes", "frames", "files that hold some"), rows)
        )
    if proposal.sharing:
        console.print(
            f"[yellow]not retracted[/]: {escape(', '.join(proposal.sharing))} share a mesh with it; look whether they must go",
            highlight=False,
            soft_wrap=True,
        )


def _release_without(root: Path, console: Console) -> tuple[int, dict[str, Any]]:
    """The next release, by the rules of the latest one."""
    from blueprint_assets.release.catalogue import published

    rules = published(root)[-1].document.rules
    prepare(root)
    try:
        return make(root, rules, console)
    except (ValueError, RuntimeError) as error:
        # The retraction stands; what is missing is a release to take the place of the marked ones.
        console.print(f"[red]no release without it[/]: {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1, {"error": str(error)}


def _document(proposal: Proposal, done: bool, made: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "scene_id": proposal.retraction.scene_id,
        "retracted": done,
        "reason": proposal.retraction.reason,
        "touched": [
            {
                "release": t.version,
                "split": t.split,
                "scenes": list(t.scene_ids),
                "episodes": t.episodes,
                "of": t.of,
                "frames": t.frames,
                "files": list(t.files),
            }
            for t in proposal.touched
        ],
        "sharing_a_mesh": list(proposal.sharing),
        "next_release": made,
    }
