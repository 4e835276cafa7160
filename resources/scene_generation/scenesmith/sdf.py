"""SDF assets as SceneSmith and Drake write them: one model, its links' visual meshes. Joints are at zero."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh import load_mesh
from resources.reconstruction.native_folder import MAX_DOCUMENT_BYTES, MAX_MESH_BYTES, NativeFolder, NativeOutputError

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

MAX_LINKS = 64


def read_sdf(folder: NativeFolder, name: str) -> trimesh.Trimesh:
    """The visual meshes of a model, merged, Z-up in the model's frame, metres.

    Drake turns a glTF mesh from Y-up to Z-up when it loads it, as its specification says; so does `load_mesh`.

    Raises:
        NativeOutputError: not UTF-8 XML, entities in it, no model, no visual mesh, a pose relative to another frame, a mesh name
            that leads out of the folder, or a number that is not finite.
        MeshError: a mesh cannot be used.
    """
    import trimesh

    path = folder.file(name, MAX_DOCUMENT_BYTES)
    try:
        content = path.read_bytes().decode("utf-8")
        if "<!DOCTYPE" in content or "<!ENTITY" in content:
            raise NativeOutputError(f"{path}: a document type or entities; an SDF file has none")
        root = ElementTree.fromstring(content)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise NativeOutputError(f"{path}: not UTF-8 XML: {error}") from error
    models = root.findall("model")
    if root.tag != "sdf" or len(models) != 1:
        raise NativeOutputError(f"{path}: {len(models)} models in <{root.tag}>; one in <sdf> is read")
    links = models[0].findall("link")
    if not 1 <= len(links) <= MAX_LINKS:
        raise NativeOutputError(f"{path}: {len(links)} links; 1 to {MAX_LINKS} are read")
    parts = []
    for link in links:
        placed = _pose(link, f"{path}: link {link.get('name')}")
        for visual in link.findall("visual"):
            mesh = visual.find("geometry/mesh")
            if mesh is None:
                continue  # a primitive: SceneSmith draws none
            uri = (mesh.findtext("uri") or "").strip()
            if not uri or "://" in uri:
                raise NativeOutputError(
                    f"{path}: visual.geometry.mesh.uri: {uri[:60]!r}; a file beside the SDF is expected"
                )
            scale = _numbers(mesh.findtext("scale") or "1 1 1", 3, f"{path}: visual.geometry.mesh.scale")
            if (scale <= 0).any():
                raise NativeOutputError(f"{path}: visual.geometry.mesh.scale: {scale.tolist()}; it must be positive")
            beside = name.rpartition("/")[0]
            file = f"{beside}/{uri}" if beside else uri
            loaded = load_mesh(folder.file(file, MAX_MESH_BYTES), folder.root)
            remember_beside(folder, file)
            loaded.apply_transform(placed @ _pose(visual, f"{path}: visual") @ np.diag([*scale, 1.0]))
            parts.append(loaded)
    if not parts:
        raise NativeOutputError(f"{path}: no visual mesh")
    return parts[0] if len(parts) == 1 else trimesh.util.concatenate(parts)


def remember_beside(folder: NativeFolder, mesh: str) -> None:
    """Counts the buffers and pictures beside a mesh as read: the mesh names them."""
    beside = mesh.rpartition("/")[0]
    for suffix in ("bin", "png", "jpg", "mtl"):
        for name in folder.names(f"{beside}/*.{suffix}" if beside else f"*.{suffix}"):
            folder.file(name, MAX_MESH_BYTES)


def _pose(element: ElementTree.Element, where: str) -> Array:
    """An SDF pose (4, 4): x y z roll pitch yaw about the fixed axes; identity where there is none."""
    matrix = np.eye(4)
    pose = element.find("pose")
    if pose is None or not (pose.text or "").strip():
        return matrix
    if pose.get("relative_to"):
        raise NativeOutputError(
            f"{where}: a pose relative to {pose.get('relative_to')!r}; only the parent's frame is read"
        )
    x, y, z, roll, pitch, yaw = _numbers(pose.text or "", 6, f"{where}: pose")
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a), math.sin(a)) for a in (roll, pitch, yaw))
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    matrix[:3, :3] = about_z @ about_y @ about_x
    matrix[:3, 3] = (x, y, z)
    return matrix


def _numbers(value: str, count: int, where: str) -> Array:
    try:
        found = np.array([float(part) for part in value.split()])
    except ValueError:
        found = np.zeros(0)
    if len(found) != count or not np.isfinite(found).all():
        raise NativeOutputError(f"{where}: {value[:60]!r}; {count} finite numbers are expected")
    return found
