"""Success of the example's policy against the number of episodes it was trained on: everything from pictures to the curve.

    python tests/benchmarks/behaviour_cloning/study.py OUT [--quick]

Draws the pictures, makes a scene and records episodes from each, releases them, trains a policy on the release's train/ for
every size and seed, and lets each act in scenes of the test split, in new arrangements of scenes of the training split, and
beside them the planner, a blind replay and nobody. What is finished stays in OUT and is not done again. OUT/summary.json,
OUT/table.md and OUT/curve.png are the result; `--quick` goes the same way with almost no data, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]
EXAMPLE = PROJECT / "examples" / "behaviour_cloning"
LEROBOT = PROJECT / ".conformance" / "venv" / "bin" / "python"
BLUEPRINT = (sys.executable, "-m", "blueprint_assets.cli")
VERSION = "v1"


@dataclass(frozen=True)
class Plan:
    """How much of everything. `held_out`: arrangements per scene of the test split; `seen`: per scene of the training split,
    of which the first `seen_scenes` are taken.
    """

    pictures: int = 36
    recorded: int = 20
    sizes: tuple[int, ...] = (25, 50, 100, 200)
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 3000
    held_out: int = 8
    seen_scenes: int = 4
    seen: int = 5


QUICK = Plan(pictures=6, recorded=2, sizes=(3,), seeds=(0,), steps=100, held_out=1, seen_scenes=1, seen=1)


def once(result: Path, *command: object) -> dict[str, Any]:
    """The JSON object in the last line that `command` prints, kept in `result`, so that the command runs once.

    Raises:
        RuntimeError: it failed, or printed none.
    """
    if not result.is_file():
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=False)
        lines = done.stdout.strip().splitlines()
        if done.returncode != 0 or not lines:
            said = lines[-1] if lines else "no output"
            raise RuntimeError(f"{result.stem}: {' '.join(map(str, command))}: exit code {done.returncode}: {said}")
        result.parent.mkdir(parents=True, exist_ok=True)
        partial = result.with_suffix(".partial")
        partial.write_text(json.dumps(json.loads(lines[-1])) + "\n", encoding="utf-8")
        partial.replace(result)
        print(result, flush=True)
    answer: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return answer


def record(out: Path, plan: Plan) -> None:
    """The pictures, and through the pipeline a scene and its episodes from each. One that cannot be used is named and left."""
    drawn = [sys.executable, EXAMPLE / "photographs.py", out / "photographs", "--count", str(plan.pictures)]
    subprocess.run(drawn, check=True)
    for number in range(plan.pictures):
        name = f"scene{number:02d}"
        picture, mask = (out / "photographs" / f"{name}{end}.png" for end in ("", "_mask"))
        options = ("--mask", mask, "--scene-id", name, "--root", out / "store", "--episodes", plan.recorded, "--json")
        try:
            once(out / "scenes" / f"{name}.json", *BLUEPRINT, "run", picture, *options)
        except RuntimeError as error:
            print(f"left out: {error}", flush=True)


def scenes_of(release: Path, split: str) -> list[str]:
    """The scenes of a split, as the release says."""
    document = json.loads((release / "release.json").read_text(encoding="utf-8"))
    return [scene["scene_id"] for scene in document["scenes"] if scene["split"] == split]


def study(out: Path, plan: Plan, python: Path) -> Path:
    """Releases, trains, evaluates; returns the folder of the rollouts' results."""
    store, results = out / "store", out / "results"
    release = store / "releases" / VERSION
    once(out / "release.json", *BLUEPRINT, "release", "--root", store, "--version", VERSION, "--json")
    places = {
        "held_out": (scenes_of(release, "test"), plan.held_out),
        "seen": (scenes_of(release, "train")[: plan.seen_scenes], plan.seen),
    }

    def evaluate(name: str, policy: object) -> None:
        for place, (scenes, arrangements) in places.items():
            what = (store, *scenes, "--policy", policy, "--python", python, "--arrangements", arrangements)
            once(results / place / f"{name}.json", sys.executable, EXAMPLE / "rollout.py", *what)

    for name, policy in (("expert", "expert"), ("replay", release / "train"), ("still", "still")):
        evaluate(name, policy)
    for seed in plan.seeds:
        for size in plan.sizes:
            checkpoint = out / "policies" / f"cloned_{size}_{seed}.safetensors"
            what = (release / "train", checkpoint, "--episodes", size, "--seed", seed, "--steps", plan.steps)
            once(checkpoint.with_suffix(".json"), python, EXAMPLE / "train.py", *what)
            evaluate(checkpoint.stem, checkpoint)
    return results


def main() -> int:
    """Runs the study, prints the summary, draws the curve."""
    from curve import draw, summarize, table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true", help="almost no data, to see that everything works")
    parser.add_argument(
        "--python", type=Path, default=LEROBOT, help="one with lerobot; default: what `make conformance` made"
    )
    options = parser.parse_args()
    if not options.python.is_file():
        parser.error(
            f"{options.python} is not there; `make conformance` makes it (6 GB), or name another with --python"
        )
    plan, out = QUICK if options.quick else Plan(), options.out.absolute()
    record(out, plan)
    summary = summarize(study(out, plan, options.python.absolute()))
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    (out / "table.md").write_text(table(summary), encoding="utf-8")
    draw(summary, out / "curve.png")
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
