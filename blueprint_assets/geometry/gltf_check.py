"""Whether a glTF 2.0 file can be believed: container, offsets, counts, indices and node tree, before any array is made.

Parsers trust these numbers (trimesh accepts a node cycle, a scale of 0, an index out of range and a wrong length), so
they are checked here against the glTF 2.0 specification; the section is named where a rule is not obvious.
"""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .gltf_nodes import Json, Placed, place_meshes
from .mesh_folder import MAX_FACES, MAX_VERTICES, MeshError, MeshFolder, MissingFileError

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
TRIANGLES, STRIP, FAN = 4, 5, 6
COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "KHR_xmp", "EXT_texture_webp", "MSFT_texture_dds")
"""Beginnings of extensions that change how a surface looks, never where it is."""


@dataclass(frozen=True)
class Gltf:
    """A document whose every index, offset and count holds, and its buffers. `faces` counts all placed meshes."""

    document: Json
    buffers: tuple[bytes, ...]
    placed: tuple[Placed, ...]
    faces: int

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.document["bufferViews"][index]
        start: int = view.get("byteOffset", 0)
        buffer: bytes = self.buffers[view["buffer"]]
        return buffer[start : start + view["byteLength"]]

    def accessor(self, index: int) -> NDArray[Any]:
        """An accessor's values, shape (count, width); integers that stand for fractions are turned into them."""
        accessor = self.document["accessors"][index]
        view = self.document["bufferViews"][accessor["bufferView"]]
        kind = np.dtype(COMPONENTS[accessor["componentType"]])
        count, width = accessor["count"], WIDTHS[accessor["type"]]
        values = np.ndarray(
            (count, width),
            kind,
            self.buffers[view["buffer"]],
            view.get("byteOffset", 0) + accessor.get("byteOffset", 0),
            (view.get("byteStride") or kind.itemsize * width, kind.itemsize),
        )
        if accessor.get("normalized") and kind.kind in "iu":
            return np.maximum(values.astype(np.float64) / np.iinfo(kind).max, -1.0)
        return values.copy()


def check_gltf(folder: MeshFolder) -> Gltf:
    """Reads and checks the .glb or .gltf file of `folder`; which of the two it is, its first bytes say.

    Raises:
        MeshError: the file breaks a rule (the message names the field), is too large, or needs an extension that is not known.
    """
    data = folder.main()
    text, embedded = _container(data, folder) if data[:4] == b"glTF" else (data, None)
    return _Check(folder, _parse(text, folder), embedded).run()


def _container(data: bytes, folder: MeshFolder) -> tuple[bytes, bytes | None]:
    """JSON and binary part (5.1 in the specification's "GLB File Format"). Chunks that are not padded to 4 bytes, as
    PyTorch3D writes them, are read."""
    if len(data) < 20:
        raise folder.refuse("header", f"{len(data)} bytes, truncated: a GLB file has at least 20")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise folder.refuse("header.version", f"{version}; only glTF 2 is read")
    if length != len(data):
        what = "truncated" if length > len(data) else "it has trailing bytes"
        raise folder.refuse("header.length", f"says {length} bytes, the file has {len(data)}: {what}")
    chunks: list[tuple[int, bytes]] = []
    offset = 12
    while offset < length:
        if length - offset < 8:
            if not any(data[offset:]):
                break
            raise folder.refuse(f"chunk {len(chunks)}", "no room for a chunk header")
        size, kind = struct.unpack_from("<II", data, offset)
        if size > length - offset - 8:
            raise folder.refuse(f"chunk {len(chunks)}", f"says {size} bytes, {length - offset - 8} are left")
        chunks.append((kind, data[offset + 8 : offset + 8 + size]))
        offset += 8 + size
    if not chunks or chunks[0][0] != 0x4E4F534A:
        raise folder.refuse("chunk 0", "not the JSON chunk")
    binary = chunks[1][1] if len(chunks) > 1 and chunks[1][0] == 0x004E4942 else None
    return chunks[0][1], binary


def _parse(text: bytes, folder: MeshFolder) -> Json:
    def no_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        document = json.loads(text.decode("utf-8-sig"), parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise folder.refuse("JSON", f"cannot be read: {str(error)[:120]}") from error
    if not isinstance(document, dict):
        raise folder.refuse("JSON", "not an object")
    return document


class _Check:
    """One walk over the document. Every `_x` method raises MeshError through `self.fail`."""

    def __init__(self, folder: MeshFolder, document: Json, embedded: bytes | None) -> None:
        self.folder, self.document, self.embedded = folder, document, embedded
        self.buffers: list[bytes] = []
        self.faces_of_mesh: list[int] = []
        self.corners_of_mesh: list[int] = []

    def fail(self, where: str, what: str) -> MeshError:
        return self.folder.refuse(where, what)

    def run(self) -> Gltf:
        asset = self.document.get("asset")
        version = asset.get("version") if isinstance(asset, dict) else None
        if not isinstance(version, str) or not version.startswith("2."):
            raise self.fail("asset.version", f"{version!r}; only glTF 2 is read")
        self._extensions()
        for index, buffer in enumerate(self._list("buffers")):
            self._buffer(index, buffer)
        for index, view in enumerate(self._list("bufferViews")):
            self._view(f"bufferViews[{index}]", view)
        for index, accessor in enumerate(self._list("accessors")):
            self._accessor(f"accessors[{index}]", accessor)
        self._list("textures")
        for index, image in enumerate(self._list("images")):
            self._image(f"images[{index}]", image)
        self._list("materials")
        for index, mesh in enumerate(self._list("meshes")):
            self._mesh(f"meshes[{index}]", mesh)
        self._list("nodes"), self._list("scenes")
        placed = place_meshes(self.document, self.folder)
        placed = tuple(item for item in placed if self.faces_of_mesh[item.mesh])
        faces = sum(self.faces_of_mesh[item.mesh] for item in placed)
        corners = sum(self.corners_of_mesh[item.mesh] for item in placed)
        if faces > MAX_FACES or corners > MAX_VERTICES:
            raise self.fail(
                "scenes",
                f"{faces:,} faces and {corners:,} vertices, over the limits of {MAX_FACES:,} and {MAX_VERTICES:,}; decimate it",
            )
        if not faces:
            raise self.fail("scenes", "no faces")
        return Gltf(self.document, tuple(self.buffers), placed, faces)

    def _list(self, key: str) -> list[Json]:
        items = self.document.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.fail(key, "not a list of objects")
        return items

    def _whole(self, item: Json, key: str, where: str, default: int | None = None, least: int = 0) -> int:
        value = item.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**53:
            raise self.fail(f"{where}.{key}", f"{str(value)[:40]}; a whole number from {least} on is expected")
        return value

    def _index(self, item: Json, key: str, target: str, where: str) -> int:
        value, count = self._whole(item, key, where), len(self._list(target))
        if value >= count:
            raise self.fail(f"{where}.{key}", f"{value}, but there are {count} {target}")
        return value

    def _extensions(self) -> None:
        required = self.document.get("extensionsRequired", [])
        if not isinstance(required, list):
            raise self.fail("extensionsRequired", "not a list")
        for name in required:
            if not (isinstance(name, str) and name.startswith(HARMLESS)):
                raise self.fail("extensionsRequired", f"{str(name)[:60]} is not known here; export the mesh without it")

    def _buffer(self, index: int, buffer: Json) -> None:
        where = f"buffers[{index}]"
        length = self._whole(buffer, "byteLength", where, least=1)
        if "uri" in buffer:
            data = self.folder.bring(buffer["uri"], f"{where}.uri")
        elif index == 0 and self.embedded is not None:
            data = self.embedded
        else:
            raise self.fail(where, "neither a uri nor a binary chunk")
        if len(data) < length:
            raise self.fail(f"{where}.byteLength", f"{length}, but only {len(data)} bytes are there: truncated")
        self.buffers.append(data)

    def _view(self, where: str, view: Json) -> None:
        buffer = self._index(view, "buffer", "buffers", where)
        end = self._whole(view, "byteOffset", where, 0) + self._whole(view, "byteLength", where, least=1)
        if end > len(self.buffers[buffer]):
            raise self.fail(where, f"ends at byte {end} of a buffer of {len(self.buffers[buffer])}")
        if "byteStride" in view and not 4 <= self._whole(view, "byteStride", where) <= 252:
            raise self.fail(f"{where}.byteStride", f"{view['byteStride']}; 4 to 252 are allowed")

    def _accessor(self, where: str, accessor: Json) -> None:
        kind, shape = accessor.get("componentType"), accessor.get("type")
        if not isinstance(kind, int) or kind not in COMPONENTS:
            raise self.fail(f"{where}.componentType", f"{str(kind)[:40]} is not one of {sorted(COMPONENTS)}")
        if not isinstance(shape, str) or shape not in WIDTHS:
            raise self.fail(f"{where}.type", f"{str(shape)[:40]} is not one of {sorted(WIDTHS)}")
        count = self._whole(accessor, "count", where, least=1)
        if count > 3 * MAX_FACES:
            raise self.fail(f"{where}.count", f"{count:,}, over the limit of {3 * MAX_FACES:,}; decimate the mesh")
        if "sparse" in accessor:
            raise self.fail(f"{where}.sparse", "sparse accessors are not read; export the mesh without them")
        if "bufferView" not in accessor:
            return  # allowed (3.6.2.1: zeros); refused where a primitive uses it
        view = self._list("bufferViews")[self._index(accessor, "bufferView", "bufferViews", where)]
        itemsize = np.dtype(COMPONENTS[kind]).itemsize
        size = itemsize * WIDTHS[shape]
        stride = view.get("byteStride", size)
        if stride < size:
            raise self.fail(f"{where}.bufferView", f"a stride of {stride} for elements of {size} bytes")
        end = self._whole(accessor, "byteOffset", where, 0) + stride * (count - 1) + size
        if end > view["byteLength"]:
            raise self.fail(
                f"{where}.count", f"{count} elements end at byte {end} of a view of {view['byteLength']} bytes"
            )

    def _image(self, where: str, image: Json) -> None:
        """Where a picture comes from; a file that is not there is no error yet."""
        if "bufferView" in image:
            self._index(image, "bufferView", "bufferViews", where)
            return
        uri = image.get("uri")
        if not isinstance(uri, str):
            raise self.fail(where, "neither a bufferView nor a uri")
        if uri[:5].lower() != "data:":
            with suppress(MissingFileError):
                self.folder.inside(uri, f"{where}.uri")

    def _mesh(self, where: str, mesh: Json) -> None:
        primitives = mesh.get("primitives")
        if not isinstance(primitives, list) or not all(isinstance(item, dict) for item in primitives):
            raise self.fail(f"{where}.primitives", "not a list of objects")
        counts = [self._primitive(f"{where}.primitives[{index}]", item) for index, item in enumerate(primitives)]
        self.faces_of_mesh.append(sum(faces for faces, _ in counts))
        self.corners_of_mesh.append(sum(vertices for _, vertices in counts))

    def _primitive(self, where: str, primitive: Json) -> tuple[int, int]:
        """Faces and vertices."""
        attributes = primitive.get("attributes")
        if not isinstance(attributes, dict) or "POSITION" not in attributes:
            raise self.fail(f"{where}.attributes", "no POSITION")
        mode = self._whole(primitive, "mode", where, TRIANGLES)
        if mode not in (TRIANGLES, STRIP, FAN):
            self.folder.notes.append(f"{where}: points or lines, left out")
            return 0, 0
        extensions = primitive.get("extensions", {})
        if packed := [name for name in COMPRESSED if isinstance(extensions, dict) and name in extensions]:
            raise self.fail(f"{where}.extensions", f"{packed[0]} is not read; export the mesh without compression")
        vertices = self._attribute(where, attributes, "POSITION", ("VEC3",), (5126,))
        for name, shapes in (("TEXCOORD_0", ("VEC2",)), ("COLOR_0", ("VEC3", "VEC4"))):
            if name in attributes and self._attribute(where, attributes, name, shapes, (5126, 5121, 5123)) != vertices:
                raise self.fail(f"{where}.attributes.{name}", f"not one value for each of {vertices} vertices")
        if "material" in primitive:
            self._index(primitive, "material", "materials", where)
        corners = vertices
        if "indices" in primitive:
            corners = self._attribute(where, primitive, "indices", ("SCALAR",), (5121, 5123, 5125))
        if mode == TRIANGLES and corners % 3:
            raise self.fail(f"{where}.indices", f"{corners} corners do not make whole triangles")
        faces = corners // 3 if mode == TRIANGLES else max(0, corners - 2)
        if faces > MAX_FACES:
            raise self.fail(where, f"{faces:,} faces, over the limit of {MAX_FACES:,}; decimate the mesh")
        return faces, vertices

    def _attribute(self, where: str, item: Json, key: str, shapes: tuple[str, ...], kinds: tuple[int, ...]) -> int:
        """The count of the accessor behind `item[key]`, which must have one of these shapes and component types."""
        accessor = self._list("accessors")[self._index(item, key, "accessors", where)]
        if accessor["type"] not in shapes or accessor["componentType"] not in kinds or "bufferView" not in accessor:
            raise self.fail(
                f"{where}.{key}",
                f"{accessor['type']} of type {accessor['componentType']}{'' if 'bufferView' in accessor else ' without data'}; "
                f"{' or '.join(shapes)} of type {' or '.join(map(str, kinds))} is expected",
            )
        return int(accessor["count"])
