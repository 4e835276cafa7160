"""An object's role in a simulated scene, and what can be done with it: by its kind, as far as its size allows."""

from __future__ import annotations

from blueprint_assets.contracts.scene_manifest import SimRole
from blueprint_assets.household import Category
from blueprint_assets.scene.extents import Extents

HAND_SIZED_M = 0.35
"""Largest dimension of what one arm picks up from a table: a 1.5 l bottle stands 0.33 m high. Larger things stay put."""
GRIPPER_OPENING_M = 0.08
"""Franka Hand, product manual: stroke 80 mm."""
RIM_M = 0.03
"""An open thing that is higher can be held by its rim, one finger inside: half a finger's length. Own choice."""
MOVABLE: tuple[SimRole, ...] = ("manipulable_object", "deformable_object", "interactive", "clutter")
"""Roles of what the simulator moves as one rigid body. The others stay where they are: furniture and appliances until their
parts are articulated."""
HELD = ("Graspable", "Stackable", "Pourable", "Insertable", "Hangable")
"""Affordances of something that is taken in the hand."""


def sim_role(row: Category | None, size: Extents) -> SimRole:
    """The catalogue's role; something movable that is too large for one arm, and anything unknown of that size, is static.

    `size` is in metres.
    """
    role: SimRole = row.role if row else "manipulable_object"
    return "static" if role in MOVABLE and size.largest >= HAND_SIZED_M else role


def affordances(
    role: SimRole, row: Category | None, shape: str, size: Extents, seen: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Names of the published affordance table, sorted.

    Graspable: it can be moved, and its narrower side fits the gripper or its rim can be held. Stackable: of a kind that is
    stacked (unknown: a cuboid), and no more than twice as high as its narrower side, so that something can stand on it.
    What is done in the hand is left out where it cannot be held or moved. The rest is as its kind.

    Args:
        role: of `sim_role`.
        row: its kind; None where it was not recognised: then only its shape and size speak.
        shape: how the reconstruction modelled it: cuboid, revolved_silhouette, …
        size: metres.
        seen: what somebody who looked at a thing of unknown kind expects of it.
    """
    by_shape = ("Graspable", "Stackable") if shape.startswith("cuboid") else ("Graspable",)
    expected = set(row.affordances if row else seen or by_shape)
    held = role in MOVABLE and (
        size.depth <= GRIPPER_OPENING_M or (row is not None and row.body == "open" and size.height >= RIM_M)
    )
    if not held:
        expected -= set(HELD) - ({"Stackable"} if role in MOVABLE else set())
    if size.height > 2 * size.depth:
        expected.discard("Stackable")
    return tuple(sorted(expected))
