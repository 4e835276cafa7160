"""Episodes in which something is wrong, over the wire, against the real physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from blueprint_assets.contracts.geniesim_local import Episode, EpisodeProvenance
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import RobotConfig, TaskConfig
from blueprint_assets.geniesim.rollout import CLOSING_LEAD, FINGER_STIFFNESS, EpisodeRequest, run_episode
from blueprint_assets.geniesim.scene_graph import graph_supports, graph_surfaces
from blueprint_assets.tasks.grasps import GRIP_FORCES
from blueprint_assets.tasks.scene import task_scene
from resources.planner.embedded import EmbeddedPlanner
from resources.simulator.embedded import start_embedded
from resources.simulator.robot import GRIP_FORCE
from resources.simulator.world import assemble, build_world


class Mistaken:
    """The real simulator, which tells the robot that everything is 8 cm from where it is."""

    def __init__(self, simulator) -> None:
        self._simulator = simulator
        self.name = simulator.name

    def __getattr__(self, name: str):
        return getattr(self._simulator, name)

    def _wrong(self, state):
        return replace(
            state, objects=tuple(replace(o, position=np.add(o.position, [0.0, 0.08, 0.0])) for o in state.objects)
        )

    def reset(self, poses=None):
        return self._wrong(self._simulator.reset(poses))

    def state(self):
        return self._wrong(self._simulator.state())


class Jumpy(Mistaken):
    """The real simulator, sent a target that no joint can reach at its 60th step."""

    def __init__(self, simulator) -> None:
        super().__init__(simulator)
        self.steps = 0

    def _wrong(self, state):
        return state

    def set_joint_position(self, positions, duration=0.05):
        self.steps += 1
        return self._simulator.set_joint_position(np.asarray(positions) + (9.0 if self.steps == 60 else 0.0), duration)


@pytest.fixture(scope="module")
def attempt(exported: Path, tmp_path_factory: pytest.TempPathFactory):
    """`attempt(wrap, index)`: one try to lift the can with a simulator that `wrap` has been put around."""
    out = tmp_path_factory.mktemp("out")
    config = TaskConfig.read(exported / "geniesim/task_config.json")
    graph = SceneGraph.read(exported / "geniesim/scene_graph.json")
    usd = exported / "usd/scene.usda"
    world = build_world(usd, exported, config.robot_config)
    scene = task_scene(world, graph_surfaces(graph), graph_supports(graph))
    task = next(task for task in config.suggested_tasks if task.task_id == "pick_lift_can")
    with start_embedded(usd, exported, config.robot_config, out, out / "simulator.log") as simulator:
        provenance = EpisodeProvenance(
            simulator=simulator.name, planner="test", scene_sha256="0" * 64, physics_timestep=0.002, control_hz=20.0,
            robot="franka_panda",
        )  # fmt: skip

        def run(wrap, index: int) -> Episode:
            request = EpisodeRequest(index, index, config.scene_id, task, provenance)
            return run_episode(request, scene, wrap(simulator), EmbeddedPlanner(world), out / "recordings")

        yield run


def test_a_grasp_beside_the_object_fails_and_is_kept(attempt) -> None:
    episode = attempt(Mistaken, 0)
    assert not episode.success
    assert episode.failure_reason.startswith("grasp_missed: the fingers closed to ")
    assert episode.quality_score == 0.0
    assert episode.frames[-1].phase == "close_gripper"
    assert episode.states == "episode_000000.states.npz"


def test_a_refused_command_fails_the_episode_and_not_the_job(attempt) -> None:
    episode = attempt(Jumpy, 1)
    assert not episode.success
    assert episode.failure_reason.startswith("simulator_refused: ")
    assert "outside its limits" in episode.failure_reason
    assert 0 < episode.frame_count < 65
    assert attempt(lambda simulator: simulator, 2).success, "the same simulator goes on"


def test_grip_forces_are_what_the_simulated_gripper_can_give() -> None:
    alone = RobotConfig(base_position=(0, 0, 0), workspace_bounds=((-1, -1, 0), (1, 1, 1)))
    world = assemble(mujoco.MjSpec(), alone)
    finger = world.actuators[7]
    assert world.model.actuator_gainprm[finger, 0] == pytest.approx(FINGER_STIFFNESS)
    assert world.model.actuator_forcerange[finger, 1] == pytest.approx(2 * GRIP_FORCE)
    assert GRIP_FORCES[1] <= GRIP_FORCE
    assert 2 * GRIP_FORCES[1] / FINGER_STIFFNESS < 0.005, "the target is inside the object by millimetres"
    assert CLOSING_LEAD * FINGER_STIFFNESS <= 2 * GRIP_FORCE
