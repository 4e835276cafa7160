"""Where an episode comes from, as plain values: the columns that travel with it through every dataset."""

from __future__ import annotations

import re
from collections.abc import Sequence

from blueprint_assets.contracts.encoded_episode import Scalar
from blueprint_assets.contracts.geniesim_local import Episode, Frame, LocalDatasetInfo


def episode_provenance(episode: Episode, info: LocalDatasetInfo) -> dict[str, Scalar]:
    """The columns of one episode; `info` is of the run that recorded it.

    `attempt`: its number among the run's attempts, failed ones included. `success/<name>`: what the success predicate
    measured, and its limits. `max_penetration_m`: see `recorded_penetration`. What a task does not measure, or a simulator
    does not tell, is left out, which is null in the table.
    """
    ran = episode.provenance
    simulator, simulator_version = name_and_version(ran.simulator)
    columns: dict[str, Scalar] = {
        "episode_uuid": episode.episode_uuid,
        "episode_id": episode.episode_id,
        "attempt": int(episode.episode_id.removeprefix("episode_")),
        "quality_score": float(episode.quality_score),
        "seed": episode.seed,
        "scene_id": episode.scene_id,
        "task_id": episode.task_id,
        "task_type": episode.task_type,
        "target_object": episode.target_object,
        "robot": ran.robot,
        "simulator": simulator,
        "planner": ran.planner,
        "physics_timestep": float(ran.physics_timestep),
        "control_hz": float(ran.control_hz),
        "max_penetration_m": float(recorded_penetration(episode.frames)),
        "scene_sha256": ran.scene_sha256,
        "state_hash": episode.state_hash,
        "code_commit": info.pipeline_commit,
        "run_id": info.run_id,
    }
    if simulator_version:
        columns["simulator_version"] = simulator_version
    return columns | {f"success/{name}": float(value) for name, value in episode.success_values.items()}


def recorded_penetration(frames: Sequence[Frame]) -> float:
    """Deepest unintended overlap that the simulator logged, over every physics step of the episode, metres; 0 without one.

    Unintended is whatever the robot runs into, except what its fingers do to objects (`resources.simulator.contacts`).
    """
    return max((hit.depth for frame in frames for hit in frame.observation.physics.collisions), default=0.0)


def name_and_version(simulator: str) -> tuple[str, str]:
    """`mujoco 4.0.0 (embedded)` -> `mujoco (embedded)`, `4.0.0`; `genie-sim@<commit>` -> `genie-sim`, `<commit>`. The version
    is empty where none is told.
    """
    if "@" in simulator:
        name, _, version = simulator.partition("@")
        return name.strip(), version.strip()
    # Not the address in `geniesim at 10.0.0.1:50051`, which is how a server is called that tells no name.
    match = re.search(r"(?<!\bat)\s+v?(\d+(?:\.\w+)+(?:[-+][\w.]+)?)(?!\S)", simulator)
    return (simulator[: match.start()] + simulator[match.end() :], match[1]) if match else (simulator, "")
