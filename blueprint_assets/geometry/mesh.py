"""Reading and writing mesh files, with the one place where glTF's Y-up becomes our Z-up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .gltf import GltfReader
from .gltf_check import check_gltf
from .mesh_folder import MAX_FACES, MAX_FILE_BYTES, MeshError, MeshFolder, MissingFileError
from .polygon_file import read_obj, read_ply

if TYPE_CHECKING:
    import trimesh

__all__ = [
    "MAX_FACES",
    "MAX_FILE_BYTES",
    "Z_UP_FROM_Y_UP",
    "MeshError",
    "MeshPart",
    "MissingFileError",
    "ReadMesh",
    "load_glb",
    "load_mesh",
    "load_parts",
    "read_mesh",
    "save_glb",
]

Z_UP_FROM_Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
"""(x, y, z) -> (x, -z, y)."""
MAX_COORDINATE = 1e5
"""Units. A room in millimetres has 10,000; beyond this a file is not a household object in any unit."""
MIN_EXTENT = 1e-6
"""Units. A grain of sand in metres has 5e-4; below this single precision merges the vertices."""
LIKELY_MILLIMETRES = 20.0
"""Units. Wider things than this, read as metres, do not stand in a room."""

Up = Literal["y", "z"]


@dataclass(frozen=True)
class ReadMesh:
    """`mesh` is Z-up; `notes` say what was accepted although it is not as it should be: a texture that is missing, ..."""

    mesh: trimesh.Trimesh
    notes: tuple[str, ...]


@dataclass(frozen=True)
class MeshPart:
    """One node of a glTF scene: `mesh` is Z-up in its own frame, `matrix` (4, 4) is scene-from-mesh, Z-up; `name` is unique."""

    name: str
    mesh: trimesh.Trimesh
    matrix: NDArray[np.float64]


def load_glb(path: Path) -> trimesh.Trimesh:
    """One mesh, Z-up, with its texture, all nodes merged. Files that it names are read from its own folder only.

    Raises:
        MeshError: the file cannot be read, has no faces, or has indices, counts or coordinates that are not valid.
    """
    return load_mesh(path, path.parent)


def load_mesh(path: Path, root: Path, *, up: Up | None = None) -> trimesh.Trimesh:
    """One mesh, Z-up, from a GLB, glTF, OBJ or PLY file; see `read_mesh`.

    Raises:
        MeshError: as `read_mesh`.
    """
    return read_mesh(path, root, up=up).mesh


def read_mesh(path: Path, root: Path, *, up: Up | None = None) -> ReadMesh:
    """One mesh, Z-up, from a GLB, glTF, OBJ or PLY file, all nodes merged, and what was noticed on the way.

    Nothing outside `root` is read, whatever the file names (buffers, pictures, material libraries; also through links).
    Faces that a node mirrors are turned back; a missing or unreadable picture leaves the surface without texture; both are
    noted. Units are not changed: glTF says metres, and a mesh that is implausibly wide as such is noted.

    Args:
        path: the file; its first bytes, not its name, decide between GLB and glTF.
        root: the folder that it belongs to.
        up: the file's vertical axis. Default: "y" for glTF, as its specification says, "z" for OBJ and PLY, which say nothing.

    Raises:
        MeshError: the file is missing, empty, too large or not of these kinds; it names a file outside `root`; a number in
            it is not finite, out of range or inconsistent with another; it has no faces, over `MAX_FACES`, or no extent.
    """
    import trimesh

    folder = MeshFolder(path, root)
    kind = path.suffix.lower()
    if kind in (".glb", ".gltf"):
        gltf = check_gltf(folder)
        reader = GltfReader(gltf, folder)
        meshes = [reader.mesh(placed) for placed in gltf.placed]
    elif kind == ".obj":
        meshes = read_obj(folder)
    elif kind == ".ply":
        meshes = read_ply(folder)
    else:
        raise folder.refuse("name", f"{kind or 'no suffix'}; .glb, .gltf, .obj and .ply are read")
    meshes = [mesh for mesh in meshes if len(mesh.faces)]
    if not meshes:
        raise folder.refuse("", "no faces")
    mesh = meshes[0] if len(meshes) == 1 else trimesh.util.concatenate(meshes)
    _demand_sound(mesh, folder)
    if (up or ("y" if kind in (".glb", ".gltf") else "z")) == "y":
        mesh.apply_transform(Z_UP_FROM_Y_UP)
    return ReadMesh(mesh, tuple(folder.notes))


def load_parts(path: Path, root: Path) -> tuple[list[MeshPart], tuple[str, ...]]:
    """Every mesh node of a glTF scene by itself, in the order of the tree, and the notes as in `read_mesh`.

    A node whose matrix mirrors comes with the mirror in its mesh (faces turned back), never in its matrix.

    Raises:
        MeshError: as `read_mesh`; or the file is not glTF.
    """
    from dataclasses import replace

    folder = MeshFolder(path, root)
    if path.suffix.lower() not in (".glb", ".gltf"):
        raise folder.refuse("name", f"{path.suffix or 'no suffix'}; a scene of nodes is .glb or .gltf")
    gltf = check_gltf(folder)
    reader = GltfReader(gltf, folder)
    turn, back = Z_UP_FROM_Y_UP, np.linalg.inv(Z_UP_FROM_Y_UP)
    parts = []
    for placed in gltf.placed:
        mirrored = np.linalg.det(placed.matrix[:3, :3]) < 0
        own = np.diag([-1.0, 1.0, 1.0, 1.0]) if mirrored else np.eye(4)
        mesh = reader.mesh(replace(placed, matrix=own))
        _demand_sound(mesh, folder, placed.matrix @ own)
        mesh.apply_transform(turn)
        parts.append(MeshPart(placed.name, mesh, turn @ placed.matrix @ own @ back))
    return parts, tuple(folder.notes)


def save_glb(mesh: trimesh.Trimesh, path: Path) -> Path:
    """Writes a Z-up mesh as a Y-up GLB. The same mesh gives the same bytes."""
    turned = mesh.copy()
    turned.apply_transform(np.linalg.inv(Z_UP_FROM_Y_UP))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(turned.export(file_type="glb"))
    return path


def _demand_sound(mesh: Any, folder: MeshFolder, matrix: NDArray[np.float64] | None = None) -> None:
    """What every mesh must have, whichever file it came from; `matrix` is where it will stand."""
    vertices, faces = np.asarray(mesh.vertices, dtype=float), np.asarray(mesh.faces)
    if not np.isfinite(vertices).all():
        raise folder.refuse("vertices", "a vertex is not finite")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise folder.refuse("faces", f"face index {int(faces.max())}, but there are {len(vertices)} vertices")
    used = vertices[np.unique(faces)]
    if matrix is not None:
        used = used @ matrix[:3, :3].T + matrix[:3, 3]
    largest, extent = float(np.abs(used).max()), float(np.ptp(used, axis=0).max())
    if largest > MAX_COORDINATE:
        raise folder.refuse(
            "vertices", f"a coordinate of {largest:.3g} units, over the limit of {MAX_COORDINATE:.0e}; scale it"
        )
    if extent < MIN_EXTENT:
        raise folder.refuse("vertices", f"{extent:.3g} units wide, under the limit of {MIN_EXTENT:.0e}; scale it")
    if extent > LIKELY_MILLIMETRES:
        folder.notes.append(
            f"vertices: {extent:.4g} units wide, if metres; perhaps millimetres. The units were not changed"
        )
