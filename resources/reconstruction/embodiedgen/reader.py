"""EmbodiedGen's assets, translated: Z-up and in metres already, standing on z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.declared_physics import PHYSICS, DeclaredPhysics
from blueprint_assets.contracts.posed_meshes import Obtained, Scale
from blueprint_assets.geometry.mesh import load_mesh
from blueprint_assets.geometry.transforms import apply, from_rotation, quaternion_to_matrix
from resources.reconstruction.ground import Ground
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError
from resources.reconstruction.native_object import NativeObject, World, cared, object_ids, stand_up

from .urdf import Asset, read_urdf

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

LAYOUT = "layout.json"
NOT_OBJECTS = ("background", "robot")
"""Roles of a layout that are not objects."""
GAP_M = 0.05
"""Between assets that stand side by side because nobody recorded a place."""
SAME_HEIGHT = 0.02
"""Relative difference between a mesh's height and the height its URDF states that is worth a note."""
FORWARD = np.array([0.0, 1.0, 0.0])
FLOOR = Ground(np.array([0.0, 0.0, 1.0]), np.zeros(3), "default", "z = 0, on which EmbodiedGen's assets stand")
SCALE = Scale(
    factor=1.0,
    evidence="estimated",
    confidence=0.6,
    reason="metres: EmbodiedGen scales every mesh to the height that its language model estimates",
)


@dataclass(frozen=True)
class PlacedAsset:
    """An asset with its mesh (the file's own coordinates) and where it stands: `world_from_link` (4, 4)."""

    id: str
    asset: Asset
    mesh: trimesh.Trimesh
    world_from_link: Array
    placed_by: str


def read_assets(folder: NativeFolder) -> tuple[list[PlacedAsset], tuple[str, ...]]:
    """Every asset of the folder, placed, and notes.

    Raises:
        NativeOutputError: there is none; or as in `read_urdf` and `_read_layout`.
        MeshError: a mesh cannot be used.
    """
    places, notes = _read_layout(folder) if folder.has(LAYOUT) else ([], [])
    if not places:
        found = {name for depth in range(5) for name in folder.names("*/" * depth + "*.urdf")}
        places = [(name, None) for name in sorted(found)]
    names = [name for name, _ in places]
    if not names:
        raise NativeOutputError(f"{folder.root}: neither {LAYOUT} nor a .urdf file; give EmbodiedGen's output folder")
    assets = [read_urdf(folder, name) for name in names]
    ids = object_ids([asset.name for asset in assets])
    placed = []
    edge = 0.0
    for (_, place), made, asset in zip(places, ids, assets, strict=True):
        mesh = load_mesh(folder.file(asset.mesh, MAX_MESH_BYTES), folder.root, up="z")
        _remember_pictures(folder, asset.mesh)
        points = apply(asset.link_from_mesh, mesh.vertices)
        low, high = points.min(axis=0), points.max(axis=0)
        height = float(high[2] - low[2])
        if asset.real_height_m and abs(height / asset.real_height_m - 1) > SAME_HEIGHT:
            notes.append(f"{made}: its mesh is {height:.3f} m high, its URDF says {asset.real_height_m:.3f} m")
        if place is not None:
            placed.append(PlacedAsset(made, asset, mesh, place, f"recorded ({LAYOUT})"))
            continue
        move = np.array([edge - low[0], -(low[1] + high[1]) / 2, -low[2]])
        edge += float(high[0] - low[0]) + GAP_M
        how = "set down on z = 0; a URDF records no place" + (", so side by side" if len(names) > 1 else "")
        placed.append(PlacedAsset(made, asset, mesh, from_rotation(np.eye(3), move), how))
    return placed, tuple(notes)


def read_world(assets: list[PlacedAsset]) -> World:
    """The assets as objects on z = 0."""
    return stand_up([cared(_object(item)) for item in assets], FLOOR, FORWARD)


def write_physics(stage1: Path, assets: list[PlacedAsset]) -> None:
    """Keeps mass, friction and height beside each object, where the URDF says any of them."""
    for item in assets:
        asset = item.asset
        said = DeclaredPhysics(
            mass_kg=asset.mass_kg,
            static_friction=asset.static_friction,
            dynamic_friction=asset.dynamic_friction,
            real_height_m=asset.real_height_m,
            evidence="estimated",
            source="EmbodiedGen URDF",
        )
        if any(value is not None for value in (said.mass_kg, said.static_friction, said.real_height_m)):
            said.write(stage1 / "objects" / item.id / PHYSICS)


def _object(item: PlacedAsset) -> NativeObject:
    asset = item.asset
    unknown = {"mask": "EmbodiedGen keeps no mask", "confidence": "EmbodiedGen gives no scores"}
    if asset.category is None:
        unknown["category"] = "its URDF says none"
    return NativeObject(
        id=item.id,
        label=asset.category or asset.name.replace("_", " "),
        category=asset.category.lower() if asset.category else None,
        mesh=item.mesh,
        frame_from_object=item.world_from_link @ asset.link_from_mesh,
        obtained=Obtained(
            mask="none",
            shape="generated (EmbodiedGen)",
            position=item.placed_by,
            texture="recorded",
            label="language model" if asset.category else "file name",
            native_name=asset.name,
        ),
        unknown=unknown,
    )


def _read_layout(folder: NativeFolder) -> tuple[list[tuple[str, Array | None]], list[str]]:
    """Names of URDF files with world from link, and which nodes are not objects. A position is x, y, z, qx, qy, qz, qw.

    Raises:
        NativeOutputError: a field is missing, or a position is not seven finite numbers with a unit quaternion.
    """
    value = folder.json(LAYOUT)
    where = str(folder.root / LAYOUT)
    if not isinstance(value, dict):
        raise NativeOutputError(f"{where}: not a JSON object")
    assets, positions, roles = (_mapping(value, key, where) for key in ("assets", "position", "objs_mapping"))
    places: list[tuple[str, Array | None]] = []
    notes = []
    for node in sorted(assets):
        if roles.get(node) in NOT_OBJECTS:
            notes.append(f"{node} ({roles[node]}) is not read")
            continue
        pose = positions.get(node)
        try:
            numbers = np.array([float(number) for number in pose or ()])
            if numbers.shape != (7,) or not np.isfinite(numbers).all():
                raise ValueError("seven finite numbers are expected")
            rotation = quaternion_to_matrix(numbers[[6, 3, 4, 5]])
        except (TypeError, ValueError) as error:
            raise NativeOutputError(f"{where}: position.{node}: {str(pose)[:80]}: {error}") from error
        places.append((f"{assets[node]}/{node.replace(' ', '_')}.urdf", from_rotation(rotation, numbers[:3])))
    if not places:
        raise NativeOutputError(f"{where}: assets: no object among them")
    return places, notes


def _mapping(value: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    found = value.get(key)
    if not isinstance(found, dict):
        raise NativeOutputError(f"{where}: {key}: a JSON object is expected, found {type(found).__name__}")
    return found


def _remember_pictures(folder: NativeFolder, mesh: str) -> None:
    """Counts the materials and pictures beside a mesh as read: the mesh names them."""
    beside = mesh.rpartition("/")[0]
    for suffix in ("mtl", "png", "jpg"):
        for name in folder.names(f"{beside}/*.{suffix}" if beside else f"*.{suffix}"):
            folder.file(name, MAX_MESH_BYTES)
