"""Who touched whom during a control step, how hard, and what of it was not meant to happen."""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Collision, Contact, FramePhysics

from .world import World

Array = NDArray[np.float64]


@dataclass
class _Touch:
    """Sums over the physics steps of one control step."""

    impulse: float = 0.0
    position: Array = field(default_factory=lambda: np.zeros(3))
    normal: Array = field(default_factory=lambda: np.zeros(3))
    depth: float = 0.0
    deepest: Array = field(default_factory=lambda: np.zeros(3))


class ContactLog:
    """Collects contacts physics step by physics step; `take` returns the sums and starts anew."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._geom_body = np.array(world.model.geom_bodyid)
        self._touches: dict[tuple[int, int], _Touch] = {}

    def add(self, data: mujoco.MjData) -> None:
        """Takes in the contacts of the physics step that `data` has just made."""
        contact = data.contact
        active = np.flatnonzero(contact.efc_address >= 0)
        if not len(active):
            return
        # With elliptic cones the first constraint row of a contact is its normal force, newtons.
        impulses = data.efc_force[contact.efc_address[active]] * self._world.model.opt.timestep
        geoms, distances = contact.geom[active], contact.dist[active]
        positions, normals = contact.pos[active], contact.frame[active, :3]
        for (first, second), impulse, distance, position, normal in zip(
            geoms.tolist(), impulses.tolist(), distances.tolist(), positions, normals, strict=True
        ):
            pair, sign = self._pair(first, second)
            touch = self._touches.setdefault(pair, _Touch())
            touch.impulse += impulse
            touch.position += impulse * position
            touch.normal += impulse * sign * normal
            if -distance > touch.depth:
                touch.depth, touch.deepest = -distance, position.copy()

    def take(self) -> FramePhysics:
        """The contacts with a force, by pair of bodies, and the penetrations that nobody meant.

        Meant is what fingers do to objects and what objects do to anything but the rest of the robot.
        """
        contacts, collisions = [], []
        for (first, second), touch in sorted(self._touches.items()):
            names = {"body_a": self._name(first), "body_b": self._name(second)}
            if touch.impulse > 0:
                length = float(np.linalg.norm(touch.normal))
                contacts.append(
                    Contact(
                        **names,
                        impulse=touch.impulse,
                        position=_vector(touch.position / touch.impulse),
                        normal=_vector(touch.normal / length) if length > 0 else None,
                    )
                )
            if touch.depth > 0 and self._unintended(first, second):
                collisions.append(Collision(**names, depth=touch.depth, position=_vector(touch.deepest)))
        self._touches = {}
        return FramePhysics(contacts=tuple(contacts), collisions=tuple(collisions))

    def _pair(self, first: int, second: int) -> tuple[tuple[int, int], float]:
        """Key of two geoms' owners, lower first, and the sign that makes the normal point from a to b. A body is its
        number; a shape of the world itself (the mount) is its geom's number, negative."""
        a, b = (body if (body := int(self._geom_body[geom])) else -geom - 1 for geom in (first, second))
        return ((a, b), 1.0) if a <= b else ((b, a), -1.0)

    def _name(self, owner: int) -> str:
        model = self._world.model
        return str(model.body(owner).name if owner > 0 else model.geom(-owner - 1).name)

    def _unintended(self, first: int, second: int) -> bool:
        world = self._world
        objects = set(world.object_bodies.values())
        for one, other in ((first, second), (second, first)):
            if one in world.robot_bodies and not (one in world.finger_bodies and other in objects):
                return True
        return False


def grasped(world: World, data: mujoco.MjData) -> str | None:
    """The object that both fingers touch now, or None."""
    objects = {body: name for name, body in world.object_bodies.items()}
    touched: dict[int, set[int]] = {}
    for geoms, address in zip(data.contact.geom.tolist(), data.contact.efc_address.tolist(), strict=True):
        bodies = [int(world.model.geom_bodyid[geom]) for geom in geoms]
        for one, other in (bodies, bodies[::-1]):
            if address >= 0 and one in world.finger_bodies and other in objects:
                touched.setdefault(other, set()).add(one)
    held = [objects[body] for body, fingers in sorted(touched.items()) if len(fingers) == 2]
    return held[0] if held else None


def _vector(values: Array) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))
