"""The node tree of a glTF document: which mesh stands where, with which name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mesh_folder import MeshFolder
from .transforms import compose

Array = NDArray[np.float64]
Json = dict[str, Any]

MAX_NODES = 20_000
MAX_DEPTH = 256
MIN_DETERMINANT = 1e-18
"""A transform below this flattens: a micrometre per unit, the smallest scale in use, gives exactly this."""
LARGEST_NUMBER = 1e30


@dataclass(frozen=True)
class Placed:
    """A mesh that a node puts into the scene. `matrix` (4, 4) is scene-from-mesh, Y-up; `name` is unique in the scene."""

    name: str
    mesh: int
    matrix: Array


def place_meshes(document: Json, folder: MeshFolder) -> tuple[Placed, ...]:
    """Every mesh that the document's scene shows, in the order of the tree, breadth first.

    `document` has lists of objects under nodes, scenes and meshes. The nodes must form a forest (section 3.5.2 of glTF
    2.0): nothing is reached twice. What mirrors, and a name that had to be changed, goes into the folder's notes.

    Raises:
        MeshError: an index is out of range; there is a cycle, a node with two parents, more than `MAX_NODES` nodes or
            `MAX_DEPTH` levels; a transform is not finite, not affine, has a quaternion that is not of unit length, or flattens.
    """
    nodes: list[Json] = document.get("nodes", [])
    meshes: list[Json] = document.get("meshes", [])
    if len(nodes) > MAX_NODES:
        raise folder.refuse("nodes", f"{len(nodes)}, over the limit of {MAX_NODES}")
    roots, where = _roots(document, nodes, folder)
    if not roots and nodes:
        raise folder.refuse(where, "no root node: nothing is shown, or every node is another's child (a cycle)")
    queue = deque((index, np.eye(4), 0) for index in roots)
    seen: set[int] = set()
    names: set[str] = set()
    placed: list[Placed] = []
    while queue:
        index, above, depth = queue.popleft()
        where, node = f"nodes[{index}]", nodes[index]
        if index in seen:
            raise folder.refuse(where, "reached twice: a cycle, or a node with two parents")
        seen.add(index)
        if depth > MAX_DEPTH:
            raise folder.refuse(where, f"deeper than {MAX_DEPTH} levels")
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below, by name
            matrix = above @ _matrix(node, where, folder)
        if "mesh" in node:
            mesh = node["mesh"]
            if type(mesh) is not int or not 0 <= mesh < len(meshes):
                raise folder.refuse(f"{where}.mesh", f"{str(mesh)[:40]}, but there are {len(meshes)} meshes")
            _demand_volume(matrix, where, folder)
            placed.append(Placed(_name(node, meshes[mesh], index, names, folder), mesh, matrix))
        queue.extend((child, matrix, depth + 1) for child in _indices(node, "children", where, len(nodes), folder))
    return tuple(placed)


def _roots(document: Json, nodes: list[Json], folder: MeshFolder) -> tuple[list[int], str]:
    scenes: list[Json] = document.get("scenes", [])
    if not scenes:
        below = {
            child
            for index, node in enumerate(nodes)
            for child in _indices(node, "children", f"nodes[{index}]", len(nodes), folder)
        }
        return [index for index in range(len(nodes)) if index not in below], "nodes"
    shown = document.get("scene", 0)
    if type(shown) is not int or not 0 <= shown < len(scenes):
        raise folder.refuse("scene", f"{str(shown)[:40]}, but there are {len(scenes)} scenes")
    where = f"scenes[{shown}]"
    return _indices(scenes[shown], "nodes", where, len(nodes), folder), f"{where}.nodes"


def _demand_volume(matrix: Array, where: str, folder: MeshFolder) -> None:
    if not np.isfinite(matrix).all() or np.abs(matrix[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise folder.refuse(f"{where}.matrix", "with the nodes above it not a finite affine transform")
    determinant = float(np.linalg.det(matrix[:3, :3]))
    if not MIN_DETERMINANT * (1 - 1e-6) <= abs(determinant) < LARGEST_NUMBER:
        raise folder.refuse(
            f"{where}.scale", f"with the nodes above it the transform flattens the mesh (determinant {determinant:.3g})"
        )
    if determinant < 0:
        folder.notes.append(f"{where}: mirrors its mesh; the faces were turned, so that they still look outwards")


def _indices(item: Json, key: str, where: str, count: int, folder: MeshFolder) -> list[int]:
    found = item.get(key, [])
    if not isinstance(found, list) or not all(type(child) is int and 0 <= child < count for child in found):
        raise folder.refuse(f"{where}.{key}", f"{str(found)[:60]}; indices of the {count} nodes are expected")
    return found


def _name(node: Json, mesh: Json, index: int, names: set[str], folder: MeshFolder) -> str:
    given = [name for name in (node.get("name"), mesh.get("name")) if isinstance(name, str) and name]
    name = wanted = given[0] if given else f"node_{index}"
    number = 2
    while name in names:
        name, number = f"{wanted}_{number}", number + 1
    if name != wanted:
        folder.notes.append(f"nodes[{index}].name: {wanted[:60]!r} is taken; called {name[:60]!r}")
    names.add(name)
    return name


def _matrix(node: Json, where: str, folder: MeshFolder) -> Array:
    if "matrix" in node:
        return _numbers(node, "matrix", 16, where, folder).reshape(4, 4).T
    quaternion = np.array([1.0, 0.0, 0.0, 0.0])
    if "rotation" in node:
        quaternion = _numbers(node, "rotation", 4, where, folder)[[3, 0, 1, 2]]  # glTF writes x, y, z, w
        norm = float(np.linalg.norm(quaternion))
        if not abs(norm - 1) < 1e-2:  # exporters round to three digits
            raise folder.refuse(f"{where}.rotation", f"a quaternion of length {norm:.6g}, not 1")
        quaternion = quaternion / norm
    scale = _numbers(node, "scale", 3, where, folder) if "scale" in node else np.ones(3)
    translation = _numbers(node, "translation", 3, where, folder) if "translation" in node else np.zeros(3)
    return compose(translation, quaternion, scale)


def _numbers(node: Json, key: str, count: int, where: str, folder: MeshFolder) -> Array:
    values = node[key]
    if not isinstance(values, list) or len(values) != count or not all(type(v) in (int, float) for v in values):
        raise folder.refuse(f"{where}.{key}", f"{str(values)[:60]}; {count} numbers are expected")
    if not all(abs(value) < LARGEST_NUMBER for value in values):
        raise folder.refuse(f"{where}.{key}", f"{str(values)[:60]} is not finite")
    return np.array(values, dtype=float)
