"""Rings that lie flat (rolls of tape, wreaths) and vessels whose mouth is missing: round bodies with a hole in the mask.

Through a ring one sees the support where the upper and the lower inner circle overlap in the picture; masks often leave out
the whole mouth, the dark inside with it. The outer body is fitted with the hole left open; the inner radius is the one whose
hole explains the mask best, by either account.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import hollowed, revolved

from .rounded import RoundBody, fit_round
from .silhouette import BoolImage, Silhouette
from .solid import Solid

Array = NDArray[np.float64]

HOLE = 0.06
"""Least hole, over the filled mask: below it masks have holes of their own (glare, print)."""
SHARES = np.linspace(0.3, 0.95, 27)
"""Inner over outer radius that is tried; tape rolls have 0.5-0.85."""
LOW = 0.6
"""Height over width above which a body with a missing mouth is a vessel and has a floor."""
FLOOR = 0.1
"""Of its radius: that floor. Not seen."""
EXPLAINED = 0.05
"""Overlap that the hole must gain over the same body without one."""
LEAST = 0.86
SECTIONS = 48


def fit_ring(view: Silhouette, aspect: float | None = None, has_floor: bool = False) -> Solid | None:
    """The ring or vessel that a mask with a hole shows; None where there is no such hole or no ring explains it.

    `aspect`: usual height over width; `has_floor`: it is a vessel however low it is (a bowl, a plate). The hole of a handle lies
    beside its body and is explained by no ring.
    """
    hole = _hole(view)
    if hole is None:
        return None
    closed = dataclasses.replace(view, hidden=view.hidden | hole)
    body = fit_round(closed, "tapered", aspect)
    if body is None:
        return None
    outer = view.blank()
    view.draw_hull(outer, body.points())
    tried = [
        (view.overlap(cv2.subtract(outer, seen)), share) for share in SHARES for seen in _seen_inside(view, body, share)
    ]
    overlap, share = max(tried)
    if overlap < max(LEAST, view.overlap(outer) + EXPLAINED):
        return None
    height, radius = float(body.heights[-1]), float(body.radii.max())
    floor = min(FLOOR * radius, 0.3 * height) if has_floor or height > 2 * LOW * radius else None
    bottom, inner = -0.1 * height if floor is None else floor, float(body.radii.min()) * share
    bore = revolved(np.array([inner, inner]), np.array([0.0, 1.1 * height - bottom]), sections=SECTIONS)
    bore.apply_translation([0.0, 0.0, bottom])
    mesh = hollowed(revolved(body.radii, body.heights, sections=SECTIONS), bore)
    if floor is None:
        return Solid("revolved_silhouette", mesh, body.position, 0.0, overlap, "ring, by the hole in the mask")
    note = f"hollow, by the hole in the mask; floor {FLOOR:g} of its radius (default)"
    return Solid("hollow_revolved", mesh, body.position, 0.0, overlap, note, rest=floor)


def _hole(view: Silhouette) -> BoolImage | None:
    """The largest part of the background that the mask and what hides it enclose, if it is large enough."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~view.framed).astype(np.uint8), connectivity=4)
    inside = [k for k in range(1, count) if k != labels[0, 0]]
    if not inside:
        return None
    largest = max(inside, key=lambda k: int(stats[k, cv2.CC_STAT_AREA]))
    area = int(stats[largest, cv2.CC_STAT_AREA])
    hole: BoolImage = labels[1:-1, 1:-1] == largest
    return hole if area >= HOLE * (area + int(view.mask.sum())) else None


def _seen_inside(view: Silhouette, body: RoundBody, share: float) -> list[NDArray[np.uint8]]:
    """Where the support shows through a bore of that share of the body's least radius, and its whole mouth."""
    turn = np.arange(SECTIONS) * 2 * np.pi / SECTIONS
    circle = float(body.radii.min()) * share * np.stack([np.cos(turn), np.sin(turn), np.zeros(SECTIONS)], axis=-1)
    foot, mouth = view.blank(), view.blank()
    view.draw_hull(foot, body.position + circle)
    view.draw_hull(mouth, body.position + circle + [0.0, 0.0, float(body.heights[-1])])
    return [np.asarray(cv2.bitwise_and(foot, mouth), np.uint8), mouth]
