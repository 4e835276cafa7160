"""What the robot is asked to do in a scene: pick-and-lift and pick-and-place of every object it can reach and grasp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import ManifestObject, SceneManifest
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from blueprint_assets.contracts.task_config import GoalRegion, RobotConfig, SkippedObject, SuggestedTask, TaskConfig
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from blueprint_assets.tasks.grasps import Grasp, GraspError, grasp_candidates
from blueprint_assets.tasks.instructions import Instructions
from blueprint_assets.tasks.phases import Goal, plan_pick
from blueprint_assets.tasks.scene import Surface, TaskScene, task_scene
from blueprint_assets.tasks.solids import ObjectSolid
from blueprint_assets.tasks.standing import place_robot
from blueprint_assets.tasks.success import HOLD_SECONDS, LIFT_HEIGHT_MIN
from blueprint_assets.tasks.variation import SHIFT_MAX, footprint, varied_poses
from resources.observability import Progress, ProgressSink, silent
from resources.planner import PlanningError
from resources.simulator import ObjectState, SimulatorState

if TYPE_CHECKING:
    import mujoco

    from resources.planner.embedded import EmbeddedPlanner

Array = NDArray[np.float64]

PAYLOAD = 2.0
"""Heaviest object, kilograms: the Panda carries 3 kg at the flange (Franka data sheet), its hand weighs 0.73."""
GOAL_RADIUS = 0.04
"""Radius of the place's disc, metres: half a hand-sized object, and six times the largest
placing error measured (45 places in simulation: mean 1.6 mm, largest 5.9 mm)."""
GOAL_GRID = 0.05
GOAL_DISTANCE = (0.13, 0.40)
"""A place is at least this far from the object's start, so that putting it down at once cannot succeed, and at most."""
GOAL_GAP = 0.05
"""Room between an object at its place and the others, metres: the fingers beside it (2.4 cm) and the episodes' shifts."""
GOALS_TRIED = 10
FOOT_HEIGHT, FOOT_MIN = 0.0003, 0.0048
"""What counts as an object's foot, and how far inside it the centre of mass must be to be put down, metres. The largest
ball that the hand can hold (3.75 cm radius) has a foot of sqrt(2 r h) = 4.7 mm by this measure; a box 1 cm thick stands."""
PROBES, PROBES_PASSED = 5, 4
"""Arrangements, varied as episodes vary them, in which a task is planned before it is set, and in how many of them there
must be a plan: what works only where things stand in the picture would fail most episodes. Own choice."""
SEED = 0
"""Tasks belong to the scene, not to a run: their random choices always start here."""


class TasksError(ValueError):
    """No task can be set. The message lists every object with its reason."""


@dataclass(frozen=True)
class _Desk:
    """What task-making works with."""

    scene: TaskScene
    layout: SceneLayout
    manifest: Mapping[str, ManifestObject]
    planner: EmbeddedPlanner
    home: Array
    instructions: Instructions


def make_tasks(
    spec: mujoco.MjSpec,
    layout: SceneLayout,
    manifest: SceneManifest,
    physics: SimreadyPhysics,
    progress: ProgressSink = silent,
) -> TaskConfig:
    """Places the robot, and asks for every object that it can grasp, lift and put elsewhere.

    `spec` is the scene without a robot; it is changed. Objects that get no task are listed with the reason and, where
    there is one, the measured number and its limit. The same scene gives the same tasks.

    Raises:
        TasksError: not one object can be picked.
        StandingError: there is no place for the robot.
        SolidError: an object has no collision geometry.
        WorldError: the scene does not compile with a robot.
    """
    from resources.planner.embedded import EmbeddedPlanner
    from resources.simulator.world import assemble

    surfaces = scene_surfaces(layout)
    first = surfaces[0]
    aside = RobotConfig(
        base_position=(0.0, float(first.low[1]) - 1.0, first.height),
        workspace_bounds=((-1.0, -1.0, 0.0), (1.0, 1.0, 2.0)),
    )
    world = assemble(spec, aside)
    scene = task_scene(world, surfaces, {item.id: item.support for item in layout.objects})
    planner = EmbeddedPlanner(world)
    planner.observe(_standing(scene, world.home, scene.rest), SEED)
    known = {item.id: item for item in manifest.objects}
    skipped: dict[str, str] = {}
    grasps = _grasps(scene, known, {item.id: item.mass_kg for item in physics.objects}, skipped)
    camera = np.array(layout.camera.camera_to_world)
    home = world.home[:7]
    robot = place_robot(scene, _busiest(scene, list(grasps) or list(scene.rest)), camera[:3, 3], grasps, planner, home)
    desk = _Desk(scene, layout, known, planner, home, Instructions.of(manifest, layout))
    tasks: list[SuggestedTask] = []
    for number, (object_id, options) in enumerate(grasps.items()):
        progress(Progress(number, len(grasps), f"tasks for {object_id}"))
        planner.observe(_standing(scene, world.home, scene.rest), SEED)
        try:
            plan_pick(planner, options, home)
        except PlanningError as error:
            skipped[object_id] = str(error)
            continue
        hindrance = _hindrance(desk, object_id)
        if hindrance is not None:
            skipped[object_id] = hindrance
            continue
        tasks.append(_lift_task(desk, object_id, len(tasks) + 1))
        goal = None if rolls(scene.solids[object_id], scene.rest[object_id]) else _find_goal(desk, object_id, options)
        if goal is not None and _hindrance(desk, object_id, goal) is None:
            tasks.append(_place_task(desk, object_id, goal, len(tasks) + 1))
    if not tasks:
        listed = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise TasksError(f"scene {layout.scene_id}: the robot can pick none of {len(scene.solids)} objects ({listed})")
    return TaskConfig(
        scene_id=layout.scene_id,
        environment_type=manifest.scene.environment_type or "unknown",
        suggested_tasks=tuple(tasks),
        skipped_objects=tuple(SkippedObject(object_id=n, reason=skipped[n]) for n in scene.solids if n in skipped),
        robot_config=robot,
    )


def scene_surfaces(layout: SceneLayout) -> tuple[Surface, ...]:
    """The layout's support surfaces as rectangles in the world."""
    found = []
    for item in layout.support_surfaces:
        center, half = np.array(item.center), np.array(item.size) / 2
        found.append(Surface(item.id, center - half, center + half, item.height, item.part_of))
    return tuple(found)


def rolls(solid: ObjectSolid, pose: Array) -> bool:
    """Whether an object at `pose` (world-from-object) stands on so little that it would not stay where it is let go: its
    centre of mass is less than `FOOT_MIN` inside the outline of what is within `FOOT_HEIGHT` of its lowest point.
    """
    from shapely.geometry import MultiPoint, Point

    points = solid.vertices @ pose[:3, :3].T + pose[:3, 3]
    foot = MultiPoint(points[points[:, 2] < points[:, 2].min() + FOOT_HEIGHT][:, :2]).convex_hull
    middle = Point((pose[:3, :3] @ solid.center_of_mass + pose[:3, 3])[:2])
    return not middle.within(foot.buffer(-FOOT_MIN))


def resting_grasps(scene: TaskScene, object_id: str, pose: Array, rng: np.random.Generator) -> tuple[Grasp, ...]:
    """Grasps of an object standing at `pose` (world-from-object): what carries it begins at its lowest point.

    Raises:
        GraspError: it cannot be grasped.
    """
    solid = scene.solids[object_id]
    bottom = float((solid.vertices @ pose[2, :3]).min() + pose[2, 3])
    return grasp_candidates(solid, pose[:3, 3], matrix_to_quaternion(pose[:3, :3]), bottom, rng)


def _grasps(
    scene: TaskScene, known: Mapping[str, ManifestObject], mass: Mapping[str, float], skipped: dict[str, str]
) -> dict[str, tuple[Grasp, ...]]:
    """Grasps of every object worth trying; the reasons of the others go into `skipped`."""
    found = {}
    for name in scene.solids:
        carried = scene.carries[name]
        if name not in scene.movable:
            size = " x ".join(f"{extent:.2f}" for extent in scene.solids[name].extents(scene.rest[name][:3, :3]))
            skipped[name] = (
                f"not_movable: its role is {known[name].sim_role} ({size} m), the simulator keeps it in place"
            )
        elif carried:
            skipped[name] = f"carries_others: {', '.join(carried)} stands on it"
        elif mass.get(name, 0.0) > PAYLOAD:
            skipped[name] = f"too_heavy: {mass[name]:.2f} kg, the robot lifts {PAYLOAD:.1f} kg"
        else:
            try:
                found[name] = resting_grasps(scene, name, scene.rest[name], np.random.default_rng(SEED))
            except GraspError as error:
                skipped[name] = f"{error.reason}: {error}"
    return found


def _hindrance(desk: _Desk, object_id: str, goal: GoalRegion | None = None) -> str | None:
    """Why the task would fail too often among varied arrangements; None when it would not."""
    reasons = []
    for probe in range(PROBES):
        random = np.random.default_rng([SEED, probe])
        poses = desk.scene.rest | varied_poses(desk.scene, random)
        pose = poses[object_id]
        place = Goal(desk.scene.solids[object_id], pose, np.array(goal.center)) if goal else None
        desk.planner.observe(_standing(desk.scene, np.append(desk.home, 0.0), poses), SEED)
        try:
            plan_pick(desk.planner, resting_grasps(desk.scene, object_id, pose, random), desk.home, place)
        except (PlanningError, GraspError) as error:
            reasons.append(str(error))
            if len(reasons) > PROBES - PROBES_PASSED:
                return f"too_hindered: no plan in {len(reasons)} varied arrangements; the last: {error}"
    return None


def _find_goal(desk: _Desk, object_id: str, grasps: tuple[Grasp, ...]) -> GoalRegion | None:
    """A disc of free table where the robot can put the object down; None when there is none."""
    scene, pose = desk.scene, desk.scene.rest[object_id]
    surface = scene.surface_below(object_id)
    if surface is None:
        return None
    for center in _free_spots(desk, object_id, surface)[:GOALS_TRIED]:
        desk.planner.observe(_standing(scene, np.append(desk.home, 0.0), scene.rest), SEED)
        try:
            plan_pick(desk.planner, grasps, desk.home, Goal(scene.solids[object_id], pose, center))
        except PlanningError:
            continue
        x, y, z = (round(float(v), 4) for v in center)
        return GoalRegion(support=surface.id, center=(x, y, z), radius=GOAL_RADIUS)
    return None


def _free_spots(desk: _Desk, object_id: str, surface: Surface) -> list[Array]:
    """Grid points of the surface with room for the object whichever way it is turned; easiest for the arm first."""
    from shapely.geometry import Point

    scene, solid, pose = desk.scene, desk.scene.solids[object_id], desk.scene.rest[object_id]
    start = (pose[:3, :3] @ solid.center_of_mass + pose[:3, 3])[:2]
    radius = float(
        np.linalg.norm((solid.vertices @ pose[:2, :3].T) - (pose[:2, :3] @ solid.center_of_mass), axis=1).max()
    )
    others = [footprint(other, scene.rest[name]) for name, other in scene.solids.items() if name != object_id]
    base = desk.planner.arm.base[:2, 3]
    room = radius + GOAL_GAP
    spots: list[tuple[float, Array]] = []
    low, high = surface.low + room, surface.high - room
    for x in np.arange(low[0], high[0] + 1e-9, GOAL_GRID):
        for y in np.arange(low[1], high[1] + 1e-9, GOAL_GRID):
            spot = np.array([x, y])
            away = float(np.linalg.norm(spot - start))
            if not GOAL_DISTANCE[0] <= away <= GOAL_DISTANCE[1]:
                continue
            if any(outline.distance(Point(spot)) < room + SHIFT_MAX for outline in others):
                continue
            effort = abs(float(np.linalg.norm(spot - base)) - 0.5) + 0.5 * abs(away - 0.2)
            spots.append((effort, np.append(spot, surface.height)))
    return [spot for _, spot in sorted(spots, key=lambda item: (item[0], item[1][0], item[1][1]))]


def _lift_task(desk: _Desk, object_id: str, priority: int) -> SuggestedTask:
    return SuggestedTask(
        task_id=f"pick_lift_{object_id}",
        task_name=desk.instructions.lift(object_id),
        task_type="pick_lift",
        target_object=object_id,
        difficulty="easy",
        priority=priority,
        constraints={"lift_height_m": LIFT_HEIGHT_MIN, "hold_s": HOLD_SECONDS},
    )


def _place_task(desk: _Desk, object_id: str, goal: GoalRegion, priority: int) -> SuggestedTask:
    return SuggestedTask(
        task_id=f"pick_place_{object_id}",
        task_name=desk.instructions.place(object_id, goal.center),
        task_type="pick_place",
        target_object=object_id,
        goal_region=goal,
        difficulty="medium",
        priority=priority,
        constraints={"hold_s": HOLD_SECONDS},
    )


def _busiest(scene: TaskScene, names: list[str]) -> Surface:
    """The surface that carries most of the named objects."""
    below = [surface for name in names if (surface := scene.surface_below(name)) is not None]
    return max(scene.surfaces, key=lambda surface: sum(item is surface for item in below))


def _standing(scene: TaskScene, joints: Array, poses: Mapping[str, Array]) -> SimulatorState:
    """The state with every object at its pose (world-from-object) and nothing moving, as the planner wants it told."""
    still = np.zeros(3)
    objects = tuple(
        ObjectState(name, pose[:3, 3], matrix_to_quaternion(pose[:3, :3]), still, still)
        for name, pose in poses.items()
        if name in scene.movable
    )
    return SimulatorState(joints, np.zeros(8), still, np.array([1.0, 0.0, 0.0, 0.0]), 0.08, objects, 0.0, 0)
