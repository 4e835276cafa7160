from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.scene.extents import Extents
from blueprint_assets.scene.known_sizes import KnownSizeError, parse_known_sizes, resolve, sizes_kept
from io_managers.record import CommitRecord, CommittedFile, Provenance, commit_id_of

PRESENT = {"object_01": "mug", "object_02": "mug", "object_03": None}


def test_what_people_write() -> None:
    written = ["object_01=0.10", " mug.height = 9.5cm", "wine glass=205mm", "table=1.4m"]
    assert parse_known_sizes(written) == {"object_01": 0.1, "mug.height": 0.095, "wine glass": 0.205, "table": 1.4}
    assert parse_known_sizes([]) == {}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["object_01"], "not NAME=LENGTH"),
        (["=0.1"], "not NAME=LENGTH"),
        (["a=ten"], "not NAME=LENGTH"),
        (["a=1.2.3"], "'1.2.3' is not a number"),
        (["a=0"], "0 m; it must be 0.001 to 10 m"),
        (["a=-0.1"], "-0.1 m; it must be"),
        (["a=95"], "95 m; it must be"),
        (["a=0.1", "a=0.2"], "'a' is given twice"),
        (["a=1e400"], "inf m; it must be"),
        (["a=10in"], "not NAME=LENGTH"),
    ],
)
def test_slips_are_refused_with_a_remedy(texts: list[str], said: str) -> None:
    with pytest.raises(KnownSizeError, match=re.escape(said)):
        parse_known_sizes(texts)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_a_length_or_a_typed_error(text: str) -> None:
    try:
        found = parse_known_sizes([text])
    except KnownSizeError:
        return
    ((name, length),) = found.items()
    assert name.strip() == name
    assert 0.001 <= length <= 10


def test_a_category_means_each_of_its_objects() -> None:
    found = resolve({"coffee mugs.height": 0.095, "object_03": 0.2}, PRESENT, "s")
    assert [(each.object_id, each.side, each.length) for each in found] == [
        ("object_01", "height", 0.095),
        ("object_02", "height", 0.095),
        ("object_03", "largest", 0.2),
    ]
    assert found[0].factor(Extents(4.0, 3.0, 0.95)) == pytest.approx(0.1)
    assert found[2].factor(Extents(4.0, 3.0, 0.95)) == pytest.approx(0.05)


def test_nothing_of_that_name() -> None:
    with pytest.raises(KnownSizeError, match=r"scene s: known size 'plate' .* object_03 \(not recognised\)"):
        resolve({"plate": 0.2}, PRESENT, "s")
    with pytest.raises(KnownSizeError, match="it must be"):
        resolve({"object_01": float("nan")}, PRESENT, "s")
    with pytest.raises(KnownSizeError, match="has no depth"):
        resolve({"object_01.depth": 0.1}, PRESENT, "s")[0].factor(Extents(1.0, 0.0, 1.0))


def test_what_was_given_before_holds_as_long_as_it_means_the_same() -> None:
    one, other = "1" * 64, "2" * 64
    known = {"object_01": 0.1, "mug.height": 0.095}
    provenance = Provenance(
        inputs={"reconstruction": one}, code_version="1", config={"known_sizes": known}, backend="embedded"
    )
    files = (CommittedFile(path="seg/scale.json", sha256=one, size=1),)
    record = CommitRecord(
        **provenance.model_dump(),
        scene_id="scene",
        asset="scene_manifest",
        commit_id=commit_id_of(files, provenance.digest()),
        fingerprint=provenance.digest(),
        files=files,
        started_at="2026-01-01T00:00:00Z",
        seconds=0,
        peak_memory_bytes=None,
    )
    assert sizes_kept(record, one, PRESENT) == known
    assert sizes_kept(record, other, PRESENT) == {"mug.height": 0.095}, "object_01 may be another object there"
    assert sizes_kept(record, other, {"object_07": None}) == {}, "there is no mug any more"
    assert sizes_kept(None, one, PRESENT) == {}
