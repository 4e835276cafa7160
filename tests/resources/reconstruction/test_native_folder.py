"""Nothing outside the folder is read, nothing is unpickled, nothing too large; what was read is listed."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from resources.reconstruction import native_folder
from resources.reconstruction.native_folder import NativeFolder, NativeOutputError


@pytest.fixture
def folder(tmp_path: Path) -> NativeFolder:
    (tmp_path / "inside/deep").mkdir(parents=True)
    (tmp_path / "inside/deep/a.json").write_text('{"a": 1}')
    (tmp_path / "secret.json").write_text('{"secret": 1}')
    return NativeFolder(tmp_path / "inside", "the tool")


def test_what_was_read_is_listed_with_its_hash(folder: NativeFolder) -> None:
    assert folder.json("deep/a.json") == {"a": 1}
    assert folder.json("deep/a.json") == {"a": 1}
    (read,) = folder.consumed()
    assert (read.path, read.sha256) == ("deep/a.json", hashlib.sha256(b'{"a": 1}').hexdigest())


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/hostname", "deep/../../secret.json", "a\0b", "deep\\a.json", ""]
)
def test_names_that_lead_out(folder: NativeFolder, name: str) -> None:
    with pytest.raises(NativeOutputError, match="leads out of the folder"):
        folder.json(name)
    assert folder.consumed() == ()


@pytest.mark.parametrize("target", ["../secret.json", "../../../../../../etc/hostname"])
def test_links_that_lead_out(folder: NativeFolder, target: str) -> None:
    (folder.root / "link.json").symlink_to(target)
    for attempt in (folder.json, folder.has):
        with pytest.raises(NativeOutputError, match="outside the folder"):
            attempt("link.json")
    with pytest.raises(NativeOutputError, match="outside the folder"):
        folder.names("*.json")


def test_a_folder_that_is_a_link_to_outside(folder: NativeFolder) -> None:
    (folder.root / "up").symlink_to("..")
    with pytest.raises(NativeOutputError, match="outside the folder"):
        folder.json("up/secret.json")


def test_links_inside_and_in_a_circle(folder: NativeFolder) -> None:
    (folder.root / "same.json").symlink_to("deep/a.json")
    assert folder.json("same.json") == {"a": 1}
    (folder.root / "loop.json").symlink_to("loop.json")
    with pytest.raises(NativeOutputError, match=r"loop\.json"):
        folder.json("loop.json")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="./\\ab~\0 %", max_size=24))
def test_no_name_reads_the_neighbour(folder: NativeFolder, name: str) -> None:
    try:
        value = folder.json(name)
    except NativeOutputError:
        return
    assert value == {"a": 1}


def test_missing_folder_and_file(folder: NativeFolder) -> None:
    with pytest.raises(NativeOutputError, match="no such folder; give the folder that the tool wrote"):
        NativeFolder(folder.root / "no", "the tool")
    with pytest.raises(NativeOutputError, match=r"no\.json: no such file; the tool writes it"):
        folder.json("no.json")
    with pytest.raises(NativeOutputError, match="not an ordinary file"):
        folder.json("deep")


def test_too_large(folder: NativeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_folder, "MAX_DOCUMENT_BYTES", 4)
    with pytest.raises(NativeOutputError, match="8 bytes, more than the 4"):
        folder.json("deep/a.json")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": NaN}', "\xff"])
def test_not_json(folder: NativeFolder, text: str) -> None:
    (folder.root / "b.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(NativeOutputError, match=r"b\.json: not JSON"):
        folder.json("b.json")


def test_arrays(folder: NativeFolder) -> None:
    np.savez(folder.root / "c.npz", focal=np.float32(500), size=np.array([4, 3]))
    found = folder.arrays("c.npz", ("focal", "size"))
    assert found["focal"] == 500
    assert found["size"].tolist() == [4, 3]
    with pytest.raises(NativeOutputError, match=r"no array 'pose'; it has \['focal', 'size'\]"):
        folder.arrays("c.npz", ("pose",))


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("was_unpickled"),))  # type: ignore[return-value]


def test_a_pickle_in_an_npz_is_not_opened(
    folder: NativeFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(folder.root / "c.npz", focal=np.array([Bomb()], dtype=object))
    with pytest.raises(NativeOutputError, match=r"c\.npz: not a readable \.npz file of plain numbers"):
        folder.arrays("c.npz", ("focal",))
    assert not (tmp_path / "was_unpickled").exists()


def test_an_npz_that_unpacks_to_too_much(folder: NativeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(folder.root / "c.npz", focal=np.zeros(100_000))
    monkeypatch.setattr(native_folder, "MAX_ARRAY_BYTES", 50_000)
    with pytest.raises(NativeOutputError, match="bytes unpacked, more than the 50000"):
        folder.arrays("c.npz", ("focal",))


def test_an_npz_with_a_lying_header(folder: NativeFolder) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    lying = stream.getvalue().replace(b"(3,)", b"(9,)")
    with zipfile.ZipFile(folder.root / "c.npz", "w") as archive:
        archive.writestr("focal.npy", lying)
    with pytest.raises(NativeOutputError, match=r"c\.npz: not a readable"):
        folder.arrays("c.npz", ("focal",))


@pytest.mark.parametrize("value", [np.array([np.nan]), np.array([np.inf]), np.array(["x"])])
def test_arrays_that_are_not_finite_numbers(folder: NativeFolder, value: np.ndarray) -> None:
    np.savez(folder.root / "c.npz", focal=value)
    with pytest.raises(NativeOutputError, match=r"focal: .* values that are not all finite numbers"):
        folder.arrays("c.npz", ("focal",))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY", b"nonsense" * 20])
def test_not_an_npz(folder: NativeFolder, data: bytes) -> None:
    (folder.root / "c.npz").write_bytes(data)
    with pytest.raises(NativeOutputError, match=r"c\.npz: not a readable"):
        folder.arrays("c.npz", ("focal",))


def test_points(folder: NativeFolder) -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    (folder.root / "p.ply").write_bytes(trimesh.PointCloud(points).export(file_type="ply"))
    assert folder.points("p.ply") == pytest.approx(points, abs=1e-6)
    for data in (
        b"",
        b"ply\n",
        b"ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n1\n",
    ):
        (folder.root / "p.ply").write_bytes(data)
        with pytest.raises(NativeOutputError, match=r"p\.ply"):
            folder.points("p.ply")


def test_pictures_and_masks(folder: NativeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.full((3, 4, 3), 7, np.uint8)).save(folder.root / "a.png")
    assert folder.picture("a.png").shape == (3, 4, 3)
    alpha = np.zeros((3, 4, 4), np.uint8)
    alpha[1, 2, 3] = 255
    alpha[..., :3] = 200
    Image.fromarray(alpha).save(folder.root / "m.png")
    assert np.argwhere(folder.mask("m.png")).tolist() == [[1, 2]]
    Image.fromarray(alpha[..., 3] // 255).save(folder.root / "n.png")
    assert np.argwhere(folder.mask("n.png")).tolist() == [[1, 2]]
    (folder.root / "b.png").write_bytes((folder.root / "a.png").read_bytes()[:40])
    with pytest.raises(NativeOutputError, match=r"b\.png: not a readable picture"):
        folder.picture("b.png")
    monkeypatch.setattr(native_folder, "MAX_PIXELS", 11)
    with pytest.raises(NativeOutputError, match="4x3 pixels"):
        folder.picture("a.png")
