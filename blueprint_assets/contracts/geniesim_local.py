"""`geniesim_local/{run_id}/`: what a simulator run leaves behind.

    recordings/episode_000000.json         the episode (this file's `Episode`)
    recordings/episode_000000.states.npz   full simulator state per frame, for rendering and replay (arrays only)
    metadata/dataset_info.json             `LocalDatasetInfo`
    metadata/episodes.jsonl                one `EpisodeIndexEntry` a line

Actions are what was commanded, observations are what the simulator measured; frame i holds the observation at
`timestamp` and the action sent at that moment (obs_t, action_t -> obs_{t+1}).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, Quaternion, SceneId, Sha256, Vector3


class Contact(Document):
    """Summed over one control step. `impulse` in N·s along the normal, `position` in the world."""

    body_a: str
    body_b: str
    impulse: float
    position: Vector3
    normal: Vector3 | None = None


class Collision(Document):
    """Deepest unintended penetration between two bodies in one control step, metres."""

    body_a: str
    body_b: str
    depth: float
    position: Vector3


class FramePhysics(Document):
    contacts: tuple[Contact, ...] = ()
    collisions: tuple[Collision, ...] = ()


class ObjectPose(Document):
    """World frame, `position` in metres."""

    object_id: str
    position: Vector3
    rotation_quaternion: Quaternion


class Observation(Document):
    """`joint_positions`: seven arm joints, radians, then one finger's travel, metres (0 closed, 0.04 open)."""

    joint_positions: tuple[float, ...]
    joint_velocities: tuple[float, ...]
    robot_state: tuple[float, ...] = Field(
        description="end effector: x y z, quaternion w x y z, gripper width in metres"
    )
    rgb_image: str | None = None
    physics: FramePhysics = FramePhysics()
    objects: tuple[ObjectPose, ...] = ()


class Frame(Document):
    step: int = Field(ge=0)
    observation: Observation
    action: tuple[float, ...] = Field(
        description="commanded: seven arm joints, radians, then one finger's travel, metres"
    )
    timestamp: float = Field(ge=0, description="seconds of simulated time since the first frame")
    phase: str = ""


class EpisodeProvenance(Document):
    """What really ran; `physics_timestep` in seconds."""

    simulator: str = Field(description="mujoco 4.0.0 (embedded), genie-sim@…")
    planner: str
    scene_sha256: Sha256 = Field(description="of usd/scene.usda")
    physics_timestep: float
    control_hz: float
    robot: str


class Episode(Document):
    schema_version: Literal["2.2"] = "2.2"
    episode_id: str = Field(pattern=r"^episode_[0-9]{6}$")
    episode_uuid: str = Field(
        description="uuid5 of scene, task, seed and state hash: the same episode has the same name everywhere"
    )
    scene_id: SceneId
    task_id: str
    task_name: str
    task_type: str
    target_object: str
    seed: int = Field(ge=0)
    frames: tuple[Frame, ...]
    frame_count: int = Field(ge=0)
    quality_score: float = Field(ge=0, le=1, description="mean of quality_components; 0 unless the task succeeded")
    quality_components: dict[str, float] = {}
    validation_passed: bool = Field(description="the success predicate held on simulated state after the hold")
    success: bool
    success_values: dict[str, float] = Field(default={}, description="what the predicate measured, beside its limits")
    failure_reason: str | None = Field(description="null only when the episode succeeded")
    state_hash: str = Field(description="sha256 over the recorded states; the same seed gives the same hash")
    states: str | None = Field(description="the .npz beside this file; null when nothing was simulated")
    provenance: EpisodeProvenance


class EpisodeIndexEntry(Document):
    episode_id: str
    episode_index: int = Field(ge=0)
    num_frames: int = Field(ge=0)
    duration_seconds: float = Field(ge=0)
    quality_score: float = Field(ge=0, le=1)
    quality_components: dict[str, float] = {}
    validation_passed: bool
    file: str
    failure_reason: str | None = None


class LocalDatasetInfo(Document):
    dataset_type: Literal["geniesim_local"] = "geniesim_local"
    format_version: Literal["1.0"] = "1.0"
    schema_version: Literal["1.0.0"] = "1.0.0"
    scene_id: SceneId
    run_id: str
    pipeline_commit: str
    export_schema_version: str = "3.0"
    episodes: tuple[EpisodeIndexEntry, ...]
    total_episodes: int = Field(ge=0)
    skipped_episodes: int = Field(ge=0, description="attempts that failed; they are kept, with their reason")
    total_frames: int = Field(ge=0)
    average_quality_score: float = Field(ge=0, le=1)
    source: str
    converted_at: str
