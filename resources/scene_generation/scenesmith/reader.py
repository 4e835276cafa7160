"""`house_state.json` and its rooms, translated. SceneSmith's frame is Drake's: Z-up, metres, quaternions (w, x, y, z).

An object's pose is in its room's frame, whose origin is the middle of the room's floor. Paths in it are relative to the room's
folder, `room_<id>/`. Rescaling is written into the SDF files; only where an object has no SDF its `scale_factor` counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh import load_mesh
from blueprint_assets.geometry.transforms import compose
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError
from resources.reconstruction.native_object import NativeObject, object_ids
from resources.scene_generation.finished import mapping, named, numbers, text

from .sdf import read_sdf

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

STATES = ("combined_house/house_state.json", "house_state.json")
STANDING = ("furniture", "manipuland")
HEAPS = ("stack", "pile", "filled_container")
"""Composite objects: several assets that SceneSmith moves as one."""


@dataclass(frozen=True)
class House:
    """`room` is the only room's id; null of several."""

    objects: tuple[NativeObject, ...]
    room: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Asset:
    name: str
    native: str
    pose: Array
    folder: str
    sdf: str | None
    geometry: str | None
    scale: float
    where: str


def read_house(folder: NativeFolder) -> House:
    """Every object of every room that stands on something.

    Raises:
        NativeOutputError: no state file, or one that is not as SceneSmith writes it.
        MeshError: a mesh cannot be used.
    """
    state = next((name for name in STATES if folder.has(name)), STATES[0])
    where = str(folder.root / state)
    document = mapping(folder.json(state), where)
    rooms = mapping(document.get("rooms"), f"{where}: rooms")
    centres = _centres(mapping(document.get("layout"), f"{where}: layout"), where)
    notes: list[str] = []
    assets: list[_Asset] = []
    for room in sorted(rooms):
        here = f"{where}: rooms.{room}"
        if len(rooms) > 1 and room not in centres:
            raise NativeOutputError(f"{here}: not among layout.placed_rooms, so nobody knows where the room is")
        frame = np.eye(4)
        frame[:2, 3] = centres.get(room, np.zeros(2))
        objects = mapping(mapping(rooms[room], here).get("objects"), f"{here}.objects")
        for key in sorted(objects):
            item = mapping(objects[key], f"{here}.objects.{key}")
            kind = text(item, "object_type", f"{here}.objects.{key}")
            if kind not in STANDING:
                notes.append(f"{room}/{key} ({kind}) is not read: it does not stand on anything")
                continue
            for asset in _assets(item, key, frame, f"room_{room}", f"{here}.objects.{key}"):
                assets.append(asset)
    ids = object_ids([asset.native for asset in assets])
    found = [
        named(made, a.name, a.native, _mesh(folder, a), a.pose, shape="generated (SceneSmith)", tool="SceneSmith")
        for made, a in zip(ids, assets, strict=True)
    ]
    return House(tuple(found), next(iter(rooms)).replace("_", " ") if len(rooms) == 1 else None, tuple(notes))


def _centres(layout: dict[str, Any], where: str) -> dict[str, Array]:
    """Room id -> the middle of its floor (2,), from its corner and its size."""
    placed = layout.get("placed_rooms") or []
    if not isinstance(placed, list):
        raise NativeOutputError(f"{where}: layout.placed_rooms: a list is expected")
    found = {}
    for number, room in enumerate(placed):
        here = f"{where}: layout.placed_rooms[{number}]"
        room = mapping(room, here)
        corner = numbers(room.get("position"), 2, f"{here}.position")
        size = numbers([room.get("width"), room.get("depth")], 2, f"{here}.width, depth")
        found[text(room, "room_id", here)] = corner + size / 2
    return found


def _assets(item: dict[str, Any], key: str, frame: Array, folder: str, where: str) -> Iterator[_Asset]:
    """The object, or the members of a composite one, each with its own pose in the house."""
    metadata = item.get("metadata") or {}
    metadata = mapping(metadata, f"{where}.metadata")
    if metadata.get("composite_type") in HEAPS:
        members = [*(metadata.get("member_assets") or []), *(metadata.get("fill_assets") or [])]
        if metadata.get("container_asset"):
            members.insert(0, metadata["container_asset"])
        if not members:
            raise NativeOutputError(f"{where}.metadata: a {metadata['composite_type']} without its members")
        for number, member in enumerate(members):
            here = f"{where}.metadata member {number}"
            member = mapping(member, here)
            name = text(member, "name", here)
            yield _Asset(
                name,
                f"{key}_{name}",
                frame @ _pose(member, here),
                folder,
                text(member, "sdf_path", here),
                None,
                1.0,
                here,
            )
        return
    scale = float(numbers([item.get("scale_factor", 1.0)], 1, f"{where}.scale_factor")[0])
    if scale <= 0:
        raise NativeOutputError(f"{where}.scale_factor: {scale:g}; it must be positive")
    yield _Asset(
        text(item, "name", where), key, frame @ _pose(item, where), folder, item.get("sdf_path"), item.get("geometry_path"),
        scale, where,
    )  # fmt: skip


def _pose(item: dict[str, Any], where: str) -> Array:
    transform = mapping(item.get("transform"), f"{where}.transform")
    rotation = numbers(transform.get("rotation_wxyz"), 4, f"{where}.transform.rotation_wxyz")
    try:
        return compose(numbers(transform.get("translation"), 3, f"{where}.transform.translation"), rotation)
    except ValueError as error:
        raise NativeOutputError(f"{where}.transform.rotation_wxyz: {error}") from error


def _mesh(folder: NativeFolder, asset: _Asset) -> trimesh.Trimesh:
    if asset.sdf:
        return read_sdf(folder, f"{asset.folder}/{asset.sdf}")
    if not asset.geometry:
        raise NativeOutputError(f"{asset.where}: neither sdf_path nor geometry_path")
    mesh = load_mesh(folder.file(f"{asset.folder}/{asset.geometry}", MAX_MESH_BYTES), folder.root)
    mesh.apply_scale(asset.scale)
    return mesh
