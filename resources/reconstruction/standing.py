"""What each object stands on: the support plane, or the top of another object. No tool that is read here records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SUNK = 0.1
"""Of an object's height: how deep it may be sunk into what it stands on. Fitted poses are that rough."""
UPWARD = 0.5
"""Least z of a face's unit normal for something to stand on it: 60 degrees of slope, as rough meshes have."""
BORNE = 0.25
"""Of an object's contact points that must have a surface below them for it to stand there."""
CONTACTS = 17


@dataclass(frozen=True)
class Standing:
    """`support` is an object's name or the plane's; `gap` how far above it the lowest vertex is (negative: sunk)."""

    support: str
    gap: float


def find_standing(objects: Mapping[str, tuple[Array, Faces]], plane: str) -> dict[str, Standing]:
    """By name, what each object stands on; `objects` are (vertices (n, 3), faces (m, 3)) in the world, `plane` is z = 0.

    It stands on the surface next below its lowest points, be it the plane or an upward face of an object that reaches
    further down than itself, so that nothing stands on itself in a circle. A thing in the air stands on what it would fall on.
    """
    tops = {name: _upward(vertices, faces) for name, (vertices, faces) in objects.items()}
    lows = {name: float(vertices[:, 2].min()) for name, (vertices, _) in objects.items()}
    found: dict[str, Standing] = {}
    for name, (vertices, _) in objects.items():
        low = lows[name]
        reach = low + SUNK * float(np.ptp(vertices[:, 2]))
        contacts = _contacts(vertices, low)
        best = Standing(plane, low)
        for other in objects:
            if other == name or lows[other] >= low or not len(tops[other]):
                continue
            heights = _heights(tops[other], contacts, reach)
            borne = np.isfinite(heights)
            if borne.mean() < BORNE:
                continue
            gap = low - float(heights[borne].max())
            if abs(gap) < abs(best.gap):
                best = Standing(other, gap)
        found[name] = best
    return found


def said(standing: Standing, extent: float) -> str:
    """A clause for `obtained.position` where an object does not touch its support by more than a hundredth of `extent`."""
    if abs(standing.gap) <= 0.01 * extent:
        return ""
    how = f"{standing.gap:.3g} units above" if standing.gap > 0 else f"{-standing.gap:.3g} units deep in"
    return f", {how} {standing.support}"


def _upward(vertices: Array, faces: Faces) -> Array:
    """Triangles (n, 3, 3) that look up."""
    triangles = vertices[faces]
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(normals, axis=1)
    return np.asarray(triangles[(length > 0) & (normals[:, 2] > UPWARD * length)])


def _contacts(vertices: Array, low: float) -> Array:
    """Up to 17 points (n, 2) over which an object's base spreads: its centre, and points between that and its rim."""
    base = vertices[vertices[:, 2] <= low + 0.05 * max(float(np.ptp(vertices[:, 2])), 1e-9), :2]
    centre = base.mean(axis=0)
    angle = np.arctan2(base[:, 1] - centre[1], base[:, 0] - centre[0])
    distance = np.linalg.norm(base - centre, axis=1)
    sector = np.floor((angle + np.pi) / (2 * np.pi) * (CONTACTS - 1)).astype(int)
    rim = [base[sector == k][int(np.argmax(distance[sector == k]))] for k in range(CONTACTS) if (sector == k).any()]
    return np.concatenate([centre[None], centre + 0.7 * (np.array(rim) - centre)])


def _heights(triangles: Array, points: Array, reach: float) -> Array:
    """Under each point (n, 2), the highest surface that is not above `reach`; NaN where there is none."""
    low, high = triangles[..., :2].min(axis=(0, 1)), triangles[..., :2].max(axis=(0, 1))
    heights = np.full(len(points), np.nan)
    if (points.max(axis=0) < low).any() or (points.min(axis=0) > high).any():
        return heights
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    for k, (x, y) in enumerate(points):
        v = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (y - a[:, 1])) / area
        w = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / area
        inside = (v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9)
        z = (a[:, 2] + v * (b[:, 2] - a[:, 2]) + w * (c[:, 2] - a[:, 2]))[inside]
        z = z[z <= reach]
        if len(z):
            heights[k] = z.max()
    return heights
