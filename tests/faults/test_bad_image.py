"""Sixteen ways in which a picture can be bad or odd: refused with one line that names it, or taken in with the change stated."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.source import Source
from blueprint_assets.stage1.intake import register
from blueprint_assets.stage1.received import take_in
from fixtures.limited_run import SECONDS, Outcome, run_limited

SVG = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "../outside/secret.txt">]><svg>&x;</svg>'
HTML = b'<!doctype html><html><img src="../outside/secret.txt"></html>'
GPS_IFD, LATITUDE_REF, LATITUDE = 0x8825, 1, 2


def scenery() -> np.ndarray:
    """120 x 90, a gradient with a red mark in the top left corner."""
    rows, columns = np.mgrid[0:90, 0:120]
    rgb = np.stack([columns * 2, rows * 2, np.full(rows.shape, 90)], axis=-1).astype(np.uint8)
    rgb[:10, :10] = (250, 10, 10)
    return rgb


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def whole_png(width: int, height: int) -> bytes:
    """A PNG of one colour whose pixels are all there, compressed a thousandfold: a bomb."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer, row = zlib.compressobj(9), bytes(1 + 3 * width)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def claiming_png(width: int, height: int) -> bytes:
    """The same size claimed, without the pixels."""
    small = whole_png(1, 1)
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def animated() -> bytes:
    frames = [Image.fromarray(np.roll(scenery(), shift, axis=1)) for shift in (0, 20, 40)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.jpg": (lambda: b"", "the file is empty"),
    "truncated.jpg": (lambda: encoded(Image.fromarray(scenery()), "JPEG")[:1200], "truncated or damaged"),
    "wrong_magic.jpg": (lambda: b"RIFF" + bytes(2000), "not an image"),
    "bomb_144.png": (lambda: whole_png(12_000, 12_000), "144 megapixels, the limit is 50"),
    "bomb_256.png": (lambda: claiming_png(16_000, 16_000), "megapixels"),
    "dot.png": (lambda: encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "1x1: at least 64 px a side"),
    "line.png": (lambda: encoded(Image.new("RGB", (1, 20_000), "red"), "PNG"), "1x20000: at least 64 px a side"),
    "animated.gif": (animated, "3 frames: a single picture is needed"),
    "black.png": (lambda: encoded(Image.new("RGB", (320, 240)), "PNG"), "the picture is black"),
    "uniform.png": (lambda: encoded(Image.new("RGB", (320, 240), (9, 99, 199)), "PNG"), "one colour (RGB 9, 99, 199)"),
    "svg.png": (lambda: SVG, "not an image"),
    "html.png": (lambda: HTML, "not an image"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every refused picture given to `blueprint run`, in a process with 2 GiB of address space."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "given").mkdir()
    (folder / "outside").mkdir()
    (folder / "outside/secret.txt").write_text("nobody's business")
    for name, (make, _) in REFUSED.items():
        (folder / "given" / name).write_bytes(make())
    commands = [["run", str(folder / "given" / name), "--root", str(folder / "root")] for name in REFUSED]
    found = dict(zip(REFUSED, run_limited(commands, folder), strict=True))
    assert not (folder / "root").exists(), "nothing may be written for a picture that is refused"
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_refused_within_limits(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    assert outcome.code == 2
    assert outcome.error.startswith("blueprint: error: ")
    assert len(outcome.error.splitlines()) == 1
    assert f"/given/{name}: " in outcome.error
    assert REFUSED[name][1] in outcome.error
    assert outcome.seconds < SECONDS
    assert set(outcome.opened) <= {f"given/{name}"}, "only the picture itself is read"


def taken(path: Path, out: Path) -> tuple[Source, np.ndarray]:
    """The source that is made of a picture, and the upright picture that everybody after works on."""
    source = take_in(register(str(out / "root"), "scene", str(path)), out)
    return source, np.asarray(Image.open(out / str(source.image)))


def deep_png() -> bytes:
    grey = scenery()[..., 0].astype(np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


def see_through() -> bytes:
    alpha = np.full((90, 120, 1), 255, np.uint8)
    alpha[40:] = 0
    return encoded(Image.fromarray(np.concatenate([scenery(), alpha], axis=2)), "PNG")


@pytest.mark.parametrize(
    ("name", "make", "note"),
    [
        ("cmyk.jpg", lambda: encoded(Image.fromarray(scenery()).convert("CMYK"), "JPEG", quality=95), "mode CMYK turned to RGB"),
        ("deep.png", deep_png, "16-bit grayscale reduced to 8 bits"),
        ("alpha.png", see_through, "transparency composed on white"),
    ],
)  # fmt: skip
def test_an_odd_picture_is_taken_in_and_the_change_is_stated(
    name: str, make: Callable[[], bytes], note: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    source, pixels = taken(path, tmp_path / "out")
    assert any(note in each for each in source.notes)
    assert (tmp_path / "out" / str(source.original)).read_bytes() == path.read_bytes()
    assert pixels.shape == (90, 120, 3)
    assert pixels.dtype == np.uint8
    if name == "alpha.png":
        assert (pixels[50:] == 255).all()
    else:
        red = scenery()[..., 0].astype(int)
        assert np.abs(pixels[20:, 20:, 0].astype(int) - red[20:, 20:]).mean() < 8


def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    path.write_bytes(encoded(Image.fromarray(scenery()), "JPEG", quality=95, exif=exif))
    source, pixels = taken(path, tmp_path / "out")
    assert "turned upright by its EXIF orientation" in source.notes
    assert (source.width, source.height) == (90, 120)
    assert pixels[3, -3, 0] > 200, "the mark from the top left is at the top right"


def with_gps() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(GPS_IFD)[LATITUDE_REF] = "N"
    exif.get_ifd(GPS_IFD)[LATITUDE] = (52.0, 31.0, 12.0)
    return encoded(Image.fromarray(scenery()), "JPEG", quality=95, exif=exif)


def with_xmp() -> bytes:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="52,31.2N"/></x:xmpmeta>'
    return encoded(Image.fromarray(scenery()), "JPEG", quality=95, xmp=xmp)


@pytest.mark.parametrize("make", [with_gps, with_xmp])
def test_where_a_picture_was_taken_is_not_kept(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "home.jpg"
    path.write_bytes(make())
    source, pixels = taken(path, tmp_path / "out")
    assert source.original is None
    assert any("says where it was taken and is not kept" in note for note in source.notes)
    assert np.array_equal(pixels, np.asarray(Image.open(path)))
    for kept in (file for file in (tmp_path / "out/input").rglob("*") if file.is_file()):
        assert b"GPS" not in kept.read_bytes()
        if kept.suffix == ".png":
            assert not Image.open(kept).getexif().get_ifd(GPS_IFD)


def test_a_gps_directory_that_names_no_place_is_no_reason_to_drop_the_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(GPS_IFD)[0] = b"\x02\x03\x00\x00"  # GPSVersionID, which some cameras always write
    path = tmp_path / "camera.jpg"
    path.write_bytes(encoded(Image.fromarray(scenery()), "JPEG", quality=95, exif=exif))
    source, _ = taken(path, tmp_path / "out")
    assert source.original == "input/original.jpg"
