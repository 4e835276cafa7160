"""A job: attempts at the scene's tasks, one after the other, until there are as many successful episodes as asked for."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from blueprint_assets.code_commit import code_commit
from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.export_manifest import ExportManifest
from blueprint_assets.contracts.geniesim_local import (
    Episode,
    EpisodeIndexEntry,
    EpisodeProvenance,
    LocalDatasetInfo,
)
from blueprint_assets.contracts.job import GenerationParams, Idempotency, Job, LocalExecution
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import SuggestedTask, TaskConfig
from blueprint_assets.geniesim.export import EXPORT_MANIFEST, SCENE_GRAPH, TASK_CONFIG
from blueprint_assets.geniesim.rollout import EpisodeRequest, run_episode
from blueprint_assets.geniesim.scene_graph import SCENE_FILE, graph_supports, graph_surfaces
from blueprint_assets.tasks.scene import TaskScene, task_scene
from io_managers.keep import discard, keep, take, workshop
from resources.observability import Progress, ProgressSink, silent
from resources.planner import Planner
from resources.simulator import CONTROL_HZ, Simulator

FAILURES_IN_A_ROW = 10
"""So many failures after each other end a job: at the 80 % success asked for, that is chance one time in ten million."""
OUTER_CAUSES = ("recording_lost", "simulator_refused")
"""Failures whose cause may lie outside of the scene (a server without memory, say): an interrupted job tries them again."""


class JobError(RuntimeError):
    """A job that brought no episode. The message counts the failures by reason."""


@dataclass(frozen=True)
class _Order:
    """What a job is to do; everything that its result depends on."""

    inputs: Path
    config: TaskConfig
    params: GenerationParams
    idempotency: Idempotency
    provenance: EpisodeProvenance

    @property
    def run_id(self) -> str:
        return f"run_{self.idempotency.key[:12]}"

    @property
    def job_id(self) -> str:
        return f"job_{self.idempotency.key[:12]}"


def run_job(
    inputs: Path,
    out: Path,
    simulator: Simulator,
    planner: Planner,
    episodes: int,
    seed: int,
    progress: ProgressSink = silent,
    max_attempts: int | None = None,
    kept: Path | None = None,
) -> Job:
    """Records episodes; writes `geniesim/job.json` and `geniesim_local/{run_id}/` below `out`.

    Attempt i depends on the scene, the seed and i alone: the same job gives the same states and the same names, whether
    it was interrupted or not.

    Args:
        inputs: a folder laid out like the scene, with scene.usda, its assets and the `geniesim/` export.
        out: the folder to write to.
        simulator: running the scene with the robot where the task list says.
        planner: for the same scene and robot.
        episodes: successful episodes asked for.
        seed: everything random comes from it.
        progress: told after every attempt.
        max_attempts: default 2 * episodes + 4.
        kept: a folder that outlives an interrupted job: finished attempts are put there, and taken up again when they
            are found there. None: one inside `out` that does not. The simulator must be allowed to record into it.

    Raises:
        JobError: not one attempt succeeded.
        SimulatorError: the simulator is gone.
        ContractError: an input document is missing or invalid.
    """
    order = _order(inputs, simulator, planner, episodes, seed, max_attempts or 2 * episodes + 4)
    scene = _scene(inputs, order.config)
    with ExitStack() as stack:
        if kept is None:
            out.mkdir(parents=True, exist_ok=True)
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=out, prefix=".attempts-")))
        attempts = _Attempts(kept, scene, simulator, planner)
        return _run(order, attempts, out, progress)


@dataclass
class _Attempts:
    """Attempts as an interrupted job left them, or made now."""

    kept: Path
    scene: TaskScene
    simulator: Simulator
    planner: Planner
    taken_over: int = 0

    def make(self, request: EpisodeRequest, into: Path) -> Episode:
        """One attempt; its recording and states are put into the folder `into`."""
        item = self.kept / "attempts" / request.episode_id
        episode = _left_behind(item, request)
        if episode is not None:
            self.taken_over += 1
        else:
            if item.exists():
                discard(self.kept, item)
            with workshop(self.kept) as place:
                episode = run_episode(request, self.scene, self.simulator, self.planner, place / "attempt")
                keep(place / "attempt", item)
        take(item, into)
        return episode


def _left_behind(item: Path, request: EpisodeRequest) -> Episode | None:
    """The attempt in the folder `item`, if it is this one, whole, and would come out the same again."""
    from resources.simulator.recording import STATE_ARRAYS, load_states
    from resources.simulator.world import state_hash

    try:
        episode = Episode.read(item / f"{request.episode_id}.json")
        if episode.states is not None:
            arrays = load_states(item / Path(episode.states).name)
            if state_hash([arrays[name] for name in STATE_ARRAYS]) != episode.state_hash:
                return None
    except (ContractError, OSError, ValueError, EOFError, BadZipFile):  # of an older version, or damaged: made again
        return None
    asked = (request.episode_id, request.scene_id, request.seed, request.task.task_id, request.provenance)
    if (episode.episode_id, episode.scene_id, episode.seed, episode.task_id, episode.provenance) != asked:
        return None
    if (episode.failure_reason or "").partition(":")[0] in OUTER_CAUSES:
        return None
    return episode


def _run(order: _Order, attempts: _Attempts, out: Path, progress: ProgressSink) -> Job:
    """Makes attempts until there are enough, and writes what is known about them."""
    episodes, folder = order.params.episodes, out / "geniesim_local" / order.run_id
    entries: list[EpisodeIndexEntry] = []
    failures: Counter[str] = Counter()
    in_a_row, message = 0, ""

    def tried() -> str:
        over = f", {attempts.taken_over} taken over from an interrupted run" if attempts.taken_over else ""
        return f"{len(entries)} attempted, {sum(failures.values())} failed{over}"

    for index, request in enumerate(_requests(order)):
        done = len(entries) - sum(failures.values())
        progress(Progress(done, episodes, f"{request.task.task_name} ({tried()})"))
        episode = attempts.make(request, folder / "recordings")
        entries.append(_entry(episode, index))
        if episode.failure_reason is None:
            in_a_row = 0
        else:
            failures[episode.failure_reason.partition(":")[0]] += 1
            in_a_row += 1
        if len(entries) - sum(failures.values()) == episodes:
            break
        if in_a_row == FAILURES_IN_A_ROW:
            message = f"stopped: {FAILURES_IN_A_ROW} attempts in a row failed, the last with {episode.failure_reason}; "
            break
    succeeded = len(entries) - sum(failures.values())
    progress(Progress(succeeded, episodes, tried()))
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(failures.items()))
    if succeeded == 0:
        raise JobError(
            f"scene {order.config.scene_id}: {message}none of {len(entries)} attempts succeeded ({counted}); "
            "look at the scene's preview and the task list, or try another seed"
        )
    if succeeded < episodes:
        message += f"{succeeded} of {episodes} episodes after {len(entries)} attempts ({counted})"
    _write_metadata(order, folder / "metadata", entries)
    job = Job(
        job_id=order.job_id,
        scene_id=order.config.scene_id,
        run_id=order.run_id,
        status="completed",
        submitted_at=order.idempotency.first_submitted_at,
        idempotency=order.idempotency,
        generation_params=order.params,
        local_execution=LocalExecution(
            success=succeeded >= episodes,
            episodes_attempted=len(entries),
            episodes_succeeded=succeeded,
            task_success_rate=round(succeeded / len(entries), 6),
            failures=dict(sorted(failures.items())),
        ),
        backend=attempts.simulator.name,
        message=message,
    )
    job.write(out / "geniesim/job.json")
    return job


def _order(inputs: Path, simulator: Simulator, planner: Planner, episodes: int, seed: int, max_attempts: int) -> _Order:
    from resources.simulator.world import TIMESTEP

    config = TaskConfig.read(inputs / TASK_CONFIG)
    received = ExportManifest.read(inputs / EXPORT_MANIFEST).export_info.timestamp
    params = GenerationParams(
        robot_type=config.robot_config.type, episodes=episodes, max_attempts=max_attempts, seed=seed
    )
    hashes = {name: _sha256(inputs / path) for name, path in
              (("scene", SCENE_FILE), ("tasks", TASK_CONFIG), ("export", EXPORT_MANIFEST))}  # fmt: skip
    told = {**hashes, "params": params.model_dump(), "simulator": simulator.name, "planner": planner.name}
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    provenance = EpisodeProvenance(
        simulator=simulator.name,
        planner=planner.name,
        scene_sha256=hashes["scene"],
        physics_timestep=TIMESTEP,
        control_hz=CONTROL_HZ,
        robot=config.robot_config.type,
    )
    idempotency = Idempotency(
        key=key, task_config_hash=hashes["tasks"], export_manifest_hash=hashes["export"], first_submitted_at=received
    )
    return _Order(inputs, config, params, idempotency, provenance)


def _scene(inputs: Path, config: TaskConfig) -> TaskScene:
    from resources.simulator.world import build_world

    graph = SceneGraph.read(inputs / SCENE_GRAPH)
    world = build_world(inputs / SCENE_FILE, inputs, config.robot_config)
    return task_scene(world, graph_surfaces(graph), graph_supports(graph))


def _requests(order: _Order) -> list[EpisodeRequest]:
    """Every attempt of the job. Tasks take turns in an order that the seed shuffles, so that each gets its share."""
    tasks: tuple[SuggestedTask, ...] = order.config.suggested_tasks
    seed = order.params.seed
    turns = np.random.default_rng(seed).permutation(len(tasks))
    return [
        EpisodeRequest(
            index=index,
            seed=int(np.random.SeedSequence([seed, index]).generate_state(1)[0]),
            scene_id=order.config.scene_id,
            task=tasks[int(turns[index % len(tasks)])],
            provenance=order.provenance,
        )
        for index in range(order.params.max_attempts)
    ]


def _entry(episode: Episode, index: int) -> EpisodeIndexEntry:
    return EpisodeIndexEntry(
        episode_id=episode.episode_id,
        episode_index=index,
        num_frames=episode.frame_count,
        duration_seconds=round(episode.frame_count / CONTROL_HZ, 6),
        quality_score=episode.quality_score,
        quality_components=episode.quality_components,
        validation_passed=episode.validation_passed,
        file=f"recordings/{episode.episode_id}.json",
        failure_reason=episode.failure_reason,
    )


def _write_metadata(order: _Order, metadata: Path, entries: list[EpisodeIndexEntry]) -> None:
    passed = [entry for entry in entries if entry.validation_passed]
    LocalDatasetInfo(
        scene_id=order.config.scene_id,
        run_id=order.run_id,
        pipeline_commit=code_commit(),
        episodes=tuple(entries),
        total_episodes=len(entries),
        skipped_episodes=len(entries) - len(passed),
        total_frames=sum(entry.num_frames for entry in entries),
        average_quality_score=round(sum(e.quality_score for e in passed) / len(passed), 6) if passed else 0.0,
        source=order.provenance.simulator,
        converted_at=order.idempotency.first_submitted_at,
    ).write(metadata / "dataset_info.json")
    lines = [json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) for entry in entries]
    (metadata / "episodes.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
