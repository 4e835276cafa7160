from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.source import Intake, Source
from blueprint_assets.stage1.source import SourceError, pixels_sha256, prepare_source, read_image, read_mask

NOW = "2026-01-02T03:04:05Z"


@pytest.fixture
def picture() -> np.ndarray:
    """120 x 90, a gradient with a red mark in the top left corner."""
    rows, columns = np.mgrid[0:90, 0:120]
    rgb = np.stack([columns * 2, rows * 2, np.full(rows.shape, 90)], axis=-1).astype(np.uint8)
    rgb[:10, :10] = (250, 10, 10)
    return rgb


def intake(path: Path, **fields: str) -> Intake:
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return Intake(scene_id="desk", image_uri=str(path), image_sha256=sha, received_at=NOW, **fields)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)  # type: ignore[arg-type]
    return path


def test_prepare_source_writes_an_upright_picture_and_the_document(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif.get_ifd(0x8769)[0xA405] = 27
    photo = save(tmp_path / "photo.jpeg", picture, quality=95, exif=exif)
    source = prepare_source(intake(photo), photo, None, tmp_path / "scene")
    assert Source.read(tmp_path / "scene/input/source.json") == source
    assert (source.width, source.height, source.exif_focal_35mm) == (90, 120, 27)
    assert source.original == "input/original.jpg"
    assert (tmp_path / "scene" / source.original).read_bytes() == photo.read_bytes()
    upright = np.asarray(Image.open(tmp_path / "scene" / source.image))
    assert upright.shape == (120, 90, 3)
    assert upright[3, -3, 0] > 200  # the top left mark is now top right
    assert upright[3, -3, 1] < 60


def test_the_same_bytes_give_the_same_bytes(tmp_path: Path, picture: np.ndarray) -> None:
    photo = save(tmp_path / "photo.png", picture)
    mask = save(tmp_path / "mask.png", (picture[..., 0] > 200).astype(np.uint8))
    for name in ("a", "b"):
        prepare_source(intake(photo), photo, mask, tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 4
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_mode_becomes_8_bit_rgb(tmp_path: Path, picture: np.ndarray, mode: str) -> None:
    gray16 = Image.fromarray(picture[..., 0].astype(np.uint16) * 257)
    image = gray16 if mode == "I;16" else Image.fromarray(picture).convert(mode)
    path = tmp_path / ("x.tiff" if mode == "CMYK" else "x.png")
    image.save(path)
    decoded = read_image(path)
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.shape == (90, 120, 3)
    if mode == "I;16":
        assert np.array_equal(decoded.rgb[..., 0], picture[..., 0])


def test_transparency_is_composed_on_white(tmp_path: Path, picture: np.ndarray) -> None:
    rgba = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    rgba[40:50, 40:50, 3] = 0
    decoded = read_image(save(tmp_path / "x.png", rgba))
    assert (decoded.rgb[42:48, 42:48] == 255).all()
    assert any("white" in note for note in decoded.notes)


def test_exif_focal_of_a_cropped_picture_is_not_used(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    ifd = exif.get_ifd(0x8769)
    ifd[0xA405], ifd[0xA002], ifd[0xA003] = 27, 4000, 3000
    assert read_image(save(tmp_path / "whole.jpg", picture, exif=exif)).exif_focal_35mm == 27
    assert read_image(save(tmp_path / "crop.jpg", picture[:, :80], exif=exif)).exif_focal_35mm is None


def huge_png(path: Path, width: int, height: int) -> Path:
    """A PNG whose header claims a size that its data do not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


def bad_files(tmp_path: Path, picture: np.ndarray) -> dict[str, tuple[Path, str]]:
    text = tmp_path / "text.png"
    text.write_text("this is no picture")
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    whole = save(tmp_path / "whole.jpg", picture, quality=95)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    pngs = save(tmp_path / "whole.png", picture)
    cut_png = tmp_path / "cut.png"
    cut_png.write_bytes(pngs.read_bytes()[:200])
    gif = tmp_path / "move.gif"
    frames = [Image.fromarray(np.roll(picture, k, axis=1)) for k in (0, 20)]
    frames[0].save(gif, save_all=True, append_images=frames[1:])
    dim = np.random.default_rng(0).integers(0, 6, (80, 80, 3)).astype(np.uint8)
    return {
        "missing": (tmp_path / "none.png", "no such file"),
        "text": (text, "not an image"),
        "empty": (empty, "empty"),
        "truncated jpeg": (cut, "truncated or damaged"),
        "truncated png": (cut_png, "truncated or damaged"),
        "animation": (gif, "2 frames"),
        "51 megapixels": (huge_png(tmp_path / "huge.png", 8500, 6000), "51 megapixels"),
        "1000 megapixels": (huge_png(tmp_path / "giant.png", 40000, 25000), "megapixels"),
        "1x1": (save(tmp_path / "one.png", picture[:1, :1]), "1x1"),
        "black": (save(tmp_path / "black.png", dim), "black"),
        "one colour": (save(tmp_path / "plain.png", np.full((80, 80, 3), (200, 30, 30), np.uint8)), "one colour"),
        "float": (save(tmp_path / "float.tiff", picture[..., 0].astype(np.float32)), "floating-point"),
    }


@pytest.mark.parametrize(
    "case",
    ["missing", "text", "empty", "truncated jpeg", "truncated png", "animation", "51 megapixels", "1000 megapixels",
     "1x1", "black", "one colour", "float"],
)  # fmt: skip
def test_bad_pictures_are_refused_with_the_file_and_a_reason(tmp_path: Path, picture: np.ndarray, case: str) -> None:
    path, reason = bad_files(tmp_path, picture)[case]
    with pytest.raises(SourceError, match=reason) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_nothing_is_written_when_the_mask_is_bad(tmp_path: Path, picture: np.ndarray) -> None:
    photo = save(tmp_path / "photo.png", picture)
    mask = save(tmp_path / "mask.png", np.ones((50, 50), np.uint8))
    with pytest.raises(SourceError, match=r"50x50, the photograph .* 120x90"):
        prepare_source(intake(photo), photo, mask, tmp_path / "scene")
    assert not (tmp_path / "scene").exists()


def test_a_file_that_is_not_the_registered_one_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    photo = save(tmp_path / "photo.png", picture)
    known = intake(photo)
    save(photo, picture[::-1])
    with pytest.raises(SourceError, match="register the picture again"):
        prepare_source(known, photo, None, tmp_path / "scene")


def test_masks_of_palette_8_bit_16_bit_and_gray_rgb_keep_their_ids(tmp_path: Path) -> None:
    ids = np.zeros((90, 120), np.uint16)
    ids[10:30, 10:40], ids[50:80, 60:100] = 3, 7
    palette = Image.fromarray(ids.astype(np.uint8))
    palette.putpalette([k for color in range(256) for k in (color, 255 - color, 40)])
    palette.save(tmp_path / "p.png")
    save(tmp_path / "l.png", ids.astype(np.uint8))
    save(tmp_path / "i.png", ids * 100)
    save(tmp_path / "rgb.png", np.repeat(ids.astype(np.uint8)[..., None], 3, axis=2))
    for name, factor in (("p", 1), ("l", 1), ("i", 100), ("rgb", 1)):
        assert np.array_equal(read_mask(tmp_path / f"{name}.png", (120, 90)), ids * factor), name


def test_masks_without_ids_or_with_colours_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    blank = save(tmp_path / "blank.png", np.zeros((90, 120), np.uint8))
    with pytest.raises(SourceError, match="no object id"):
        read_mask(blank, (120, 90))
    with pytest.raises(SourceError, match="one number per pixel"):
        read_mask(save(tmp_path / "color.png", picture), (120, 90))


def test_the_hash_of_the_pixels_is_that_of_the_picture_in_any_file(tmp_path: Path, picture: np.ndarray) -> None:
    found = []
    for name in ("a.png", "b.bmp", "c.tiff"):
        Image.fromarray(picture).save(tmp_path / name)
        found.append(pixels_sha256(read_image(tmp_path / name).rgb))
    assert len(set(found)) == 1
    assert pixels_sha256(picture.transpose(1, 0, 2).copy()) != found[0]
    changed = picture.copy()
    changed[3, 4, 1] ^= 1
    assert pixels_sha256(changed) != found[0]
