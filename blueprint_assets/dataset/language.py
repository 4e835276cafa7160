"""What was being done, in words, frame by frame: LeRobot 0.6's language columns, from the phases that were executed.

`language_persistent` holds, on every row of an episode, all its statements with the time from which each is true
(`lerobot.datasets.language`): the subtasks, and at each subtask's start the plan, which is the numbered list of what is
left to do, as LeRobot's own annotation pipeline writes it. `language_events` is declared beside it, as LeRobot does, and
empty: nobody interjected, and nothing was asked.

They are written on request: LeRobot before 0.6 cannot open a dataset that has them, and the visualizer of 0.6.1 stops at
them. The subtasks themselves are in every episode's document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blueprint_assets.contracts.encoded_episode import EncodedEpisode, Subtask
from blueprint_assets.contracts.geniesim_local import Episode

if TYPE_CHECKING:
    import pyarrow as pa

PERSISTENT, EVENTS = "language_persistent", "language_events"
COLUMNS = (PERSISTENT, EVENTS)

_INSTRUCTIONS = (
    re.compile(r"pick up the (?P<object>.+?) and lift it"),
    re.compile(r"pick up the (?P<object>.+?) and put it (?P<place>.+)"),
    re.compile(r"move the (?P<object>.+?) (?P<place>to the (?:left|right)|(?:away from|towards) the camera)"),
)
"""The forms that `tasks.instructions` gives an instruction."""

_PHRASES = {
    "home": "wait at the ready pose",
    "approach": "reach for the {object}",
    "pre_grasp": "reach for the {object}",
    "grasp": "put the open fingers around the {object}",
    "close_gripper": "close the gripper on the {object}",
    "lift": "lift the {object}",
    "transport": "carry the {object} {place}",
    "place": "lower the {object}",
    "release": "open the gripper",
    "retract": "move the hand away",
    "hold": "hold still",
}
"""Phase of `tasks.phases` -> what one would call it. Neighbouring phases of one text are one subtask."""


def subtasks(episode: Episode) -> tuple[Subtask, ...]:
    """The subtasks of a recorded episode, from the phase that every frame was recorded in. A phase that is not known here
    goes by its name; without phases there are none.

    The object and its place are called as in the instruction; one of another form leaves the object's id and no place.
    """
    words = {"object": episode.target_object.replace("_", " "), "place": ""}
    for form in _INSTRUCTIONS:
        found = form.fullmatch(episode.task_name)
        if found is not None:
            words |= found.groupdict()
            break
    steps: list[Subtask] = []
    for index, frame in enumerate(episode.frames):
        if not frame.phase:
            continue
        phrase = _PHRASES.get(frame.phase, frame.phase.replace("_", " "))
        text = phrase.format(**words).strip()
        if not steps or steps[-1].text != text:
            steps.append(Subtask(frame=index, text=text))
    return tuple(steps)


def statements(document: EncodedEpisode) -> list[dict[str, Any]]:
    """The rows of `language_persistent`, by time, the plan before the subtask; `timestamp` in seconds, as the frames'."""
    rows: list[dict[str, Any]] = []
    for index, step in enumerate(document.subtasks):
        left = [later.text for later in document.subtasks[index:]]
        plan = "\n".join(f"{number}. {text}" for number, text in enumerate(left, start=1))
        time = float(np.float32(step.frame / document.fps))
        rows += [
            {"role": "assistant", "content": text, "style": style, "timestamp": time}
            for style, text in (("plan", plan), ("subtask", step.text))
        ]
    return rows


def feature_declarations() -> dict[str, Any]:
    """Their entries in info.json."""
    return {name: {"dtype": "language", "shape": [1], "names": None} for name in COLUMNS}


def fields() -> list[pa.Field]:
    """Their Arrow fields."""
    import pyarrow as pa

    return [pa.field(name, pa.list_(_row_type(name))) for name in COLUMNS]


def huggingface_features() -> dict[str, Any]:
    """Their entries in the parquet files' Hugging Face metadata."""
    text = {"dtype": "string", "_type": "Value"}
    types = {"timestamp": {"dtype": "float32", "_type": "Value"}}
    types["tool_calls"] = {"feature": {"_type": "Json"}, "_type": "List"}  # type: ignore[dict-item]
    return {name: {"feature": {key: types.get(key, text) for key in _keys(name)}, "_type": "List"} for name in COLUMNS}


def columns(document: EncodedEpisode) -> list[pa.Array]:
    """Their values for all rows of an episode."""
    return [
        _repeated(rows, _row_type(name), document.frames)
        for name, rows in zip(COLUMNS, (statements(document), []), strict=True)
    ]


def _repeated(rows: Sequence[dict[str, Any]], kind: pa.DataType, count: int) -> pa.Array:
    """A list column that holds `rows` in each of `count` rows."""
    import pyarrow as pa

    # pyarrow makes no array of its JSON type out of Python values; what is never set needs none.
    values = [
        pa.nulls(len(rows), field.type)
        if field.name == "tool_calls"
        else pa.array([row.get(field.name) for row in rows], field.type)
        for field in kind
    ]
    struct = pa.StructArray.from_arrays(values, fields=list(kind))
    one = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), struct)
    return one.cast(pa.list_(kind)).take(pa.array(np.zeros(count, np.int64)))


def _keys(name: str) -> tuple[str, ...]:
    time = ("timestamp",) if name == PERSISTENT else ()
    return ("role", "content", "style", *time, "camera", "tool_calls")


def _row_type(name: str) -> pa.DataType:
    import pyarrow as pa

    types = {"timestamp": pa.float32(), "tool_calls": pa.list_(pa.json_())}
    return pa.struct([pa.field(key, types.get(key, pa.string())) for key in _keys(name)])
