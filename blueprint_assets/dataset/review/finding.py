"""What is wrong with a dataset, said so that a person knows the file, the field, the value and what was expected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layout import DatasetError

SHOWN = 200
"""Characters of a value that a finding keeps."""


@dataclass(frozen=True)
class Finding:
    """`file` is relative to the dataset; `what` the field, or a sentence when the file is wrong as a whole. `times`: how
    often this was found; `value` and `expected` are the first."""

    file: str
    what: str
    value: str = ""
    expected: str = ""
    times: int = 1

    def __str__(self) -> str:
        text = f"{self.file}: {self.what}"
        if self.value:
            text += f": {self.value}"
        if self.expected:
            text += f", expected {self.expected}"
        return text if self.times == 1 else f"{text} ({self.times} times)"


class UnsoundError(DatasetError):
    """A dataset is not what it says it is. `findings` holds everything that is wrong; the message, the first of it."""

    def __init__(self, folder: object, findings: list[Finding]) -> None:
        more = f"; {len(findings) - 1} more findings" if len(findings) > 1 else ""
        super().__init__(
            f"{folder}/{findings[0]}{more}; `blueprint dataset verify {folder}` lists them; copy the dataset again from "
            "where it came from, or write it again"
        )
        self.findings = findings


class Findings:
    """Collects findings; the same field of the same file is one finding that counts."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}

    def add(self, file: str, what: str, value: object = "", expected: object = "", times: int = 1) -> None:
        """Notes one."""
        key = (file, what)
        if key in self._found:
            self._found[key] = replace(self._found[key], times=self._found[key].times + times)
        else:
            self._found[key] = Finding(file, what, _short(value), _short(expected), times)

    def demand(self, condition: bool, file: str, what: str, value: object = "", expected: object = "") -> None:
        """Notes it if the condition does not hold."""
        if not condition:
            self.add(file, what, value, expected)

    def all(self) -> list[Finding]:
        """Everything, in the order in which it was found."""
        return list(self._found.values())


def first_difference(found: NDArray[Any], expected: NDArray[Any]) -> str:
    """The first value that is not as expected, and its row."""
    if len(found) != len(expected):
        return f"{len(found)} values"
    rows = np.flatnonzero(found != expected)
    return f"{found[rows[0]]} in row {rows[0]}" if len(rows) else ""


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
