"""What a mesh file may be, and what it may bring with it: bytes are read here, once, and only from inside one folder."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from PIL import Image

MAX_FILE_BYTES = 256 * 2**20
"""One mesh with everything it names. Raw reconstructions have 2 to 40 MB; arrays and texture together then stay below 2 GB."""
MAX_TEXT_BYTES = 64 * 2**20
"""OBJ and text PLY take about ten times their size while they are parsed."""
MAX_FACES = 2_000_000
"""Own choice: nine times a raw SAM 3D reconstruction (227,278 faces), under 0.5 GB of arrays."""
MAX_VERTICES = 3 * MAX_FACES
"""Each corner its own vertex, the most that so many faces can use."""
MAX_PIXELS = 64_000_000
"""Of one texture: 8000 x 8000, four times the usual largest (4096 x 4096)."""


class MeshError(ValueError):
    """A mesh or its file cannot be used. The message names the file, the field, what is wrong with it and often what to do."""


@dataclass
class MeshFolder:
    """Everything that reading the mesh at `path` may touch: files whose real place is inside `root`.

    `notes` gathers what was accepted although it is not as it should be: a texture that is missing, a name that was doubled.
    """

    path: Path
    root: Path
    notes: list[str] = field(default_factory=list)
    _bytes: int = 0

    def refuse(self, where: str, what: str) -> MeshError:
        """The error to raise: file, field, what is wrong."""
        return MeshError(f"{self.path}: {where}: {what}" if where else f"{self.path}: {what}")

    def main(self) -> bytes:
        """The mesh file's bytes.

        Raises:
            MeshError: it is missing, empty, not a file, too large, or lies outside `root`.
        """
        if not self.path.is_file():
            raise MeshError(f"{self.path}: no such file" if not self.path.exists() else f"{self.path}: not a file")
        return self._read(self.path, "")

    def bring(self, uri: object, where: str) -> bytes:
        """The bytes that a URI in the mesh file stands for: `data:`, or a relative path inside `root`.

        Raises:
            MeshError: it is neither, leaves `root` (also through a link), is missing, empty or too large.
        """
        if not isinstance(uri, str) or not uri:
            raise self.refuse(where, f"{_short(uri)}: a relative path or a data: URI is expected")
        if uri[:5].lower() == "data:":
            return self._decode(uri, where)
        return self._read(self.inside(uri, where), where)

    def inside(self, uri: str, where: str) -> Path:
        """Where a relative URI leads, links resolved.

        Raises:
            MeshError: it is absolute, has a scheme, or leads out of `root`; or the file is missing.
        """
        name = unquote(uri)
        if "\0" in name or "\\" in name or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
            raise self.refuse(where, f"{_short(uri)} is not a relative path; put the file beside the mesh")
        if ":" in name.split("/")[0]:
            raise self.refuse(where, f"{_short(uri)}: only files beside the mesh are read, nothing is fetched")
        try:
            found = (self.path.parent / name).resolve()
        except (OSError, RuntimeError) as error:
            raise self.refuse(where, f"{_short(uri)} is not a usable path: {error}") from error
        if not found.is_relative_to(self.root.resolve()):
            raise self.refuse(where, f"{_short(uri)} leads out of the folder {self.root}; put the file beside the mesh")
        if not found.is_file():
            raise MissingFileError(str(self.refuse(where, f"{_short(uri)}: no such file in {self.root}")))
        return found

    def texture(self, data: bytes, where: str) -> Image.Image | None:
        """The picture in `data`, decoded, or None with a note when it cannot be read: shape is worth more than paint.

        Raises:
            MeshError: it has over `MAX_PIXELS` pixels.
        """
        from PIL import Image

        try:
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height <= MAX_PIXELS:
                picture.load()
        except Exception as error:  # Pillow raises whatever its decoders raise: OSError, SyntaxError, struct.error, ...
            self.notes.append(f"{where}: not a readable picture ({str(error)[:80]}); the surface has no texture")
            return None
        if picture.width * picture.height > MAX_PIXELS:
            raise self.refuse(where, f"{picture.width}x{picture.height} pixels, over the limit of {MAX_PIXELS:,}")
        return picture

    def _decode(self, uri: str, where: str) -> bytes:
        head, comma, payload = uri.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise self.refuse(where, f"{_short(uri)}: only base64 data URIs are read")
        self._count(len(payload) * 3 // 4, where)
        try:
            return base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.refuse(where, f"the data URI is not base64: {error}") from error

    def _read(self, path: Path, where: str) -> bytes:
        real = path.resolve()
        if not real.is_relative_to(self.root.resolve()):
            raise self.refuse(where, f"lies outside the folder {self.root}")
        size = real.stat().st_size
        if not size:
            raise self.refuse(where, "empty" if path == self.path else f"{path.name} is empty")
        self._count(size, where)
        return real.read_bytes()

    def _count(self, size: int, where: str) -> None:
        self._bytes += size
        if self._bytes > MAX_FILE_BYTES:
            raise self.refuse(
                where, f"{self._bytes:,} bytes with what it names, over the limit of {MAX_FILE_BYTES:,}; decimate it"
            )


class MissingFileError(MeshError):
    """A file that the mesh names is not there."""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
