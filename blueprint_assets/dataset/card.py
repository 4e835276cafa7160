"""The README.md of a dataset: what the Hub shows, and what was measured about the data. Nothing in it is a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from blueprint_assets.contracts.encoded_episode import EncodedEpisode

if TYPE_CHECKING:
    from blueprint_assets.contracts.release import ReleaseLicence

MAX_ROWS = 60
"""Rows of a table in a card; what is left out is counted. The tables of the dataset hold them all."""
NO_LICENCE = "No licence is stated: textures come from the photograph, whose owner has to say."


def dataset_card(
    documents: Sequence[EncodedEpisode],
    title: str = "Simulated manipulation episodes",
    licence: ReleaseLicence | None = None,
) -> str:
    """Markdown with the Hub's front matter. Depends on the arguments only."""
    first = documents[0]
    frames = sum(document.frames for document in documents)
    tasks = Counter(document.task for document in documents)
    keys = ("simulator", "planner", "scene_id", "scene_sha256", "code_commit")
    origins = {tuple(str(document.provenance.get(key, "not recorded")) for key in keys) for document in documents}
    lines = [
        *front_matter(("- config_name: default", "  data_files: data/*/*.parquet"), licence),
        "",
        f"# {title}",
        "",
        f"{len(documents)} episodes, {frames} frames ({frames / first.fps:.0f} s at {first.fps} Hz), robot `{first.robot}`.",
        "Format: LeRobot v3.0.",
        "",
        *table(("task", "episodes"), [(task, count) for task, count in sorted(tasks.items())]),
        "",
        *what_is_in_it(first),
        "",
        *table(("simulator", "planner", "scene", "sha256 of the scene", "code"), sorted(origins)),
        "",
        *limits(),
        NO_LICENCE if licence is None else f"Licence: {' '.join(licence.reasons)}",
    ]
    return "\n".join(lines) + "\n"


def front_matter(configs: Sequence[str], licence: ReleaseLicence | None = None) -> list[str]:
    """The card's YAML, which the Hub reads. `other` is its word for a licence that is not on its list."""
    lines = ["---"]
    if licence is not None:
        lines.append(f"license: {licence.hub}")
        if licence.spdx is None:
            lines.append("license_name: not-determined")
    lines += ["task_categories:", "- robotics", "tags:", "- LeRobot", "- simulation", "configs:"]
    return [*lines, *configs, "---"]


def what_is_in_it(document: EncodedEpisode) -> list[str]:
    """What the columns and videos of such episodes hold."""
    return [
        "- `observation.state` is what the simulator measured, `action` what was commanded: seven arm joints (radians)",
        "  and one finger's travel (metres; 0 closed). Row i holds the observation and the command sent at that time.",
        "- `next.success` is true on the last frame: the task's predicate held on simulated state. Every episode here",
        "  succeeded; failed attempts are not part of this dataset.",
        *(
            f"- `{name}`: {video.width}x{video.height}, {video.codec}, rendered from the recorded states."
            for name, video in document.streams.items()
        ),
        "- Statistics are exact: over every row, and over every pixel of every frame before encoding.",
        "- Where each episode came from (seed, scene, simulator, planner, hashes): columns of `meta/episodes`, and",
        "  `meta/provenance`, keyed by `episode_uuid`. LeRobot's delete and split drop them from the copies they write.",
    ]


def limits() -> list[str]:
    """What is known to be wanting in every dataset that is made this way."""
    return [
        "Simulated physics and rendered pictures of a scene that was reconstructed from a photograph: masses, friction",
        "and hidden surfaces are estimates. How well a policy trained on it does on a real robot was not measured.",
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table of at most MAX_ROWS rows."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows[:MAX_ROWS]]
    if len(rows) > MAX_ROWS:
        lines += ["", f"and {len(rows) - MAX_ROWS} more."]
    return lines


def cell(value: object) -> str:
    """Text that stays in its cell."""
    return " ".join(str(value).replace("|", "\\|").split())
