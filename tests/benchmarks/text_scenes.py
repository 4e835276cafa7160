"""Text requests, generated and judged: `python tests/benchmarks/text_scenes.py [--out FOLDER] [--seed N]`.

Counts and relations are read from the written files; overlaps are booleans of the written meshes. Standing is judged on what a
user gets: the request goes through the pipeline to scene.usda, with its own collision shapes, masses and frictions, and that is
simulated for three seconds, before anything that falls over would be put where it lies. The gates behind the sim-ready assets and
the composed scene have to pass as well. `--kinds` asks for every kind of the catalogue by itself instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from text_prompts import INSIDE_AND_STACKED, PROMPTS, Prompt  # noqa: E402

from blueprint_assets.contracts.posed_meshes import Bounds, SceneInfo  # noqa: E402
from blueprint_assets.contracts.scene_request import NormalizedRequest, SceneRequest, TextgenPackage, normalize  # noqa: E402
from blueprint_assets.scene.layout import lay_out_scene  # noqa: E402
from blueprint_assets.scene.manifest import build_manifest  # noqa: E402
from blueprint_assets.scene.settle import ObjectMotion, UnmeasuredError, settle  # noqa: E402
from blueprint_assets.scene.simready import build_simready  # noqa: E402
from blueprint_assets.scene.usd import SCENE, write_scene  # noqa: E402
from blueprint_assets.stage1.posed import demand_sound  # noqa: E402
from checks import simready_checks  # noqa: E402
from checks.verdict import MEASUREMENTS  # noqa: E402
from fixtures.stage1_judge import STILL_M, STILL_RAD, overlaps, placed  # noqa: E402
from resources.observability import silent  # noqa: E402
from resources.scene_generation.embedded import EmbeddedSceneGenerator  # noqa: E402
from resources.scene_generation.embedded.catalogue import kinds  # noqa: E402

RECEIVED = "2026-01-01T00:00:00Z"
DEEP_M = 0.001
SECONDS = 3.0
GATES = tuple(
    f"{asset_check.check_key.asset_key.path[-1]}/{asset_check.check_key.name}"
    for asset_check in (
        simready_checks.physics_is_plausible,
        simready_checks.assets_open_in_openusd,
        simready_checks.scene_opens_in_openusd,
        simready_checks.asset_validator_finds_no_error,
    )
)
"""Standing is judged apart, more strictly than by its gate."""


def request_for(number: int, prompt: str, seed: int = 0) -> NormalizedRequest:
    """The normalised request of a prompt."""
    fields = {"schema_version": "v1", "scene_id": f"p{number:02d}", "prompt": prompt, "constraints": {"seed": seed}}
    return normalize(SceneRequest.parse(fields, prompt), RECEIVED)[0]


@dataclass(frozen=True)
class Stood:
    """What three seconds did to the scene that the pipeline made. `overlap_m`: MuJoCo's deepest contact before the first step;
    `decomposed`: objects whose collision parts were not known and had to be found."""

    motions: tuple[ObjectMotion, ...]
    overlap_m: float
    decomposed: int
    seconds: float


def stand(folder: Path, info: SceneInfo) -> Stood:
    """Stage 1 of `folder` to a scene beside it, and that scene let alone."""
    start = time.perf_counter()
    build_manifest(folder / "stage1", info, folder)
    layout, _ = lay_out_scene(folder, folder)
    physics = build_simready(folder, folder)
    write_scene(layout, folder / SCENE)
    seconds = time.perf_counter() - start
    decomposed = sum(item.collision.kind != "declared_parts" for item in physics.objects)
    try:
        report = settle(folder / SCENE, folder, SECONDS)
    except UnmeasuredError:  # furniture alone: nothing can move
        return Stood((), 0.0, decomposed, seconds)
    return Stood(report.objects, report.initial_penetration_m, decomposed, seconds)


def relations_kept(prompt: Prompt, stage1: Path, info: SceneInfo) -> list[str]:
    """Which of the prompt's relations the files do not show."""
    boxes = {i.id: Bounds.read(stage1 / i.bounds) for i in info.objects}
    of = {i.id: i.category for i in info.objects}
    supports = {i.id: i.support for i in info.objects}
    broken = []
    for subject, relation, reference in prompt.relations:
        pairs = [
            (s, r) for s in of for r in (*of, "floor") if of[s] == subject and of.get(r, r) == reference and s != r
        ]
        if not any(_holds(relation, s, r, boxes, supports) for s, r in pairs):
            broken.append(f"{subject} {relation} {reference}")
    return broken


def _holds(relation: str, one: str, other: str, boxes: dict[str, Bounds], supports: dict[str, str]) -> bool:
    if relation in ("on", "in"):
        return supports[one] == other
    a, b = boxes[one], boxes[other]
    if relation == "under":
        inside = all(b.min[k] <= a.center[k] <= b.max[k] for k in (0, 1))
        return inside and a.max[2] <= b.max[2] and supports[one] == supports[other]
    axis, sign = {"left": (0, -1), "right": (0, 1), "front": (1, -1), "behind": (1, 1), "near": (0, 0)}[relation]
    if relation == "near":
        gap = [max(a.min[k] - b.max[k], b.min[k] - a.max[k], 0.0) for k in (0, 1)]
        return float(np.hypot(*gap)) <= 0.31
    return a.max[axis] <= b.min[axis] if sign < 0 else a.min[axis] >= b.max[axis]


def judge(number: int, prompt: Prompt, out: Path, seed: int) -> dict[str, Any]:
    """One prompt: what was made, and what is wrong with it."""
    folder = out / f"p{number:02d}"
    start = time.perf_counter()
    info = EmbeddedSceneGenerator().generate(
        request_for(number, prompt.text, seed), folder / "stage1", folder / "textgen", silent
    )
    seconds = time.perf_counter() - start
    demand_sound(folder / "stage1")
    package = TextgenPackage.read(folder / "textgen/package.json")
    counts = Counter(item.category for item in info.objects)
    deep = [o for o in overlaps(placed(folder / "stage1", info)) if o.depth_m > DEEP_M]
    stood = stand(folder, info)
    gates = {gate: MEASUREMENTS[gate](folder) for gate in GATES}
    motions = stood.motions
    moved = [m for m in motions if m.drift_m >= STILL_M or m.turn_rad >= STILL_RAD]
    said = " ".join(package.not_understood)
    return {
        "prompt": prompt.text,
        "objects": len(info.objects),
        "counts_right": dict(counts) == prompt.counts,
        "relations": len(prompt.relations),
        "relations_broken": relations_kept(prompt, folder / "stage1", info),
        "unknown_listed": all(word in said for word in prompt.unknown),
        "not_understood": list(package.not_understood),
        "deep_overlaps": [f"{o.one}/{o.other} {o.depth_m * 1000:.1f} mm" for o in deep],
        "moved": [f"{m.object_id} {m.drift_m * 1000:.1f} mm {np.degrees(m.turn_rad):.0f} deg" for m in moved],
        "gates_failed": [f"{gate}: {found.reason}" for gate, found in gates.items() if found.outcome != "passed"],
        "largest_drift_mm": round(max((m.drift_m for m in motions), default=0.0) * 1000, 2),
        "largest_turn_deg": round(float(np.degrees(max((m.turn_rad for m in motions), default=0.0))), 2),
        "movable": len(motions),
        "start_overlap_mm": round(stood.overlap_m * 1000, 2),
        "decomposed": stood.decomposed,
        "seconds": round(seconds, 3),
        "pipeline_seconds": round(stood.seconds, 3),
    }


def main() -> int:
    """Runs the benchmark; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the scenes here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of prompts")
    parser.add_argument("--kinds", action="store_true", help="one request for every kind of the catalogue instead")
    options = parser.parse_args()
    with ExitStack() as stack:
        out = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="text-scenes-")))
        return run(out, options)


def run(out: Path, options: argparse.Namespace) -> int:
    """Makes and judges every scene below `out`, prints one line each and the summary."""
    rows: list[dict[str, Any]] = []
    every_kind = [Prompt(f"a {name}", {name: 1}) for name in sorted(kinds())]
    for number, prompt in enumerate(every_kind if options.kinds else (*PROMPTS, *INSIDE_AND_STACKED)):
        if options.only and number not in options.only:
            continue
        try:
            row = judge(number, prompt, out / f"seed{options.seed}", options.seed)
        except ValueError as error:
            row = {"prompt": prompt.text, "error": str(error), "counts_right": False}
        rows.append(row)
        wrong = {
            k: row[k] for k in ("error", "relations_broken", "deep_overlaps", "moved", "gates_failed") if row.get(k)
        }
        if row.get("start_overlap_mm", 0.0) > 1000 * DEEP_M:
            wrong["start_overlap_mm"] = row["start_overlap_mm"]
        fine = row["counts_right"] and not wrong and row.get("unknown_listed")
        sys.stdout.write(f"{number:2d} {'ok ' if fine else 'BAD'} {prompt.text[:90]} {wrong or ''}\n")
        sys.stdout.flush()
    summary = summarize(rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"text_scenes_seed{options.seed}.json").write_text(json.dumps({"summary": summary, "rows": rows}, indent=1))
    sys.stdout.write(json.dumps(summary) + "\n")
    wrong = ("relations_broken", "overlaps_over_1_mm", "moved_in_3_s", "gates_failed")
    whole = summary["counts_right"] == summary["unknown_listed"] == summary["prompts"]
    return 0 if whole and not any(summary[key] for key in wrong) else 1


def summarize(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The figures over all prompts."""
    made = [row for row in rows if "error" not in row]
    seconds, later = (sorted(row[key] for row in made) or [0.0] for key in ("seconds", "pipeline_seconds"))
    return {
        "prompts": len(rows),
        "objects": sum(row["objects"] for row in made),
        "counts_right": sum(row["counts_right"] for row in rows),
        "relations": sum(row["relations"] for row in made),
        "relations_broken": sum(len(row["relations_broken"]) for row in made),
        "unknown_listed": sum(row["unknown_listed"] for row in made),
        "overlaps_over_1_mm": sum(
            len(row["deep_overlaps"]) + (row["start_overlap_mm"] > 1000 * DEEP_M) for row in made
        ),
        "deepest_start_overlap_mm": max(row["start_overlap_mm"] for row in made),
        "movable": sum(row["movable"] for row in made),
        "moved_in_3_s": sum(len(row["moved"]) for row in made),
        "gates_failed": sum(len(row["gates_failed"]) for row in made),
        "largest_drift_mm": max(row["largest_drift_mm"] for row in made),
        "largest_turn_deg": max(row["largest_turn_deg"] for row in made),
        "decomposed": sum(row["decomposed"] for row in made),
        "median_seconds": seconds[len(seconds) // 2],
        "longest_seconds": seconds[-1],
        "median_pipeline_seconds": later[len(later) // 2],
        "longest_pipeline_seconds": later[-1],
    }


if __name__ == "__main__":
    raise SystemExit(main())
