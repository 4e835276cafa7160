"""The furniture of Sweet Home 3D, as Debian's `sweethome3d-furniture` installs it: zip files with a catalogue and OBJ meshes.

A catalogue (`PluginFurnitureCatalog.properties`) numbers its rows: `name#7`, `model#7` (a member of the zip), `width#7`,
`depth#7`, `height#7` in centimetres, `creator#7`, sometimes `modelRotation#7` (nine numbers). Meshes are Y-up, their front is
towards +z. Nothing is unpacked: a member is read by its name, up to a limit, and what it names itself is not followed.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blueprint_assets.geometry.mesh import load_mesh
from blueprint_assets.household import Category, find

from . import LibraryMesh

if TYPE_CHECKING:
    import trimesh

FOLDER = Path("/usr/share/sweethome3d/furniture")
"""Where the Debian package puts its archives."""
CATALOGUE = "PluginFurnitureCatalog.properties"
FREE = "public domain"
"""The licence, in small letters, that a catalogue must state."""
MAX_CATALOGUE, MAX_OBJ = 1 << 20, 32 << 20
"""Bytes, unpacked: ten times the largest of version 1.8."""
LARGEST = 10.0
"""Metres: what is longer is no furniture."""
UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_LINE = re.compile(r"^(\w+)#(\d{1,5})=(.*)$")


class LibraryError(ValueError):
    """An archive of the library is not what its format promises. The message names the file and the row."""


@cache
def installed(folder: Path = FOLDER) -> tuple[LibraryMesh, ...]:
    """Every mesh of the public domain whose name the household catalogue knows, in the catalogues' order; none if not installed.

    Raises:
        LibraryError: an archive cannot be read, or a row's numbers are not sizes.
    """
    found = [_rows(path) for path in sorted(folder.glob("*.sh3f"))]
    return tuple(item for rows in found for item in rows)


def load(item: LibraryMesh) -> trimesh.Trimesh:
    """The mesh, Z-up, front towards -y, in metres; the middle of its base is the origin, its extents are `item.size`.

    Raises:
        LibraryError: the member is not there or too large.
        MeshError: it is no OBJ file with faces.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "mesh.obj"
        path.write_bytes(_member(item.archive, item.member, MAX_OBJ))
        mesh = load_mesh(path, path.parent, up="y")
    up = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # from Y-up to Z-up
    turn = np.eye(4)
    turn[:3, :3] = up @ np.array(item.turn).reshape(3, 3) @ up.T
    mesh.apply_transform(turn)
    if mesh.extents.min() <= 0:
        raise LibraryError(f"{item.archive}: {item.member}: flat, extents {mesh.extents.tolist()}")
    mesh.apply_scale(np.array(item.size) / mesh.extents)
    low, high = mesh.bounds
    mesh.apply_translation([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
    return mesh


def _rows(archive: Path) -> Iterator[LibraryMesh]:
    text = _member(archive, CATALOGUE, MAX_CATALOGUE).decode("latin-1")
    licence = next((line.partition("=")[2] for line in text.splitlines() if line.startswith("license=")), "")
    if licence.strip().lower() != FREE:
        return
    rows: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        if match := _LINE.match(line.strip()):
            rows.setdefault(int(match[2]), {})[match[1]] = match[3].strip()
    for number, row in rows.items():
        category = _category(row.get("name", ""))
        if category is not None:
            yield _item(archive, number, row, category)


def _item(archive: Path, number: int, row: dict[str, str], category: Category) -> LibraryMesh:
    try:
        width, depth, height = (float(row[side]) / 100 for side in ("width", "depth", "height"))
        turn = tuple(float(word) for word in row["modelRotation"].split()) if "modelRotation" in row else UPRIGHT
        member = row["model"].lstrip("/")
    except (KeyError, ValueError) as error:
        raise LibraryError(f"{archive}: {CATALOGUE} row {number}: {error}; install the package again") from error
    if not all(0 < side < LARGEST for side in (width, depth, height)) or len(turn) != 9:
        raise LibraryError(
            f"{archive}: {CATALOGUE} row {number}: {width:g} x {depth:g} x {height:g} m, {len(turn)} numbers of rotation; "
            f"sides of 0 to {LARGEST:g} m and 9 numbers are expected"
        )
    credit = f"Sweet Home 3D {archive.stem}: {row['name']} by {row.get('creator') or 'unknown'}, CC0-1.0"
    return LibraryMesh(row["name"], category, (width, depth, height), credit, archive, member, turn)


def _category(name: str) -> Category | None:
    """By the last words of a name ("Kitchen cabinet"), without numbers."""
    words = re.sub(r"[^A-Za-z ]+", " ", name).lower().split()
    return next((row for start in range(len(words)) if (row := find(" ".join(words[start:])))), None)


def _member(archive: Path, name: str, limit: int) -> bytes:
    """A member of an archive, at most `limit` bytes of it, whatever its header says of its size."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as stream:
            data = stream.read(limit + 1)
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise LibraryError(f"{archive}: {name}: {error}; install the package again") from error
    if len(data) > limit:
        raise LibraryError(f"{archive}: {name}: over {limit:,} bytes; it is not from this library")
    return data
