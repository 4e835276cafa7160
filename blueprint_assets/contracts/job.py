"""`geniesim/job.json`: one run of the simulator over a task list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Document, SceneId, Sha256


class Idempotency(Document):
    """The same key is the same job: scene, tasks, export and generation parameters."""

    key: Sha256
    task_config_hash: Sha256
    export_manifest_hash: Sha256
    first_submitted_at: str


class GenerationParams(Document):
    robot_type: str
    episodes: int = Field(ge=1, description="successful episodes asked for")
    max_attempts: int = Field(ge=1)
    seed: int = Field(ge=0)


class LocalExecution(Document):
    """What happened; every figure is counted, none assumed."""

    success: bool
    episodes_attempted: int
    episodes_succeeded: int
    task_success_rate: float = Field(ge=0, le=1)
    failures: dict[str, int] = Field(description="reason -> how often")


class Job(Document):
    job_id: str = Field(pattern=r"^[a-z0-9_-]{1,64}$")
    scene_id: SceneId
    run_id: str
    status: Literal["completed", "failed"]
    submitted_at: str
    idempotency: Idempotency
    generation_params: GenerationParams
    local_execution: LocalExecution
    backend: str = Field(description="what simulated: mujoco <version> (embedded), genie-sim@…")
    message: str = ""
