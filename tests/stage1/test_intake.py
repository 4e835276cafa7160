from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.stage1.intake import (
    MAX_LICENSE_BYTES,
    IntakeError,
    fetch,
    find,
    free_scene_id,
    read_license,
    register,
    require,
    sha256_of,
)


def picture(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((80, 90, 3), value, np.uint8)).save(path)
    return path


def test_the_same_bytes_are_registered_once(tmp_path: Path) -> None:
    photo = picture(tmp_path / "in" / "a.png")
    first = register(str(tmp_path / "root"), "a_scene", str(photo))
    again = register(str(tmp_path / "root"), "a_scene", str(photo))
    assert again == first == find(str(tmp_path / "root"), "a_scene")


def test_a_moved_picture_keeps_the_time_it_came_in(tmp_path: Path) -> None:
    root, photo = str(tmp_path / "root"), picture(tmp_path / "a.png")
    first = register(root, "scene", str(photo))
    moved = photo.rename(tmp_path / "b.png")
    second = register(root, "scene", str(moved))
    assert (second.received_at, second.image_sha256) == (first.received_at, first.image_sha256)
    assert second.image_uri == str(moved)


@pytest.mark.parametrize("name", ["a::b.png", "[a] b*?#.png", "a{b}~.png", "l" * 250 + ".png"])
def test_a_name_may_be_odd(name: str, tmp_path: Path) -> None:
    photo = picture(tmp_path / name)
    for uri in (str(photo), f"file://{photo}"):
        with fetch(register(str(tmp_path / "root"), "odd", uri)) as (image, _):
            assert image.read_bytes() == photo.read_bytes()
            assert image.suffix == ".png"


def test_a_scene_stays_with_its_picture(tmp_path: Path) -> None:
    root, photo = str(tmp_path / "root"), picture(tmp_path / "a" / "photo.png")
    assert free_scene_id(root, "photo", str(photo)) == "photo"
    register(root, "photo", str(photo))
    assert free_scene_id(root, "photo", str(photo)) == "photo"
    copied = picture(tmp_path / "b" / "photo.png")
    assert free_scene_id(root, "photo", str(copied)) == "photo"
    other = picture(tmp_path / "c" / "photo.png", 30)
    named = free_scene_id(root, "photo", str(other))
    assert named == f"photo_{sha256_of(str(other))[:8]}"
    assert free_scene_id(root, "photo", str(other)) == named
    picture(photo, 10)
    assert free_scene_id(root, "photo", str(photo)) == "photo"  # edited in place: the same scene, made anew


def test_a_changed_picture_is_not_taken_for_the_registered_one(tmp_path: Path) -> None:
    photo = picture(tmp_path / "a.png")
    intake = register(str(tmp_path / "root"), "scene", str(photo))
    picture(photo, 10)
    with pytest.raises(IntakeError, match=r"a\.png: changed since scene 'scene' was registered"), fetch(intake):
        pass


def test_fetched_copies_are_gone_afterwards(tmp_path: Path) -> None:
    photo, mask = picture(tmp_path / "a.png"), picture(tmp_path / "m.png", 1)
    intake = register(str(tmp_path / "root"), "scene", str(photo), str(mask))
    with fetch(intake) as (image, fetched_mask):
        assert image.read_bytes() == photo.read_bytes()
        assert fetched_mask is not None
        assert fetched_mask.read_bytes() == mask.read_bytes()
    assert not image.exists()


def test_a_missing_file_and_an_unknown_scene_say_so(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match=r"none\.png: cannot be read"):
        register(str(tmp_path), "scene", str(tmp_path / "none.png"))
    assert not (tmp_path / "intake").exists()
    with pytest.raises(IntakeError, match="'nobody' has no picture"):
        require(str(tmp_path), "nobody")


def test_a_damaged_register_names_its_file(tmp_path: Path) -> None:
    photo = picture(tmp_path / "a.png")
    register(str(tmp_path), "scene", str(photo))
    (tmp_path / "intake" / "scene.json").write_text("{half", encoding="utf-8")
    with pytest.raises(ContractError, match=r"intake/scene\.json: not JSON"):
        find(str(tmp_path), "scene")


def test_the_register_lives_on_any_file_system(tmp_path: Path) -> None:
    photo = picture(tmp_path / "a.png")
    intake = register("memory://registered", "scene", str(photo))
    assert find("memory://registered", "scene") == intake


def test_a_licence_is_said_at_any_time_and_not_forgotten(tmp_path: Path) -> None:
    root, photo = str(tmp_path / "root"), picture(tmp_path / "a.png")
    first = register(root, "scene", str(photo))
    assert (first.license, first.attribution) == (None, None)
    said = register(root, "scene", str(photo), None, "CC-BY-4.0", "A. Uthor")
    assert (said.license, said.attribution, said.received_at) == ("CC-BY-4.0", "A. Uthor", first.received_at)
    assert register(root, "scene", str(photo)) == said
    assert register(root, "scene", str(photo), None, "CC0-1.0").attribution == "A. Uthor"
    picture(photo, 10)
    assert register(root, "scene", str(photo)).license is None, "another picture, of which nobody said anything"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC-BY-4.0\n", ("CC-BY-4.0", None)),
        ("\ufeffCC-BY-4.0\r\n\r\nA. Uthor\r\nhttps://example.org\r\n", ("CC-BY-4.0", "A. Uthor; https://example.org")),
        ("ours, for internal use", ("ours, for internal use", None)),
        ("SPDX-FileCopyrightText: 2026 A. Uthor\n\nspdx-license-identifier: CC0-1.0\n", ("CC0-1.0", "2026 A. Uthor")),
        ("SPDX-FileCopyrightText: 2026 A. Uthor\n", (None, "2026 A. Uthor")),
        (" \n\n", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_licence_file_says_what_stands_in_it(
    text: str, expected: tuple[str | None, str | None], tmp_path: Path
) -> None:
    path = tmp_path / "a.png.license"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_license(str(path)) == expected


def test_a_licence_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png.license"
    path.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(IntakeError, match="not UTF-8"):
        read_license(str(path))
    path.write_text("x" * (MAX_LICENSE_BYTES + 1))
    with pytest.raises(IntakeError, match=f"over {MAX_LICENSE_BYTES} bytes"):
        read_license(str(path))
    with pytest.raises(IntakeError, match="cannot be read"):
        read_license(str(tmp_path / "none.license"))


def test_the_photograph_of_the_demo_says_its_licence() -> None:
    photo = Path(__file__).resolve().parents[2] / "fixtures" / "photos" / "shelf.png"
    license, attribution = read_license(f"{photo}.license")
    assert license == "CC-BY-4.0"
    assert "Andreea Dogaru" in str(attribution)
