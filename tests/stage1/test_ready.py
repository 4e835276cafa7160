"""Another system's output: what of it is kept, what is refused, and that what was kept is all that its reader needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import FORMATS, Format, Source
from blueprint_assets.stage1 import ready
from blueprint_assets.stage1.intake import find, register_output
from blueprint_assets.stage1.maker import maker_of
from blueprint_assets.stage1.posed import demand_sound
from blueprint_assets.stage1.readers import ReadyOutputError, reader_of
from blueprint_assets.stage1.ready import identity_of, output_files
from blueprint_assets.stage1.received import take_in
from fixtures.generate_mock_regen3d import write_native_tree
from fixtures.native_outputs import closed_objects, write_embodiedgen_asset, write_one_glb, write_sam3d
from fixtures.stage1_layout import write_stage1
from io_managers.digest import hash_file


def regen3d(place: Path) -> Path:
    write_native_tree(place, objects=closed_objects())
    return place


def sam3d(place: Path) -> Path:
    place.mkdir()
    write_sam3d(place, closed_objects())
    return place


def glb(place: Path) -> Path:
    objects = closed_objects()
    write_one_glb(place.with_suffix(".glb"), objects, [item.label for item in objects])
    return place.with_suffix(".glb")


def embodiedgen(place: Path) -> Path:
    for item in closed_objects():
        name = item.label.replace(" ", "_")
        write_embodiedgen_asset(place / name / "result", name, item.mesh)
    return place


def stage1(place: Path) -> Path:
    write_stage1(place, scene_id="elsewhere")
    return place


WRITERS: dict[Format, Callable[[Path], Path]] = {
    "regen3d": regen3d,
    "sam3d": sam3d,
    "glb": glb,
    "embodiedgen": embodiedgen,
    "stage1": stage1,
}


def made(format: Format, output: Path, folder: Path, photo: Path | None = None) -> tuple[Source, SceneInfo]:
    """The source and the posed meshes of an output, which is gone when its reader starts."""
    source = take_in(register_output(str(folder / "root"), "scene", output, format, photo), folder / "scene")
    moved = output.rename(output.with_name(f"moved_{output.name}"))
    maker = maker_of(source, lambda: pytest.fail("an output needs no reconstructor"))
    maker.make(folder / "scene", folder / "out", lambda step: None)
    moved.rename(output)
    return source, demand_sound(folder / "out/stage1")


@pytest.mark.parametrize("format", WRITERS)
def test_what_is_kept_is_all_that_the_reader_needs(format: Format, tmp_path: Path) -> None:
    output = WRITERS[format](tmp_path / "given")
    source, info = made(format, output, tmp_path)
    assert (source.mode, source.format, source.image) == ("posed_meshes", format, None)
    assert info.scene_id == "scene"
    assert len(info.objects) == (4 if format == "stage1" else 5)
    for path, sha256 in source.files.items():
        assert hash_file(tmp_path / "scene" / path) == sha256
    kept = {path.removeprefix("input/original/"): sha256 for path, sha256 in source.files.items()}
    assert all(kept[file.path] == file.sha256 for file in info.inputs), "what was read is what was kept"


def test_only_what_the_reader_may_read_is_kept(tmp_path: Path) -> None:
    output = regen3d(tmp_path / "given")
    (output / "output/glb/notes.txt").write_text("mine")
    (output / "weights.bin").write_bytes(bytes(100))
    source, _ = made("regen3d", output, tmp_path)
    assert not {path for path in source.files if path.endswith((".txt", ".bin"))}
    assert {p.name for p in (tmp_path / "scene/input/original").iterdir()} == {"output", "src", "tmp"}


def test_a_photograph_that_comes_with_it_is_kept_too(tmp_path: Path) -> None:
    output = regen3d(tmp_path / "given")
    photo = output / "tmp/converted_from_webp.png"
    source, info = made("regen3d", output, tmp_path, photo)
    assert source.picture()[1:] == info.image_size
    assert hash_file(tmp_path / "scene/input/original.png") == hash_file(photo)
    assert source.files["input/original.png"] == hash_file(photo)
    assert source.original_sha256 != source.content_sha256


def test_the_same_output_from_elsewhere_is_the_same_content(tmp_path: Path) -> None:
    output = stage1(tmp_path / "given")
    first = register_output(str(tmp_path / "root"), "scene", output, "stage1")
    moved = output.rename(tmp_path / "elsewhere")
    second = register_output(str(tmp_path / "root"), "scene", moved, "stage1")
    assert (second.identity, second.received_at) == (first.identity, first.received_at)
    assert second.output_uri == str(moved)
    assert find(str(tmp_path / "root"), "scene") == second


@pytest.mark.parametrize("change", ["edited", "added", "gone"])
def test_an_output_that_changed_since_is_not_taken_in(change: str, tmp_path: Path) -> None:
    output = stage1(tmp_path / "given")
    intake = register_output(str(tmp_path / "root"), "scene", output, "stage1")
    target = output / "objects/can/bounds.json"
    if change == "edited":
        target.write_text("{}")
    elif change == "added":
        (output / "objects/can/more.json").write_text("{}")
    else:
        target.unlink()
    with pytest.raises(ReadyOutputError, match=r"objects/can/\w+\.json: changed since scene 'scene' was registered"):
        take_in(intake, tmp_path / "scene")
    assert not (tmp_path / "scene/input/source.json").exists()


def test_a_link_that_leads_out_is_refused_and_one_inside_is_a_file(tmp_path: Path) -> None:
    output = stage1(tmp_path / "given")
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    inside = output / "objects/can/again.json"
    inside.symlink_to(output / "objects/can/pose.json")
    assert output_files(output, "stage1")["objects/can/again.json"] == output / "objects/can/pose.json"
    inside.unlink()
    (output / "objects/can/leak.json").symlink_to(secret)
    with pytest.raises(ReadyOutputError, match=r"leak\.json: a link that leads out of the folder"):
        output_files(output, "stage1")


def test_a_folder_behind_a_link_is_not_read(tmp_path: Path) -> None:
    output = stage1(tmp_path / "given")
    shutil.copytree(output / "objects/can", tmp_path / "outside")
    (output / "objects/linked").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert not [name for name in output_files(output, "stage1") if name.startswith("objects/linked")]


def test_limits_of_size_and_number_name_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = stage1(tmp_path / "given")
    monkeypatch.setattr(ready, "MAX_FILES", 3)
    with pytest.raises(ReadyOutputError, match=r"given: more than 3 files"):
        output_files(output, "stage1")
    monkeypatch.setattr(ready, "MAX_FILE_BYTES", 100)
    with pytest.raises(ReadyOutputError, match=r"at most 0 are read of a file"):
        output_files(output, "stage1")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "glb"])
def test_an_empty_folder_and_a_missing_one_say_what_is_needed(format: Format, tmp_path: Path) -> None:
    with pytest.raises(ReadyOutputError, match=rf"--format {format} needs "):
        output_files(tmp_path, format)
    with pytest.raises(ReadyOutputError, match=r"none: no such folder"):
        output_files(tmp_path / "none", format)
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadyOutputError, match=r"file: is a file"):
        output_files(tmp_path / "file", format)


def test_one_glb_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(ReadyOutputError, match=r"is a folder: --format glb needs one \.glb file"):
        output_files(tmp_path, "glb")
    (tmp_path / "scene.obj").write_text("")
    with pytest.raises(ReadyOutputError, match=r"scene\.obj: no \.glb file"):
        output_files(tmp_path / "scene.obj", "glb")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_a_reader_with_a_place_to_look(format: Format) -> None:
    reader = reader_of(format)
    assert reader.backend
    assert reader.one_file or reader.consumes
    assert not any(pattern.startswith("/") or ".." in pattern for pattern in reader.consumes)
    assert reader.open(Path("somewhere")).backend == reader.backend


names = st.dictionaries(st.text("abc/", min_size=1, max_size=4), st.sampled_from(["0" * 64, "1" * 64]), max_size=4)


@settings(deadline=None)
@given(names, names)
def test_the_identity_is_that_of_the_files_whatever_their_order(one: dict[str, str], other: dict[str, str]) -> None:
    turned = dict(reversed(one.items()))
    assert identity_of("sam3d", one, None) == identity_of("sam3d", turned, None)
    assert (identity_of("sam3d", one, None) == identity_of("sam3d", other, None)) == (one == other)
    assert identity_of("sam3d", one, None) != identity_of("regen3d", one, None)


def test_a_photograph_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    output = stage1(tmp_path / "given")
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((90, 120, 3), np.uint8)).save(photo)
    intake = register_output(str(tmp_path / "root"), "scene", output, "stage1", photo)
    with pytest.raises(ValueError, match=rf"{photo}: the picture is black"):
        take_in(intake, tmp_path / "scene")
