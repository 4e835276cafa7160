"""SAGE's floor plan, translated. Z-up, metres; positions are in the house's frame; rotations are degrees about the fixed x, y and
z axes, in that order; a PLY mesh is in its object's own frame at its real size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh import load_mesh
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError
from resources.reconstruction.native_object import NativeObject, object_ids
from resources.scene_generation.finished import mapping, named, numbers, text

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

SAFE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$")
"""Names that become part of a path."""
SAME_SIZE = 0.05
"""Relative difference between a mesh and the dimensions that the layout states that is worth a note."""


@dataclass(frozen=True)
class Layout:
    """`room` is the only room's type; null of several."""

    objects: tuple[NativeObject, ...]
    room: str | None
    notes: tuple[str, ...]


def read_layout(folder: NativeFolder) -> Layout:
    """Every object of every room that stands on the floor or on another object.

    Raises:
        NativeOutputError: no layout, several, or one that is not as SAGE writes it.
        MeshError: a mesh cannot be used.
    """
    name, document = _document(folder)
    where = str(folder.root / name)
    rooms = _list(document.get("rooms"), f"{where}: rooms")
    notes: list[str] = []
    read: list[tuple[str, str, trimesh.Trimesh, Array]] = []
    for number, room in enumerate(rooms):
        here = f"{where}: rooms[{number}]"
        room = mapping(room, here)
        walls = {str(mapping(w, f"{here}.walls").get("id")) for w in _list(room.get("walls") or [], f"{here}.walls")}
        for index, item in enumerate(_list(room.get("objects"), f"{here}.objects")):
            at = f"{here}.objects[{index}]"
            item = mapping(item, at)
            native = text(item, "id", at)
            if item.get("place_id") in walls or item.get("place_id") == "wall":
                notes.append(f"{native} is not read: it hangs on a wall")
                continue
            mesh = _mesh(folder, item, at)
            size = _xyz(item.get("dimensions"), ("width", "length", "height"), f"{at}.dimensions")
            if (np.abs(np.asarray(mesh.extents) / np.maximum(size, 1e-9) - 1) > SAME_SIZE).any():
                measured = " x ".join(f"{v:.3f}" for v in mesh.extents)
                notes.append(
                    f"{native}: its mesh is {measured} m, the layout says {size[0]:.3f} x {size[1]:.3f} x {size[2]:.3f} m"
                )
            read.append((text(item, "type", at), native, mesh, _pose(item, at)))
    ids = object_ids([native for _, native, _, _ in read])
    found = [
        named(made, kind, native, mesh, pose, shape="generated (SAGE)", tool="SAGE")
        for made, (kind, native, mesh, pose) in zip(ids, read, strict=True)
    ]
    types = [str(mapping(room, where).get("room_type") or "") for room in rooms]
    return Layout(tuple(found), types[0].lower() if len(types) == 1 and types[0] else None, tuple(notes))


def _document(folder: NativeFolder) -> tuple[str, dict[str, Any]]:
    """The only JSON file of the folder with rooms in it."""
    found = []
    for name in folder.names("*.json"):
        value = folder.json(name)
        if isinstance(value, dict) and "rooms" in value and "building_style" in value:
            found.append((name, value))
    if len(found) != 1:
        names = ", ".join(name for name, _ in found) or "none"
        raise NativeOutputError(
            f"{folder.root}: one layout JSON file is expected, found {names}; give an unpacked SAGE layout"
        )
    return found[0]


def _mesh(folder: NativeFolder, item: dict[str, Any], where: str) -> trimesh.Trimesh:
    source, source_id = text(item, "source", where), text(item, "source_id", where)
    for key, value in (("source", source), ("source_id", source_id)):
        if not SAFE.match(value) or ".." in value:
            raise NativeOutputError(f"{where}.{key}: {value[:60]!r} is no plain name")
    base = next(
        (b for b in (f"objects/{source_id}", f"{source}/{source_id}") if folder.has(f"{b}.ply")), f"objects/{source_id}"
    )
    mesh = load_mesh(folder.file(f"{base}.ply", MAX_MESH_BYTES), folder.root)
    return _textured(mesh, folder, base)


def _textured(mesh: trimesh.Trimesh, folder: NativeFolder, base: str) -> trimesh.Trimesh:
    """The mesh with its picture: packed PLY files have texture coordinates of their own, per corner of a face."""
    import trimesh

    raw = mesh.metadata.get("_ply_raw") or {}
    picture = f"{base}_texture.png"
    if "texcoord" not in raw or not folder.has(picture):
        return mesh
    where = f"{folder.root / base}.ply"
    try:
        coordinates = np.stack([raw["texcoord"]["data"]["s"], raw["texcoord"]["data"]["t"]], axis=1).astype(float)
        corners = np.asarray(raw["face"]["data"]["texcoord_indices"]["f1"], dtype=np.int64)
        vertices = np.asarray(raw["face"]["data"]["vertex_indices"]["f1"], dtype=np.int64)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise NativeOutputError(f"{where}: texture coordinates that are not as SAGE packs them: {error}") from error
    if corners.shape != np.shape(mesh.faces) or not np.array_equal(vertices, np.asarray(mesh.faces)):
        raise NativeOutputError(f"{where}: {len(corners)} textured faces for {len(mesh.faces)}; triangles are expected")
    if corners.min() < 0 or corners.max() >= len(coordinates) or not np.isfinite(coordinates).all():
        raise NativeOutputError(
            f"{where}: texcoord_indices: {int(corners.max())} with {len(coordinates)} texture coordinates"
        )
    pairs, index = np.unique(np.stack([vertices.ravel(), corners.ravel()], axis=1), axis=0, return_inverse=True)
    from PIL import Image

    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(folder.picture(picture)))
    visual = trimesh.visual.TextureVisuals(uv=coordinates[pairs[:, 1]], material=material)
    return trimesh.Trimesh(np.asarray(mesh.vertices)[pairs[:, 0]], index.reshape(-1, 3), visual=visual, process=False)


def _pose(item: dict[str, Any], where: str) -> Array:
    x, y, z = np.radians(_xyz(item.get("rotation"), ("x", "y", "z"), f"{where}.rotation"))
    matrix = np.eye(4)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    matrix[:3, :3] = about_z @ about_y @ about_x
    matrix[:3, 3] = _xyz(item.get("position"), ("x", "y", "z"), f"{where}.position")
    return matrix


def _xyz(value: Any, keys: tuple[str, str, str], where: str) -> Array:
    found = mapping(value, where)
    return numbers([found.get(key) for key in keys], 3, where)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise NativeOutputError(f"{where}: a list is expected, found {type(value).__name__}")
    return value
