"""`blueprint demo`: the main job on the photograph that comes with the project."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from blueprint_assets.commands.display import own_console
from blueprint_assets.commands.run import Run, Summary, materialize_scenes, report

PHOTO = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
MASK = PHOTO.with_name("shelf_mask.png")


@dataclass
class Demo:
    """Run the whole way on the photograph in fixtures/photos and say where everything is."""

    root: Path = Path("demo")
    """Where the scene, the dataset and the Dagster instance go."""
    episodes: int = 10
    """Successful episodes to record."""
    seed: int = 0
    """Seed of the episodes."""


def demo(options: Demo) -> int:
    """Runs the demo; returns its exit code."""
    console = own_console(sys.stdout)
    run = Run(
        source=PHOTO, mask=MASK, scene_id="shelf", root=options.root, episodes=options.episodes, seed=options.seed
    )
    (summary,) = materialize_scenes(run, console)
    report(summary, console)
    if summary.success:
        _tell_where(summary, console)
    return summary.exit_code


def _tell_where(summary: Summary, console: Console) -> None:
    scene = Path(summary.root) / "scenes" / summary.scene_id
    preview = scene / "usd" / "preview.png"
    videos = sorted(scene.glob("episodes/*/units/*/scene.mp4"))
    lines = [("preview", preview), *([("video", videos[0])] if videos else [])]
    for label, path in lines:
        console.print(f"{label:<8} {path}", highlight=False, markup=False, soft_wrap=True)
    peak = _peak_memory()
    console.print(f"took     {summary.seconds['total']:.0f} s, peak memory {peak / 2**30:.2f} GiB", highlight=False)
    console.print(f"look     blueprint ui --root {summary.root}", highlight=False, markup=False, soft_wrap=True)


def _peak_memory() -> int:
    """Largest resident set of this process plus the largest of any child, bytes (getrusage counts in kB on Linux)."""
    import resource

    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + children) * 1024
