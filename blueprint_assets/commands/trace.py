"""`blueprint trace`: where an episode comes from, back to the photograph, and whether that is all still so."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from blueprint_assets.commands.one_object import one_object

if TYPE_CHECKING:
    from blueprint_assets.dataset.origin.lineage import Node

STYLES = {"ok": "green", "changed": "bold red", "missing": "bold red", "superseded": "bold yellow"}
WHOLE_LINES = 2000
SHORT = 16
"""Of a hash's 64 digits, where a person reads; --json has them all."""


@dataclass
class Trace:
    """Print the way back from an episode: its rows and packets hashed now, the recording, the scene, meshes and material rows,
    layout and scale, the reconstruction and the photograph, each with its commit, code version, tools and sha256, and whether
    the file on disk still is that.

    Exit code 0: nothing contradicts the records; 1: something changed, is missing or was replaced since; 2: no such episode.
    What there was nothing to compare with is listed as "not here" or "re-encoded" and is no contradiction.
    """

    dataset: Annotated[Path, tyro.conf.Positional]
    """A LeRobot dataset, or a release or another folder with datasets in it."""
    episode: Annotated[str, tyro.conf.Positional]
    """Its index, its uuid, or the beginning of its uuid."""
    root: Path | None = None
    """The store that it was made in. Left out: the store that the dataset lies in, or the one named by
    --provenance."""
    provenance: Path | None = None
    """For a copy made by LeRobot's own delete or split, which leave meta/provenance out: the dataset that it was made from."""
    json: bool = False
    """Print one JSON object, with whole hashes."""


def trace(options: Trace) -> int:
    """Prints the tree; returns the exit code."""
    from blueprint_assets.dataset.origin.lineage import WRONG
    from blueprint_assets.dataset.origin.trace import find_store, trace
    from io_managers.store import SceneStore

    with one_object(options.json):
        root = options.root.expanduser().absolute() if options.root else find_store(options.dataset)
        if root is None and options.provenance is not None:
            root = find_store(options.provenance)
        if root is not None and not (root / "scenes").is_dir():
            raise ValueError(f"--root {root}: no store there; give the folder that `blueprint run` was given")
        store = SceneStore(root) if root is not None else None
        tree = trace(options.dataset, options.episode, store, options.provenance)
    counts: Counter[str] = Counter(node.state for node in tree.walk() if node.state)
    wrong = any(counts[state] for state in WRONG)
    if options.json:
        print(json.dumps({"matches": not wrong, "counts": dict(sorted(counts.items())), "trace": tree.to_json()}))
    else:
        # Into a file or a pipe every line goes whole; a terminal folds it.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else WHOLE_LINES)
        console.print(_drawn(tree))
        console.print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    return 1 if wrong else 0


def _drawn(node: Node) -> Tree:
    """The tree with all assets beside each other, each after what was made from it: nested, their names would be at the
    right edge by the fourth. Each says what it was made from.
    """
    tree = Tree(_line(node), guide_style="dim")
    waiting = [(child, tree) for child in node.children]
    while waiting:
        child, above = waiting.pop(0)
        branch = above.add(_line(child))
        waiting = [(below, tree if below.kind == "asset" else branch) for below in child.children] + waiting
    return tree


def _line(node: Node) -> Text:
    """What a person reads of a node; nothing in it is taken for markup."""
    line = Text(node.name, style="bold" if node.children else "")
    if node.state:
        line.append(f"  {node.state.upper() if node.state != 'ok' else 'ok'}", STYLES.get(node.state, "yellow"))
    for name, value in node.facts.items():
        hash_like = len(value) == 64 and set(value) <= set("0123456789abcdef")
        line.append(f"  {name} ", "dim").append(f"{value[:SHORT]}…" if hash_like else value)
    if node.remark:
        line.append(f"  {node.remark}", STYLES.get(node.state, "yellow"))
    return line
