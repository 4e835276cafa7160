"""How large a posed object is: its height, and its longer and shorter side seen from above, whichever way it is turned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.posed_meshes import Pose, PosedObject
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, compose
from blueprint_assets.scene.footprints import convex_footprint

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Extents:
    """Sides of the smallest upright box around an object: `width` >= `depth` are horizontal, `height` is vertical."""

    width: float
    depth: float
    height: float

    @property
    def largest(self) -> float:
        """The longest side."""
        return max(self.width, self.height)

    def times(self, factor: float) -> Extents:
        """The same in another unit."""
        return Extents(self.width * factor, self.depth * factor, self.height * factor)


def extents_of(points: ArrayLike) -> Extents:
    """Extents of points (n, 3), Z-up, in their unit.

    The horizontal rectangle is the one of least area, which has a side on an edge of the convex hull (Freeman and Shapira
    1975). Points above one line have a depth of 0.
    """
    cloud = np.asarray(points, dtype=float)
    height = float(np.ptp(cloud[:, 2]))
    try:
        hull = convex_footprint(cloud)
    except ValueError:
        flat = cloud[:, :2]
        return Extents(float(np.linalg.norm(np.ptp(flat, axis=0))), 0.0, height)
    edges = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    along = edges[lengths > 0] / lengths[lengths > 0, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    sides = np.stack([np.ptp(hull @ along.T, axis=0), np.ptp(hull @ across.T, axis=0)])
    one, other = sides[:, int(np.argmin(sides.prod(axis=0)))].tolist()
    return Extents(max(one, other), min(one, other), height)


def posed_extents(stage1: Path, item: PosedObject) -> Extents:
    """Extents of an object of a reconstruction, in its units.

    Raises:
        MeshError: its mesh cannot be read.
        ContractError: its pose cannot be read.
    """
    pose = Pose.read(stage1 / item.pose)
    turned: Array = apply(
        compose((0, 0, 0), pose.rotation_quaternion, pose.scale), load_glb(stage1 / item.mesh).vertices
    )
    return extents_of(turned)
