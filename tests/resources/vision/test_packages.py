from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vision.packages import ClientMissingError, Package, PackageError, fetch, read_members

NPM = Package("npm", "@scope/weights", "1.0.0", 1)
PIP = Package("pip", "made-weights", "1.0", 1)


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarball(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def program(folder: Path, name: str, body: str) -> None:
    """A program of that name on the path, written in Python."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nif '--version' in sys.argv: sys.exit(0)\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("pack", [wheel, tarball])
def test_members_are_joined_in_the_order_asked(tmp_path: Path, pack: object) -> None:
    archive = pack(tmp_path / "archive", {"package/a": b"first", "package/b": b"second", "x": b"no"})  # type: ignore[operator]
    assert read_members(archive, ("package/b", "package/a"), 11) == b"secondfirst"
    with pytest.raises(PackageError, match="package/a takes it over 10 bytes"):
        read_members(archive, ("package/b", "package/a"), 10)
    with pytest.raises(PackageError, match="no package/c in it"):
        read_members(archive, ("package/c",), 10)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["../out", "/tmp/blueprint-out", "a/../../out", "ok"]), min_size=1, unique=True))
def test_no_path_of_an_archive_touches_the_disk(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("archive")
    archive = tarball(folder / "archive.tgz", {name: name.encode() for name in names})
    assert read_members(archive, tuple(names), 1000) == "".join(names).encode()
    assert list(folder.iterdir()) == [archive]
    assert not Path("/tmp/blueprint-out").exists()
    assert not (folder.parent / "out").exists()


def test_a_member_that_is_a_link_out_of_the_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        link = tarfile.TarInfo("weights")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    for member in ("weights", "folder"):
        with pytest.raises(PackageError, match=member):
            read_members(tmp_path / "a.tgz", (member,), 100)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x1f\x8b broken", b"plain text" * 100])
def test_what_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(PackageError, match=r"archive: the archive cannot be read"):
        read_members(tmp_path / "archive", ("a",), 10)


def test_a_cut_tarball_is_refused(tmp_path: Path) -> None:
    whole = tarball(tmp_path / "whole.tgz", {"a": os.urandom(100_000)}).read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PackageError, match="cannot be read"):
        read_members(tmp_path / "cut.tgz", ("a",), 100_000)


def test_pip_itself_fetches_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    metadata = "Metadata-Version: 2.1\nName: made-weights\nVersion: 1.0\n"
    wheel(
        source / "made_weights-1.0-py3-none-any.whl",
        {
            "made_weights/net.onnx": b"weights",
            "made_weights-1.0.dist-info/METADATA": metadata.encode(),
            "made_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "made_weights-1.0.dist-info/RECORD": b"",
        },
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(source))
    archive = fetch(PIP, target)
    assert archive.parent == target
    assert read_members(archive, ("made_weights/net.onnx",), 7) == b"weights"
    with pytest.raises(PackageError, match=r"other 2\.0.*does not have this release"):
        fetch(Package("pip", "other", "2.0", 1), tmp_path / "source")


def test_npm_is_asked_by_name_and_runs_no_scripts(tmp_path: Path, only_path: Path) -> None:
    program(
        only_path,
        "npm",
        "folder = next(a.split('=')[1] for a in sys.argv if a.startswith('--pack-destination='))\n"
        "open(folder + '/archive.tgz', 'w').write(' '.join(sys.argv[1:]))",
    )
    target = tmp_path / "target"
    target.mkdir()
    said = fetch(NPM, target).read_text()
    assert said == f"pack --silent --ignore-scripts --pack-destination={target} @scope/weights@1.0.0"


def test_no_client(tmp_path: Path, only_path: Path) -> None:
    with pytest.raises(ClientMissingError, match=r"no npm on this machine.*apt-get install npm"):
        fetch(NPM, tmp_path)
    program(only_path, "npm", "")
    (only_path / "npm").write_text("#!/no/such/interpreter\n")
    with pytest.raises(ClientMissingError):
        fetch(NPM, tmp_path)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("npm error code ENOTFOUND", "no connection to the package registry"),
        ("npm error code EAI_AGAIN", "no connection to the package registry"),
        ("npm error code ENOSPC", "the disk is full"),
        ("npm error code E404", "does not have this release"),
        ("something else", "by hand with npm"),
    ],
)
def test_a_client_that_fails(tmp_path: Path, only_path: Path, said: str, remedy: str) -> None:
    program(only_path, "npm", f"sys.exit({said!r})")
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(PackageError, match=f"@scope/weights 1.0.0 .*ended with code 1.*{remedy}.*{said}"):
        fetch(NPM, target)


def test_a_client_that_says_yes_and_brings_nothing(tmp_path: Path, only_path: Path) -> None:
    program(only_path, "npm", "")
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(PackageError, match="0 archives"):
        fetch(NPM, target)
