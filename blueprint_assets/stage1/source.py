"""Taking in a photograph: one decode, every refusal here, and an upright 8-bit RGB picture for everybody after."""

from __future__ import annotations

import hashlib
import shutil
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.source import Intake, Source

if TYPE_CHECKING:
    from PIL import Image

MAX_MEGAPIXELS = 50.0
"""More than any use of ours can see (the reconstruction works at 1024 px); 50 megapixels of RGB are 150 MB decoded."""
MIN_SIDE = 64
"""Below this an object of a tenth of the picture is six pixels wide."""
MIN_CONTRAST = 10
"""Least span, in 8-bit levels of the strongest channel, between the 0.5th and the 99.5th percentile. Sensor noise on a
covered lens spans less."""
EXTENSIONS = {
    "JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff", "GIF": "gif",
}  # fmt: skip
FORMATS_TEXT = "PNG, JPEG, WebP, BMP, TIFF or GIF"
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files."""
_ORIENTATION, _EXIF_IFD, _FOCAL_35MM, _EXIF_WIDTH, _EXIF_HEIGHT = 0x0112, 0x8769, 0xA405, 0xA002, 0xA003
_GPS_IFD, _GPS_VERSION, _XMP_PLACES = 0x8825, 0, (b"GPSLatitude", b"GPSLongitude")
NOT_KEPT = "the file says where it was taken and is not kept as received: image.png has its pixels without the place"


SOURCE = "input/source.json"
LOSSY_FORMATS = ("JPEG", "MPO", "WEBP")


class SourceError(ValueError):
    """The picture or its mask cannot be used. The message names the file, what is wrong with it and the remedy."""


@dataclass(frozen=True)
class DecodedImage:
    """An upright picture. `rgb` is (height, width, 3), 8 bits; `notes` say what was done to get there; `has_position`: the
    file says where on Earth it was taken."""

    rgb: NDArray[np.uint8]
    format: str
    exif_focal_35mm: float | None
    notes: tuple[str, ...] = ()
    has_position: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.rgb.shape[1], self.rgb.shape[0]


def read_image(path: Path) -> DecodedImage:
    """Decodes a photograph: EXIF orientation applied, transparency on white, every mode turned to 8-bit RGB.

    Raises:
        SourceError: missing, not an image, damaged, animated, over 50 megapixels, under 64 px a side, or one colour.
    """
    with _opened(path, MIN_SIDE) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # an MPO's first frame is the photograph
            raise SourceError(f"{path}: {frames} frames: a single picture is needed; save one frame as PNG or JPEG")
        kind = image.format or ""
        focal = _focal_35mm(image)
        picture, notes = _upright_rgb(image, path)
        position = _has_position(image, frames)
    rgb = np.asarray(picture, dtype=np.uint8)
    _refuse_uniform(rgb, path)
    return DecodedImage(rgb=rgb, format=kind, exif_focal_35mm=focal, notes=notes, has_position=position)


def read_mask(path: Path, size: tuple[int, int]) -> NDArray[np.uint16]:
    """Instance ids, shape (height, width), 0 = background, of a palette, 8-bit, 16-bit or black-and-white picture.

    `size` is the upright photograph's width and height.

    Raises:
        SourceError: not an image, a format that may change ids, another size than the photograph, colours instead of
            ids, or no id at all.
    """
    with _opened(path, 1) as image:
        mode = image.mode
        found = image.size
        if image.format in LOSSY_FORMATS:
            raise SourceError(
                f"{path}: a mask in {image.format}, whose compression changes the ids: save it as PNG, without loss"
            )
        if found != size:
            raise SourceError(
                f"{path}: the mask is {found[0]}x{found[1]}, the photograph (upright) is {size[0]}x{size[1]}: "
                "make the mask on the upright photograph, pixel for pixel"
            )
        try:
            values = np.asarray(image)
        except _DECODER_ERRORS as error:
            raise _damaged(path, error) from error
    if values.ndim == 3:
        color = values[..., :3]
        if mode not in ("RGB", "RGBA", "LA") or (mode != "LA" and np.ptp(color.astype(int), axis=2).any()):
            raise SourceError(
                f"{path}: a {mode} picture with colours: a mask holds one number per pixel; "
                "save it as a palette, 8-bit or 16-bit grayscale PNG"
            )
        values = values[..., 0]
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if not np.issubdtype(values.dtype, np.integer) or int(values.min()) < 0 or int(values.max()) > 65535:
        raise SourceError(f"{path}: mode {mode} with values {values.min()}..{values.max()}: ids are 0..65535, whole")
    if not values.any():
        raise SourceError(
            f"{path}: no object id in the mask: every pixel is 0 (background); paint objects with 1, 2, …"
        )
    return values.astype(np.uint16)


def pixels_sha256(rgb: NDArray[np.uint8]) -> str:
    """The sha256 over the size and the pixels of a picture, shape (height, width, 3): the same in whatever file it is."""
    digest = hashlib.sha256(f"{rgb.shape[1]} {rgb.shape[0]} ".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def prepare_source(intake: Intake, image_path: Path, mask_path: Path | None, out: Path) -> Source:
    """Fills `out`/input (original as received, upright image.png, mask.png, source.json) and returns what it wrote.

    The same bytes in give the same bytes out. Nothing is written before everything has been read. A file that says where on
    Earth it was taken is not kept: pictures of somebody's kitchen must not tell where the kitchen is.

    Raises:
        SourceError: `read_image` or `read_mask` refuse, or a file is not the one that was registered.
    """
    fields = keep_picture(intake, image_path, mask_path, out)
    source = Source(scene_id=intake.scene_id, received_at=intake.received_at, **fields)
    source.write(out / SOURCE)
    return source


def keep_picture(intake: Intake, image_path: Path, mask_path: Path | None, out: Path) -> dict[str, Any]:
    """Writes the picture's files below `out`/input and returns the fields of `Source` that are about the picture.

    Raises:
        SourceError: as `prepare_source`.
    """
    from PIL import Image

    registered = intake.image_sha256 or ""
    _same_bytes(image_path, registered)
    if mask_path is not None and intake.mask_sha256 is not None:
        _same_bytes(mask_path, intake.mask_sha256)
    decoded = read_image(image_path)
    mask = read_mask(mask_path, decoded.size) if mask_path is not None else None
    folder = out / "input"
    folder.mkdir(parents=True, exist_ok=True)
    original = None if decoded.has_position else f"input/original.{EXTENSIONS[decoded.format]}"
    if original is not None:
        shutil.copyfile(image_path, out / original)
    Image.fromarray(decoded.rgb).save(folder / "image.png", format="PNG", compress_level=6)
    if mask is not None:
        narrow = mask.astype(np.uint8) if mask.max() < 256 else mask
        Image.fromarray(narrow).save(folder / "mask.png", format="PNG", compress_level=6)
    return {
        "original": original,
        "original_sha256": registered,
        "files": {} if original is None else {original: registered},
        "pixels_sha256": pixels_sha256(decoded.rgb),
        "image": "input/image.png",
        "width": decoded.size[0],
        "height": decoded.size[1],
        "mask": "input/mask.png" if mask is not None else None,
        "exif_focal_35mm": decoded.exif_focal_35mm,
        "notes": (*decoded.notes, *([NOT_KEPT] if decoded.has_position else [])),
    }


@contextmanager
def _opened(path: Path, smallest: int) -> Iterator[Image.Image]:
    """The picture with its header read and its size found acceptable; the pixels are not decoded yet."""
    from PIL import Image, UnidentifiedImageError

    if path.is_dir():
        raise SourceError(f"{path}: is a folder: give the picture itself")
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty: copy the picture again")
    try:
        with warnings.catch_warnings():  # Pillow's own size warning; the limit below is ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=[name for name in EXTENSIONS if name != "MPO"])  # JPEG finds MPO
    except UnidentifiedImageError:
        raise SourceError(f"{path}: not an image that can be read: give {FORMATS_TEXT}") from None
    except Image.DecompressionBombError:
        raise SourceError(f"{path}: over {MAX_MEGAPIXELS:.0f} megapixels: scale the picture down") from None
    except _DECODER_ERRORS as error:
        raise _damaged(path, error) from error
    with image:
        width, height = image.size
        if width * height > MAX_MEGAPIXELS * 1e6:
            raise SourceError(
                f"{path}: {width}x{height} is {width * height / 1e6:.0f} megapixels, the limit is "
                f"{MAX_MEGAPIXELS:.0f}: scale the picture down"
            )
        if min(width, height) < smallest:
            raise SourceError(
                f"{path}: {width}x{height}: at least {smallest} px a side are needed: give a larger picture"
            )
        yield image


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(f"{path}: truncated or damaged ({error}): copy or export the picture again")


def _upright_rgb(image: Image.Image, path: Path) -> tuple[Image.Image, tuple[str, ...]]:
    from PIL import Image, ImageOps

    notes: list[str] = []
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
    except _DECODER_ERRORS as error:
        raise _damaged(path, error) from error
    if image.getexif().get(_ORIENTATION, 1) != 1:
        notes.append("turned upright by its EXIF orientation")
    mode = upright.mode
    if mode in ("I;16", "I;16B", "I;16L", "I"):
        values = np.asarray(upright).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise SourceError(f"{path}: whole numbers beyond 16 bits: save the picture with 8 bits a channel")
        upright = Image.fromarray((values >> 8).astype(np.uint8))
        notes.append("16-bit grayscale reduced to 8 bits")
    elif mode == "F":
        raise SourceError(f"{path}: floating-point pixels: save the picture with 8 bits a channel")
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(white, layer)
        if np.asarray(layer.getchannel("A")).min() < 255:
            notes.append("transparency composed on white")
    if upright.mode != "RGB":
        if mode not in ("RGBA", "P"):
            notes.append(f"mode {mode} turned to RGB")
        upright = upright.convert("RGB")
    return upright, tuple(notes)


def _focal_35mm(image: Image.Image) -> float | None:
    """EXIF FocalLengthIn35mmFilm; None when absent, zero (EXIF: unknown), or of a picture cropped to other proportions."""
    try:
        exif = image.getexif().get_ifd(_EXIF_IFD)
        focal = float(exif.get(_FOCAL_35MM, 0))
        taken = float(exif.get(_EXIF_WIDTH, 0)), float(exif.get(_EXIF_HEIGHT, 0))
    except (*_DECODER_ERRORS, TypeError, ZeroDivisionError):
        return None
    if not 1.0 <= focal <= 2000.0:
        return None
    if min(taken) > 0:
        now = max(image.size) / min(image.size)
        if abs(now / (max(taken) / min(taken)) - 1) > 0.02:
            return None
    return focal


def _has_position(image: Image.Image, frames: int) -> bool:
    """Whether EXIF (any field of the GPS directory but its version) or XMP of any frame says where it was taken."""
    for frame in range(frames):
        try:
            if frames > 1:
                image.seek(frame)
            if set(image.getexif().get_ifd(_GPS_IFD)) - {_GPS_VERSION}:
                return True
        except (*_DECODER_ERRORS, TypeError, ZeroDivisionError):
            return True  # what cannot be read cannot be shown to be harmless
        for value in image.info.values():
            text = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else b""
            if any(name in text for name in _XMP_PLACES):
                return True
    return False


def _refuse_uniform(rgb: NDArray[np.uint8], path: Path) -> None:
    step = max(1, min(rgb.shape[:2]) // 512)
    low, high = np.percentile(rgb[::step, ::step].reshape(-1, 3), [0.5, 99.5], axis=0)
    contrast = float((high - low).max())
    if contrast < MIN_CONTRAST:
        mean = rgb[::step, ::step].reshape(-1, 3).mean(axis=0)
        what = "black" if mean.max() < 24 else f"one colour (RGB {mean[0]:.0f}, {mean[1]:.0f}, {mean[2]:.0f})"
        raise SourceError(
            f"{path}: the picture is {what}: {contrast:.0f} levels of contrast, {MIN_CONTRAST} are needed: "
            "give a photograph that shows objects"
        )


def _same_bytes(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise SourceError(
            f"{path}: sha256 {found[:12]}… is not the registered {sha256[:12]}…: register the picture again"
        )
