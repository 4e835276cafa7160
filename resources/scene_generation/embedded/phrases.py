"""Noun phrases: "two small red boxes", "the second shelf", "a pair of scissors"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from resources.scene_generation import ContradictionError

from .asked import FLOOR, Group
from .catalogue import Kind, nouns
from .words import BARE_PLURAL, COLORS, MASS, MATERIALS, PLURAL_ONLY, Token

DEFINITE = ("the", "that", "these", "those", "its", "this", "his", "her", "my", "your")
LOOKS = ("color", "tone", "size", "material", "shape")
BEGINS = ("noun", "number", "vague", "article", *LOOKS, "ordinal", "room", "exactly", "stack", "row")


@dataclass
class _Before:
    """What stands before the noun."""

    start: int
    definite: bool = False
    another: bool = False
    exact: bool = False
    number: int | None = None
    paired: bool = False
    vague: str | None = None
    ordinal: int | None = None
    standing: str | None = None
    color: tuple[float, float, float] | None = None
    tone: float = 1.0
    grain: str | None = None
    looks: list[str] = field(default_factory=list)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    options: dict[str, float] = field(default_factory=dict)


class PhraseReader:
    """Reads noun phrases from `words`, beginning at `at`; collects groups and what it does not understand."""

    def __init__(self, words: Sequence[Token]) -> None:
        self.words = words
        self.at = 0
        self.groups: list[Group] = []
        self.room: str | None = None
        self.lost: list[str] = []
        self.read_as: list[str] = []
        self.exact: list[tuple[str, int]] = []
        self.absent: list[str] = []
        self.ordinal: int | None = None  # of the phrase that was read last

    def peek(self, ahead: int = 0) -> Token | None:
        """The word `ahead` of the next one; None beyond the end."""
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else None

    def begins(self, ahead: int = 0) -> bool:
        """Whether a noun phrase may begin there."""
        token = self.peek(ahead)
        return token is not None and token.kind in BEGINS

    def phrase(self) -> Group | str | None:
        """A noun phrase: a group (new, or one that was named before), "floor", or None for a room or an unknown noun.

        Raises:
            ContradictionError: it gives another number of what was named before.
        """
        said = _Before(self.at)
        self.ordinal = None
        while (token := self.peek()) is not None:
            following = self.peek(1)
            if token.kind in LOOKS:
                noun = self._noun_of_look(token)
                if noun is not None:
                    return self._group(noun, said)
                _take_look(said, token)
            elif token.kind == "noun":
                if following is not None and following.kind == "noun" and not token.plural:
                    said.looks.append(token.text)  # "milk bottle": the last noun is the thing
                else:
                    return self._group(token, said)
            elif token.kind == "floor":
                self.at += 1
                return FLOOR
            elif token.kind == "room":
                if following is None or following.kind not in ("noun", *LOOKS):
                    self.room = str(token.value)
                    self.at += 1
                    return None
                # "kitchen table": the room tells which table
            elif token.kind == "word" and self._noun_follows():
                self.lost.append(token.text)  # an adjective that is not known
            elif not (token.kind == "of" and said.standing is not None) and not _take_number(said, token):
                break
            self.at += 1
        words = [self.words[k].text for k in range(said.start, self.at)]
        while (token := self.peek()) is not None and token.kind == "word":
            words.append(token.text)
            self.at += 1
        if words:
            self.lost.append(" ".join(w for w in words if w not in ("a", "an", "the")) or words[0])
        return None

    def _noun_follows(self) -> bool:
        """Whether an unknown word is an adjective of a known noun: only looks and unknown words up to it, three at most."""
        for ahead in range(1, 4):
            token = self.peek(ahead)
            if token is None or token.kind not in ("noun", "word", *LOOKS):
                return False
            if token.kind == "noun":
                return True
        return False

    def _noun_of_look(self, token: Token) -> Token | None:
        """ "orange" and "glass" are nouns where no noun follows."""
        if token.text not in nouns():
            return None
        ahead = 1
        while (following := self.peek(ahead)) is not None and following.kind in LOOKS:
            ahead += 1
        if ahead > 1 or (following is not None and following.kind == "noun"):
            return None
        return Token("noun", nouns()[token.text][0], token.text)

    def _group(self, token: Token, said: _Before) -> Group | None:
        self.at += 1
        kind = token.value
        assert isinstance(kind, Kind)
        count = said.number
        if token.text.split()[-1] in PLURAL_ONLY and (count is None or said.paired):
            count = 1
        if count == 0:
            self.absent.append(kind.category)
            return None
        self.ordinal = said.ordinal
        if said.ordinal is not None:
            said.definite = True
            count = count if token.plural else None
        known = None if said.another else self._known(token, kind, said, count)
        if known is not None:
            if count is not None and count != known.count and said.ordinal is None:
                words = " ".join(w.text for w in self.words[said.start : self.at])
                raise ContradictionError(f"prompt: {words!r}, but there are {known.count}; say once how many")
            known.standing = said.standing or known.standing
            return known
        if count is None:
            count = 1
            if token.plural and token.text not in MASS:
                count = BARE_PLURAL
                self.read_as.append(f"{token.text}: no number, read as {BARE_PLURAL}")
        if said.vague is not None:
            self.read_as.append(f"{said.vague} {token.text}: read as {count}")
        if said.exact:
            self.exact.append((kind.category, count))
        color = said.color
        if color is not None:
            r, g, b = (min(1.0, c * said.tone) for c in color)
            color = (r, g, b)
        made = Group(
            kind, count, " ".join((*said.looks, token.text)), color, said.grain, tuple(said.looks), said.scale,
            {**kind.options, **said.options}, said.standing, definite=said.definite,
        )  # fmt: skip
        self.groups.append(made)
        return made

    def _known(self, token: Token, kind: Kind, said: _Before, count: int | None) -> Group | None:
        """The group that "the kettle" speaks of; or, for "a kettle", one that was spoken of as if it were known."""
        looks = set(said.looks)
        if not said.definite:
            for group in self.groups:
                if group.definite and group.kind is kind and looks >= set(group.looks) and (count or 1) >= group.count:
                    group.definite = False
                    group.count = count or group.count
                    return group
            return None
        fits = [g for g in self.groups if looks <= set(g.looks)]
        word = token.text.split()[-1]
        named = [g for g in fits if g.kind is kind or g.kind.category == kind.category]
        named = named or [g for g in fits if g.phrase.split()[-1] == word or g.kind.category.split()[-1] == word]
        exact = [g for g in named if count is None or g.count == count] or named
        return exact[-1] if exact else None


def _take_number(said: _Before, token: Token) -> bool:
    """Notes an article, a number or how things stand; False for any other word."""
    if token.kind == "article":
        said.definite = said.definite or token.text in DEFINITE
        said.another = said.another or token.text == "another"
    elif token.kind == "exactly":
        said.exact = True
    elif token.kind in ("number", "vague") and isinstance(token.value, int):
        said.number = token.value
        said.paired = "pair" in token.text
        said.vague = token.text if token.kind == "vague" else None
    elif token.kind in ("stack", "row"):
        said.standing = token.kind
    elif token.kind == "ordinal" and isinstance(token.value, int):
        said.ordinal = token.value
    else:
        return False
    return True


def _take_look(said: _Before, token: Token) -> None:
    said.looks.append(token.text)
    if token.kind == "color":
        said.color = COLORS[token.text]
    elif token.kind == "tone" and isinstance(token.value, float):
        said.tone *= token.value
    elif token.kind == "size" and isinstance(token.value, tuple):
        x, y, z = token.value
        said.scale = (said.scale[0] * x, said.scale[1] * y, said.scale[2] * z)
    elif token.kind == "material":
        own, said.grain = MATERIALS[token.text]
        said.color = said.color or own
    elif token.kind == "shape":
        said.options["round"] = 1.0
