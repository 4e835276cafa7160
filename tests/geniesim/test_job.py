"""Jobs over the wire, against the real physics."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from blueprint_assets.contracts.geniesim_local import Episode, EpisodeIndexEntry, LocalDatasetInfo
from blueprint_assets.contracts.job import Job
from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.job import FAILURES_IN_A_ROW, JobError, run_job
from resources.observability import Progress
from resources.planner.embedded import EmbeddedPlanner
from resources.simulator import JOINT_NAMES, SimulatorError
from resources.simulator.embedded import start_embedded
from resources.simulator.world import build_world

EPISODES, SEED = 3, 4


def record(scene: Path, out: Path, episodes: int = EPISODES, seed: int = SEED, **options) -> Job:
    robot = TaskConfig.read(scene / "geniesim/task_config.json").robot_config
    usd = scene / "usd/scene.usda"
    with start_embedded(usd, scene, robot, out, out / "simulator.log") as simulator:
        return run_job(
            scene, out, simulator, EmbeddedPlanner(build_world(usd, scene, robot)), episodes, seed, **options
        )


@pytest.fixture(scope="module")
def done(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Job, list[Progress]]:
    out, told = tmp_path_factory.mktemp("job"), []
    return out, record(exported, out, progress=told.append), told


def episodes_of(out: Path, job: Job) -> list[Episode]:
    return [Episode.read(p) for p in sorted((out / "geniesim_local" / job.run_id / "recordings").glob("*.json"))]


def test_the_job_counts_what_happened(done) -> None:
    out, job, told = done
    made = episodes_of(out, job)
    assert Job.read(out / "geniesim/job.json") == job
    assert job.local_execution.episodes_succeeded == sum(episode.success for episode in made) == EPISODES
    assert job.local_execution.episodes_attempted == len(made)
    assert job.backend.startswith("mujoco ")
    assert (told[0].done, told[-1].done, told[-1].total) == (0, EPISODES, EPISODES)
    info = LocalDatasetInfo.read(out / "geniesim_local" / job.run_id / "metadata/dataset_info.json")
    lines = (out / "geniesim_local" / job.run_id / "metadata/episodes.jsonl").read_text(encoding="utf-8").splitlines()
    assert [EpisodeIndexEntry.parse(json.loads(line), "line") for line in lines] == list(info.episodes)
    assert info.total_frames == sum(episode.frame_count for episode in made)


def test_tasks_take_turns(exported, done) -> None:
    out, job, _ = done
    tasks = TaskConfig.read(exported / "geniesim/task_config.json").suggested_tasks
    asked = [episode.task_id for episode in episodes_of(out, job)]
    assert len(set(asked)) == min(len(asked), len(tasks))


def test_an_episode_is_what_was_commanded_and_measured(done) -> None:
    out, job, _ = done
    for episode in episodes_of(out, job):
        folder = out / "geniesim_local" / job.run_id / "recordings"
        states = np.load(folder / episode.states, allow_pickle=False)
        action = np.array([frame.action for frame in episode.frames])
        measured = np.array([frame.observation.joint_positions for frame in episode.frames])
        assert action.shape == measured.shape == (episode.frame_count, len(JOINT_NAMES))
        assert np.array_equal(action, states["action"])
        assert not np.array_equal(action, measured)
        assert [frame.step for frame in episode.frames] == list(range(episode.frame_count))
        assert np.diff([frame.timestamp for frame in episode.frames]) == pytest.approx(0.05)
        phases = list(dict.fromkeys(frame.phase for frame in episode.frames))
        common = ["home", "approach", "pre_grasp", "grasp", "close_gripper", "lift"]
        lift, place = [*common, "hold"], [*common, "transport", "place", "release", "retract", "hold"]
        assert phases == (lift if episode.task_type == "pick_lift" else place)
        assert episode.failure_reason is None
        assert 0 < episode.quality_score <= 1
        gripped = [
            frame for frame in episode.frames if frame.phase == "lift" and any(
                {"panda_leftfinger", episode.target_object} == {c.body_a, c.body_b} for c in frame.observation.physics.contacts
            )
        ]  # fmt: skip
        assert gripped, "an object is lifted by contact, or not at all"


def test_the_target_never_jumps(done) -> None:
    out, job, _ = done
    for episode in episodes_of(out, job):
        poses = [pose for frame in episode.frames for pose in frame.observation.objects]
        path = np.array([pose.position for pose in poses if pose.object_id == episode.target_object])
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.12, "the published limit for a teleport"
        assert path[:, 2].max() - path[0, 2] > 0.10


def test_a_fresh_process_makes_the_same_episodes(exported, done, tmp_path) -> None:
    out, job, _ = done
    code = (
        "import sys; sys.path[:0] = sys.argv[3:]; from pathlib import Path\n"
        "from tests_geniesim_job import record\n"
        "print(record(Path(sys.argv[1]), Path(sys.argv[2])).run_id)"
    )
    shutil.copy(__file__, tmp_path / "tests_geniesim_job.py")
    other = tmp_path / "out"
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", code, str(exported), str(other), str(tmp_path), root], check=True, timeout=200
    )
    again = Job.read(other / "geniesim/job.json")
    assert again == job
    first, second = (
        {p.name: p.read_bytes() for p in sorted((folder / "geniesim_local" / job.run_id).rglob("*")) if p.is_file()}
        for folder in (out, other)
    )
    assert [e.state_hash for e in episodes_of(out, job)] == [e.state_hash for e in episodes_of(other, again)]
    assert first == second, "every file, byte by byte"


def test_another_seed_makes_other_episodes(exported, done, tmp_path) -> None:
    out, job, _ = done
    other = record(exported, tmp_path, episodes=1, seed=SEED + 1)
    assert other.run_id != job.run_id
    assert not {e.state_hash for e in episodes_of(tmp_path, other)} & {e.state_hash for e in episodes_of(out, job)}


def test_a_job_that_cannot_succeed_stops_early_and_says_why(exported, tmp_path) -> None:
    scene = tmp_path / "scene"
    shutil.copytree(exported, scene)
    config = TaskConfig.read(scene / "geniesim/task_config.json")
    place = next(task for task in config.suggested_tasks if task.goal_region)
    far = place.goal_region.model_copy(update={"center": (4.0, 4.0, place.goal_region.center[2])})
    alone = place.model_copy(update={"goal_region": far})
    config.model_copy(update={"suggested_tasks": (alone,)}).write(scene / "geniesim/task_config.json")
    with pytest.raises(JobError, match=f"none of {FAILURES_IN_A_ROW} attempts succeeded") as caught:
        record(scene, tmp_path / "out", episodes=20)
    assert f"planning_ik_unreachable {FAILURES_IN_A_ROW}" in str(caught.value)
    assert "attempts in a row failed" in str(caught.value)
    kept = sorted((tmp_path / "out/geniesim_local").rglob("episode_*.json"))
    assert len(kept) == FAILURES_IN_A_ROW, "failures are kept"
    failed = Episode.read(kept[0])
    assert (failed.success, failed.states, failed.frame_count, failed.quality_score) == (False, None, 0, 0.0)
    assert "the arm reaches" in failed.failure_reason
    assert not (tmp_path / "out/geniesim/job.json").exists()


def test_a_killed_simulator_ends_the_job_with_one_clear_error(exported, tmp_path) -> None:
    killed = []

    def kill(progress: Progress) -> None:
        if progress.done == 1 and not killed:
            killed.append(_kill_server())

    began = time.monotonic()
    with pytest.raises(SimulatorError, match="the simulator ended \\(killed by SIGKILL"):
        record(exported, tmp_path, progress=kill)
    assert killed
    assert time.monotonic() - began < 60
    assert not (tmp_path / "geniesim/job.json").exists()


def _kill_server() -> int:
    """Kills the simulator that this process started."""
    import psutil

    servers = [p for p in psutil.Process(os.getpid()).children() if "resources.simulator.server" in p.cmdline()]
    assert len(servers) == 1
    servers[0].send_signal(signal.SIGKILL)
    return servers[0].pid
