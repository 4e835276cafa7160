"""What differs from episode to episode: objects are moved and turned a little, and stay on what carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix, yaw_quaternion
from blueprint_assets.tasks.scene import Surface, TaskScene
from blueprint_assets.tasks.solids import ObjectSolid

if TYPE_CHECKING:
    from shapely.geometry import Polygon

Array = NDArray[np.float64]

SHIFT_MAX = 0.025
"""Furthest that a group of objects is moved, metres."""
TURN_MAX = float(np.radians(20.0))
"""Furthest that it is turned about the vertical, radians."""
GAP_MIN = 0.012
"""Footprints that were further apart than this stay so, metres; the others come no closer than they were."""
EDGE_MIN = 0.02
"""The same, for the distance to the surface's edge."""
TRIES = 30


def footprint(solid: ObjectSolid, pose: Array) -> Polygon:
    """The object seen from above, as a convex polygon in the world."""
    from shapely.geometry import MultiPoint

    points = solid.vertices @ pose[:2, :3].T + pose[:2, 3]
    return MultiPoint(points).convex_hull


def varied_poses(scene: TaskScene, rng: np.random.Generator) -> dict[str, Array]:
    """World-from-object for every movable object, drawn from `rng`: each group that overlaps seen from above moves as one.

    Groups hold what stands on, leans over or reaches above each other, so nothing is moved off its support. A group for
    which `TRIES` draws find no free place stays where it is, and so does one that holds a fixed object.
    """
    poses = dict(scene.rest)
    for group in _groups(scene):
        if not set(group) <= set(scene.movable):
            continue
        for _ in range(TRIES):
            angle, reach = rng.uniform(0, 2 * np.pi), SHIFT_MAX * np.sqrt(rng.random())
            turn = float(rng.uniform(-TURN_MAX, TURN_MAX))
            moved = _moved(scene, group, reach * np.array([np.cos(angle), np.sin(angle)]), turn)
            if _fits(scene, poses | moved, group):
                poses |= moved
                break
    return {name: poses[name] for name in scene.movable}


def _groups(scene: TaskScene) -> list[tuple[str, ...]]:
    """Objects joined by overlapping footprints, in the scene's order."""
    outlines = {name: footprint(solid, scene.rest[name]) for name, solid in scene.solids.items()}
    groups: list[set[str]] = []
    for name, outline in outlines.items():
        joined = [g for g in groups if any(outlines[other].intersects(outline) for other in g)]
        groups = [g for g in groups if g not in joined] + [set().union({name}, *joined)]
    return sorted(tuple(n for n in scene.solids if n in group) for group in groups)


def _moved(scene: TaskScene, group: tuple[str, ...], shift: Array, turn: float) -> dict[str, Array]:
    """The group's poses after a turn about its middle and a shift (x, y)."""
    middle = np.mean([scene.rest[name][:2, 3] for name in group], axis=0)
    rotation = quaternion_to_matrix(yaw_quaternion(turn))
    motion = from_rotation(rotation, np.append(middle + shift - rotation[:2, :2] @ middle, 0.0))
    return {name: motion @ scene.rest[name] for name in group}


def _fits(scene: TaskScene, poses: dict[str, Array], group: tuple[str, ...]) -> bool:
    """Whether the group keeps its distance to everything else and to the edge of its surface."""
    for name in group:
        solid = scene.solids[name]
        now, before = footprint(solid, poses[name]), footprint(solid, scene.rest[name])
        surface = scene.surface_below(name)
        if surface is not None and _edge_distance(surface, now) < min(EDGE_MIN, _edge_distance(surface, before)):
            return False
        for other, other_solid in scene.solids.items():
            if other in group:
                continue
            usual = before.distance(footprint(other_solid, scene.rest[other]))
            if now.distance(footprint(other_solid, poses[other])) < min(GAP_MIN, usual):
                return False
    return True


def _edge_distance(surface: Surface, outline: Polygon) -> float:
    """From the outline to the surface's nearest edge, metres; negative when it reaches beyond."""
    x0, y0, x1, y1 = outline.bounds
    return float(min(x0 - surface.low[0], y0 - surface.low[1], surface.high[0] - x1, surface.high[1] - y1))
