"""`geniesim/task_config.json`: what the robot is asked to do, and where it stands."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Document, ObjectId, SceneId, Vector3


class GoalRegion(Document):
    """A disc on a support surface: the object's resting centre must end inside it."""

    support: str
    center: Vector3
    radius: float = Field(gt=0)


class SuggestedTask(Document):
    task_id: str = Field(pattern=r"^[a-z0-9_]{1,96}$")
    task_name: str = Field(description="the instruction in plain English; it becomes the dataset's task text")
    task_type: Literal["pick_lift", "pick_place"]
    target_object: ObjectId
    task_complexity: Literal["atomic", "composite"] = "atomic"
    curriculum_split: Literal["pretrain", "target"] = "pretrain"
    required_camera_ids: tuple[str, ...] = ("left", "right", "wrist")
    goal_region: GoalRegion | None = None
    difficulty: Literal["easy", "medium", "hard"]
    priority: int = Field(ge=1)
    requires_object_motion: bool = True
    description_hint: str = ""
    constraints: dict[str, float] = Field(
        default={}, description="lift_height_m, hold_s, …: the success predicate's numbers"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.task_type == "pick_place" and self.goal_region is None:
            raise ValueError(f"task {self.task_id}: pick_place needs a goal_region")
        missing = {"left", "right", "wrist"} - set(self.required_camera_ids)
        if missing:
            raise ValueError(f"task {self.task_id}: required_camera_ids lacks {sorted(missing)}")
        return self


class SkippedObject(Document):
    """An object that no task was made for, and why."""

    object_id: ObjectId
    reason: str


class RobotConfig(Document):
    """`base_position` is the mounting flange's centre in the world; `base_yaw` turns it about +z, radians."""

    type: Literal["franka_panda"] = "franka_panda"
    base_position: Vector3
    base_yaw: float = 0.0
    workspace_bounds: tuple[Vector3, Vector3]


class TaskConfig(Document):
    scene_id: SceneId
    environment_type: str
    suggested_tasks: tuple[SuggestedTask, ...]
    skipped_objects: tuple[SkippedObject, ...] = ()
    robot_config: RobotConfig
