"""Where the robot stands: the place beside or on the table from which it can pick the most objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix, yaw_quaternion
from blueprint_assets.tasks.grasps import Grasp
from blueprint_assets.tasks.phases import plan_pick
from blueprint_assets.tasks.scene import Surface, TaskScene
from blueprint_assets.tasks.variation import footprint
from resources.planner import PlanningError

if TYPE_CHECKING:
    from resources.planner.embedded import EmbeddedPlanner

Array = NDArray[np.float64]

ROBOT_REACH = 0.855
"""The Panda's reach, metres (Franka data sheet)."""
COMFORTABLE_REACH = 0.52
"""Distance from base to object that leaves most room for turning the hand, metres: the middle of the ring (0.3 to 0.75 m)
in which a downward hand at table height has solutions on all sides."""
DIRECTIONS = 24
DISTANCES = tuple(np.arange(0.36, 0.74, 0.04).round(2))
FOOT_BEHIND, FOOT_AHEAD, FOOT_HALF_WIDTH = 0.175, 0.095, 0.12
"""The mount's rectangle about the flange, metres, with 1 cm to spare (world.py: MOUNT_HALF_SIZE, MOUNT_OFFSET)."""
TABLE_GAP = 0.01
"""A pedestal beside the table keeps this far from it; a foot on the table keeps as far from its edge, metres."""
OBJECT_GAP = 0.08
"""A foot on the table keeps this far from the objects, metres: room for the first link's turning."""
TRIED = 8
"""How many of the most promising places are tried with full planning."""
GRASPS_TRIED = 6
"""Grasps per object that the trial looks at: the order of candidates is good enough that the rest rarely help."""


class StandingError(ValueError):
    """There is no place for the robot. The message says what the table's size and the objects' places leave."""


@dataclass(frozen=True)
class _Place:
    base: Array
    yaw: float
    promise: tuple[float, float]


def place_robot(
    scene: TaskScene,
    surface: Surface,
    camera: Array,
    grasps: Mapping[str, Sequence[Grasp]],
    planner: EmbeddedPlanner,
    home: Array,
) -> RobotConfig:
    """The base pose with the most objects that can be approached, grasped and lifted without a collision.

    The flange is at the table's height, on the table or on a pedestal beside it. Among equals the one that looks towards
    the photograph's camera, or stands beside the line of sight, is taken, so that the arm hides less.

    Args:
        scene: the objects.
        surface: the table that the robot works on.
        camera: where the photograph was taken from, shape (3,).
        grasps: object id -> grasps at its rest pose; objects that cannot be grasped are left out.
        planner: has observed the scene at rest; its robot is moved about and ends at the place found.
        home: the arm's joints before a task, shape (7,).

    Raises:
        StandingError: there is no free place near the objects.
    """
    wanted = {name: scene.rest[name][:2, 3] for name in grasps} or {n: pose[:2, 3] for n, pose in scene.rest.items()}
    places = sorted(_places(scene, surface, camera, wanted), key=lambda place: place.promise, reverse=True)[:TRIED]
    if not places:
        raise StandingError(
            f"no place for the robot within {DISTANCES[-1]:.2f} m of the objects: the table {surface.id} leaves no room "
            "beside it, and no spot on it is clear of objects"
        )
    best, most = places[0], -1
    for place in places:
        planner.stand(_base_pose(place))
        reached = sum(_can_pick(planner, options, home) for options in grasps.values())
        if reached > most:
            best, most = place, reached
        if most == len(grasps):
            break
    planner.stand(_base_pose(best))
    x, y, z = (round(float(v), 4) for v in best.base)
    return RobotConfig(
        base_position=(x, y, z),
        base_yaw=round(best.yaw, 6),
        workspace_bounds=(
            (x - ROBOT_REACH, y - ROBOT_REACH, z),
            (x + ROBOT_REACH, y + ROBOT_REACH, z + ROBOT_REACH),
        ),
    )


def _places(scene: TaskScene, surface: Surface, camera: Array, wanted: Mapping[str, Array]) -> list[_Place]:
    """Free places around the objects' middle, with how promising they are: objects within easy distance, then view."""
    points = np.array(list(wanted.values()))
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    to_camera = np.asarray(camera[:2]) - middle
    to_camera = to_camera / max(1e-9, float(np.linalg.norm(to_camera)))
    found = []
    for step in range(DIRECTIONS):
        out = np.array([np.cos(2 * np.pi * step / DIRECTIONS), np.sin(2 * np.pi * step / DIRECTIONS)])
        yaw = float(np.arctan2(-out[1], -out[0]))
        for distance in DISTANCES:
            base = np.append(middle + distance * out, surface.height).round(4)
            if not _is_free(scene, surface, base[:2], yaw):
                continue
            reach = np.linalg.norm(points - base[:2], axis=1)
            near = float(((reach > 0.30) & (reach < 0.72)).sum())
            # Standing opposite the camera or beside counts alike; between camera and objects the arm would hide them.
            blocking = max(0.0, float(out @ to_camera))
            found.append(_Place(base, yaw, (near, -blocking - 2.0 * float(np.abs(reach - COMFORTABLE_REACH).mean()))))
    return found


def _is_free(scene: TaskScene, surface: Surface, base: Array, yaw: float) -> bool:
    """The mount is wholly beside the table, or wholly on it and away from the objects."""
    from shapely.geometry import Polygon, box

    turn = quaternion_to_matrix(yaw_quaternion(yaw))[:2, :2]
    corners = [(-FOOT_BEHIND, -1), (FOOT_AHEAD, -1), (FOOT_AHEAD, 1), (-FOOT_BEHIND, 1)]
    foot = Polygon([tuple(base + turn @ [x, side * FOOT_HALF_WIDTH]) for x, side in corners])
    table = box(*surface.low, *surface.high)
    if foot.distance(table) < TABLE_GAP and not foot.within(table.buffer(-TABLE_GAP)):
        return False
    others = [name for name in scene.solids if name != surface.part_of]
    return all(foot.distance(footprint(scene.solids[name], scene.rest[name])) >= OBJECT_GAP for name in others)


def _can_pick(planner: EmbeddedPlanner, grasps: Sequence[Grasp], home: Array) -> bool:
    try:
        plan_pick(planner, grasps[:GRASPS_TRIED], home)
    except PlanningError:
        return False
    return True


def _base_pose(place: _Place) -> Array:
    return from_rotation(quaternion_to_matrix(yaw_quaternion(place.yaw)), place.base)
