from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from io_managers.containment import check_disjoint, check_path, scan
from io_managers.errors import ContainmentError

MANIFEST_OWNS = ("assets/scene_manifest.json", "assets/objects/", "seg/", "assets/.stage1_complete")


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")


def test_files_are_listed_in_order_and_empty_folders_are_not(tmp_path: Path) -> None:
    put(tmp_path, "seg/inventory.json", "assets/objects/b/mesh.glb", "assets/objects/a/x", "assets/.stage1_complete")
    (tmp_path / "seg/empty").mkdir()
    found = scan(tmp_path, "scene_manifest", MANIFEST_OWNS)
    assert [file.path for file in found] == [
        "assets/.stage1_complete",
        "assets/objects/a/x",
        "assets/objects/b/mesh.glb",
        "seg/inventory.json",
    ]
    assert {file.size for file in found} == {1}


@pytest.mark.parametrize(
    ("path", "owns", "allowed"),
    [
        ("assets/scene_manifest.json", MANIFEST_OWNS, True),
        ("assets/scene_manifest.json.bak", MANIFEST_OWNS, False),
        ("assets/scene_manifest.json/x", MANIFEST_OWNS, False),
        ("assets/other.json", MANIFEST_OWNS, False),
        ("assets/objects", MANIFEST_OWNS, False),
        ("segment/x", MANIFEST_OWNS, False),
        ("assets/obj_cup/simready.usda", ("assets/obj_*/",), True),
        ("assets/obj_cup/deep/er/simready.usda", ("assets/obj_*/",), True),
        ("assets/obj_cup", ("assets/obj_*/",), False),
        ("assets/x/obj_cup/a", ("assets/*_cup/",), False),
        ("assets/a.b/c", ("assets/a+b/",), False),
        ("a", ("*",), True),
        ("a/b", ("*",), False),
        ("x", (), False),
    ],
)
def test_an_asset_writes_only_where_it_owns(tmp_path: Path, path: str, owns: tuple[str, ...], allowed: bool) -> None:
    put(tmp_path, path)
    if allowed:
        assert [file.path for file in scan(tmp_path, "asset", owns)] == [path]
    else:
        with pytest.raises(ContainmentError, match="asset does not own this path") as caught:
            scan(tmp_path, "asset", owns)
        assert path in str(caught.value)


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("outside")
    for number, make in enumerate(
        (
            lambda path: path.symlink_to(secret),
            lambda path: path.symlink_to(tmp_path, target_is_directory=True),
            lambda path: path.symlink_to("nowhere"),
            os.mkfifo,
            lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
        )
    ):
        folder = tmp_path / str(number)
        put(folder, "seg/good")
        make(folder / "seg/bad")
        with pytest.raises(
            ContainmentError, match=r"'seg/bad': (a symbolic link|not an ordinary file), staged by asset"
        ):
            scan(folder, "asset", ("seg/",))


def test_nothing_staged_is_no_artifact(tmp_path: Path) -> None:
    (tmp_path / "seg").mkdir()
    with pytest.raises(ContainmentError, match="asset staged no file"):
        scan(tmp_path, "asset", ("seg/",))


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", ".", ".commits/x.json", "a\nb", "a\x00b", "a\\b",
        "a::b", "a\udce4", "x" * 256, "/".join(["x" * 200] * 4),
    ],
)  # fmt: skip
def test_names_that_cannot_be_stored_everywhere_are_refused(path: str) -> None:
    with pytest.raises(ContainmentError, match="staged by asset; choose another name"):
        check_path(path, "asset")


def test_a_name_that_is_not_utf8_is_refused_on_disk_too(tmp_path: Path) -> None:
    put(tmp_path, "seg/good")
    (tmp_path / "seg" / os.fsdecode(b"\xe4")).write_bytes(b"x")
    with pytest.raises(ContainmentError, match="not UTF-8"):
        scan(tmp_path, "asset", ("seg/",))


@pytest.mark.parametrize("own", ["", "/", "../", "/abs/", "a/../b/", ".commits/", "a//b"])
def test_an_asset_cannot_own_what_is_not_in_the_scene(tmp_path: Path, own: str) -> None:
    put(tmp_path, "x")
    with pytest.raises(ContainmentError, match="cannot own it"):
        scan(tmp_path, "asset", (own,))


def test_two_assets_cannot_have_one_place() -> None:
    others = {"episodes": ["episodes/a/manifest", "episodes/b"]}
    check_disjoint(["episodes/a/other", "episodes/bb", "manifest"], "dataset", others)
    for path in ("episodes/a/manifest", "episodes/b/c", "episodes/a", "episodes"):
        with pytest.raises(ContainmentError, match="episodes of the same scene"):
            check_disjoint([path], "dataset", others)
