"""What is told of a scene's input, when that is no photograph."""

from __future__ import annotations

import hashlib
from pathlib import Path

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.dataset.origin.lineage import Lineage, Node
from blueprint_assets.stage1.intake import register_output, register_request
from blueprint_assets.stage1.received import take_in
from blueprint_assets.stage1.text import request_of
from fixtures.stage1_layout import write_stage1
from io_managers.record import Provenance
from io_managers.store import SceneStore

WORDS = "a mug on a table"


def told(root: Path, words: bool) -> Node:
    """The line that is told about the input of a scene that was just taken in."""
    if words:
        sha256 = hashlib.sha256(WORDS.encode()).hexdigest()
        intake = register_request(str(root), request_of(WORDS, "scene", "words"), 0, sha256, None)
    else:
        write_stage1(root / "given")
        intake = register_output(str(root), "scene", root / "given", "stage1")
    store = SceneStore(root)
    with store.staging() as folder:
        take_in(intake, folder)
        store.commit(
            "scene", "source", folder, owns=["input/", "textgen/request.normalized.json"],
            provenance=Provenance(code_version="1", backend="embedded"), started_at=intake.received_at, seconds=1.0,
        )  # fmt: skip
    episode = EncodedEpisode.model_construct(provenance={"scene_id": "scene"})
    (line,) = [node for node in Lineage(store, episode).node("source").walk() if node.kind == "told"]
    return line


def test_a_text_request_is_named_with_its_hash(tmp_path: Path) -> None:
    line = told(tmp_path, words=True)
    assert line.name == "text request typed words"
    assert line.facts["sha256"] == hashlib.sha256(WORDS.encode()).hexdigest()
    assert "pixels" not in line.facts


def test_a_reconstruction_is_named_with_its_format(tmp_path: Path) -> None:
    line = told(tmp_path, words=False)
    assert line.name == "reconstruction given"
    assert line.facts["format"] == "stage1"
    assert int(line.facts["files"]) == len([p for p in (tmp_path / "given").rglob("*") if p.is_file()])
