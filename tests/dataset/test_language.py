from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.encoded_episode import Subtask
from blueprint_assets.dataset import language
from blueprint_assets.tasks.instructions import Instructions

PLACE_PHASES = (
    "home", "approach", "pre_grasp", "grasp", "close_gripper", "lift", "transport", "place", "release", "retract", "hold",
)  # fmt: skip


def _episode(task: str, phases: tuple[str, ...], each: int = 3) -> SimpleNamespace:
    frames = tuple(SimpleNamespace(phase=phase) for phase in phases for _ in range(each))
    return SimpleNamespace(task_name=task, target_object="object_04", frames=frames)


def _document(steps: tuple[Subtask, ...], frames: int = 40, fps: int = 20) -> SimpleNamespace:
    return SimpleNamespace(subtasks=steps, frames=frames, fps=fps)


def test_a_place_in_words() -> None:
    found = language.subtasks(_episode("pick up the red mug and put it behind the can", PLACE_PHASES))
    assert [(step.frame, step.text) for step in found] == [
        (0, "wait at the ready pose"),
        (3, "reach for the red mug"),  # approach and pre_grasp are one
        (9, "put the open fingers around the red mug"),
        (12, "close the gripper on the red mug"),
        (15, "lift the red mug"),
        (18, "carry the red mug behind the can"),
        (21, "lower the red mug"),
        (24, "open the gripper"),
        (27, "move the hand away"),
        (30, "hold still"),
    ]


_WORDS = st.text("abcdefghij ", min_size=1, max_size=20).map(str.strip).filter(lambda text: len(text) > 0)


@given(_WORDS, _WORDS, st.sampled_from([(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3)]), st.booleans())
@settings(deadline=None)
def test_every_instruction_that_is_given_is_understood(name: str, other: str, step, alone: bool) -> None:
    """What `Instructions` puts together comes apart into the same names."""
    places = {"a": np.zeros(2)} if alone else {"a": np.array([5.0, 5.0]), "b": np.zeros(2)}
    names = {"a": name} if alone else {"a": name, "b": other}
    given_by = Instructions(names, places, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    for task in (given_by.lift("a"), given_by.place("a", step)):
        texts = [found.text for found in language.subtasks(_episode(task, PLACE_PHASES))]
        assert f"lift the {name}" in texts
        if task != given_by.lift("a"):
            (carried,) = [text for text in texts if text.startswith("carry")]
            assert task.endswith(carried.removeprefix(f"carry the {name} "))
            assert len(carried) > len(f"carry the {name} ")


def test_another_instruction_leaves_the_id_and_an_unknown_phase_its_name() -> None:
    found = language.subtasks(_episode("tidy up", ("approach", "wave_twice", "", "transport")))
    assert [step.text for step in found] == ["reach for the object 04", "wave twice", "carry the object 04"]


def test_without_phases_there_are_no_subtasks() -> None:
    assert language.subtasks(_episode("tidy up", ("",))) == ()


def test_the_plan_is_what_is_left_to_do() -> None:
    rows = language.statements(_document((Subtask(frame=0, text="reach"), Subtask(frame=7, text="lift"))))
    assert [(row["timestamp"], row["style"], row["content"]) for row in rows] == [
        (0.0, "plan", "1. reach\n2. lift"),
        (0.0, "subtask", "reach"),
        (float(np.float32(0.35)), "plan", "1. lift"),
        (float(np.float32(0.35)), "subtask", "lift"),
    ]


@given(st.lists(st.integers(0, 39), unique=True, max_size=5), st.sampled_from([10, 20, 30]))
@settings(deadline=None, max_examples=30)
def test_the_columns_survive_parquet_with_the_types_that_are_declared(tmp_path_factory, frames, fps) -> None:
    import pyarrow as pa

    steps = tuple(Subtask(frame=frame, text=f"step {frame}") for frame in sorted(frames))
    document = _document(steps, fps=fps)
    path = tmp_path_factory.mktemp("language") / "a.parquet"
    pq.write_table(pa.table(language.columns(document), schema=pa.schema(language.fields())), path)
    read = pq.read_table(path)
    assert read.schema.equals(pa.schema(language.fields()))
    rows = read["language_persistent"].to_pylist()
    assert len(rows) == 40
    expected = [row | {"camera": None, "tool_calls": None} for row in language.statements(document)]
    assert rows[0] == rows[-1] == expected
    assert read["language_events"].to_pylist() == [[]] * 40
    # The active statement at a subtask's first frame is that subtask: its time is the frame's own float32 time.
    for step in steps:
        now = np.float32(step.frame / fps)
        active = [row for row in rows[step.frame] if row["style"] == "subtask" and row["timestamp"] <= now]
        assert max(active, key=lambda row: row["timestamp"])["content"] == step.text


def test_declarations() -> None:
    assert language.feature_declarations() == {
        name: {"dtype": "language", "shape": [1], "names": None} for name in ("language_persistent", "language_events")
    }
    features = language.huggingface_features()
    for field in language.fields():
        assert list(features[field.name]["feature"]) == [part.name for part in field.type.value_type]
