"""What every document that crosses a boundary has in common.

A document that we write is closed: an unknown field is an error, so a typing mistake cannot pass for data.
A document from outside is read leniently with `read_foreign`, which returns what it ignored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SCENE_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{1,62}$"
OBJECT_ID_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

SceneId = Annotated[str, Field(pattern=SCENE_ID_PATTERN)]
ObjectId = Annotated[str, Field(pattern=OBJECT_ID_PATTERN)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
"""(w, x, y, z), unit length."""
Matrix4 = tuple[
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
]
Evidence = Literal["measured", "estimated", "catalogue", "default"]
"""Where a number came from. `measured`: read off the input. `estimated`: inferred from it. `catalogue`: a table of
known things. `default`: nothing was known."""


class ContractError(ValueError):
    """A document does not keep its contract. The message names the file, the field, the value and what was expected."""


class Document(BaseModel):
    """A JSON document with a closed set of fields. Numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True, defer_build=True)

    def to_json(self) -> str:
        """The document as canonical JSON: two spaces, fields in declared order, a newline at the end."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> Path:
        """Writes the document, making the folders on the way."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json(), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a document that we wrote.

        Raises:
            ContractError: the file is missing, is not JSON, or breaks the contract.
        """
        return cls.parse(_load_json(path), str(path))

    @classmethod
    def parse(cls, value: Any, name: str) -> Self:
        """Validates a JSON value; `name` is what an error calls it.

        Raises:
            ContractError: the value breaks the contract.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ContractError(_explain(cls, name, error)) from None

    @classmethod
    def read_foreign(cls, path: Path) -> tuple[Self, tuple[str, ...]]:
        """Reads a document that somebody else wrote: unknown fields are left out, and their paths are returned.

        Raises:
            ContractError: the file is missing, is not JSON, or lacks what the contract requires.
        """
        value = _load_json(path)
        ignored: list[str] = []
        for _ in range(1000):
            try:
                return cls.model_validate(value), tuple(ignored)
            except ValidationError as error:
                extra = [e for e in error.errors() if e["type"] == "extra_forbidden"]
                if not extra or len(extra) != len(error.errors()):
                    raise ContractError(_explain(cls, str(path), error)) from None
                for item in extra:
                    ignored.append(".".join(str(part) for part in item["loc"]))
                    _drop(value, item["loc"])
        raise ContractError(f"{path}: more unknown fields than can be set aside")


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"{path}: not JSON: {error}") from None
    except ValueError as error:
        raise ContractError(f"{path}: {error}") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _drop(value: Any, location: tuple[int | str, ...]) -> None:
    for part in location[:-1]:
        # A location may name a union's branch, which is not a key of the value.
        if isinstance(value, dict) and part not in value:
            continue
        value = value[part]
    value.pop(location[-1], None)


def _explain(cls: type[BaseModel], name: str, error: ValidationError) -> str:
    lines = [f"{name}: not a valid {cls.__name__}:"]
    for item in error.errors()[:8]:
        where = ".".join(str(part) for part in item["loc"]) or "(whole document)"
        lines.append(f"  {where}: {item['msg']} (found {item.get('input')!r:.80})")
    if error.error_count() > 8:
        lines.append(f"  and {error.error_count() - 8} more")
    return "\n".join(lines)
