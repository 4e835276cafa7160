from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.scene_generation import ContradictionError, NothingUnderstoodError, SceneGenerationError
from resources.scene_generation.embedded.asked import Group, Understood
from resources.scene_generation.embedded.grammar import understand
from resources.scene_generation.embedded.words import lexicon


def said(understood: Understood) -> list[str]:
    """Each group in a line: count, words, where it is, what it is beside."""
    lines = []
    for group in understood.groups:
        line = f"{group.count} {group.phrase}"
        if group.standing:
            line += f" {group.standing}"
        if group.place:
            target = group.place.target
            number = "" if group.place.number is None else f" #{group.place.number}"
            line += f" {group.place.relation} {target.phrase if isinstance(target, Group) else target}{number}"
        for beside in group.beside:
            line += f" {beside.relation} {'+'.join(t.phrase for t in beside.targets)}"
        lines.append(line)
    return lines


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a mug on the counter left of the kettle", ["1 mug on counter left kettle", "1 counter", "1 kettle"]),
        ("two red boxes stacked", ["2 red boxes stack"]),
        ("three books on the second shelf", ["3 books on shelf #2", "1 shelf"]),
        ("three books on the top shelf of the bookcase", ["3 books on bookcase #-1", "1 bookcase"]),
        ("a stack of 3 plates and a pair of scissors", ["3 plates stack", "1 scissors"]),
        ("two cups and a couple of forks", ["2 cups", "2 forks"]),
        ("a cup and a spoon on a tray", ["1 cup on tray", "1 spoon on tray", "1 tray"]),
        ("a cup and a spoon on a plate", ["1 cup", "1 spoon on plate", "1 plate"]),
        ("a mug on a plate on the table", ["1 mug on plate", "1 plate on table", "1 table"]),
        ("a bowl with a spoon in it, a jar", ["1 bowl", "1 spoon in bowl", "1 jar"]),
        ("a bowl of apples", ["1 bowl", "3 apples in bowl"]),
        ("a bowl with two oranges on the table", ["1 bowl on table", "2 oranges in bowl", "1 table"]),
        ("a desk with a mug on the tray", ["1 desk", "1 mug on tray", "1 tray"]),
        ("a bookcase with a vase on the third shelf", ["1 bookcase", "1 vase on bookcase #3"]),
        ("a shelf and a can on the third shelf of the bookcase", ["1 shelf", "1 can on bookcase #3", "1 bookcase"]),
        ("a carton of milk and a bottle of water", ["1 carton of milk", "1 bottle of water"]),
        ("two plates, each with an apple", ["2 plates", "2 apple on plates"]),
        ("a cup between a plate and a can", ["1 cup between plate+can", "1 plate", "1 can"]),
        ("a cup between two plates", ["1 cup between plates", "2 plates"]),
        ("a mug, a mug and another mug", ["1 mug", "1 mug", "1 mug"]),
        ("There's a desk. On it are two books. The books are behind a lamp.",
         ["1 desk", "2 books on desk behind lamp", "1 lamp"]),
        ("a pen in the second drawer of the desk", ["1 pen in desk #2", "1 desk"]),
        ("an orange, an orange mug and a glass bottle", ["1 orange", "1 orange mug", "1 glass bottle"]),
        ("a tray under the mug", ["1 tray", "1 mug on tray"]),
        ("a glass on a glass table", ["1 glass on glass table", "1 glass table"]),
        ("the mug is next to the can. a can.", ["1 mug near can", "1 can"]),
        ("two blocks stacked on a box", ["2 blocks stack on box", "1 box"]),
        ("a table with four chairs", ["1 table", "4 chairs near table"]),
        ("three forks side by side", ["3 forks row"]),
    ],
)  # fmt: skip
def test_prompts_are_read(prompt: str, expected: list[str]) -> None:
    assert said(understand(prompt)) == expected


def test_drawers_and_doors_are_parts_of_their_furniture() -> None:
    understood = understand("a cabinet with two drawers and three doors, and a vase on the cabinet")
    assert [g.phrase for g in understood.groups] == ["cabinet", "vase"]
    assert understood.groups[0].options == {"drawers": 2.0, "doors": 3.0}


def test_rooms_colours_sizes_and_materials() -> None:
    understood = understand("a kitchen with a big dark red metal bowl")
    (bowl,) = understood.groups
    assert understood.room == "kitchen"
    assert bowl.scale == (1.3, 1.3, 1.3)
    assert bowl.grain == "metal"
    assert bowl.color == pytest.approx((0.429, 0.066, 0.055))


def test_vague_numbers_are_told() -> None:
    assert understand("several mugs and books").read_as == ["several mugs: read as 3", "books: no number, read as 3"]


@pytest.mark.parametrize(
    ("prompt", "lost"),
    [
        ("a mug and a flibbertigibbet", ["flibbertigibbet"]),
        ("a fancy mug next to two zorbs", ["fancy", "next to two zorbs"]),
        ("a mug above the table", ["above"]),
        ("a mug on the left and a dragon", ["dragon"]),
    ],
)
def test_what_is_not_known_is_listed(prompt: str, lost: list[str]) -> None:
    found = understand(prompt).not_understood
    assert all(any(word in said for said in found) for word in lost), found


@pytest.mark.parametrize(
    ("prompt", "error", "words"),
    [
        ("exactly two mugs and exactly three mugs", ContradictionError, "exactly 2 mug.*5 in all"),
        ("two mugs on a table. The three mugs are red.", ContradictionError, "there are 2"),
        ("a table without mugs and a mug on it", ContradictionError, "no mug"),
        ("a box on the can, the can on the box", ContradictionError, "on itself"),
        ("xyzzy plugh", NothingUnderstoodError, "xyzzy plugh"),
        ("900 mugs", SceneGenerationError, "900 things"),
        ("999999 tables", SceneGenerationError, "999999 things"),
    ],
)
def test_what_cannot_be_is_a_typed_error(prompt: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        understand(prompt)


WORDS = sorted(word for word in lexicon() if word.isascii())


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=24).map(" ".join))
@settings(deadline=None, max_examples=300)
def test_any_words_are_read_or_a_typed_error(prompt: str) -> None:
    try:
        understood = understand(prompt)
    except SceneGenerationError:
        return
    assert all(group.count >= 1 for group in understood.groups)
    for group in understood.groups:
        if group.place is not None and isinstance(group.place.target, Group):
            assert group.place.target in understood.groups
        assert all(t in understood.groups for beside in group.beside for t in beside.targets)
