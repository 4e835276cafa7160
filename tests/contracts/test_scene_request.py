from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.scene_request import (
    MAX_PROMPT_CHARACTERS,
    NormalizedRequest,
    SceneRequest,
    normalize,
    read_request,
    tidy,
)

RECEIVED = "2026-01-01T00:00:00Z"
GOOD: dict[str, Any] = {"schema_version": "v1", "scene_id": "demo", "prompt": "a mug on a table"}


def test_a_request_is_filled_in_and_put_in_order() -> None:
    (made,) = normalize(SceneRequest.parse(GOOD | {"prompt": " a  mug\non a\ttable "}, "r"), RECEIVED)
    assert made.prompt == "a mug on a table"
    assert (made.text_backend, made.quality_tier, made.seed, made.variant) == ("embedded", "standard", 0, 0)
    assert made.received_at == RECEIVED
    assert len(made.request_sha256) == 64


def test_what_the_published_request_says_is_accepted() -> None:
    published = GOOD | {
        "source_mode": "text", "text_backend": "hybrid_serial", "quality_tier": "premium", "seed_count": 2, "constraints": {},
        "provider_policy": "openrouter_qwen_primary",
    }  # fmt: skip
    assert SceneRequest.parse(published, "r").text_backend == "hybrid_serial"


def test_variants_have_ids_and_seeds_of_their_own() -> None:
    request = SceneRequest.parse(GOOD | {"seed_count": 3, "constraints": {"seed": 5}}, "r")
    made = normalize(request, RECEIVED)
    assert [m.scene_id for m in made] == ["demo", "demo-v2", "demo-v3"]
    assert [m.seed for m in made] == [5, 6, 7]
    assert len({m.request_sha256 for m in made}) == 1


def test_image_mode_takes_a_picture_and_no_prompt() -> None:
    fields = {
        "schema_version": "v1",
        "scene_id": "demo",
        "source_mode": "image",
        "image": "photo.jpg",
        "mask": "mask.png",
    }
    assert SceneRequest.parse(fields, "r").image == "photo.jpg"
    for extra in ({"prompt": "a mug"}, {"image": None}):
        with pytest.raises(ContractError, match=next(iter(extra))):
            SceneRequest.parse(fields | extra, "r")


def test_the_schema_of_both_documents_judges_alike() -> None:
    """Outside judge: the generated JSON Schema accepts what the model accepts and refuses an unknown field."""
    schema = SceneRequest.model_json_schema()
    jsonschema.validate(GOOD, schema)
    jsonschema.validate(json.loads(normalize(SceneRequest.parse(GOOD, "r"), RECEIVED)[0].to_json()),
                        NormalizedRequest.model_json_schema())  # fmt: skip
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(GOOD | {"colour": "red"}, schema)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "  \n "}, "prompt is empty"),
        ({"prompt": None}, "prompt is empty"),
        ({"prompt": "a mug\x00 on a table"}, "U\\+0000 at 5"),
        ({"prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)}, "prompt has 4001 characters"),
        ({"prompt": "☕🍎!"}, "no letter"),
        ({"scene_id": "../../etc/passwd"}, "scene_id"),
        ({"scene_id": "/abs"}, "scene_id"),
        ({"seed_count": 0}, "seed_count"),
        ({"seed_count": 10**9}, "seed_count"),
        ({"text_backend": "gpt"}, "text_backend"),
        ({"schema_version": "v2"}, "schema_version"),
        ({"colour": "red"}, "colour"),
        ({"constraints": {"objects": 3}}, "constraints.objects"),
        ({"constraints": {"room": [0.1, 3]}}, "constraints.room"),
        ({"image": "photo.jpg"}, "image"),
    ],
)
def test_a_bad_request_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError, match=field):
        SceneRequest.parse(GOOD | change, "request.json")


def test_a_megabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(GOOD | {"prompt": "a mug " * 200_000}), encoding="utf-8")
    with pytest.raises(ContractError, match=r"request\.json: 1200\d+ bytes, a request may have 65536"):
        read_request(path)
    with pytest.raises(ContractError, match="No such file"):
        read_request(tmp_path / "none.json")


def test_right_to_left_marks_go_and_letters_stay() -> None:
    assert tidy("a \u202emug\u202c \u2066on\u2069 a table ספל") == "a mug on a table ספל"
    assert tidy("ｆｕｌｌ　ｗｉｄｔｈ") == "full width"


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_text_is_a_request_or_a_typed_error(text: str) -> None:
    try:
        request = SceneRequest.parse(GOOD | {"prompt": text}, "r")
    except ContractError:
        return
    (made,) = normalize(request, RECEIVED)
    assert made.prompt is not None
    assert made.prompt == tidy(made.prompt)
    assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in made.prompt)
