"""The scene as tasks see it: which things there are, what shape they have, what stands on what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix
from blueprint_assets.tasks.solids import ObjectSolid, SolidError, object_solid
from resources.simulator import ObjectState, SimulatorState

if TYPE_CHECKING:
    import mujoco

    from resources.simulator.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A horizontal rectangle, axis-aligned in the world: `low` and `high` corners (x, y) and its height, metres."""

    id: str
    low: Array
    high: Array
    height: float
    part_of: str | None = None
    """The object whose top or board it is."""


@dataclass(frozen=True)
class TaskScene:
    """`rest` is where every object stands before an episode changes it: world-from-object, shape (4, 4). `movable` names
    those that the physics moves; the others are part of the furniture.
    """

    solids: dict[str, ObjectSolid]
    rest: dict[str, Array]
    movable: tuple[str, ...]
    surfaces: tuple[Surface, ...]
    supports: dict[str, str]

    @cached_property
    def carries(self) -> dict[str, tuple[str, ...]]:
        """What stands directly on each object."""
        return {below: tuple(name for name in self.solids if self.supports.get(name) == below) for below in self.solids}

    def surface_below(self, object_id: str) -> Surface | None:
        """The surface that carries the object, or what it stands on; None when nothing says so."""
        for _ in self.supports:
            support = self.supports.get(object_id)
            if support is None:
                return None
            low = float(
                (self.solids[object_id].vertices @ self.rest[object_id][2, :3] + self.rest[object_id][2, 3]).min()
            )
            own = [surface for surface in self.surfaces if support in (surface.id, surface.part_of)]
            if own:
                return min(own, key=lambda surface: abs(surface.height - low))
            object_id = support
        return None


def task_scene(world: World, surfaces: tuple[Surface, ...], supports: dict[str, str]) -> TaskScene:
    """Reads the objects' shapes and poses from a compiled world; `supports`: object id -> surface or object id.

    Raises:
        SolidError: an object is not in the world, or has no collision geometry.
    """
    model = world.model
    rest = {}
    for name in supports:
        if name in world.object_ids:
            position, quaternion = world.object_pose(model.qpos0, name)
        else:
            position, quaternion = _fixed_pose(model, name)
        rest[name] = from_rotation(quaternion_to_matrix(quaternion), position)
    solids = {name: object_solid(model, name) for name in supports}
    return TaskScene(solids, rest, tuple(name for name in supports if name in world.object_ids), surfaces, supports)


def _fixed_pose(model: mujoco.MjModel, object_id: str) -> tuple[Array, Array]:
    """Position and quaternion in the world of a body that stands still.

    Raises:
        SolidError: there is no such body.
    """
    import mujoco

    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, object_id)
    if body < 0:
        raise SolidError(f"the simulated scene has no body named {object_id!r}")
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return data.xpos[body].copy(), data.xquat[body].copy()


def pose_of(state: SimulatorState, object_id: str) -> Array:
    """World-from-object in a measured state, shape (4, 4).

    Raises:
        KeyError: the state does not tell where the object is.
    """
    item = object_state(state, object_id)
    return from_rotation(quaternion_to_matrix(item.quaternion), item.position)


def object_state(state: SimulatorState, object_id: str) -> ObjectState:
    """The object's entry in a measured state.

    Raises:
        KeyError: the state does not tell where the object is.
    """
    for item in state.objects:
        if item.object_id == object_id:
            return item
    raise KeyError(f"the simulator's state has no object {object_id!r}")
