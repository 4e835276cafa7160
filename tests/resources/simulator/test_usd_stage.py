from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.usda import HEAD, usda
from resources.simulator.usd_stage import UsdError, contained_files, open_contained

EMPTY = usda('def Xform "World" {}')


def scene(root: Path, body: str, name: str = "usd/scene.usda") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(usda(body))
    return path


def with_asset(root: Path, asset: str) -> Path:
    return scene(root, f'def Xform "World" {{ asset file = @{asset}@ }}\n')


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside.usda"
    path.write_text(EMPTY)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "scene"
    folder.mkdir()
    return folder


def test_contained_references_are_followed_to_the_last_file(root: Path) -> None:
    (root / "assets").mkdir()
    (root / "assets/texture.png").write_bytes(b"png")
    scene(root, 'def Xform "World" { asset file = @./texture.png@ }\n', "assets/mug.usda")
    top = scene(root, 'def Xform "World" { def Xform "mug" (references = @../assets/mug.usda@) {} }\n')
    stage = open_contained(top, root)
    assert stage.GetPrimAtPath("/World/mug").HasAttribute("file")
    found = [path.relative_to(root).as_posix() for path in contained_files(top, root)]
    assert found == ["assets/mug.usda", "assets/texture.png", "usd/scene.usda"]


@pytest.mark.parametrize(
    "kind",
    [
        "(references = @{}@)",
        "(prepend payload = @{}@)",
        '(variants = {{string v = "a"}} prepend variantSets = "v") {{ variantSet "v" = {{ "a" (references = @{}@) {{}} }} }}',
    ],
)
def test_composition_that_leaves_the_root_is_refused(root: Path, outside: Path, kind: str) -> None:
    arc = kind.format("../../outside.usda")
    body = arc if arc.endswith("}") else arc + " {}"
    top = scene(root, f'def Xform "World" {{ def Xform "x" {body} }}\n')
    with pytest.raises(UsdError, match=r"outside\.usda.*leaves the scene's folder"):
        open_contained(top, root)


def test_a_sublayer_that_leaves_the_root_is_refused(root: Path, outside: Path) -> None:
    top = scene(root, 'def Xform "World" {}\n')
    top.write_text(top.read_text().replace("(\n", "(\n    subLayers = [@../../outside.usda@]\n", 1))
    with pytest.raises(UsdError, match="leaves the scene's folder"):
        open_contained(top, root)


def test_what_leaves_the_root_two_references_deep_is_refused(root: Path, outside: Path) -> None:
    scene(root, 'def Xform "World" (references = @../../outside.usda@) {}\n', "assets/inner.usda")
    top = scene(root, 'def Xform "World" (references = @../assets/inner.usda@) {}\n')
    with pytest.raises(UsdError, match=r"inner\.usda.*leaves"):
        open_contained(top, root)


def test_sublayers_inside_the_root_are_read(root: Path) -> None:
    scene(root, 'def Xform "World" { custom double x = 1 }\n', "usd/weak.usda")
    top = scene(root, 'def Xform "World" {}\n')
    top.write_text(top.read_text().replace("(\n", "(\n    subLayers = [@./weak.usda@ (offset = 10)]\n", 1))
    assert open_contained(top, root).GetPrimAtPath("/World").HasAttribute("x")
    (root / "usd/weak.usda").unlink()
    with pytest.raises(UsdError, match=r"weak\.usda.*does not exist"):
        open_contained(top, root)


def test_a_symbolic_link_out_of_the_root_is_refused(root: Path, outside: Path) -> None:
    (root / "link.usda").symlink_to(outside)
    top = scene(root, 'def Xform "World" (references = @../link.usda@) {}\n')
    with pytest.raises(UsdError, match="leaves the scene's folder"):
        open_contained(top, root)


@pytest.mark.parametrize(
    "asset",
    [
        "http://example.com/a.png",
        "omniverse://server/a.usd",
        "file:///etc/passwd",
        "pack.usdz",
        "pack.usdz[0/a.png]",
        "a.usda:SDF_FORMAT_ARGS:x=y",
        "`${NAME}.png`",
    ],
)
def test_asset_paths_that_are_not_plain_files_are_refused(root: Path, asset: str) -> None:
    with pytest.raises(UsdError, match="asset path"):
        open_contained(with_asset(root, asset), root)


def test_absolute_paths_are_refused_even_inside_the_root(root: Path) -> None:
    inside = root / "a.png"
    inside.write_bytes(b"png")
    with pytest.raises(UsdError, match="not relative"):
        open_contained(with_asset(root, str(inside)), root)


@pytest.mark.parametrize(
    "body",
    [
        "asset[] files = [@./ok.png@, @../../outside.usda@]",
        "asset file.timeSamples = { 0: @./ok.png@, 1: @../../outside.usda@ }",
        "custom double x = 1 ( customData = { asset hidden = @../../outside.usda@ } )",
    ],
)
def test_asset_values_are_found_wherever_they_hide(root: Path, outside: Path, body: str) -> None:
    (root / "usd").mkdir()
    (root / "usd/ok.png").write_bytes(b"png")
    with pytest.raises(UsdError, match="leaves the scene's folder"):
        open_contained(scene(root, f'def Xform "World" {{ {body} }}\n'), root)


def test_a_missing_file_is_named(root: Path) -> None:
    with pytest.raises(UsdError, match=r"missing\.png.*does not exist"):
        open_contained(with_asset(root, "./missing.png"), root)


def test_the_scene_itself_must_be_inside(root: Path, outside: Path) -> None:
    with pytest.raises(UsdError, match="outside the scene's folder"):
        open_contained(outside, root)
    with pytest.raises(UsdError, match="no such file"):
        open_contained(root / "none.usda", root)


@pytest.mark.parametrize("text", ["not usd", "", HEAD + 'def Xform "World" {', HEAD + "\x00\x01"])
def test_text_that_is_not_usd_is_refused(root: Path, text: str) -> None:
    path = root / "broken.usda"
    path.write_text(text)
    with pytest.raises(UsdError, match=r"broken\.usda"):
        open_contained(path, root)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('defaultPrim = "World"', "", "defaultPrim"),
        ("metersPerUnit = 1", "metersPerUnit = 0.01", "metres"),
        ('upAxis = "Z"', 'upAxis = "Y"', "Z-up"),
    ],
)
def test_other_units_and_no_default_prim_are_refused(root: Path, old: str, new: str, said: str) -> None:
    path = root / "scene.usda"
    path.write_text(EMPTY.replace(old, new))
    with pytest.raises(UsdError, match=said):
        open_contained(path, root)


def test_a_reference_cycle_is_an_error_and_ends(root: Path) -> None:
    scene(root, 'def Xform "World" (references = @./b.usda@) {}\n', "a.usda")
    scene(root, 'def Xform "World" (references = @./a.usda@) {}\n', "b.usda")
    with pytest.raises(UsdError, match="does not compose"):
        open_contained(root / "a.usda", root)


def test_a_fifo_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.png")
    with pytest.raises(UsdError, match="does not exist"):
        open_contained(with_asset(root, "./pipe.png" if (root / "usd").exists() else "../pipe.png"), root)
