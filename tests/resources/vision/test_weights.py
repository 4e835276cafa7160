from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from resources.vision import weights
from resources.vision.packages import Package
from resources.vision.weights import (
    MODELS,
    Model,
    Stored,
    WeightFile,
    WeightsError,
    available,
    default_cache,
    missing,
    obstacle,
    require,
)

PACKAGE = Package("npm", "made", "1.0.0", 1)


def stored(content: bytes) -> Stored:
    return Stored(len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Model:
    files = (WeightFile("a.onnx", ("package/a",), stored(b"aaa")), WeightFile("b.txt", ("package/b",), stored(b"bb")))
    model = Model("made", "testing", "none", PACKAGE, files, "MIT", "this test", "nobody")
    monkeypatch.setattr(weights, "MODELS", (model,))
    return model


def put(cache: Path, model: Model, a: bytes = b"aaa", b: bytes = b"bb") -> Path:
    folder = cache / model.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.onnx").write_bytes(a)
    (folder / "b.txt").write_bytes(b)
    return folder


def test_the_table_is_whole() -> None:
    for model in MODELS:
        assert model.licence in {"MIT", "Apache-2.0"}
        assert model.credit
        assert model.licence_source
        for file in model.files:
            for content in (file.packed, file.stored):
                assert re.fullmatch(r"[0-9a-f]{64}", content.sha256)
                assert 0 < content.size < 100_000_000
            assert (file.conversion is None) == (file.converted is None)
            assert Path(file.name).name == file.name
    assert len({model.folder for model in MODELS}) == len(MODELS)


def test_weights_that_are_there(made: Model, tmp_path: Path) -> None:
    folder = put(tmp_path, made)
    assert available("made", tmp_path) == folder
    assert missing(("made",), tmp_path) == ()
    assert require("made", tmp_path) == folder


def test_weights_that_are_not_there(made: Model, tmp_path: Path) -> None:
    assert available("made", tmp_path) is None
    assert missing(("made",), tmp_path) == ("made",)
    assert "weights of made are not in" in (obstacle(("made",), tmp_path) or "")
    with pytest.raises(WeightsError, match=r"'made' are not in .*blueprint models fetch made"):
        require("made", tmp_path)
    (put(tmp_path, made) / "b.txt").unlink()
    assert available("made", tmp_path) is None


def test_a_file_of_another_size_is_not_there(made: Model, tmp_path: Path) -> None:
    put(tmp_path, made, a=b"aaaa")
    assert available("made", tmp_path) is None


def test_a_file_of_other_content_is_not_used(made: Model, tmp_path: Path) -> None:
    put(tmp_path, made, a=b"aab")
    assert available("made", tmp_path) is not None
    with pytest.raises(WeightsError, match=r"a\.onnx is damaged: its sha256 is .*blueprint models fetch made"):
        require("made", tmp_path)


def test_without_onnxruntime(made: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, made)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "onnxruntime is not installed" in (obstacle(("made",), tmp_path) or "")


def test_an_unknown_model() -> None:
    with pytest.raises(WeightsError, match="no model 'depth'; there are salient, lines, boxes, names"):
        available("depth")


def test_the_cache_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "blueprint-assets" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG rules: not absolute, not used
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache() == tmp_path / "home" / ".cache" / "blueprint-assets" / "models"
