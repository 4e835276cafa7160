"""One EmbodiedGen asset: a URDF file of one link. Read in HorizonRobotics/EmbodiedGen at commit d1258602."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resources.reconstruction.native_folder import MAX_DOCUMENT_BYTES, NativeFolder, NativeOutputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Asset:
    """What a URDF says. `mesh` is a name in the folder; `link_from_mesh` (4, 4) takes the file's own coordinates to the link,
    Z-up, metres. What it does not say is None. All numbers are a language model's estimates."""

    name: str
    mesh: str
    link_from_mesh: Array
    category: str | None
    description: str | None
    mass_kg: float | None
    static_friction: float | None
    dynamic_friction: float | None
    real_height_m: float | None


def read_urdf(folder: NativeFolder, name: str) -> Asset:
    """The asset that the URDF file `name` describes.

    Raises:
        NativeOutputError: not UTF-8 XML, entities in it, more than one link or visual, a mesh name that leads out of the
            folder, or a number that is not finite or has no sense.
    """
    path = folder.file(name, MAX_DOCUMENT_BYTES)
    try:
        text = path.read_bytes().decode("utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise NativeOutputError(f"{path}: a document type or entities; a URDF file has none")
        robot = ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError) as error:
        if isinstance(error, NativeOutputError):
            raise
        raise NativeOutputError(f"{path}: not UTF-8 XML: {error}") from error
    links = robot.findall("link")
    if robot.tag != "robot" or len(links) != 1 or robot.find("joint") is not None:
        raise NativeOutputError(f"{path}: {len(links)} links; one rigid link without joints is read")
    link = links[0]
    visuals = link.findall("visual")
    if len(visuals) != 1:
        raise NativeOutputError(f"{path}: link.visual: {len(visuals)} of them; EmbodiedGen writes one")
    mesh = visuals[0].find("geometry/mesh")
    if mesh is None or not mesh.get("filename"):
        raise NativeOutputError(f"{path}: link.visual.geometry.mesh: no filename")
    beside = name.rpartition("/")[0]
    scale = _numbers(mesh.get("scale", "1 1 1"), 3, f"{path}: link.visual.geometry.mesh.scale")
    if (scale <= 0).any():
        raise NativeOutputError(f"{path}: link.visual.geometry.mesh.scale: {scale.tolist()}; positive numbers")
    origin = visuals[0].find("origin")
    return Asset(
        name=name.rpartition("/")[2].removesuffix(".urdf"),
        mesh=f"{beside}/{mesh.get('filename')}" if beside else str(mesh.get("filename")),
        link_from_mesh=_origin(origin, str(path)) @ np.diag([*scale, 1.0]),
        category=_word(link, "extra_info/category"),
        description=_word(link, "extra_info/description"),
        mass_kg=_positive(_attribute(link, "inertial/mass", "value"), f"{path}: link.inertial.mass.value"),
        static_friction=_positive(link.findtext("collision/gazebo/mu1"), f"{path}: link.collision.gazebo.mu1"),
        dynamic_friction=_positive(link.findtext("collision/gazebo/mu2"), f"{path}: link.collision.gazebo.mu2"),
        real_height_m=_positive(link.findtext("extra_info/real_height"), f"{path}: link.extra_info.real_height"),
    )


def _origin(origin: ElementTree.Element | None, where: str) -> Array:
    """A URDF origin, (4, 4): turned about the fixed x, y and z axes by roll, pitch and yaw, then moved."""
    matrix = np.eye(4)
    if origin is None:
        return matrix
    roll, pitch, yaw = _numbers(origin.get("rpy", "0 0 0"), 3, f"{where}: link.visual.origin.rpy")
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a), math.sin(a)) for a in (roll, pitch, yaw))
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    matrix[:3, :3] = about_z @ about_y @ about_x
    matrix[:3, 3] = _numbers(origin.get("xyz", "0 0 0"), 3, f"{where}: link.visual.origin.xyz")
    return matrix


def _numbers(text: str, count: int, where: str) -> Array:
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError:
        values = np.zeros(0)
    if len(values) != count or not np.isfinite(values).all():
        raise NativeOutputError(f"{where}: {text[:60]!r}; {count} finite numbers are expected")
    return values


def _positive(text: str | None, where: str) -> float | None:
    """A positive number; None where nothing is written or 0, which EmbodiedGen's template has for what it did not ask."""
    if text is None or not text.strip():
        return None
    value = float(_numbers(text, 1, where)[0])
    if value < 0:
        raise NativeOutputError(f"{where}: {value:g}; it cannot be negative")
    return value or None


def _attribute(link: ElementTree.Element, path: str, name: str) -> str | None:
    element = link.find(path)
    return None if element is None else element.get(name)


def _word(link: ElementTree.Element, path: str) -> str | None:
    """A text without the quotation marks that EmbodiedGen's template has; None where it says unknown."""
    text = (link.findtext(path) or "").strip().strip('"').strip()
    return text if text and text.lower() != "unknown" else None
