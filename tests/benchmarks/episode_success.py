"""How often do attempted episodes succeed, and what do they cost? One attempt for each of many seeds, tasks in turn.

    python tests/benchmarks/episode_success.py [--scene SCENE_ROOT] [--seeds 50]

Without --scene, the scene of `fixtures/simulated_scene.py` is built. Prints one JSON object; exit code 1 below the target.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

TARGET = 0.80
"""Share of attempted episodes that must succeed."""


def measure(root: Path, out: Path, seeds: int) -> dict[str, object]:
    """Exports the scene's tasks and makes one attempt per seed."""
    from blueprint_assets.contracts.geniesim_local import EpisodeProvenance
    from blueprint_assets.contracts.scene_layout import SceneLayout
    from blueprint_assets.geniesim.export import export_scene
    from blueprint_assets.geniesim.rollout import EpisodeRequest, run_episode
    from blueprint_assets.tasks.scene import task_scene
    from blueprint_assets.tasks.tasks import scene_surfaces
    from resources.planner.embedded import EmbeddedPlanner
    from resources.simulator import CONTROL_HZ
    from resources.simulator.embedded import start_embedded
    from resources.simulator.world import TIMESTEP, build_world

    began = time.monotonic()
    config = export_scene(root, out)
    exported = time.monotonic() - began
    layout = SceneLayout.read(root / "layout/scene_layout_scaled.json")
    usd = root / "usd/scene.usda"
    world = build_world(usd, root, config.robot_config)
    scene = task_scene(world, scene_surfaces(layout), {item.id: item.support for item in layout.objects})
    planner = EmbeddedPlanner(world)
    outcomes: Counter[str] = Counter()
    by_task: dict[str, list[bool]] = {}
    frames, errors = 0, []
    with start_embedded(usd, root, config.robot_config, out, out / "simulator.log") as simulator:
        simulator.reset()
        provenance = EpisodeProvenance(
            simulator=simulator.name,
            planner=planner.name,
            scene_sha256="0" * 64,
            physics_timestep=TIMESTEP,
            control_hz=CONTROL_HZ,
            robot=config.robot_config.type,
        )
        began, cpu = time.monotonic(), time.process_time()
        for seed in range(seeds):
            task = config.suggested_tasks[seed % len(config.suggested_tasks)]
            request = EpisodeRequest(seed, seed, config.scene_id, task, provenance)
            episode = run_episode(request, scene, simulator, planner, out / "recordings")
            frames += episode.frame_count
            by_task.setdefault(task.task_id, []).append(episode.success)
            if not episode.success:
                reason = episode.failure_reason or ""
                outcomes[reason.partition(":")[0]] += 1
                errors.append(f"seed {seed} {task.task_id}: {reason}")
        wall, own_cpu = time.monotonic() - began, time.process_time() - cpu
    succeeded = seeds - sum(outcomes.values())
    return {
        "scene": config.scene_id,
        "tasks": len(config.suggested_tasks),
        "attempted": seeds,
        "succeeded": succeeded,
        "success_rate": round(succeeded / seeds, 4),
        "target": TARGET,
        "failures": dict(sorted(outcomes.items())),
        "success_by_task": {name: f"{sum(results)}/{len(results)}" for name, results in sorted(by_task.items())},
        "failed": errors,
        "frames": frames,
        "simulated_seconds": round(frames / CONTROL_HZ, 1),
        "seconds_export": round(exported, 2),
        "seconds_per_episode": round(wall / seeds, 3),
        "client_cpu_seconds_per_episode": round(own_cpu / seeds, 3),
        "real_time_factor": round(frames / CONTROL_HZ / wall, 2),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def main() -> int:
    """Measures and prints."""
    from fixtures.simulated_scene import build_simulated_scene

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", type=Path, help="a scene folder up to usd/scene.usda")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="where recordings go; default: a folder that is deleted afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.scene or build_simulated_scene(Path(folder) / "scene")
        out = arguments.keep or Path(folder) / "out"
        result = measure(root, out, arguments.seeds)
    print(json.dumps(result, indent=2))
    return 0 if float(str(result["success_rate"])) >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
