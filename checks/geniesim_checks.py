"""Gates behind the export and the simulator's run."""

from __future__ import annotations

from pathlib import Path

from blueprint_assets.contracts.geniesim_local import Episode
from blueprint_assets.contracts.job import Job
from blueprint_assets.contracts.scene_graph import SceneGraph
from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.assets import geniesim_export, geniesim_job
from checks import thresholds
from checks.verdict import Verdict, failed, gate, passed


@gate(geniesim_export)
def there_is_a_task(scene: Path) -> Verdict:
    """The robot can reach and grasp at least one object, and every task is about an object of the scene."""
    config = TaskConfig.read(scene / "geniesim/task_config.json")
    graph = SceneGraph.read(scene / "geniesim/scene_graph.json")
    known = {node.asset_id for node in graph.nodes}
    strangers = sorted({task.target_object for task in config.suggested_tasks} - known)
    measured = {"tasks": len(config.suggested_tasks), "objects": len({t.target_object for t in config.suggested_tasks})}
    limits = {"tasks": thresholds.MIN_TASKS}
    if strangers:
        return failed(f"tasks about objects that are not in the scene graph: {', '.join(strangers)}", measured, limits)
    if len(config.suggested_tasks) < thresholds.MIN_TASKS:
        reasons = "; ".join(f"{item.object_id}: {item.reason}" for item in config.skipped_objects)
        return failed(f"nothing that the robot can do here: {reasons}", measured, limits)
    return passed(f"{len(config.suggested_tasks)} tasks", measured, limits)


@gate(geniesim_job)
def episodes_succeeded(scene: Path) -> Verdict:
    """At least one attempt succeeded, and job.json counts as many attempts and successes as there are recordings of."""
    job = Job.read(scene / "geniesim/job.json")
    done = job.local_execution
    recordings = scene / f"geniesim_local/{job.run_id}/recordings"
    outcomes = [Episode.read(path).success for path in sorted(recordings.glob("episode_*.json"))]
    successes = sum(outcomes)
    measured = {"attempted": len(outcomes), "succeeded": successes}
    limits = {"succeeded": thresholds.MIN_EPISODES}
    if (len(outcomes), successes) != (done.episodes_attempted, done.episodes_succeeded):
        return failed(
            f"job.json counts {done.episodes_succeeded} successes in {done.episodes_attempted} attempts, the recordings "
            f"{successes} in {len(outcomes)}",
            measured,
            limits,
        )
    if successes < thresholds.MIN_EPISODES:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in done.failures.items())
        return failed(f"no attempt of {done.episodes_attempted} succeeded ({reasons})", measured, limits)
    return passed(f"{successes} of {done.episodes_attempted} attempts succeeded", measured, limits)


@gate(geniesim_job, blocking=False)
def success_rate(scene: Path) -> Verdict:
    """Successes over attempts."""
    done = Job.read(scene / "geniesim/job.json").local_execution
    rate, limit = done.task_success_rate, thresholds.MIN_TASK_SUCCESS_RATE
    said = f"{rate:.0%} of {done.episodes_attempted} attempts succeeded (limit {limit:.0%})"
    make = passed if rate >= limit else failed
    return make(said, {"success_rate": rate}, {"success_rate": limit})


ALL = [there_is_a_task, episodes_succeeded, success_rate]
