"""The dataset's README.md: what the Hub shows, and what was measured about the data. Nothing in it is a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .unit import Unit


def dataset_card(units: Sequence[Unit], robot_type: str, fps: int) -> str:
    """Markdown with the Hub's front matter. Depends on the units only."""
    frames = sum(unit.document.frames for unit in units)
    cameras = {
        name: f"{video.width}x{video.height}, {video.codec}" for name, video in units[0].document.cameras.items()
    }
    tasks = Counter(unit.document.task for unit in units)
    lines = [
        "---",
        "task_categories:",
        "- robotics",
        "tags:",
        "- LeRobot",
        "- simulation",
        "configs:",
        "- config_name: default",
        "  data_files: data/*/*.parquet",
        "---",
        "",
        "# Simulated manipulation episodes",
        "",
        f"{len(units)} episodes, {frames} frames ({frames / fps:.0f} s at {fps} Hz), robot `{robot_type}`.",
        "Format: LeRobot v3.0.",
        "",
        "| task | episodes |",
        "|---|---|",
        *(f"| {_cell(task)} | {count} |" for task, count in sorted(tasks.items())),
        "",
        "- `observation.state` is what the simulator measured, `action` what was commanded: seven arm joints (radians)",
        "  and one finger's travel (metres; 0 closed). Row i holds the observation and the command sent at that time.",
        "- `next.success` is true on the last frame: the task's predicate held on simulated state. Every episode here",
        "  succeeded; failed attempts are not part of this dataset.",
        *(
            f"- `observation.images.{name}`: {text}, rendered from the recorded states."
            for name, text in cameras.items()
        ),
        "- Statistics are exact: over every row, and over every pixel of every frame before encoding.",
        "- Where each episode came from (seed, scene, simulator, planner, hashes): columns of `meta/episodes`, and",
        "  `meta/provenance`, keyed by `episode_uuid`. LeRobot's delete and split drop them from the copies they write.",
        "",
        "| simulator | planner | scene | sha256 of the scene | code |",
        "|---|---|---|---|---|",
        *_origins(units),
        "",
        "Simulated physics and rendered pictures of a scene that was reconstructed from a photograph: masses, friction",
        "and hidden surfaces are estimates. How well a policy trained on it does on a real robot was not measured.",
        "No licence is stated: textures come from the photograph, whose owner has to say.",
    ]
    return "\n".join(lines) + "\n"


def _origins(units: Sequence[Unit]) -> list[str]:
    keys = ("simulator", "planner", "scene_id", "scene_sha256", "code_commit")
    rows = {tuple(_cell(str(unit.document.provenance.get(key, "not recorded"))) for key in keys) for unit in units}
    return [f"| {' | '.join(row)} |" for row in sorted(rows)]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
