from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.posed_meshes import Bounds, Pose, Scale
from blueprint_assets.contracts.schemas import schema
from blueprint_assets.contracts.source import Source
from blueprint_assets.contracts.task_config import SuggestedTask

SOURCE: dict[str, Any] = {
    "scene_id": "kitchen_1",
    "original": "input/original.jpg",
    "original_sha256": "0" * 64,
    "image": "input/image.png",
    "width": 640,
    "height": 480,
    "received_at": "2026-01-01T00:00:00+00:00",
}


def test_what_is_written_is_what_is_read_and_fits_the_schema(tmp_path: Path) -> None:
    document = Source.parse(SOURCE, "source")
    path = document.write(tmp_path / "deep" / "source.json")
    assert Source.read(path) == document
    jsonschema.validate(json.loads(path.read_text()), json.loads(schema("source")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, r"colour: Extra inputs are not permitted"),
        ({"width": 0}, r"width: Input should be greater than 0 \(found 0\)"),
        ({"scene_id": "../up"}, r"scene_id: String should match pattern"),
        ({"width": "wide"}, r"width: Input should be a valid integer"),
        ({"width": None}, r"its size Nonex480; both or neither"),
        ({"mode": "text"}, r"request is missing, which mode text needs"),
        ({"original_sha256": "abc"}, r"original_sha256: String should match pattern"),
    ],
)
def test_a_broken_document_says_which_field_and_why(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=said):
        Source.parse({**SOURCE, **change}, "source")


@pytest.mark.parametrize("text", ["", "{", "\xff", "[1,", '{"a": NaN}', "[" * 100_000])
def test_what_is_not_json_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scene.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ContractError, match=r"scene\.json"):
        Source.read(path)


def test_a_foreign_document_says_what_was_ignored(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps({**SOURCE, "vendor": {"x": 1}, "extra": 2}))
    document, ignored = Source.read_foreign(path)
    assert document == Source.parse(SOURCE, "source")
    assert set(ignored) == {"vendor", "extra"}


def test_a_foreign_document_still_needs_what_is_required(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps({"scene_id": "a_scene", "extra": 1}))
    with pytest.raises(ContractError, match="original: Field required"):
        Source.read_foreign(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_are_finite(value: float) -> None:
    with pytest.raises(ContractError, match="finite number"):
        Bounds.parse({"min": [0, 0, 0], "max": [1, 1, value], "center": [0, 0, 0], "size": [1, 1, 1]}, "bounds")


def test_a_place_task_needs_its_goal() -> None:
    with pytest.raises(ContractError, match="pick_place needs a goal_region"):
        SuggestedTask.parse(
            {
                "task_id": "t",
                "task_name": "n",
                "task_type": "pick_place",
                "target_object": "o",
                "difficulty": "easy",
                "priority": 1,
            },
            "task",
        )


def test_an_unknown_scale_is_null_with_a_reason() -> None:
    scale = Scale(factor=None, evidence="default", confidence=0, reason="one view has no metric scale")
    assert Scale.parse(json.loads(scale.to_json()), "scale") == scale


finite = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(st.tuples(finite, finite, finite), st.tuples(finite, finite, finite, finite))
def test_any_finite_pose_survives_the_file(translation: tuple[float, ...], rotation: tuple[float, ...]) -> None:
    identity = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    pose = Pose(
        transform_matrix=identity, translation=translation, rotation_quaternion=rotation, scale=(1, 1, 1), confidence=1,
        is_floor_contact=True,
    )  # fmt: skip
    assert Pose.parse(json.loads(pose.to_json()), "pose") == pose
