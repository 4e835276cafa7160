"""How fast the embedded simulator loads, simulates and renders, on one core. Prints JSON; exit code 1 when under a limit.

The figures that are judged count CPU seconds of the whole process, threads of the renderer included, so they are those of
one core and do not depend on what else the machine does; wall-clock figures stand beside them.

python tests/benchmarks/simulation_speed.py [--scene-usd … --scene-root … --base X Y Z]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SCENE = Path(__file__).parents[1] / "resources/simulator/table_scene.usda"
LIMITS = {"load_seconds": 2.0, "real_time_factor": 8.0, "frames_per_second": 100.0}
"""The first is the most allowed, the others the least."""
SIMULATED_SECONDS = 20.0
FRAMES = 200


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds that `work` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene-usd", type=Path, default=SCENE)
    parser.add_argument("--scene-root", type=Path)
    parser.add_argument("--base", type=float, nargs=3, default=(-0.5, 0.0, 0.75), help="where the robot stands, metres")
    options = parser.parse_args()

    from blueprint_assets.contracts.task_config import RobotConfig
    from resources.simulator.render import Renderer, select_backend
    from resources.simulator.simulation import Simulation
    from resources.simulator.world import World, build_world

    base = (float(options.base[0]), float(options.base[1]), float(options.base[2]))
    robot = RobotConfig(base_position=base, workspace_bounds=(base, base))
    root = options.scene_root or options.scene_usd.parent
    loaded: list[tuple[World, Simulation]] = []

    def load() -> None:
        world = build_world(options.scene_usd, root, robot)
        loaded.append((world, Simulation(world)))

    load_wall, load_cpu = _seconds(load)
    world, simulation = loaded[0]

    def simulate() -> None:
        """The whole arm swings and the gripper opens and closes, 20 commands a second."""
        for step in range(round(SIMULATED_SECONDS * 20)):
            phase = np.sin(2 * np.pi * step / 60)
            target = world.home + phase * np.array([0.5, 0.2, 0.3, 0.2, 0.4, 0.3, 0.5, 0.0])
            target[7] = 0.02 + 0.02 * phase
            simulation.move(target)
            simulation.contacts.take()

    wall, cpu = _seconds(simulate)
    with Renderer(world) as renderer:
        renderer.image("scene", world.initial_qpos())
        rows = np.repeat(world.initial_qpos()[None], FRAMES, axis=0)
        rows[:, world.arm_qpos[0]] = np.linspace(-0.5, 0.5, FRAMES)
        draw_wall, draw_cpu = _seconds(lambda: sum(1 for _ in renderer.render_states(rows, "scene")))
    result = {
        "load_seconds": load_cpu,
        "real_time_factor": SIMULATED_SECONDS / cpu,
        "frames_per_second": FRAMES / draw_cpu,
    }
    elapsed = {
        "load_seconds": load_wall,
        "real_time_factor": SIMULATED_SECONDS / wall,
        "frames_per_second": FRAMES / draw_wall,
    }
    report = {
        **{name: round(value, 3) for name, value in result.items()},
        "wall": {name: round(value, 3) for name, value in elapsed.items()},
        "load_average": round(os.getloadavg()[0], 2),
        "image": [256, 256],
        "backend": select_backend(),
        "limits": LIMITS,
        "passed": result["load_seconds"] <= LIMITS["load_seconds"]
        and all(result[name] >= LIMITS[name] for name in ("real_time_factor", "frames_per_second")),
    }
    print(json.dumps(report))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
