"""OBJ and PLY files as trimesh objects, after their counts, numbers and the files that they name were checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from .mesh_folder import MAX_FACES, MAX_TEXT_BYTES, MAX_VERTICES, MeshError, MeshFolder, MissingFileError

if TYPE_CHECKING:
    import trimesh

PLY_SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "float", "int32", "uint32", "float32"), 4),
    **dict.fromkeys(("double", "float64", "int64", "uint64"), 8),
}
MAX_HEADER_BYTES = 65_536


def read_obj(folder: MeshFolder) -> list[trimesh.Trimesh]:
    """The meshes of an OBJ file, one per material, in the file's own axes and units.

    Raises:
        MeshError: a number is not finite, a face names a vertex that is not there, a material or picture lies outside the
            folder, or the file is too large. A material file or picture that is missing is only noted.
    """
    data = _text(folder.main(), folder)
    text = data.decode("utf-8", errors="replace")
    faces, vertices = _demand_obj_numbers(text, folder)
    _demand_counts(faces, vertices, folder)
    brought: dict[str, bytes] = {}
    for number, line in _lines(text, ("mtllib",)):
        _bring(line, f"line {number}: mtllib", folder, brought)
    for library in list(brought):
        described = _text(brought[library], folder).decode("utf-8", errors="replace")
        for number, line in _lines(described, ("map_Kd", "map_Ka", "map_Ks", "map_Bump", "bump", "norm")):
            where = f"{library} line {number}: {line.split()[0]}"
            _bring(line, where, folder, brought)
            if (name := _named(line)) in brought:
                folder.texture(brought[name], where)
    return _load(data, "obj", folder, brought)


def read_ply(folder: MeshFolder) -> list[trimesh.Trimesh]:
    """The mesh of a PLY file, in the file's own axes and units; with its colours, or its texture (`comment TextureFile`).

    Raises:
        MeshError: the header is not PLY, promises more than the file holds or than the limits allow, or names a picture
            outside the folder.
    """
    data = folder.main()
    end = data[:MAX_HEADER_BYTES].find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise folder.refuse("header", "not a PLY header")
    lines = data[:end].decode("latin-1").splitlines()
    formats = [line.split()[1] for line in lines if line.startswith("format ") and len(line.split()) > 1]
    if formats == ["ascii"]:
        _text(data, folder)
    counts: dict[str, int] = {}
    smallest = 0
    for line in lines:
        words = line.split()
        if words[:1] == ["element"]:
            if len(words) != 3 or not words[2].isdecimal() or len(words[2]) > 12:
                raise folder.refuse("header.element", f"{line[:60]!r}; a name and a count are expected")
            counts[words[1]] = int(words[2])
        elif words[:1] == ["property"] and counts:
            kind = words[2] if words[1:2] == ["list"] and len(words) > 2 else words[1] if len(words) > 1 else ""
            if kind not in PLY_SIZES:
                raise folder.refuse("header.property", f"{line[:60]!r}: unknown type")
            smallest += list(counts.values())[-1] * (PLY_SIZES[kind] if formats != ["ascii"] else 2)
    _demand_counts(counts.get("face", 0), counts.get("vertex", 0), folder)
    if smallest > len(data) - end:
        raise folder.refuse(
            "header.element", f"{counts} need at least {smallest:,} bytes, {len(data) - end:,} are there: truncated"
        )
    brought: dict[str, bytes] = {}
    for line in lines:
        if line.startswith("comment TextureFile"):
            _bring(line.removeprefix("comment "), "header.TextureFile", folder, brought)
    for name, picture in brought.items():
        folder.texture(picture, f"header.TextureFile {name}")
    return _load(data, "ply", folder, brought)


def _text(data: bytes, folder: MeshFolder) -> bytes:
    if len(data) > MAX_TEXT_BYTES:
        raise folder.refuse("", f"{len(data):,} bytes of text, over the limit of {MAX_TEXT_BYTES:,}; save it as GLB")
    return data


def _lines(text: str, keywords: tuple[str, ...]) -> list[tuple[int, str]]:
    """Numbered lines that begin with one of the keywords."""
    return [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.lstrip().startswith(tuple(f"{keyword} " for keyword in keywords))
    ]


def _named(line: str) -> str:
    """The file at the end of a line; options before it (`-bm 1`) are skipped, a plain name may hold spaces."""
    _, _, rest = line.partition(" ")
    return rest.split()[-1] if rest.lstrip().startswith("-") else rest.strip()


def _bring(line: str, where: str, folder: MeshFolder, brought: dict[str, bytes]) -> None:
    name = _named(line)
    try:
        brought[name] = folder.bring(name, where)
    except MissingFileError as missing:
        folder.notes.append(f"{missing}; the surface has no texture")


def _demand_obj_numbers(text: str, folder: MeshFolder) -> tuple[int, int]:
    """Triangles and vertices of an OBJ text, each number looked at once."""
    vertices = triangles = 0
    highest, lowest = (0, 0), (0, 0)
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("v "):
            vertices += 1
            try:
                finite = all(abs(float(word)) < 1e30 for word in line.split()[1:4])
            except ValueError:
                finite = False
            if not finite or len(line.split()) < 4:
                raise folder.refuse(f"line {number}: v", f"{line[:60]!r}: three finite numbers are expected")
        elif line.startswith("f "):
            words = line.split()[1:]
            triangles += max(0, len(words) - 2)
            try:
                corners = [int(word.partition("/")[0]) for word in words]
            except ValueError:
                corners = [0]
            if len(corners) < 3 or 0 in corners:
                raise folder.refuse(
                    f"line {number}: f", f"{line[:60]!r}: three or more vertex numbers, from 1 on, are expected"
                )
            highest = max(highest, (max(corners), number))
            if min(corners) < 0 and -min(corners) > vertices:
                lowest = (min(corners), number)
    if highest[0] > vertices or lowest[0] < 0:
        index, number = highest if highest[0] > vertices else lowest
        raise folder.refuse(f"line {number}: f", f"face index {index}, but there are {vertices} vertices")
    return triangles, vertices


def _demand_counts(faces: int, vertices: int, folder: MeshFolder) -> None:
    if not faces:
        raise folder.refuse("f", "no faces")
    if faces > MAX_FACES or vertices > MAX_VERTICES:
        raise folder.refuse(
            "f",
            f"{faces:,} faces and {vertices:,} vertices, over the limits of {MAX_FACES:,} and {MAX_VERTICES:,}; decimate it",
        )


def _load(data: bytes, kind: str, folder: MeshFolder, brought: dict[str, Any]) -> list[trimesh.Trimesh]:
    import trimesh

    try:
        loaded = trimesh.load(io.BytesIO(data), file_type=kind, resolver=brought, process=False)
    except MeshError:
        raise
    except Exception as error:  # trimesh raises whatever its parser raises
        raise folder.refuse("", f"not a readable {kind.upper()} file: {str(error)[:120]}") from error
    meshes = list(loaded.geometry.values()) if isinstance(loaded, trimesh.Scene) else [loaded]
    return [mesh for mesh in meshes if isinstance(mesh, trimesh.Trimesh)]
