"""`blueprint status`: which scenes there are, how far each one is, and whether the store is sound."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from blueprint_assets.commands.display import table

if TYPE_CHECKING:
    from io_managers.store import SceneStore

CHAIN = (
    "source", "reconstruction", "scene_manifest", "scene_layout", "simready_assets", "scene_usd", "geniesim_export",
    "geniesim_job", "episodes", "lerobot_dataset",
)  # fmt: skip


@dataclass
class Status:
    """Say which scenes there are, how far each one is and what it holds. Exit code 1 if the store is damaged."""

    root: Path = Path("blueprint-data")
    """The store."""
    verify: bool = False
    """Read every file and compare it with its hash."""
    repair: bool = False
    """Put edited or missing files of the scenes right from what was committed; remove content that nothing refers to
    and that is older than a day."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class SceneFigures:
    """What is committed of a scene. `dataset` is the dataset's folder, or None."""

    scene_id: str
    assets: list[str]
    stale: list[str]
    dataset: str | None
    episodes: dict[str, int]
    bytes: int
    problems: list[str] = field(default_factory=list)


def status(options: Status) -> int:
    """Prints the scenes; returns the exit code."""
    from io_managers.store import SceneStore

    root = options.root.expanduser().absolute()
    if not root.is_dir():
        raise ValueError(f"--root {root}: no store there; `blueprint run PHOTO --root {root}` makes one")
    store = SceneStore(root)
    if options.repair:
        for scene_id in store.scenes():
            store.repair(scene_id)
        store.sweep()
    scenes = [_figures(store, scene_id, options.verify) for scene_id in store.scenes()]
    if options.json:
        print(json.dumps({"root": str(root), "scenes": [asdict(scene) for scene in scenes]}))
    elif not scenes:
        Console().print(
            f"{root}: no scene yet; `blueprint run PHOTO --root {root}` makes one",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    else:
        console = Console()
        rows = [
            (
                scene.scene_id,
                f"{len(scene.assets)}/{len(CHAIN)}",
                next((asset for asset in CHAIN if asset not in scene.assets or asset in scene.stale), "complete"),
                ", ".join(scene.stale),
                str(scene.episodes["succeeded"]),
                str(scene.episodes["frames"]),
                f"{scene.bytes / 1e6:.1f}",
            )
            for scene in scenes
        ]
        console.print(
            table(escape(str(root)), ("scene", "made", "next", "behind its inputs", "episodes", "frames", "MB"), rows)
        )
        if any(scene.problems for scene in scenes):
            console.print("`blueprint status --repair` puts edited and missing files right", highlight=False)
        for scene in scenes:
            for problem in scene.problems:
                console.print(f"[red]{scene.scene_id}[/]: {escape(problem)}", highlight=False, soft_wrap=True)
    return 1 if any(scene.problems for scene in scenes) else 0


def committed_figures(root: str, scene_id: str) -> SceneFigures:
    """What is committed of one scene."""
    from io_managers.store import SceneStore

    return _figures(SceneStore(root), scene_id, verify=False)


def _figures(store: SceneStore, scene_id: str, verify: bool) -> SceneFigures:
    from io_managers.ancestry import behind

    records = {asset: store.current(scene_id, asset) for asset in store.assets(scene_id)}
    found = {asset: record for asset, record in records.items() if record is not None}
    stale = behind(found)
    job = found["geniesim_job"].metadata if "geniesim_job" in found else {}
    made = found["lerobot_dataset"].metadata if "lerobot_dataset" in found else {}
    return SceneFigures(
        scene_id=scene_id,
        assets=[asset for asset in CHAIN if asset in found],
        stale=[asset for asset in CHAIN if asset in stale],
        dataset=store.url(scene_id, str(made["dataset"])) if made else None,
        episodes={
            "attempted": int(job.get("attempts", 0)),  # type: ignore[arg-type]
            "succeeded": int(job.get("episodes", 0)),  # type: ignore[arg-type]
            "frames": int(made.get("frames", 0)),  # type: ignore[arg-type]
        },
        bytes=sum(record.total_bytes for record in found.values()),
        problems=[f"{p.asset}: {p.kind}: {p.detail}" for p in store.verify(scene_id)] if verify else [],
    )
