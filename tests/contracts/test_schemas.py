from __future__ import annotations

import json

import jsonschema
import pytest

from blueprint_assets.contracts.schemas import DOCUMENTS, FOLDER, schema


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_schema_is_current(name: str) -> None:
    committed = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == schema(name), "run `make schemas` and commit what changed"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_outside_validator_takes_the_schema_and_it_is_closed(name: str) -> None:
    content = json.loads(schema(name))
    jsonschema.Draft202012Validator.check_schema(content)
    validator = jsonschema.Draft202012Validator(content)
    complaints = [e.validator for e in validator.iter_errors({"a_field_that_nobody_knows": 1})]
    assert "additionalProperties" in complaints


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {f"{name}.schema.json" for name in DOCUMENTS}
