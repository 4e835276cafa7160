"""`recordings/episode_000000.json` as a simulator leaves it: what was commanded and measured, not yet judged.

The `.npz` that `states` names stands beside it and holds float64 arrays, one row per frame, taken when the frame's
observation was: `qpos`, `qvel`, `time` (seconds since the first frame), `action` (commanded joint vector), `ctrl` (what
the actuators had been given last); and `final_qpos`, `final_qvel`: the state that the last action led to.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .base import Document, Sha256
from .geniesim_local import Frame

EPISODE_ID_PATTERN = r"^episode_[0-9]{6}$"


class Recording(Document):
    schema_version: Literal["1.0"] = "1.0"
    episode_id: str = Field(pattern=EPISODE_ID_PATTERN)
    simulator: str = Field(description="what simulated, with its version")
    physics_timestep: float = Field(gt=0, description="seconds")
    fps: float = Field(gt=0, description="control steps, and so frames, per second")
    joint_names: tuple[str, ...] = Field(description="what actions and joint positions hold, in this order")
    camera_ids: tuple[str, ...] = Field(
        default=(), description="cameras asked for; pictures are rendered from the states"
    )
    frames: tuple[Frame, ...]
    frame_count: int = Field(ge=0)
    duration_seconds: float = Field(ge=0)
    states: str = Field(description="file name of the .npz beside this file")
    state_hash: Sha256 = Field(description="over the state arrays; bit-identical episodes have the same hash")

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.frame_count != len(self.frames):
            raise ValueError(f"frame_count is {self.frame_count}, but there are {len(self.frames)} frames")
        return self
