"""Reading and writing GLB meshes, with the one place where glTF's Y-up becomes our Z-up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
"""(x, y, z) -> (x, -z, y)."""


class MeshError(ValueError):
    """A mesh file cannot be used. The message names the file and what is wrong with it."""


def load_glb(path: Path) -> trimesh.Trimesh:
    """One mesh, Z-up, with its texture, all nodes merged.

    Raises:
        MeshError: the file cannot be read, has no faces, or has indices or coordinates that are not valid.
    """
    import trimesh

    try:
        loaded = trimesh.load(path, file_type="glb", process=False)
    except Exception as error:  # trimesh raises whatever its parser raises
        raise MeshError(f"{path}: not a readable GLB file: {error}") from error
    meshes = loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded]
    meshes = [m for m in meshes if isinstance(m, trimesh.Trimesh) and len(m.faces)]
    if not meshes:
        raise MeshError(f"{path}: no faces")
    mesh = meshes[0] if len(meshes) == 1 else trimesh.util.concatenate(meshes)
    if not np.isfinite(mesh.vertices).all():
        raise MeshError(f"{path}: a vertex is not finite")
    if mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices):
        raise MeshError(f"{path}: face index {int(mesh.faces.max())} with {len(mesh.vertices)} vertices")
    mesh.apply_transform(Z_UP_FROM_Y_UP)
    return mesh


def save_glb(mesh: trimesh.Trimesh, path: Path) -> Path:
    """Writes a Z-up mesh as a Y-up GLB. The same mesh gives the same bytes."""
    turned = mesh.copy()
    turned.apply_transform(np.linalg.inv(Z_UP_FROM_Y_UP))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(turned.export(file_type="glb"))
    return path
