"""What only the simulated world can say about a recorded episode: was the task done, did anything go through anything, and
do the frames tell what the recorded states hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Episode
from blueprint_assets.contracts.import_manifest import ImportManifest
from blueprint_assets.contracts.job import Job
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.export import SCENE_GRAPH, TASK_CONFIG
from blueprint_assets.geniesim.scene_graph import SCENE_FILE, graph_supports, graph_surfaces
from blueprint_assets.tasks.scene import TaskScene, task_scene
from blueprint_assets.tasks.success import judge
from io_managers.digest import hash_file

if TYPE_CHECKING:
    from resources.simulator.world import World

Array = NDArray[np.float64]

VALUE_TOLERANCE = 2e-9
"""A stored figure of the success predicate is rounded to 9 digits; this is that and the rounding of another machine."""


class ReviewError(ValueError):
    """The recordings of a scene cannot be reviewed: the documents beside them are of another run. The message says which."""


@dataclass(frozen=True)
class Taken:
    """An accepted episode's recording."""

    path: Path
    episode: Episode

    @property
    def states(self) -> Path:
        """The recorded states, beside it."""
        return self.path.parent / str(self.episode.states)


@dataclass(frozen=True)
class Deepest:
    """The deepest overlap of two things: `depth` in metres (0: none), and in which frame between which bodies."""

    depth: float
    frame: int = 0
    between: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        if not self.depth:
            return "nothing overlaps"
        return f"{1000 * self.depth:.2f} mm between {' and '.join(self.between)} in frame {self.frame}"


@dataclass(frozen=True)
class RecordedJob:
    """The accepted recordings of a scene, in the world that they were recorded in."""

    scene: Path
    config: TaskConfig
    world: World
    tasks: TaskScene
    taken: tuple[Taken, ...]

    @classmethod
    def of(cls, scene: Path) -> RecordedJob:
        """Reads a folder laid out like the scene, with the artifacts of scene, export, job and imported episodes.

        Raises:
            ReviewError: the export or the scene file is not what the job was made from, or there is not one import.
            ContractError: a document, or an accepted recording, breaks its contract.
        """
        from resources.simulator.world import build_world

        job = Job.read(scene / "geniesim/job.json")
        if hash_file(scene / TASK_CONFIG) != job.idempotency.task_config_hash:
            raise ReviewError(
                f"{scene / TASK_CONFIG} is not the task list that job {job.job_id} was made from; run the job again"
            )
        manifests = sorted(scene.glob("episodes/*/import_manifest.json"))
        if len(manifests) != 1:
            raise ReviewError(
                f"episodes/*/import_manifest.json: {len(manifests)} files, expected one; import the episodes again"
            )
        manifest = ImportManifest.read(manifests[0])
        if manifest.run_id != job.run_id:
            raise ReviewError(
                f"{manifests[0]} is of run {manifest.run_id}, job.json of {job.run_id}; import the episodes again"
            )
        folder = scene / "geniesim_local" / job.run_id / "recordings"
        paths = [folder / f"{item.episode_id}.json" for item in manifest.imported if item.accepted]
        taken = tuple(Taken(path, Episode.read(path)) for path in paths)
        recorded_in, found = {item.episode.provenance.scene_sha256 for item in taken}, hash_file(scene / SCENE_FILE)
        if recorded_in - {found}:
            raise ReviewError(
                f"{scene / SCENE_FILE} has sha256 {found[:12]}…, but episodes were recorded in "
                f"{', '.join(sorted(sha256[:12] + '…' for sha256 in recorded_in - {found}))}; run the job again"
            )
        config, graph = TaskConfig.read(scene / TASK_CONFIG), SceneGraph.read(scene / SCENE_GRAPH)
        world = build_world(scene / SCENE_FILE, scene, config.robot_config)
        return cls(scene, config, world, task_scene(world, graph_surfaces(graph), graph_supports(graph)), taken)

    def success_reason(self, episode: Episode) -> str | None:
        """Judges the recorded frames again; why the stored verdict cannot stand, or None."""
        task = next((task for task in self.config.suggested_tasks if task.task_id == episode.task_id), None)
        if task is None:
            return f"its task {episode.task_id} is not in the task list"
        if episode.target_object not in self.tasks.solids:
            return f"its target {episode.target_object} is not in the scene"
        try:
            verdict = judge(task, episode.frames, self.tasks.solids[episode.target_object])
        except ValueError as error:
            return str(error)
        if not verdict.success:
            return f"judged again, it failed: {verdict.reason}"
        stored = episode.success_values
        if stored.keys() != verdict.values.keys():
            odd = ", ".join(sorted(stored.keys() ^ verdict.values.keys()))
            return f"the predicate measures other things than were stored: {odd}"
        for name, value in verdict.values.items():
            if not abs(stored[name] - value) <= VALUE_TOLERANCE * max(1.0, abs(value)):
                return f"{name} is {value:.9g}, the recording says {stored[name]:.9g}"
        return None

    def frames_reason(self, taken: Taken) -> str | None:
        """What the frames tell of joints and objects, compared with the recorded states; the first difference, or None.

        Both were written from the same numbers, so they are equal to the last bit.
        """
        from resources.simulator.recording import STATE_ARRAYS, load_states
        from resources.simulator.world import state_hash

        arrays, episode = load_states(taken.states), taken.episode
        found = state_hash([arrays[name] for name in STATE_ARRAYS])
        if found != episode.state_hash:
            return f"state hash of {taken.states.name} is {found[:12]}…, the recording says {episode.state_hash[:12]}…"
        if not len(arrays["qpos"]) == len(arrays["action"]) == len(episode.frames):
            return f"{len(arrays['qpos'])} states and {len(arrays['action'])} actions for {len(episode.frames)} frames"
        for index, frame in enumerate(episode.frames):
            qpos = arrays["qpos"][index]
            told: dict[str, tuple[Sequence[float], Sequence[float]]] = {
                "action": (frame.action, arrays["action"][index].tolist()),
                "joint_positions": (frame.observation.joint_positions, self.world.joints(qpos).tolist()),
            }
            for pose in frame.observation.objects:
                if pose.object_id not in self.world.object_qpos:
                    return f"frame {index} tells of {pose.object_id}, which is not in the scene"
                position, quaternion = self.world.object_pose(qpos, pose.object_id)
                told[f"position of {pose.object_id}"] = (pose.position, position.tolist())
                told[f"rotation of {pose.object_id}"] = (pose.rotation_quaternion, quaternion.tolist())
            for name, (said, state) in told.items():
                if list(said) != list(state):
                    return f"frame {index}: {name} is {list(said)}, the recorded state says {list(state)}"
        return None

    def deepest(self, taken: Taken) -> Deepest:
        """The deepest overlap of any two things in the recorded states, measured again by collision detection; overlaps of
        the robot with anything but what its fingers hold also as logged at every physics step in between.
        """
        import mujoco

        from resources.simulator.recording import load_states

        logged = [
            Deepest(hit.depth, index, (hit.body_a, hit.body_b))
            for index, frame in enumerate(taken.episode.frames)
            for hit in frame.observation.physics.collisions
        ]
        worst = max(logged, key=lambda hit: hit.depth, default=Deepest(0.0))
        model = self.world.model
        data = mujoco.MjData(model)
        for index, qpos in enumerate(load_states(taken.states)["qpos"]):
            data.qpos[:] = qpos
            mujoco.mj_fwdPosition(model, data)
            if not data.ncon:
                continue
            nearest = int(np.argmin(data.contact.dist))
            depth = -float(data.contact.dist[nearest])
            if depth > worst.depth:
                first, second = (self._name(int(geom)) for geom in data.contact.geom[nearest])
                worst = Deepest(depth, index, (first, second))
        return worst

    def _name(self, geom: int) -> str:
        model = self.world.model
        body = int(model.geom_bodyid[geom])
        return str(model.body(body).name if body > 0 else model.geom(geom).name)
