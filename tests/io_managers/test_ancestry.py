from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from io_managers.ancestry import ancestry, behind
from io_managers.record import CommitRecord, CommittedFile, Provenance, commit_id_of


def record(asset: str, inputs: dict[str, str], code: str = "1") -> CommitRecord:
    provenance = Provenance(inputs=inputs, code_version=code, backend="test")
    files = (CommittedFile(path=f"{asset}.txt", sha256="0" * 64, size=1),)
    fingerprint = provenance.digest()
    return CommitRecord(
        **dict(provenance),
        scene_id="kitchen",
        asset=asset,
        commit_id=commit_id_of(files, fingerprint),
        fingerprint=fingerprint,
        files=files,
        started_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        peak_memory_bytes=None,
    )


def chain(*above: tuple[int, ...]) -> dict[str, CommitRecord]:
    """Assets a0, a1, … where each is made from the earlier ones whose numbers are given."""
    records: dict[str, CommitRecord] = {}
    for number, numbers in enumerate(above):
        inputs = {f"a{i}": records[f"a{i}"].commit_id for i in numbers}
        records[f"a{number}"] = record(f"a{number}", inputs)
    return records


def test_a_new_commit_leaves_everything_below_it_behind() -> None:
    records = chain((), (0,), (1,), (0,), ())
    assert behind(records) == set()
    records["a1"] = record("a1", records["a1"].inputs, code="2")
    assert behind(records) == {"a2"}
    records["a0"] = record("a0", {}, code="2")
    assert behind(records) == {"a1", "a2", "a3"}


def test_what_was_never_made_leaves_what_read_it_behind() -> None:
    records = chain((), (0,), (1,))
    del records["a0"]
    assert behind(records) == {"a1", "a2"}
    assert list(ancestry(records, "a2")) == ["a1", "a2"]
    assert ancestry(records, "a0") == {}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=7), st.data())
def test_exactly_the_descendants_of_what_changed_are_behind(wanted: list[set[int]], data: st.DataObject) -> None:
    above = [tuple(sorted(i for i in numbers if i < n)) for n, numbers in enumerate(wanted)]
    records = chain(*above)
    changed = data.draw(st.integers(0, len(above) - 1))
    records[f"a{changed}"] = record(f"a{changed}", records[f"a{changed}"].inputs, code="2")
    below = {n for n in range(len(above)) if n != changed and f"a{changed}" in ancestry(records, f"a{n}")}
    assert behind(records) == {f"a{n}" for n in below}
    order = list(ancestry(records, f"a{len(above) - 1}"))
    assert all(order.index(f"a{i}") < order.index(f"a{n}") for n, numbers in enumerate(above) for i in numbers
               if f"a{n}" in order)  # fmt: skip
