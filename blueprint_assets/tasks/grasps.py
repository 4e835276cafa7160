"""Where a parallel gripper can hold an object: antipodal grasps found on the object's collision geometry.

The grasp frame is the tool centre point between the fingertips: z is the direction of approach, y the direction in which
the fingers close, x = y cross z. The same frame as the site `tcp` of the simulated robot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import from_rotation, quaternion_to_matrix
from blueprint_assets.tasks.solids import ObjectSolid

Array = NDArray[np.float64]

MAX_GRIP = 0.075
"""Widest grip, metres: the hand opens to 0.080 (Franka Hand datasheet), less 2.5 mm of air at each finger."""
MIN_GRIP = 0.003
"""Thinnest grip, metres: with the fingers at their stops the pads are 3 mm apart (collision boxes of the Panda MJCF)."""
FULL_TRAVEL = 0.04
"""One finger's travel when the hand is open, metres (Franka Hand)."""
FINGER_HALF_WIDTH = 0.0105
FINGER_DEPTH = 0.0238
"""How far a finger reaches outwards from its inner face, metres."""
TIP_BELOW_TCP = 0.0089
"""The fingertips end this far beyond the tool centre point, metres."""
PALM_HALF_SIZE = (0.0316, 0.104)
PALM_ABOVE_TCP = 0.0374
"""The palm's half extents along x and y, and its distance from the tool centre point: with the three above, extents of
the hand's and fingers' collision geometry in the Panda MJCF, measured by `tests/tasks/test_grasps.py`."""
PALM_HEIGHT = 0.0919
PAD_HALF = 0.0085
"""Half the edge of the square pad that touches the object, metres (Panda MJCF)."""

SUPPORT_CLEARANCE = 0.004
"""Room kept between the gripper and the surface that the object stands on, metres: twice what the tracking error measured
in simulation (2.3 mrad) makes at 0.85 m reach."""
SIDE_CLEARANCE = 0.002
"""Room kept between an open finger and the object, metres."""
SURFACE_SAMPLES = 2000
PAIRS = 160
APPROACH_ANGLES = tuple(np.radians([0.0, 20.0, -20.0, 40.0, -40.0, 60.0, -60.0, 80.0, -80.0]))
"""Rotations of the approach about the closing axis; 0 is the one closest to straight down."""
SLIDES = (0.0, -0.005)
"""The pads may touch above their middle: the tool centre point drawn back along the approach, metres."""
KEPT = 32
SAME_PLACE = 0.012
SAME_TURN = np.cos(np.radians(20.0))

GRIP_FORCES = (10.0, 40.0)
"""Weakest and strongest grip, newtons per finger; the second is what the simulated hand can give (robot.GRIP_FORCE)."""
GRIP_SAFETY = 3.0
"""How much more than friction needs to carry the weight: lifting accelerates by 2 m/s2, and a pinch must resist turning."""

WEIGHTS = {"normals": 0.20, "balance": 0.30, "patch": 0.20, "approach": 0.20, "width": 0.10}
"""Our own choice, not fitted to any scene: balance leads because a pinch grip resists turning least."""


class GraspError(ValueError):
    """No grasp exists. `reason` is `too_wide`, `no_antipodal_grasp` or `no_clearance`; the message has the numbers."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Grasp:
    """`tcp` is world-from-grasp, shape (4, 4); `width` what is held between the pads and `opening` one finger's travel
    on the way there, metres; `score` in 0..1.
    """

    object_id: str
    tcp: Array
    width: float
    opening: float
    score: float

    def flipped(self) -> Grasp:
        """The same grip with the fingers exchanged: half a turn about the approach."""
        return Grasp(self.object_id, self.tcp @ np.diag([-1.0, -1.0, 1.0, 1.0]), self.width, self.opening, self.score)


def grip_force(solid: ObjectSolid) -> float:
    """How hard each finger presses, newtons: two contacts carry the weight by friction, with `GRIP_SAFETY` to spare. Not
    harder, because a light object with little area in contact is squeezed out.
    """
    needed = GRIP_SAFETY * solid.mass * 9.81 / (2 * max(solid.friction, 0.05))
    return float(np.clip(needed, *GRIP_FORCES))


@dataclass(frozen=True)
class _Grips:
    """Candidate pairs of contacts in the world: where, along which axis, how far apart, how well the normals oppose."""

    center: Array
    closing: Array
    width: Array
    opposition: Array
    patch: Array


def grasp_candidates(
    solid: ObjectSolid, position: Array, quaternion: Array, support_height: float, rng: np.random.Generator
) -> tuple[Grasp, ...]:
    """Grasps of an object at a pose, best first; at most `KEPT`, no two nearly alike. The same generator, the same grasps.

    `support_height` is the height in the world of the surface below the object, which the gripper must stay off.

    Raises:
        GraspError: nothing on the object can be held by a gripper that opens to `MAX_GRIP`.
    """
    rotation = quaternion_to_matrix(quaternion)
    points, normals = solid.surface(SURFACE_SAMPLES, rng)
    points, normals = points @ rotation.T + position, normals @ rotation.T
    grips = _antipodal(solid, rotation, np.asarray(position, dtype=float), points, normals, rng)
    center_of_mass = rotation @ solid.center_of_mass + position
    obstacle = np.concatenate([points[:: max(1, len(points) // 600)], solid.vertices @ rotation.T + position])
    kept: list[Grasp] = []
    for score, width, tcp in _approaches(grips, center_of_mass):
        # Grasps come best first, so the room for the hand is only looked at for those that would be kept.
        if any(_alike(tcp, other.tcp) for other in kept):
            continue
        opening = _clear_opening((obstacle - tcp[:3, 3]) @ tcp[:3, :3], width)
        if opening is not None and _lowest_point(tcp, opening) >= support_height + SUPPORT_CLEARANCE:
            kept.append(Grasp(solid.object_id, tcp, width, opening, score))
            if len(kept) == KEPT:
                break
    if not kept:
        raise GraspError(
            "no_clearance",
            f"{solid.object_id}: {len(grips.width)} grips fit between the fingers, but at none is there room for the hand "
            f"beside the object and {SUPPORT_CLEARANCE * 1000:.0f} mm above its support",
        )
    return tuple(kept)


def _antipodal(
    solid: ObjectSolid, rotation: Array, position: Array, points: Array, normals: Array, rng: np.random.Generator
) -> _Grips:
    """Pairs of surface points whose connecting line lies in both friction cones (Nguyen 1988: two soft contacts hold an
    object when the line between them is inside both cones).
    """
    cone = float(np.cos(np.arctan(solid.friction)))
    wobble = rng.normal(scale=0.15, size=points.shape)
    starts = np.concatenate([points, points])
    inward = np.concatenate([-normals, -normals + wobble])
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    start_normals = np.concatenate([normals, normals])
    local, local_direction = (starts - position) @ rotation, inward @ rotation
    centers, closings, widths, oppositions = [], [], [], []
    narrowest = np.inf
    for through in (False, True):
        width, out = solid.thickness(local, local_direction, through)
        opposition = np.minimum(
            np.einsum("ij,ij->i", inward, -start_normals), np.einsum("ij,ij->i", inward, out @ rotation.T)
        )
        held = (opposition >= cone) & (width >= MIN_GRIP)
        narrowest = min(narrowest, float(width[held].min(initial=np.inf)))
        held &= width <= MAX_GRIP
        centers.append((starts + inward * (width / 2)[:, None])[held])
        closings.append(inward[held])
        widths.append(width[held])
        oppositions.append((opposition[held] - cone) / max(1e-9, 1 - cone))
    center, closing = np.concatenate(centers), np.concatenate(closings)
    width, opposition = np.concatenate(widths), np.concatenate(oppositions)
    if not len(width):
        if np.isfinite(narrowest):
            limit = f"the narrowest grip is {narrowest:.3f} m, the hand's limit {MAX_GRIP:.3f} m"
            raise GraspError("too_wide", f"{solid.object_id}: {limit}")
        cones = f"no two opposite surface points lie in each other's friction cone (friction {solid.friction:.2f})"
        raise GraspError("no_antipodal_grasp", f"{solid.object_id}: {cones}")
    if len(width) > PAIRS:
        # Half the pairs are the best opposed ones, the rest are drawn: good normals alone would crowd on one face.
        best = np.argsort(-opposition, kind="stable")[: PAIRS // 2]
        others = np.setdiff1d(np.arange(len(width)), best)
        pick = np.concatenate([best, rng.choice(others, PAIRS - len(best), replace=False)])
        center, closing, width, opposition = center[pick], closing[pick], width[pick], opposition[pick]
    return _Grips(center, closing, width, opposition, _patch(center, closing, width, points))


def _patch(center: Array, closing: Array, width: Array, points: Array) -> Array:
    """How much of both pads would be filled, 0..1: sampled surface within the pad's radius and 1.5 mm of its plane, as a
    share of what a flat face would put there on the better covered objects (saturates at a quarter of the best).
    """
    offset = points[None] - center[:, None]
    along = np.einsum("ijk,ik->ij", offset, closing)
    radial = np.linalg.norm(offset - along[..., None] * closing[:, None], axis=2)
    near = radial < PAD_HALF
    sides = [(near & (np.abs(along - sign * width[:, None] / 2) < 0.0015)).sum(axis=1) for sign in (-1, 1)]
    least = np.minimum(*sides).astype(float)
    share: Array = np.minimum(1.0, least / max(1.0, least.max() / 2))
    return share


def _approaches(grips: _Grips, center_of_mass: Array) -> list[tuple[float, float, Array]]:
    """The grips combined with directions of approach, best first: score, width and world-from-grasp of each."""
    found = []
    down = np.array([0.0, 0.0, -1.0])
    for i in range(len(grips.width)):
        closing, width = grips.closing[i], float(grips.width[i])
        straight = down - (down @ closing) * closing
        if np.linalg.norm(straight) < 0.2:
            # Fingers above and below: the lower one would need to be inside the support.
            continue
        straight /= np.linalg.norm(straight)
        lever = float(np.linalg.norm((center_of_mass - grips.center[i])[:2]))
        for angle in APPROACH_ANGLES:
            approach = straight * np.cos(angle) + np.cross(closing, straight) * np.sin(angle)
            if approach[2] > 0.0:
                continue
            rotation = np.stack([np.cross(closing, approach), closing, approach], axis=1)
            for slide in SLIDES:
                terms = {
                    "normals": float(grips.opposition[i]),
                    "balance": float(np.exp(-((lever / 0.03) ** 2))),
                    "patch": float(grips.patch[i]),
                    "approach": float(-approach[2]) * (1.0 if slide == 0.0 else 0.9),
                    "width": 1.0 - width / (2 * FULL_TRAVEL),
                }
                score = sum(WEIGHTS[name] * value for name, value in terms.items())
                found.append((score, width, from_rotation(rotation, grips.center[i] + slide * approach)))
    return sorted(found, key=lambda item: -item[0])


def _clear_opening(points: Array, width: float) -> float | None:
    """The widest of two openings at which no point of the object, in the grasp frame, is inside fingers or palm on the
    straight way in; None when there is none.
    """
    x, y, z = np.abs(points[:, 0]), np.abs(points[:, 1]), points[:, 2]
    palm = (x < PALM_HALF_SIZE[0]) & (y < PALM_HALF_SIZE[1]) & (z < -PALM_ABOVE_TCP)
    if palm.any():
        return None
    in_reach = (x < FINGER_HALF_WIDTH + SIDE_CLEARANCE) & (z < TIP_BELOW_TCP + SIDE_CLEARANCE)
    for opening in (FULL_TRAVEL, min(FULL_TRAVEL, width / 2 + 0.012)):
        finger = in_reach & (y > opening - SIDE_CLEARANCE) & (y < opening + FINGER_DEPTH + SIDE_CLEARANCE)
        if width / 2 + SIDE_CLEARANCE <= opening and not finger.any():
            return opening
    return None


def _lowest_point(tcp: Array, opening: float) -> float:
    """Height of the lowest corner of the fingers and the palm, metres."""
    (x_rise, y_rise, z_rise), height = tcp[2, :3], tcp[2, 3]
    fingers = height + TIP_BELOW_TCP * z_rise - abs(x_rise) * FINGER_HALF_WIDTH - abs(y_rise) * (opening + FINGER_DEPTH)
    front = height - PALM_ABOVE_TCP * z_rise
    back = height - (PALM_ABOVE_TCP + PALM_HEIGHT) * z_rise
    palm = min(front, back) - abs(x_rise) * PALM_HALF_SIZE[0] - abs(y_rise) * PALM_HALF_SIZE[1]
    return float(min(fingers, palm))


def _alike(one: Array, other: Array) -> bool:
    """Nearly the same grasp, in either order of the fingers."""
    return bool(
        np.linalg.norm(one[:3, 3] - other[:3, 3]) < SAME_PLACE
        and one[:3, 2] @ other[:3, 2] > SAME_TURN
        and abs(one[:3, 1] @ other[:3, 1]) > SAME_TURN
    )
