"""Fifty text requests, generated and judged: `python tests/benchmarks/text_scenes.py [--out FOLDER]`.

Counts and relations are read from the written files; overlaps are booleans of the written meshes; standing is three seconds of
MuJoCo, with the convex parts that the shapes know of themselves and the pipeline's hulls for the others. `--pipeline-hulls` gives
those to everything but furniture (the decomposition of a whole cabinet is centimetres coarse).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from text_prompts import PROMPTS, Prompt  # noqa: E402

from blueprint_assets.contracts.posed_meshes import Bounds, SceneInfo  # noqa: E402
from blueprint_assets.contracts.scene_request import NormalizedRequest, SceneRequest, TextgenPackage, normalize  # noqa: E402
from blueprint_assets.stage1.posed import demand_sound  # noqa: E402
from fixtures.stage1_judge import STATIC_M, overlaps, placed, settle  # noqa: E402
from resources.observability import silent  # noqa: E402
from resources.scene_generation.embedded import EmbeddedSceneGenerator  # noqa: E402
from resources.scene_generation.embedded.arrangement import arrange  # noqa: E402
from resources.scene_generation.embedded.grammar import understand  # noqa: E402

RECEIVED = "2026-01-01T00:00:00Z"
DEEP_M = 0.001


def request_for(number: int, prompt: str, seed: int = 0) -> NormalizedRequest:
    """The normalised request of a prompt."""
    fields = {"schema_version": "v1", "scene_id": f"p{number:02d}", "prompt": prompt, "constraints": {"seed": seed}}
    return normalize(SceneRequest.parse(fields, prompt), RECEIVED)[0]


def known_parts(prompt: str, seed: int, *, things: bool) -> dict[str, tuple[np.ndarray, ...]]:
    """Convex parts that the shapes know of themselves; the arrangement is made again, it is the same."""
    found = {}
    for item, _, _ in arrange(understand(prompt), np.random.default_rng(seed)).items:
        parts = item.shape.convex_pieces()
        large = max(np.ptp(item.corners, axis=0)) > STATIC_M
        if parts is not None and (large or things):
            found[item.id] = parts
    return found


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


def judge(number: int, prompt: Prompt, out: Path, seed: int, *, things: bool) -> dict[str, object]:
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
    motions = settle(folder / "stage1", info, known=known_parts(prompt.text, seed, things=things))
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
        "moved": [
            f"{m.object_id} {m.drift_m * 1000:.1f} mm {np.degrees(m.turn_rad):.0f} deg" for m in motions if not m.still
        ],
        "largest_drift_mm": round(max((m.drift_m for m in motions), default=0.0) * 1000, 2),
        "movable": len(motions),
        "seconds": round(seconds, 3),
    }


def main() -> int:
    """Runs the benchmark; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the scenes here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*")
    parser.add_argument("--pipeline-hulls", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        out = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="text-scenes-")))
        return run(out, options)


def run(out: Path, options: argparse.Namespace) -> int:
    """Makes and judges every scene below `out`, prints one line each and the summary."""
    rows = []
    for number, prompt in enumerate(PROMPTS):
        if options.only and number not in options.only:
            continue
        try:
            row = judge(number, prompt, out / f"seed{options.seed}", options.seed, things=not options.pipeline_hulls)
        except ValueError as error:
            row = {"prompt": prompt.text, "error": str(error), "counts_right": False, "seconds": 0.0}
        rows.append(row)
        wrong = {k: row[k] for k in ("error", "relations_broken", "deep_overlaps", "moved") if row.get(k)}
        fine = row["counts_right"] and not wrong and row.get("unknown_listed")
        sys.stdout.write(f"{number:2d} {'ok ' if fine else 'BAD'} {prompt.text[:90]} {wrong or ''}\n")
        sys.stdout.flush()
    seconds = sorted(float(str(r["seconds"])) for r in rows)
    summary = {
        "prompts": len(rows),
        "objects": sum(int(str(r.get("objects", 0))) for r in rows),
        "counts_right": sum(bool(r["counts_right"]) for r in rows),
        "relations": sum(int(str(r.get("relations", 0))) for r in rows),
        "relations_broken": sum(len(r.get("relations_broken", [])) for r in rows),  # type: ignore[arg-type]
        "unknown_listed": sum(bool(r.get("unknown_listed")) for r in rows),
        "overlaps_over_1_mm": sum(len(r.get("deep_overlaps", [])) for r in rows),  # type: ignore[arg-type]
        "movable": sum(int(str(r.get("movable", 0))) for r in rows),
        "moved_in_3_s": sum(len(r.get("moved", [])) for r in rows),  # type: ignore[arg-type]
        "median_seconds": seconds[len(seconds) // 2],
        "longest_seconds": seconds[-1],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"text_scenes_seed{options.seed}.json").write_text(
        json.dumps({"summary": summary, "rows": rows}, indent=1)
    )
    sys.stdout.write(json.dumps(summary) + "\n")
    bad = summary["prompts"] - summary["counts_right"] + summary["relations_broken"] + summary["overlaps_over_1_mm"]
    return 1 if bad or summary["moved_in_3_s"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
