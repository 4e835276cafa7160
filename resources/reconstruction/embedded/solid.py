"""What a fit returns: a closed mesh in its own frame, where it stands, and how well it explains the mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Solid:
    """`position`: of the mesh's origin (middle of its base) in the world, shape (3,); `yaw` about +z, radians.
    `overlap`: intersection over union of its outline with the mask."""

    shape: str
    mesh: trimesh.Trimesh
    position: Array
    yaw: float
    overlap: float
    note: str = ""
    parts: int = 0
    """Parts beside the body (a handle)."""
    rest: float | None = None
    """Where things stand on it, above its base: the floor of what is hollow; None: its top."""

    def world_vertices(self) -> Array:
        """Vertices in the world, shape (n, 3)."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        vertices: Array = np.asarray(self.mesh.vertices) @ turn.T + self.position
        return vertices
