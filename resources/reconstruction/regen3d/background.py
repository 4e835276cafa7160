"""The emptied room behind the objects, where 3D-RE-GEN meshed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh import Z_UP_FROM_Y_UP, MeshError, load_glb
from blueprint_assets.geometry.transforms import apply
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError

from .config import read_config
from .tree import BACKGROUND, CONFIG

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

ON_FLOOR = 0.02
"""Of the room's extent: how near the floor plane a vertex counts as being on it."""
FLOOR_SHARE = 0.05
"""Of a room's vertices that must be on the floor for its axes to be believed; a floor is at least a twentieth of a room."""


def read_background(folder: NativeFolder, world: Array) -> tuple[tuple[trimesh.Trimesh, str] | None, str]:
    """The room's mesh (Z-up, our world) with how it was obtained, or None with the reason.

    `world` (4, 4) leads from 3D-RE-GEN's frame to ours. Its background is either in that frame or in the raw OpenCV axes of
    VGGT, which code and outputs disagree about; so the one whose floor lies on the fitted plane is taken, and none if
    neither does.
    """
    if not folder.has(BACKGROUND):
        return None, f"{BACKGROUND} is missing: 3D-RE-GEN meshes it only where it painted an empty room"
    try:
        mesh = load_glb(folder.file(BACKGROUND, MAX_MESH_BYTES))
    except (MeshError, NativeOutputError) as error:
        return None, f"{BACKGROUND} cannot be used: {error}"
    raw = np.linalg.inv(Z_UP_FROM_Y_UP)
    frames = {"as it is": np.eye(4)}
    factor = read_config(folder).get("vggt_scene_scale") if folder.has(CONFIG) else None
    if isinstance(factor, int | float) and factor > 0:
        frames["turned from OpenCV axes"] = np.diag([factor, -factor, -factor, 1.0])
    shares = {how: _floor_share(apply(world @ matrix @ raw, mesh.vertices)) for how, matrix in frames.items()}
    how = max(shares, key=lambda each: shares[each])
    if shares[how] < FLOOR_SHARE:
        return None, f"{BACKGROUND}: {shares[how]:.1%} of its vertices lie on the floor plane (limit {FLOOR_SHARE:.0%})"
    mesh.apply_transform(world @ frames[how] @ raw)
    return (mesh, f"3D-RE-GEN's Poisson mesh of the emptied room, {how}; untextured"), ""


def _floor_share(vertices: Array) -> float:
    return float((np.abs(vertices[:, 2]) < ON_FLOOR * float(np.ptp(vertices, axis=0).max())).mean())
