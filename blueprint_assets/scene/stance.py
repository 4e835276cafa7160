"""How an object stands: what it touches its support with, and a centre of mass that the photograph allows.

A reconstruction knows an object's outside, roughly, and nothing of what is in it, so its underside and the centre of mass of an
even filling are assumptions. That the object stood still when it was photographed is an observation: where they disagree, the
assumptions give way, by as little as will do, and the change is noted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.geometry.transforms import quaternion_to_matrix
from blueprint_assets.scene.footprints import centroid, convex_footprint, least_width, nearest_inside
from blueprint_assets.scene.hulls import Box, Hull, bounded_hull

Array = NDArray[np.float64]
Parts = tuple[Box | Hull, ...]

CONTACT_M = 5e-4
"""Corners this close to the lowest one touch the support as well: a few times the contact's give (0.1 mm)."""
STABLE_SHARE = 0.8
"""The centre of mass is kept within the contact polygon drawn in by a fifth, so that a touch does not tip the object over."""
BASE_WIDTH_SHARE = 0.1
"""A base at least a tenth as wide as the object is high stands up to a tilt of about 6 degrees."""
FLATTENED_SHARES = (0.0, 0.01, 0.02, 0.04, 0.08)
"""Shares of the height over which an underside may be flattened, the least first; more would be another object."""


@dataclass(frozen=True)
class Stance:
    """`parts` and `center_of_mass` (3,) in the object's frame; `notes` say what was changed."""

    parts: Parts
    center_of_mass: Array
    notes: tuple[str, ...]


def stand(parts: Parts, center_of_mass: Array, rotation_quaternion: ArrayLike) -> Stance:
    """Collision parts and a centre of mass with which an object stands as it was seen, turned by `rotation_quaternion`.

    A pointed or round underside is flattened: corners of the hulls near the lowest one are let down to its height. The centre
    of mass is moved sideways to the nearest place over the base. An object that stands already is left as it is.
    """
    turn = quaternion_to_matrix(rotation_quaternion)
    corners = _corners(parts, turn)
    height = float(np.ptp(corners[:, 2]))
    notes: list[str] = []
    contact: Array | None = None
    planted = parts
    for share in FLATTENED_SHARES:
        planted = _flattened(parts, turn, share * height) if share else parts
        contact = _contact(_corners(planted, turn))
        if contact is not None and least_width(contact) >= BASE_WIDTH_SHARE * height:
            if share:
                notes.append(f"underside flattened over {share * height * 1000:.1f} mm: it stood in the photograph")
            break
    else:
        # Nothing would do: the object keeps its shape, and the settling will tell.
        planted, contact = parts, _contact(corners)
        notes.append("its base is narrow for its height: it may fall over")
    if contact is None:
        return Stance(planted, center_of_mass, tuple(notes))
    middle = centroid(contact)
    safe = middle + STABLE_SHARE * (contact - middle)
    world = turn @ center_of_mass
    move = nearest_inside(safe, world[:2]) - world[:2]
    distance = float(np.hypot(*move))
    if distance > 1e-9:
        notes.append(f"centre of mass moved {distance * 1000:.1f} mm sideways: it stood in the photograph")
        world[:2] += move
    return Stance(planted, turn.T @ world, tuple(notes))


def _contact(corners: Array) -> Array | None:
    """The polygon (n, 2) that touches the support; None where that is a line or a point."""
    try:
        return convex_footprint(corners[corners[:, 2] < corners[:, 2].min() + CONTACT_M])
    except ValueError:
        return None


def _flattened(parts: Parts, turn: Array, reach: float) -> Parts:
    """The parts with every hull corner less than `reach` metres above the lowest one let down to it."""
    low = float(_corners(parts, turn)[:, 2].min())
    found: list[Box | Hull] = []
    for part in parts:
        if isinstance(part, Box):
            found.append(part)
            continue
        world = part.vertices @ turn.T
        near = world[:, 2] < low + reach
        if near.any():
            world[near, 2] = low
            part = bounded_hull(world @ turn)
        found.append(part)
    return tuple(found)


def _corners(parts: Parts, turn: Array) -> Array:
    signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    corners = [p.vertices if isinstance(p, Hull) else p.center + (signs * p.size) @ p.rotation.T for p in parts]
    return np.concatenate(corners) @ turn.T
