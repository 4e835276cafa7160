"""Which episodes of a dataset: conditions on the columns of meta/episodes, and lists of indices. Nothing is evaluated.

    success==true    quality_score>=0.8    task_type==pick_place    "task==Pick up the cup."    0:10,12,-1

A condition compares a column with one value of the column's type: true or false, a number, or text (with or without
quotes). Episodes that have no value there never match. Ranges are Python's: 0:10 is the first ten, -1 the last.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .layout import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
TASK = "task"
"""Name of the task's text in a condition; the table has a list of one."""

Value = bool | int | float | str


@dataclass(frozen=True)
class Condition:
    """One comparison, its value still text: its type is the column's."""

    column: str
    comparison: str
    text: str


def parse_condition(text: str) -> Condition:
    """Reads `column`, one of == != >= <= > <, and a value.

    Raises:
        DatasetError: it is not of this form.
    """
    match = re.fullmatch(r"\s*([A-Za-z_][A-Za-z0-9_./ -]*?)\s*(==|!=|>=|<=|>|<)(?!=)\s*(.*?)\s*", text, re.DOTALL)
    if match is None or not match[3]:
        raise DatasetError(
            f"condition {text!r} is not <column><comparison><value>; comparisons are {' '.join(OPERATORS)}; for example "
            "quality_score>=0.8"
        )
    return Condition(match[1], match[2], match[3])


def matching(table: pa.Table, conditions: Sequence[Condition]) -> list[int]:
    """The rows of meta/episodes that meet all conditions, ascending.

    Raises:
        DatasetError: a column that is not there, or a value that is not of its type.
    """
    rows = list(range(len(table)))
    for condition in conditions:
        values = _column(table, condition)
        wanted = _value(condition, values)
        compare = OPERATORS[condition.comparison]
        rows = [row for row in rows if values[row] is not None and compare(values[row], wanted)]
    return rows


def parse_episodes(text: str, count: int) -> list[int]:
    """Reads indices and ranges, separated by commas; each episode once, ascending.

    Raises:
        DatasetError: something else, or an index that the dataset does not have.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d{1,12})?\s*(:)?\s*(-?\d{1,12})?\s*", part)
        if match is None or not (match[1] or match[2]) or (match[3] and not match[2]):
            raise DatasetError(f"episodes {text!r}: {part!r} is no index and no range; write for example 0:10,12,-1")
        if match[2]:
            found.update(range(count)[slice(*(int(end) if end else None for end in (match[1], match[3])))])
        elif -count <= int(match[1]) < count:
            found.add(int(match[1]) % count)
        else:
            raise DatasetError(f"episodes {text!r}: there is no episode {match[1]}; the dataset has {count}")
    return sorted(found)


def choose(table: pa.Table, where: Sequence[str] = (), episodes: str | None = None) -> list[int]:
    """The episodes that meet every condition and are in the list; ascending.

    Raises:
        DatasetError: see `parse_condition`, `matching` and `parse_episodes`.
    """
    rows = matching(table, [parse_condition(text) for text in where])
    if episodes is None:
        return rows
    listed = set(parse_episodes(episodes, len(table)))
    return [row for row in rows if row in listed]


def _column(table: pa.Table, condition: Condition) -> list[Value | None]:
    if condition.column == TASK:
        return ["; ".join(texts) for texts in table["tasks"].to_pylist()]
    plain = [name for name in table.column_names if name != "tasks"]
    if condition.column not in plain:
        raise DatasetError(f"no column {condition.column!r}; there are {', '.join([TASK, *sorted(plain)])}")
    found: list[Value | None] = table[condition.column].to_pylist()
    return found


def _value(condition: Condition, values: Sequence[Value | None]) -> Value:
    """The condition's value as the column's type."""
    text = condition.text
    kind = next((type(value) for value in values if value is not None), str)
    if kind is str:
        quoted = re.fullmatch(r"(['\"])(.*)\1", text, re.DOTALL)
        return quoted[2] if quoted else text
    if kind is bool:
        if text.lower() in ("true", "false") and condition.comparison in ("==", "!="):
            return text.lower() == "true"
        raise DatasetError(f"{condition.column} is true or false; {condition.comparison}{text} cannot be asked of it")
    try:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        raise DatasetError(f"{condition.column} holds numbers; {text!r} is none") from None
