"""Rates, intervals and the picture of what the study's rollouts left."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

PLACES = {"held_out": "held-out scenes", "seen": "training scenes, new arrangements"}
REFERENCES = {"expert": "planner", "replay": "blind replay", "still": "hold still"}


def wilson(successes: int, attempts: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % score interval of a rate (Wilson 1927), which stays inside 0..1 and says something at 0 and at 1 too.

    Raises:
        ValueError: no attempts, or more successes than attempts.
    """
    if not 0 <= successes <= attempts or attempts < 1:
        raise ValueError(f"{successes} successes of {attempts} attempts: that is no rate")
    rate, unit = successes / attempts, 1 + z * z / attempts
    middle = (rate + z * z / (2 * attempts)) / unit
    half = z / unit * math.sqrt(rate * (1 - rate) / attempts + z * z / (4 * attempts * attempts))
    return max(0.0, middle - half), min(1.0, middle + half)


def summarize(results: Path) -> dict[str, Any]:
    """Place -> policy -> attempts, successes, rate, interval; trained ones by size, pooled over the seeds, with each seed's
    rate and each scene's. The interval takes rollouts for independent; those of one policy or one scene resemble each other,
    so it is too narrow by an unknown factor: read it beside the seeds' and the scenes' spread.
    """
    summary: dict[str, Any] = {}
    for place in PLACES:
        pooled: dict[str, list[dict[str, Any]]] = {}
        for path in sorted((results / place).glob("*.json")):
            trained = re.fullmatch(r"cloned_(\d+)_(\d+)", path.stem)
            name, seed = (trained[1], trained[2]) if trained else (path.stem, "")
            rows = json.loads(path.read_text(encoding="utf-8"))["attempts"]
            pooled.setdefault(name, []).extend(row | {"seed": seed} for row in rows)
        order = sorted(pooled, key=lambda name: (name.isdigit(), int(name) if name.isdigit() else 0, name))
        summary[place] = {name: _rates(pooled[name]) for name in order}
    return summary


def _rates(rows: list[dict[str, Any]]) -> dict[str, Any]:
    succeeded = sum(row["success"] for row in rows)
    found: dict[str, Any] = {"attempts": len(rows), "succeeded": succeeded, "rate": round(succeeded / len(rows), 4)}
    found["interval"] = [round(end, 4) for end in wilson(succeeded, len(rows))]
    for key in ("seed", "scene"):
        values = sorted({row[key] for row in rows} - {""})
        picked = {value: [row["success"] for row in rows if row[key] == value] for value in values}
        found[f"by_{key}"] = {value: round(sum(outcomes) / len(outcomes), 4) for value, outcomes in picked.items()}
    return found


def table(summary: dict[str, Any]) -> str:
    """The summary as a Markdown table: per policy and place its rate, 95 % interval, and the seeds' rates."""
    lines = ["| policy | " + " | ".join(PLACES.values()) + " |", "|---" * (len(PLACES) + 1) + "|"]
    for name in next(iter(summary.values())):
        cells = []
        for place in PLACES:
            row = summary[place][name]
            low, high = (f"{100 * end:.0f}" for end in row["interval"])
            seeds = ", ".join(f"{100 * rate:.0f}" for rate in row["by_seed"].values())
            cell = f"{100 * row['rate']:.0f} % ({low} to {high}) of {row['attempts']}"
            cells.append(cell + (f"; seeds {seeds}" if seeds else ""))
        label = REFERENCES.get(name) or f"cloned from {name} episodes"
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def draw(summary: dict[str, Any], picture: Path) -> None:
    """One panel per place: trained policies with intervals, a cross per seed, the references as lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.1), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (place, title) in enumerate(PLACES.items(), start=1):
        axes = figure.add_subplot(1, len(PLACES), number)
        rows = summary[place]
        sizes = [int(name) for name in rows if name.isdigit()]
        for style, (name, label) in zip(("-", "--", ":"), REFERENCES.items(), strict=True):
            axes.axhline(rows[name]["rate"], color="0.45", linestyle=style, linewidth=1.2, label=label)
        trained = [rows[str(size)] for size in sizes]
        rates = [row["rate"] for row in trained]
        below = [row["rate"] - row["interval"][0] for row in trained]
        above = [row["interval"][1] - row["rate"] for row in trained]
        axes.errorbar(
            sizes, rates, yerr=[below, above], color="C0", marker="o", capsize=3, label="cloned, 95 % interval"
        )
        for size, row in zip(sizes, trained, strict=True):
            axes.plot([size] * len(row["by_seed"]), list(row["by_seed"].values()), "x", color="C1", markersize=5)
        axes.set(title=title, xlabel="training episodes", xscale="log", ylim=(-0.03, 1.03))
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        if number == 1:
            axes.set_ylabel("share lifted and held")
            axes.plot([], [], "x", color="C1", markersize=5, label="one seed")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(picture, dpi=110, metadata={"Software": None})
