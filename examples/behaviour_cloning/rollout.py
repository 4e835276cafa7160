"""Lets a policy act in the simulator and judges what came of it. Runs in the project's own environment.

    python examples/behaviour_cloning/rollout.py STORE SCENE... --policy CHECKPOINT [--arrangements 10]

`--policy`: a checkpoint of train.py; a LeRobot dataset, whose episodes are then replayed blindly; `still`; or `expert`, the
planner that recorded the dataset. A policy gets what the dataset holds and answers with joint targets; whether the object was
lifted is decided by blueprint_assets/tasks/success.py from recorded simulator states. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import EpisodeProvenance
from blueprint_assets.contracts.geniesim_recording import Recording
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import SuggestedTask, TaskConfig
from blueprint_assets.geniesim.export import SCENE_GRAPH, TASK_CONFIG
from blueprint_assets.geniesim.rollout import EpisodeRequest, run_episode
from blueprint_assets.geniesim.scene_graph import SCENE_FILE, graph_supports, graph_surfaces
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from blueprint_assets.tasks.scene import TaskScene, pose_of, task_scene
from blueprint_assets.tasks.success import LIFT_HEIGHT_MIN, Verdict, hold_frames, judge
from blueprint_assets.tasks.variation import varied_poses
from resources.planner.embedded import EmbeddedPlanner
from resources.simulator import CONTROL_HZ, Simulator
from resources.simulator.embedded import start_embedded
from resources.simulator.robot import HOME
from resources.simulator.simulation import VELOCITY_LIMITS
from resources.simulator.world import TIMESTEP, World, build_world

Array = NDArray[Any]

HERE = Path(__file__).resolve().parent
TASK_TYPE = "pick_lift"
SECONDS_MAX = 15.0
"""An attempt ends after this long; the expert takes 7 to 9 s."""
EXECUTED = 8
"""Of each chunk so many control steps are carried out before the policy looks again."""
FIRST_SEED = 1_000_000
"""Arrangements are drawn with seeds from here on, so that they are none of the recorded ones."""


class Actor(Protocol):
    """What controls the robot."""

    def begin(self, number: int) -> None:
        """Attempt `number` starts."""

    def act(self, simulator: Simulator, joints: Array, time: float) -> Array:
        """Targets for the next control steps, (steps, 8), from pictures, joints (8,) and the seconds since the start."""


class Replay:
    """The recorded actions of one episode after the other, (frames, 8) each, whatever the cameras see."""

    def __init__(self, episodes: list[Array]) -> None:
        self._episodes, self._left = episodes, episodes[0]

    @classmethod
    def of(cls, dataset: Path) -> Replay:
        """All episodes of TASK_TYPE of a LeRobot dataset."""
        import pyarrow.parquet as pq

        rows = pq.read_table(dataset / "meta/episodes", columns=["episode_index", "task_type"]).to_pylist()
        table = pq.read_table(dataset / "data", columns=["episode_index", "action"])
        owner, actions = table["episode_index"].to_numpy(), np.stack(table["action"].to_numpy())
        return cls([actions[owner == row["episode_index"]] for row in rows if row["task_type"] == TASK_TYPE])

    def begin(self, number: int) -> None:
        """Takes another episode; the stride is so large that few attempts see many scenes."""
        self._left = self._episodes[number * 37 % len(self._episodes)]

    def act(self, simulator: Simulator, joints: Array, time: float) -> Array:
        """The next actions; after the end the last one again."""
        now, rest = self._left[:EXECUTED], self._left[EXECUTED:]
        self._left = rest if len(rest) else now[-1:]
        return now


class Cloned:
    """A trained policy in a process of its own, spoken to over standard input and output as `policy.serve` says."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._to, self._from = process, process.stdin, process.stdout
        self._says = json.loads(self._from.readline() or self._read(1))
        self._told = False

    def begin(self, number: int) -> None:
        """It remembers nothing between two calls."""

    def act(self, simulator: Simulator, joints: Array, time: float) -> Array:
        """Asks the policy.

        Raises:
            RuntimeError: its process ended.
        """
        pictures = simulator.images(self._says["cameras"])
        views = [pictures[name] for name in self._says["cameras"]]
        if not self._told:
            self._to.write(json.dumps({"size": views[0].shape[:2]}).encode() + b"\n")
            self._told = True
        self._to.write(b"".join(view.tobytes() for view in views) + np.append(joints, time).astype("<f4").tobytes())
        self._to.flush()
        chunk = np.frombuffer(self._read(4 * self._says["chunk"] * self._says["joints"]), "<f4")
        return chunk.reshape(self._says["chunk"], -1)[:EXECUTED]

    def _read(self, size: int) -> bytes:
        answer = self._from.read(size)
        if len(answer) != size:
            raise RuntimeError(
                f"the policy's process ended with code {self._process.wait()}; its error is printed above"
            )
        return answer


@contextmanager
def cloned(command: list[str]) -> Iterator[Cloned]:
    """The policy that `command` serves; its process ends with the block."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Cloned(process)


@dataclass(frozen=True)
class Stage:
    """A scene that runs in a simulator, and its task of TASK_TYPE."""

    scene_file: Path
    task: SuggestedTask
    scene: TaskScene
    world: World
    simulator: Simulator
    recordings: Path


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A simulator running the committed scene in `folder`, as long as the block lasts."""
    config, graph = TaskConfig.read(folder / TASK_CONFIG), SceneGraph.read(folder / SCENE_GRAPH)
    task = next(task for task in config.suggested_tasks if task.task_type == TASK_TYPE)
    world = build_world(folder / SCENE_FILE, folder, config.robot_config)
    scene = task_scene(world, graph_surfaces(graph), graph_supports(graph))
    with tempfile.TemporaryDirectory(prefix="rollout-") as temporary:
        out = Path(temporary)
        with start_embedded(folder / SCENE_FILE, folder, config.robot_config, out, out / "server.log") as simulator:
            yield Stage(folder / SCENE_FILE, task, scene, world, simulator, out)


def attempt(stage: Stage, actor: Actor, number: int) -> Verdict:
    """One attempt in arrangement `number`: objects where `varied_poses` puts them. It ends when the time is over, or when
    the object has been up for the hold; the verdict is that of the recorded states.
    """
    simulator, target = stage.simulator, stage.task.target_object
    poses = varied_poses(stage.scene, np.random.default_rng(FIRST_SEED + number))
    state = simulator.reset({name: (pose[:3, 3], matrix_to_quaternion(pose[:3, :3])) for name, pose in poses.items()})
    start = pose_of(state, target)[2, 3]
    simulator.start_recording(f"episode_{number:06d}", stage.recordings)
    actor.begin(number)
    joints = commanded = state.joint_positions
    steps, up_since = 0, None
    while steps < SECONDS_MAX * CONTROL_HZ and (up_since is None or steps - up_since <= hold_frames()):
        for wanted in actor.act(simulator, joints.astype(np.float32), steps / CONTROL_HZ):
            commanded = allowed(wanted, commanded, stage.world.limits)
            joints = simulator.set_joint_position(commanded)
            steps += 1
        up = pose_of(simulator.state(), target)[2, 3] - start >= LIFT_HEIGHT_MIN
        up_since = (up_since if up_since is not None else steps) if up else None
    frames = Recording.read(simulator.stop_recording().path).frames
    return judge(stage.task, frames, stage.scene.solids[target])


def allowed(wanted: Array, commanded: Array, limits: Array) -> Array:
    """The target nearest to `wanted` that the robot accepts after `commanded`: within its joints' ranges (8, 2) and speeds."""
    step = np.append(0.99 * VELOCITY_LIMITS / CONTROL_HZ, np.inf)
    near = np.clip(np.asarray(wanted, dtype=float), commanded - step, commanded + step)
    return np.clip(near, limits[:, 0], limits[:, 1])


def expert(stage: Stage, number: int) -> Verdict:
    """What the planner makes of arrangement `number`."""
    planner = EmbeddedPlanner(stage.world)
    made_by = EpisodeProvenance(
        simulator=stage.simulator.name, planner=planner.name, physics_timestep=TIMESTEP, control_hz=CONTROL_HZ,
        scene_sha256=hashlib.sha256(stage.scene_file.read_bytes()).hexdigest(), robot="franka_panda",
    )  # fmt: skip
    request = EpisodeRequest(number, FIRST_SEED + number, "rollout", stage.task, made_by)
    episode = run_episode(request, stage.scene, stage.simulator, planner, stage.recordings)
    return Verdict(episode.success, episode.success_values, episode.failure_reason)


def evaluate(store: Path, scenes: list[str], arrangements: int, actor: Actor | None) -> list[dict[str, object]]:
    """One row per scene and arrangement; without an actor, the expert's."""
    rows: list[dict[str, object]] = []
    for scene_id in scenes:
        with staged(store / "scenes" / scene_id) as stage:
            for number in range(arrangements):
                verdict = attempt(stage, actor, number) if actor else expert(stage, number)
                reason = (verdict.reason or "").partition(":")[0] or None
                rows.append({"scene": scene_id, "arrangement": number, "success": verdict.success, "reason": reason})
    return rows


def main() -> int:
    """Evaluates and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="the root of the store that the scenes are in")
    parser.add_argument("scenes", nargs="+")
    parser.add_argument("--policy", required=True)
    parser.add_argument("--python", default=HERE.parents[1] / ".conformance/venv/bin/python", help="one that has torch")
    parser.add_argument("--arrangements", type=int, default=10)
    options = parser.parse_args()
    what = (options.store, options.scenes, options.arrangements)
    if options.policy == "expert":
        rows = evaluate(*what, None)
    elif options.policy == "still":
        rows = evaluate(*what, Replay([np.array([HOME])]))
    elif Path(options.policy).is_dir():
        rows = evaluate(*what, Replay.of(Path(options.policy)))
    else:
        with cloned([str(options.python), str(HERE / "policy.py"), options.policy]) as actor:
            rows = evaluate(*what, actor)
    succeeded = sum(bool(row["success"]) for row in rows)
    print(json.dumps({"policy": options.policy, "succeeded": succeeded, "attempts": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
