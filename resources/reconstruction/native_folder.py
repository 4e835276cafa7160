"""A folder that another tool wrote: reading its files without leaving it, and remembering what was read."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import ConsumedFile
from io_managers.digest import hash_file

from . import ReconstructionError

MAX_MESH_BYTES = 256 << 20
"""A raw SAM 3D mesh of 227,000 faces has 4 MB, a Hunyuan3D mesh with a 2k texture 20 MB."""
MAX_DOCUMENT_BYTES = 16 << 20
MAX_ARRAY_BYTES = 256 << 20
"""Of all arrays of an .npz together, unpacked."""
MAX_PIXELS = 50_000_000
"""As for photographs (`stage1.source.MAX_MEGAPIXELS`)."""


class NativeOutputError(ReconstructionError):
    """Another tool's output cannot be read. The message names the file, the field, what was found and the remedy."""


class NativeFolder:
    """Read access to what `tool` wrote below `root`; `consumed` lists every file that was read, with its sha256.

    Names are relative to `root`, with forward slashes. A name that is absolute, climbs out with `..`, or leads out through
    a symbolic link is an error, whoever wrote it: a path in another tool's file is a claim, not a permission.
    """

    def __init__(self, root: Path, tool: str) -> None:
        if not root.is_dir():
            raise NativeOutputError(f"{root}: no such folder; give the folder that {tool} wrote")
        self.root = root
        self.tool = tool
        self._real = root.resolve()
        self._read: dict[str, str] = {}

    def has(self, name: str) -> bool:
        """Whether there is an ordinary file of this name inside the folder."""
        try:
            return self._locate(name).is_file()
        except FileNotFoundError:
            return False

    def file(self, name: str, limit: int) -> Path:
        """Where a file is. It exists, lies inside the folder, has at most `limit` bytes, and counts as read.

        Raises:
            NativeOutputError: it is missing, outside, not an ordinary file, or too large.
        """
        try:
            path = self._locate(name)
        except FileNotFoundError:
            raise NativeOutputError(
                f"{self.root / name}: no such file; {self.tool} writes it: run it again, or give its whole output"
            ) from None
        if not path.is_file():
            raise NativeOutputError(f"{self.root / name}: not an ordinary file")
        size = path.stat().st_size
        if size > limit:
            raise NativeOutputError(f"{path}: {size} bytes, more than the {limit} that are read of such a file")
        if name not in self._read:
            self._read[PurePosixPath(name).as_posix()] = hash_file(path)
        return path

    def names(self, pattern: str) -> list[str]:
        """Names of the ordinary files that match a glob pattern, sorted; what a link leads out to is an error."""
        found = sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))
        return [name for name in found if self.has(name)]

    def consumed(self) -> tuple[ConsumedFile, ...]:
        """Every file that was read, sorted by name."""
        return tuple(ConsumedFile(path=name, sha256=digest) for name, digest in sorted(self._read.items()))

    def json(self, name: str) -> Any:
        """A JSON document; NaN and infinities are errors."""
        path = self.file(name, MAX_DOCUMENT_BYTES)
        try:
            return json.loads(path.read_bytes(), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise NativeOutputError(f"{path}: not JSON: {error}") from error

    def arrays(self, name: str, fields: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Arrays of an .npz file, by name; never unpickles."""
        path = self.file(name, MAX_ARRAY_BYTES)
        found: dict[str, NDArray[Any]] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > MAX_ARRAY_BYTES:
                raise NativeOutputError(f"{path}: {size} bytes unpacked, more than the {MAX_ARRAY_BYTES} that are read")
            with np.load(path, allow_pickle=False) as loaded:
                for field in fields:
                    if field not in loaded.files:
                        raise NativeOutputError(f"{path}: no array {field!r}; it has {sorted(loaded.files)}")
                    found[field] = np.asarray(loaded[field])
        except NativeOutputError:
            raise
        except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, NotImplementedError) as error:
            raise NativeOutputError(f"{path}: not a readable .npz file of plain numbers: {error}") from error
        for field, value in found.items():
            if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
                raise NativeOutputError(f"{path}: {field}: {value.dtype} values that are not all finite numbers")
        return found

    def points(self, name: str) -> NDArray[np.float64]:
        """The points (n, 3) of a PLY file."""
        import trimesh

        path = self.file(name, MAX_MESH_BYTES)
        try:
            loaded: Any = trimesh.load(path, file_type="ply", process=False)
            vertices = np.asarray(loaded.vertices, dtype=float)
        except Exception as error:  # trimesh raises whatever its parser raises
            raise NativeOutputError(f"{path}: not a readable PLY file: {error}") from error
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) == 0 or not np.isfinite(vertices).all():
            raise NativeOutputError(f"{path}: {len(vertices)} points, not all of them finite; points are needed")
        return vertices

    def picture(self, name: str) -> NDArray[np.uint8]:
        """An 8-bit picture as RGB, shape (height, width, 3)."""
        return np.asarray(self._decoded(name, "RGB"), dtype=np.uint8)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Where a picture's last channel (its transparency, if it has one) is above half of its largest value."""
        values = np.asarray(self._decoded(name, None))
        if values.ndim == 3:
            values = values[..., -1]
        return np.asarray(values > values.max() / 2, dtype=np.bool_)

    def _decoded(self, name: str, mode: str | None) -> Any:
        from PIL import Image, UnidentifiedImageError

        path = self.file(name, MAX_MESH_BYTES)
        try:
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise NativeOutputError(
                        f"{path}: {image.width}x{image.height} pixels, more than {MAX_PIXELS // 10**6} megapixels"
                    )
                return np.asarray(image if mode is None else image.convert(mode))
        except NativeOutputError:
            raise
        except (OSError, SyntaxError, ValueError, struct.error, UnidentifiedImageError) as error:
            raise NativeOutputError(f"{path}: not a readable picture: {error}") from error

    def _locate(self, name: str) -> Path:
        """The resolved path of `name`.

        Raises:
            NativeOutputError: the name leads out of the folder.
            FileNotFoundError: there is nothing.
        """
        pure = PurePosixPath(name)
        if not name or "\0" in name or "\\" in name or pure.is_absolute() or ".." in pure.parts:
            raise NativeOutputError(
                f"{self.root}: the name {name!r} leads out of the folder; only files in it are read"
            )
        try:
            path = (self.root / pure).resolve(strict=True)
        except (RuntimeError, OSError) as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                raise FileNotFoundError(name) from error
            raise NativeOutputError(f"{self.root}: {name!r} cannot be followed: {error}") from error
        if not path.is_relative_to(self._real):
            raise NativeOutputError(
                f"{self.root / name}: a link to {path}, outside the folder; only files in it are read"
            )
        return path


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
