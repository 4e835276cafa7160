"""What `blueprint run` makes of its input, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.commands.given import GivenError, Options, Output, Picture, Words, read_given
from blueprint_assets.stage1.intake import find
from fixtures.stage1_layout import write_stage1

WORDS = "a mug left of a kettle"


def photo(path: Path, seed: int = 0) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (80, 90, 3), np.uint8)).save(path)
    return path


def request(path: Path, **fields: object) -> Path:
    path.write_text(json.dumps({"schema_version": "v1", "scene_id": "desk", "prompt": WORDS, **fields}))
    return path


def entered(root: Path, **options: Any) -> list[str]:
    """The scenes that were registered in the store `root`."""
    given = read_given(Options(**options))
    scene_ids = given.scene_ids(str(root))
    for number in range(len(scene_ids)):
        given.register(str(root), scene_ids, number)
    assert all(find(str(root), scene_id) for scene_id in scene_ids)
    return scene_ids


def test_each_input_is_told_apart(tmp_path: Path) -> None:
    assert isinstance(read_given(Options(source=photo(tmp_path / "a.png"))), Picture)
    assert isinstance(read_given(Options(source=request(tmp_path / "a.json"))), Words)
    assert isinstance(read_given(Options(prompt=WORDS)), Words)
    (tmp_path / "a.txt").write_text(WORDS)
    assert isinstance(read_given(Options(source=tmp_path / "a.txt")), Words)
    write_stage1(tmp_path / "stage1")
    assert isinstance(read_given(Options(source=tmp_path / "stage1", format="stage1")), Output)
    (tmp_path / "scene.glb").write_bytes(b"its reader looks into it")
    assert isinstance(read_given(Options(source=tmp_path / "scene.glb")), Output)
    asked = request(tmp_path / "b.json", source_mode="image", prompt=None, image="a.png")
    assert isinstance(read_given(Options(source=asked)), Picture)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give one of: a photograph"),
        ({"prompt": WORDS, "source": Path("a.png")}, "give one of: a photograph"),
        ({"source": Path("a mug on a table")}, "no such file: words are given with --prompt 'a mug on a table'"),
        ({"source": Path()}, r"is a folder: .*--format regen3d\|"),
        ({"prompt": WORDS, "mask": Path("m.png")}, "not with a text request"),
        ({"prompt": WORDS, "format": "glb"}, "not with a text request"),
        ({"source": Path("a.png"), "photo": Path("b.png")}, "say whose with --format"),
        ({"source": Path("a.png"), "variants": 2}, "only a text request has variants"),
        ({"source": Path("a.glb"), "mask": Path("m.png")}, "has its own masks"),
        ({"source": Path("a.glb"), "variants": 3}, "only a text request has variants"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], said: str) -> None:
    with pytest.raises(GivenError, match=said):
        read_given(Options(**options))


def test_words_name_their_scene_and_variants(tmp_path: Path) -> None:
    assert entered(tmp_path, prompt=WORDS) == ["a_mug_left_of_a_kettle"]
    assert entered(tmp_path, prompt=WORDS, variants=3) == [
        "a_mug_left_of_a_kettle",
        "a_mug_left_of_a_kettle-v2",
        "a_mug_left_of_a_kettle-v3",
    ]
    assert entered(tmp_path, prompt="A mug, left of a kettle!") != ["a_mug_left_of_a_kettle"], "other words"
    assert entered(tmp_path, prompt=WORDS, scene_id="mine", variants=2) == ["mine", "mine-v2"]
    (scene_id,) = entered(tmp_path, prompt="كوب")
    assert scene_id.startswith("scene_")
    assert len(entered(tmp_path, prompt=f"{WORDS} " * 20)[0]) <= 63


def test_a_seed_that_is_given_counts_and_one_that_is_not_leaves_the_request_alone(tmp_path: Path) -> None:
    path = request(tmp_path / "request.json", constraints={"seed": 5})
    for seed, expected in ((None, 5), (0, 0), (9, 9)):
        (scene_id,) = entered(tmp_path / "root", source=path, seed=seed)
        intake = find(str(tmp_path / "root"), scene_id)
        assert intake is not None
        assert intake.request is not None
        assert (scene_id, intake.request.constraints.seed) == ("desk", expected)


def test_a_request_does_not_take_a_photographs_scene_over(tmp_path: Path) -> None:
    assert entered(tmp_path / "root", source=photo(tmp_path / "desk.png")) == ["desk"]
    (scene_id,) = entered(tmp_path / "root", source=request(tmp_path / "request.json"))
    assert scene_id.startswith("desk_")
    assert entered(tmp_path / "root", source=request(tmp_path / "request.json")) == [scene_id]
    assert entered(tmp_path / "root", source=tmp_path / "request.json", scene_id="desk") == ["desk"], (
        "asked for by name"
    )


def test_an_output_is_named_by_its_folder_or_file_and_says_its_licence(tmp_path: Path) -> None:
    write_stage1(tmp_path / "kitchen.v1")
    (tmp_path / "kitchen.v1.license").write_text("CC-BY-4.0\nA. Uthor\n")
    picture = photo(tmp_path / "photo.png")
    assert entered(tmp_path / "root", source=tmp_path / "kitchen.v1", format="stage1", photo=picture) == ["kitchen_v1"]
    intake = find(str(tmp_path / "root"), "kitchen_v1")
    assert intake is not None
    assert (intake.license, intake.attribution, intake.image_uri) == ("CC-BY-4.0", "A. Uthor", str(picture))
    (tmp_path / "Bath room.glb").write_bytes(b"its reader looks into it")
    assert entered(tmp_path / "root", source=tmp_path / "Bath room.glb") == ["bath_room"]
