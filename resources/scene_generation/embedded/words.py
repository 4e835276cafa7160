"""The words of a request: numbers, colours, sizes, materials, relations, rooms and the catalogue's nouns in both numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from .catalogue import nouns

Color = tuple[float, float, float]
TokenKind = Literal[
    "noun", "number", "vague", "article", "color", "tone", "size", "material", "shape", "relation", "region", "with", "of",
    "and", "comma", "stop", "colon", "room", "floor", "part", "ordinal", "pronoun", "stack", "row", "each", "exactly", "no",
    "filler", "word",
]  # fmt: skip

_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
NUMBERS = dict(
    zip(
        f"zero one two three four five six seven eight nine ten eleven twelve {_TEENS}".split(),
        range(21),
        strict=True,
    )
) | {
    "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "dozen": 12, "a dozen": 12, "half a dozen": 6, "two dozen": 24,
    "a couple of": 2, "a pair of": 2, "pair of": 2, "couple of": 2, "a single": 1,
}  # fmt: skip
VAGUE = {"some": 3, "several": 3, "a few": 3, "few": 3, "many": 6, "lots of": 6, "a lot of": 6, "a bunch of": 3,
         "a handful of": 3, "various": 3, "multiple": 3}  # fmt: skip
"""Words for numbers that are none. What they are read as is written down with the result."""
BARE_PLURAL = 3
"""How many "apples" are, when nobody says."""
COLORS: dict[str, Color] = {
    "red": (0.78, 0.12, 0.1), "green": (0.16, 0.55, 0.22), "blue": (0.13, 0.3, 0.72), "yellow": (0.93, 0.8, 0.16),
    "orange": (0.93, 0.5, 0.1), "purple": (0.45, 0.2, 0.6), "violet": (0.48, 0.28, 0.66), "pink": (0.93, 0.55, 0.66),
    "brown": (0.42, 0.27, 0.16), "black": (0.08, 0.08, 0.09), "white": (0.93, 0.93, 0.92), "grey": (0.5, 0.5, 0.51),
    "gray": (0.5, 0.5, 0.51), "silver": (0.75, 0.76, 0.78), "golden": (0.83, 0.67, 0.25), "gold": (0.83, 0.67, 0.25),
    "beige": (0.86, 0.79, 0.66), "cyan": (0.2, 0.72, 0.78), "turquoise": (0.22, 0.7, 0.66), "teal": (0.12, 0.46, 0.47),
    "cream": (0.94, 0.9, 0.78), "maroon": (0.42, 0.1, 0.14), "navy": (0.1, 0.14, 0.36), "magenta": (0.8, 0.2, 0.6),
}  # fmt: skip
TONES = {"dark": 0.55, "deep": 0.7, "light": 1.35, "pale": 1.45, "bright": 1.15}
SIZES = {
    "tiny": (0.6, 0.6, 0.6), "mini": (0.6, 0.6, 0.6), "small": (0.75, 0.75, 0.75), "little": (0.75, 0.75, 0.75),
    "big": (1.3, 1.3, 1.3), "large": (1.3, 1.3, 1.3), "huge": (1.6, 1.6, 1.6), "medium": (1.0, 1.0, 1.0),
    "tall": (1.0, 1.0, 1.3), "high": (1.0, 1.0, 1.3), "short": (1.0, 1.0, 0.75), "low": (1.0, 1.0, 0.75),
    "wide": (1.35, 1.0, 1.0), "long": (1.5, 1.0, 1.0), "narrow": (0.7, 1.0, 1.0), "thin": (1.0, 1.0, 0.7),
    "thick": (1.0, 1.0, 1.4), "deep": (1.0, 1.3, 1.0),
}  # fmt: skip
"""Factors on width, depth and height. Own choice: a large mug is a third larger than a mug, not twice."""
MATERIALS: dict[str, tuple[Color | None, str]] = {
    "wooden": ((0.62, 0.44, 0.28), "wood"), "wood": ((0.62, 0.44, 0.28), "wood"), "oak": ((0.64, 0.48, 0.3), "wood"),
    "pine": ((0.78, 0.62, 0.42), "wood"), "metal": ((0.68, 0.69, 0.71), "metal"), "steel": ((0.7, 0.71, 0.73), "metal"),
    "metallic": ((0.68, 0.69, 0.71), "metal"), "aluminium": ((0.77, 0.78, 0.8), "metal"),
    "aluminum": ((0.77, 0.78, 0.8), "metal"), "copper": ((0.72, 0.43, 0.28), "metal"), "brass": ((0.76, 0.62, 0.3), "metal"),
    "iron": ((0.3, 0.3, 0.31), "metal"), "glass": ((0.72, 0.83, 0.85), "plain"), "plastic": (None, "plain"),
    "ceramic": ((0.9, 0.88, 0.84), "plain"), "porcelain": ((0.95, 0.94, 0.93), "plain"),
    "cardboard": ((0.68, 0.52, 0.35), "plain"),
    "paper": ((0.93, 0.92, 0.89), "plain"), "leather": ((0.4, 0.26, 0.17), "speckled"), "wicker": ((0.66, 0.48, 0.28), "woven"),
    "stone": ((0.55, 0.54, 0.52), "speckled"), "marble": ((0.88, 0.87, 0.86), "speckled"), "clay": ((0.7, 0.42, 0.3), "plain"),
    "rubber": ((0.15, 0.15, 0.16), "plain"), "striped": (None, "striped"),
}  # fmt: skip
RELATIONS = {
    "on": "on on_top_of on_the_top_of atop upon onto over_on placed_on standing_on sitting_on lying_on resting_on",
    "stacked_on": "stacked_on stacked_on_top_of piled_on piled_on_top_of",
    "in": "in inside into within inside_of",
    "under": "under underneath beneath below",
    "left": "left_of to_the_left_of on_the_left_of on_the_left_side_of at_the_left_of to_the_left_side_of",
    "right": "right_of to_the_right_of on_the_right_of on_the_right_side_of at_the_right_of to_the_right_side_of",
    "front": "in_front_of before",
    "behind": "behind in_back_of at_the_back_of",
    "near": "next_to beside near close_to by alongside nearby adjacent_to around at besides near_to right_next_to",
    "between": "between in_between",
}
REGIONS = {
    "left": "on_the_left on_the_left_side at_the_left to_the_left", 
    "right": "on_the_right on_the_right_side at_the_right to_the_right",
    "middle": "in_the_middle in_the_center in_the_centre at_the_center at_the_centre",
    "front": "at_the_front in_the_front", "back": "at_the_back in_the_back",
}  # fmt: skip
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
    "top": -1, "upper": -1, "uppermost": -1, "last": -1, "bottom": 1, "lower": 1, "lowest": 1, "middle": 0,
}  # fmt: skip
ROOMS = {
    "kitchen": "kitchen", "office": "office", "warehouse": "warehouse", "living room": "living room", "lounge": "living room",
    "bedroom": "bedroom", "dining room": "dining room", "bathroom": "bathroom", "workshop": "workshop", "garage": "garage",
    "study": "office", "lab": "laboratory", "laboratory": "laboratory", "store room": "warehouse", "storeroom": "warehouse",
    "pantry": "pantry", "classroom": "classroom", "room": "room",
}  # fmt: skip
PLURAL_ONLY = {"scissors", "shears"}
MASS = {
    "tape",
    "bread",
    "toilet paper",
    "milk",
    "salt",
    "soap",
    "shampoo",
    "shelving",
    "hand soap",
    "paper towel",
    "lotion",
}
"""Nouns that need no article to be one."""

_PHRASES: dict[TokenKind, str] = {
    "article": "a an the this that these those its his her my your another its_own",
    "with": "with having containing holding including featuring contains has full_of filled_with",
    "of": "of",
    "and": "and & plus as_well_as along_with together_with then",
    "pronoun": "it them each_other one_another its_top this_table",
    "stack": "stacked a_stack_of stack_of stacks_of a_pile_of pile_of in_a_stack a_tower_of tower_of piled piled_up stacked_up",
    "row": "a_row_of row_of in_a_row side_by_side in_a_line a_line_of lined_up",
    "each": "each every",
    "exactly": "exactly only just precisely",
    "no": "no without not_any",
    "floor": "floor ground",
    "part": "drawer drawers door doors",
    "filler": "is are was be there there's stands stand standing sits sit sitting lies lie lying placed put place arranged set "
    "please i want need would like scene show me make create give generate add also where which who in_it_there_is "
    "located resting rests rest positioned we have can see you should to build picture image some_kind_of kind_of "
    "set_of a_set_of group_of a_group_of collection_of a_collection_of top surface single both all so i'd us let let's "
    "them_all directly right_there i'm looking for on_display there're",
}


@dataclass(frozen=True)
class Token:
    """`value` is what the word stands for: a number, a category, a relation's name; `plural` is of nouns."""

    kind: TokenKind
    value: object
    text: str
    plural: bool = False


def tokens(prompt: str) -> list[Token]:
    """The prompt's words, the longest known phrase first; what is not known is a `word`."""
    text = prompt.lower().replace("’", "'").replace("-", " ")
    words = re.findall(r"[^\W_]+(?:'[a-z]+)?|[.,;:!?&\n()]", text)
    table = lexicon()
    found: list[Token] = []
    at = 0
    while at < len(words):
        for length in range(min(5, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + length])
            token = table.get(phrase)
            if token is not None:
                break
        else:
            length, phrase = 1, words[at]
            if phrase.isdecimal() and phrase.isascii() and len(phrase) <= 6:
                token = Token("number", int(phrase), phrase)
            else:
                token = Token("word", phrase, phrase)
        found.append(token)
        at += length
    return found


@cache
def lexicon() -> dict[str, Token]:
    """Every phrase that is known. Later groups win over earlier ones: a noun over a filler."""
    table: dict[str, Token] = {}

    def add(kind: TokenKind, phrase: str, value: object, many: bool = False) -> None:
        table[phrase] = Token(kind, value, phrase, many)

    for kind, phrases in _PHRASES.items():
        for phrase in phrases.split():
            add(kind, phrase.replace("_", " "), phrase.replace("_", " "))
    for phrase, factor in TONES.items():
        add("tone", phrase, factor)
    for phrase, factors in SIZES.items():
        add("size", phrase, factors)
    for phrase, look in MATERIALS.items():
        add("material", phrase, look)
    for phrase, color in COLORS.items():
        add("color", phrase, color)
    for phrase in ("round", "circular"):
        add("shape", phrase, "round")
    for phrase, number in NUMBERS.items():
        add("number", phrase, number)
    for phrase, number in VAGUE.items():
        add("vague", phrase, number)
    for phrase, number in ORDINALS.items():
        add("ordinal", phrase, number)
    for names, kind in ((RELATIONS, "relation"), (REGIONS, "region")):
        for name, phrases in names.items():
            for phrase in phrases.split():
                add(kind, phrase.replace("_", " "), name)
    for phrase, room in ROOMS.items():
        add("room", phrase, room)
    for noun, (category, many) in nouns().items():
        first, _, rest = noun.partition(" ")
        if (first in COLORS or first in MATERIALS) and rest in nouns() and noun != category.category:
            continue  # "glass bottle": a bottle of glass
        if noun not in COLORS and noun not in MATERIALS:  # orange, glass: the grammar tells by what follows
            add("noun", noun, category, many)
    for mark, kind in ((",", "comma"), (".", "stop"), (";", "stop"), ("!", "stop"), ("?", "stop"), (":", "colon"),
                       ("(", "comma"), (")", "comma")):  # fmt: skip
        add(kind, mark, mark)
    return table
