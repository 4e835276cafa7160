from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.lerobot import DatasetError
from blueprint_assets.dataset.selection import OPERATORS, choose, parse_condition, parse_episodes

TABLE = pa.table(
    {
        "tasks": [["lift"], ["place"], ["lift"]],
        "success": [True, False, None],
        "quality_score": [0.5, None, 1.0],
        "seed": [3, 4, 5],
        "note": ["true", "0.5", None],
    }
)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (["success==true"], [0]),
        (["success!=TRUE"], [1]),
        (["quality_score>0.4"], [0, 2]),
        (["quality_score!=0.5"], [2]),
        (["seed>=4"], [1, 2]),
        (["seed<4.5"], [0, 1]),
        (["task==lift"], [0, 2]),
        (["task=='lift'", "seed>3"], [2]),
        (["note==true"], [0]),
        (["note>=0"], [0, 1]),
        ([], [0, 1, 2]),
    ],
)
def test_a_value_is_of_its_columns_type_and_nothing_is_never_equal(where: list[str], rows: list[int]) -> None:
    assert choose(TABLE, where) == rows


@given(text=st.text(max_size=30))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_list_of_episodes_or_refused(text: str) -> None:
    try:
        found = parse_episodes(text, 7)
    except DatasetError:
        return
    assert found == sorted(set(found))
    assert set(found) <= set(range(7))


@given(first=st.integers(-9, 9), last=st.integers(-9, 9), count=st.integers(1, 8))
@settings(deadline=None)
def test_ranges_are_pythons(first: int, last: int, count: int) -> None:
    assert parse_episodes(f"{first}:{last}", count) == list(range(count))[first:last]
    assert parse_episodes(f" {first}: , :{last}", count) == sorted({*range(count)[first:], *range(count)[:last]})


@given(
    column=st.from_regex(r"[a-z_]{1,8}(/[a-z.]{1,8})?", fullmatch=True),
    value=st.text(min_size=1, max_size=12).filter(lambda value: not value.startswith("=")),  # "x>" + "=1" is "x>=1"
)
@settings(deadline=None)
def test_a_condition_is_read_as_it_was_written(column: str, value: str) -> None:
    for comparison in OPERATORS:
        text = f"{column}{comparison}{value}"
        try:
            found = parse_condition(text)
        except DatasetError:
            assert not value.strip()
            continue
        assert (found.column, found.comparison, found.text) == (column, comparison, value.strip())
