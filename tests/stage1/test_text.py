"""Text requests: from words or a file to the normalised request of one scene."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.scene_request import NormalizedRequest, SceneRequest, normalize
from blueprint_assets.contracts.source import Source
from blueprint_assets.stage1.intake import IntakeError, find, register_request, register_variants
from blueprint_assets.stage1.received import take_in, told
from blueprint_assets.stage1.text import (
    NORMALIZED,
    RequestError,
    adjusted,
    picture_of,
    read_request_file,
    request_identity,
    request_of,
)

WORDS = "a mug left of a kettle on a table"


def written(path: Path, **fields: object) -> Path:
    path.write_text(json.dumps({"schema_version": "v1", "scene_id": "desk", "prompt": WORDS, **fields}))
    return path


def registered(root: Path, path: Path, number: int = 0) -> Source:
    """The source of one variant of a request file, taken in below `root`/<number>."""
    request = read_request_file(path, "words")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return take_in(register_request(str(root), request, number, sha256, str(path)), root / str(number))


def test_a_request_is_kept_as_received_and_normalised(tmp_path: Path) -> None:
    path = written(tmp_path / "request.json", prompt="a  mug\n on a\ttable")
    source = registered(tmp_path, path)
    assert (source.mode, source.image, source.original) == ("text", None, "input/original.json")
    assert (tmp_path / "0/input/original.json").read_bytes() == path.read_bytes()
    normalized = NormalizedRequest.read(tmp_path / "0" / NORMALIZED)
    assert normalized.prompt == "a mug on a table"
    assert (normalized.scene_id, normalized.received_at) == ("desk", source.received_at)
    assert source.notes == ("the words were put into NFKC form on one line",)
    assert source.content_sha256 == request_identity(normalized)
    assert told(source)["made_from"] == "text"
    assert Source.read(tmp_path / "0/input/source.json") == source


def test_typed_words_are_kept_as_typed(tmp_path: Path) -> None:
    words = "a mug \u202e on a table"
    request = request_of(words, "typed", "--prompt")
    sha256 = hashlib.sha256(words.encode()).hexdigest()
    source = take_in(register_request(str(tmp_path), request, 0, sha256, None), tmp_path / "scene")
    assert source.original == "input/original.txt"
    assert (tmp_path / "scene/input/original.txt").read_bytes() == words.encode()
    assert source.original_sha256 == sha256


def test_variants_are_scenes_with_seeds_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path / "request.json", seed_count=3, constraints={"seed": 7})
    sources = [registered(tmp_path, path, number) for number in range(3)]
    assert [source.scene_id for source in sources] == ["desk", "desk-v2", "desk-v3"]
    seeds = [NormalizedRequest.read(tmp_path / str(number) / NORMALIZED).seed for number in range(3)]
    assert seeds == [7, 8, 9]
    assert len({source.identity for source in sources}) == 3
    assert len({source.original_sha256 for source in sources}) == 1


def test_the_same_bytes_give_the_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path / "request.json")
    registered(tmp_path, path)
    first = {p.name: p.read_bytes() for p in (tmp_path / "0").rglob("*") if p.is_file()}
    intake = find(str(tmp_path), "desk")
    assert intake is not None
    take_in(intake, tmp_path / "again")
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").rglob("*") if p.is_file()} == first


def test_a_request_that_changed_since_is_not_taken_in(tmp_path: Path) -> None:
    path = written(tmp_path / "request.json")
    registered(tmp_path, path)
    intake = find(str(tmp_path), "desk")
    assert intake is not None
    written(path, prompt="a bowl")
    with pytest.raises(IntakeError, match=r"request\.json: changed since scene 'desk' was registered"):
        take_in(intake, tmp_path / "later")
    assert not (tmp_path / "later").exists()


def test_options_replace_what_the_request_says(tmp_path: Path) -> None:
    request = read_request_file(written(tmp_path / "request.json", seed_count=2, constraints={"seed": 3}), "words")
    assert adjusted(request, "desk", None, None) == request
    changed = adjusted(request, "other", 9, 5)
    assert (changed.scene_id, changed.constraints.seed, changed.seed_count) == ("other", 9, 5)
    with pytest.raises(ContractError, match="seed_count"):
        adjusted(request, "desk", None, 0)


@pytest.mark.parametrize(
    ("name", "inside"), [("a.png", True), ("sub/a.png", True), ("../a.png", False), ("/a.png", False)]
)
def test_a_picture_that_a_request_names_lies_beside_it(name: str, inside: bool, tmp_path: Path) -> None:
    path = written(tmp_path / "request.json", source_mode="image", prompt=None, image=name, mask=name)
    request = read_request_file(path, "words")
    if inside:
        assert picture_of(request, path) == (tmp_path / name, tmp_path / name)
    else:
        with pytest.raises(RequestError, match=r"request\.json: image: .* is outside the request's folder"):
            picture_of(request, path)


def test_the_inbox_registers_every_variant_and_does_not_take_a_scene_over(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    first = written(tmp_path / "a.json", seed_count=2)
    assert register_variants(root, str(first), "a") == ["desk", "desk-v2"]
    assert register_variants(root, str(first), "a") == ["desk", "desk-v2"]
    other = written(tmp_path / "b.json", prompt="a bowl on a table")
    (taken,) = register_variants(root, str(other), "b")
    assert taken.startswith("desk_")
    words = tmp_path / "Kitchen table.txt"
    words.write_text(WORDS)
    assert register_variants(root, str(words), "kitchen_table") == ["kitchen_table"]


def test_the_register_reaches_any_file_system() -> None:
    import fsspec

    with fsspec.open("memory://requests/desk.txt", "wb") as stream:
        stream.write(WORDS.encode())
    assert register_variants("memory://requests", "memory://requests/desk.txt", "desk") == ["desk"]
    with pytest.raises(IntakeError, match=r"none\.json: cannot be read"):
        register_variants("memory://requests", "memory://requests/none.json", "none")


def test_a_refusal_names_the_file_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text("{")
    with pytest.raises(ContractError, match=rf"{path}: not JSON"):
        register_variants(str(tmp_path), str(path), "odd")
    written(path, source_mode="image", prompt=None, image="a.png")
    with pytest.raises(RequestError, match=rf"{path}: source_mode image: drop the picture itself"):
        register_variants(str(tmp_path), str(path), "odd")
    assert not (tmp_path / "intake").exists()


@settings(deadline=None)
@given(st.sampled_from(["one", "two"]), st.integers(0, 5), st.sampled_from(["a mug", "a bowl"]))
def test_the_identity_is_that_of_the_content_and_not_of_the_name(scene_id: str, seed: int, words: str) -> None:
    def identity(scene_id: str, seed: int, words: str, count: int = 1, when: str = "now") -> str:
        fields = {"schema_version": "v1", "scene_id": scene_id, "prompt": words, "seed_count": count}
        request = SceneRequest.parse({**fields, "constraints": {"seed": seed}}, "request")
        return request_identity(normalize(request, when)[0])

    own = identity(scene_id, seed, words)
    assert own == identity("another", seed, f" {words} ", 3, "later")
    assert own != identity(scene_id, seed + 1, words)
    assert own != identity(scene_id, seed, "a kettle")
