"""3D-RE-GEN's output tree: what is where in its checkout, and what its file names say.

Read in cgtuebingen/3D-RE-GEN at commit 9a6275f3 (February 2026). It writes no JSON: names are all that there is.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resources.reconstruction.native_folder import NativeOutputError

PLACED = "output/glb"
CANONICAL = "output/3D"
FULL_SIZE = "output/findings/fullSize"
ERODED = "output/masks"
CAMERA = "output/pre_3D/camera.npz"
PLANE_POINTS = "output/pointclouds/PLANE_SAMPLED.ply"
BACKGROUND = "output/pointclouds/meshed/ground_aligned.glb"
EMPTY_ROOM = "output/findings/banana/inpaint_nanoBanana/empty_room.png"
PROCESSED = "tmp/converted_from_webp.png"
CONFIG = "src/config.yaml"
COMPLETE = ".regen3d_complete"
"""Our own marker (not 3D-RE-GEN's): the runner found every file that it expects."""

IGNORED = ("wall", "floor", "ceiling", "door", "window")
"""`ignore_classes`: a detection whose name *contains* one of these is never placed, so a wallet or a floor lamp neither."""

_NAME = re.compile(r"^(?P<label>.+)__\((?P<cx>-?\d+), (?P<cy>-?\d+)\)$")


@dataclass(frozen=True)
class NativeName:
    """`chair__(810, 861)`: a detector's phrase and the middle of its box in the processed picture, pixels."""

    native: str
    label: str
    centre: tuple[int, int]

    @property
    def id_base(self) -> str:
        """What the object's id is made from: `chair_810_861`; the same in every run over the same picture."""
        x, y = (str(value).replace("-", "m") for value in self.centre)
        return f"{self.label} {x} {y}"


def parse_name(native: str) -> NativeName:
    """What an object's name says.

    Raises:
        NativeOutputError: it is not `<label>__(<x>, <y>)`.
    """
    match = _NAME.match(native)
    if match is None:
        raise NativeOutputError(
            f"{PLACED}/{native}.glb: not a name that 3D-RE-GEN gives (<label>__(<x>, <y>)); leave other files out of it"
        )
    label = match["label"].replace("_", " ").strip()
    return NativeName(native, label or "object", (int(match["cx"]), int(match["cy"])))


def placed_positions(path: Path) -> NDArray[np.float64]:
    """The vertices (n, 3) of a placed object, in file order, 3D-RE-GEN's world.

    Only positions are taken: PyTorch3D's writer keeps indices in 16 bits, which corrupts the faces of anything over 65,535
    vertices, and does not pad its JSON to four bytes, which strict readers refuse. So this reads the file itself.

    Raises:
        NativeOutputError: not a binary glTF 2 file, not one mesh of one primitive without a transform, or positions that
            are not finite 32-bit floats inside the file.
    """
    data = path.read_bytes()
    if len(data) < 20 or data[:4] != b"glTF":
        raise NativeOutputError(f"{path}: not a binary glTF file")
    version, _, size, kind = struct.unpack_from("<IIII", data, 4)
    if version != 2 or kind != 0x4E4F534A or 20 + size > len(data):
        raise NativeOutputError(
            f"{path}: version {version}, first part {kind:#x} of {size} bytes: not a whole glTF 2 file"
        )
    try:
        document: Any = json.loads(data[20 : 20 + size])
        (mesh,) = document["meshes"]
        (primitive,) = mesh["primitives"]
        moved = [node for node in document.get("nodes", []) if not _is_identity(node)]
        accessor = document["accessors"][primitive["attributes"]["POSITION"]]
        view = document["bufferViews"][accessor["bufferView"]]
        count = int(accessor["count"])
        start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
        stride = int(view.get("byteStride", 12))
        plain = accessor["componentType"] == 5126 and accessor["type"] == "VEC3" and stride == 12
        embedded = "uri" not in document["buffers"][int(view["buffer"])]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise NativeOutputError(f"{path}: not one mesh with one set of positions: {error!r}") from error
    if moved:
        raise NativeOutputError(f"{path}: a node with a transform; 3D-RE-GEN bakes it into the vertices")
    if not plain or not embedded:
        raise NativeOutputError(f"{path}: POSITION: not tightly packed 32-bit floats in the file itself")
    body = data[20 + size :]
    if len(body) < 8 or struct.unpack_from("<I", body, 4)[0] != 0x004E4942:
        raise NativeOutputError(f"{path}: no binary part after the JSON")
    if struct.unpack_from("<I", body)[0] > len(body) - 8:
        raise NativeOutputError(f"{path}: {len(body) - 8} bytes of its binary part; the file ends before")
    if start < 0 or count < 3 or start + 12 * count > len(body) - 8:
        raise NativeOutputError(f"{path}: POSITION: {count} vertices from byte {start}, but the file ends before")
    positions = np.frombuffer(body, dtype="<f4", count=3 * count, offset=8 + start).reshape(-1, 3).astype(float)
    if not np.isfinite(positions).all():
        raise NativeOutputError(f"{path}: POSITION: a vertex is not finite")
    return positions


def _is_identity(node: dict[str, Any]) -> bool:
    matrix = node.get("matrix")
    return (
        (matrix is None or np.allclose(np.asarray(matrix, dtype=float).reshape(4, 4), np.eye(4)))
        and np.allclose(node.get("translation", (0, 0, 0)), 0)
        and np.allclose(node.get("rotation", (0, 0, 0, 1)), (0, 0, 0, 1))
        and np.allclose(node.get("scale", (1, 1, 1)), 1)
    )
