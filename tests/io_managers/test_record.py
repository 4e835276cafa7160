from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from io_managers.errors import StoreError
from io_managers.record import CommitRecord, CommittedFile, Provenance, canonical_json, commit_id_of

FILE = CommittedFile(path="stage1/a", sha256="0" * 64, size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def record(provenance: Provenance, **change: Any) -> CommitRecord:
    fields: dict[str, Any] = {
        **{name: getattr(provenance, name) for name in Provenance.model_fields},
        "scene_id": "kitchen",
        "asset": "reconstruction",
        "commit_id": commit_id_of([FILE], provenance.digest()),
        "fingerprint": provenance.digest(),
        "files": (FILE,),
        "started_at": "2026-01-01T00:00:00+00:00",
        "seconds": 1.5,
        "peak_memory_bytes": None,
    }
    return CommitRecord(**(fields | change))


@settings(deadline=None, max_examples=60)
@given(config=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_a_record_survives_its_file_and_keeps_its_name(config: dict[str, Any]) -> None:
    provenance = Provenance(code_version="1", backend="embedded", config=config, seeds={"b": 2, "a": 1})
    written = record(provenance)
    read = CommitRecord.model_validate_json(written.to_json())
    assert read == written
    assert read.to_json() == written.to_json()
    assert read.digest() == provenance.digest()


def test_the_fingerprint_is_the_documented_hash() -> None:
    value = {
        "inputs": {"source": "1" * 64},
        "code_version": "7",
        "config": {"n": 2},
        "seeds": {"main": 3},
        "tool_versions": {"mujoco": "4.0.0"},
        "backend": "embedded",
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert Provenance(**value).digest() == hashlib.sha256(text.encode()).hexdigest()  # type: ignore[arg-type]


def test_order_does_not_matter_and_every_field_does() -> None:
    base: dict[str, Any] = {"code_version": "1", "backend": "embedded", "config": {"a": 1, "b": {"c": 2, "d": 3}}}
    name = Provenance(**base).digest()
    assert Provenance(**(base | {"config": {"b": {"d": 3, "c": 2}, "a": 1}})).digest() == name
    changes: list[dict[str, Any]] = [
        {"code_version": "2"},
        {"backend": "other"},
        {"config": {"a": 2}},
        {"seeds": {"main": 0}},
        {"tool_versions": {"x": "1"}},
        {"inputs": {"source": "1" * 64}},
    ]
    assert len({name} | {Provenance(**(base | change)).digest() for change in changes}) == 7


def test_times_do_not_enter_the_commit_id() -> None:
    provenance = Provenance(code_version="1", backend="embedded")
    one, two = record(provenance), record(provenance, seconds=9.0, started_at="later", metadata={"x": 1})
    assert one.commit_id == two.commit_id
    assert one != two


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commit_id": "0" * 64}, "commit_id"),
        ({"fingerprint": "0" * 64}, "fingerprint"),
        ({"code_version": "2"}, "fingerprint"),
        ({"files": ()}, "at least 1"),
        ({"files": (FILE, FILE)}, "twice"),
        ({"seconds": float("nan")}, "finite"),
        ({"scene_id": "../x"}, "pattern"),
        ({"asset": "A/b"}, "pattern"),
        ({"inputs": {"source": "short"}}, "pattern"),
        ({"config": {"x": {1, 2}}}, "not JSON"),
        ({"config": {"x": float("inf")}}, "JSON compliant"),
        ({"metadata": {"x": "y" * 70_000}}, "limit is 65536"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_record_that_cannot_be_true_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        record(Provenance(code_version="1", backend="embedded"), **change)


def test_an_unknown_file_is_named() -> None:
    with pytest.raises(StoreError, match="stage1/b: not a file of reconstruction of scene kitchen"):
        record(Provenance(code_version="1", backend="embedded")).file("stage1/b")


def test_canonical_json_has_one_spelling() -> None:
    assert canonical_json({"b": [1, "ä"], "a": None}) == '{"a":null,"b":[1,"\\u00e4"]}'
