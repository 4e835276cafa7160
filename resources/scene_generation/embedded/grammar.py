"""From words to what is asked for. A small grammar, no language model.

A request is a list of noun phrases ("two small red boxes") and what is said of them: where they are ("on the counter left of
the kettle"), what they are with ("a bowl with three apples"), how they stand ("stacked", "in a row"). Whatever is not a part
of that is returned as not understood.
"""

from __future__ import annotations

from collections.abc import Sequence

from resources.scene_generation import ContradictionError, NothingUnderstoodError, SceneGenerationError

from .asked import Beside, Group, Place, Understood, can_be, holds, stands_on
from .catalogue import kinds
from .phrases import PhraseReader
from .words import Token, tokens

MAX_OBJECTS = 60
"""In one scene: what the simulator settles in seconds on two cores. Own choice."""
WITH_DRAWERS = ("cabinet", "counter", "desk", "nightstand", "dresser", "wardrobe", "tv stand", "filing cabinet")
WITH_BOARDS = ("bookcase", "shelf", "fridge", "cabinet")
"""What has the shelf that an ordinal speaks of."""
MOST_PARTS = 6

Target = tuple[list[Group | str], int | None, bool]
"""What a preposition points at, which one of it, and whether that is a drawer."""


def understand(prompt: str) -> Understood:
    """Reads a prompt.

    Raises:
        NothingUnderstoodError: no noun is known, and no room.
        ContradictionError: two counts of the same thing, or a thing that would stand on itself.
        SceneGenerationError: more things than a scene may have.
    """
    return _Reader(tokens(prompt)).read()


def _is_furniture(target: Group | str) -> bool:
    return isinstance(target, str) or not target.movable


class _Reader(PhraseReader):
    def __init__(self, words: Sequence[Token]) -> None:
        super().__init__(words)
        self._clear()

    def _clear(self) -> None:
        """A new sentence."""
        self.run: list[Group] = []  # listed together since the last preposition
        self.last: Group | None = None  # what was named last
        self.subject: Group | None = None  # what the sentence speaks of
        self.unknown_subject = False
        self.leading: Place | None = None  # "on the desk there are …"
        self.scope: Group | None = None  # "a desk with …"
        self.scoped: list[Group] = []
        self.each = False

    def read(self) -> Understood:
        """The whole prompt, see `understand`."""
        while self.at < len(self.words):
            self._step()
        self._end_sentence()
        for category, number in self.exact:
            total = sum(g.count for g in self.groups if g.kind.category == category)
            if total != number:
                raise ContradictionError(
                    f"prompt: exactly {number} {category} are asked for, and {total} in all; say it once"
                )
        for category in self.absent:
            if any(g.kind.category == category for g in self.groups):
                raise ContradictionError(f"prompt: no {category} is asked for, and a {category} as well; leave one out")
        if not self.groups and self.room is None:
            raise NothingUnderstoodError(
                f"prompt: none of its words names a thing that is known (read: {', '.join(self.lost)[:200] or 'nothing'}); "
                f"known are {', '.join(sorted(kinds()))}"
            )
        total = sum(g.count for g in self.groups)
        if total > MAX_OBJECTS:
            raise SceneGenerationError(f"prompt: {total} things, a scene may have {MAX_OBJECTS}; ask for fewer")
        return Understood(self.groups, self.room, self.lost, self.read_as)

    # Sentences

    def _step(self) -> None:
        token = self.words[self.at]
        if token.kind == "stop":
            self.at += 1
            self._end_sentence()
        elif token.kind == "relation":
            self._relation()
        elif token.kind == "region":
            self.at += 1
            if self.subject is None:
                self.lost.append(token.text)
            else:
                self.subject.region = str(token.value)
        elif token.kind in ("with", "colon", "each"):
            self._open_scope(token)
        elif token.kind in ("stack", "row") and not self.begins(1):
            self.at += 1
            if self.subject is not None:
                self.subject.standing = token.kind
        elif token.kind == "of":
            self.at += 1
            self._contents()
        elif token.kind in ("and", "comma", "filler", "pronoun"):
            self.at += 1
        elif token.kind == "no":
            self.at += 1
            self._absence()
        else:
            self._subject_phrase()

    def _end_sentence(self) -> None:
        self._close_scope()
        self._clear()

    def _absence(self) -> None:
        """ "no mugs": a group that is not to be there."""
        known = len(self.groups)
        phrase = self.phrase()
        if isinstance(phrase, Group):
            self.absent.append(phrase.kind.category)
            del self.groups[known:]

    def _subject_phrase(self) -> None:
        before = self.at
        phrase = self.phrase()
        if self.at == before:  # no phrase begins here
            self.lost.append(self.words[self.at].text)
            self.at += 1
        self.unknown_subject = not isinstance(phrase, Group)
        self.subject = self.last = phrase if isinstance(phrase, Group) else None
        if not isinstance(phrase, Group):
            if self.room is not None and not self.run:
                self.unknown_subject = False  # a room is no subject
            return
        self.run.append(phrase)
        if self.scope is not None and phrase is not self.scope:
            self.scoped.append(phrase)
        elif self.leading is not None and phrase.place is None and can_be(phrase, self.leading):
            phrase.place = self.leading

    def _contents(self) -> None:
        """ "a bowl of apples" puts them in it; "a carton of milk" is a carton."""
        owner, token = self.last, self.peek()
        if owner is None or token is None:
            return
        if (token.kind == "noun" and not token.plural) or token.kind in ("word", "material", "color"):
            self.at += 1
            owner.phrase += f" of {token.text}"
            if token.kind == "word":
                self.lost.append(token.text)
        elif self.begins():
            phrase = self.phrase()
            if not isinstance(phrase, Group) or not phrase.movable or phrase.place is not None:
                return
            way = holds(owner.kind.category)
            if way is None:
                self.lost.append(f"of {phrase.phrase}")
                return
            phrase.place = Place(way, owner)
            owner.options = {**owner.options, "open": 1.0}

    # "with"

    def _open_scope(self, token: Token) -> None:
        """ "a desk with …", "a messy desk: …", "two plates, each with …"."""
        self.at += 1
        each = token.kind == "each"
        following = self.peek()
        if each and following is not None and following.kind == "with":
            self.at += 1
        owner = self.last
        if token.kind == "with" and self._parts(owner):
            return
        if owner is None or (token.kind == "colon" and holds(owner.kind.category) is None):
            return
        self._close_scope()
        self.scope, self.each, self.scoped = owner, each, []
        self.run = []

    def _parts(self, owner: Group | None) -> bool:
        """ "with two drawers and a door": parts of the furniture before it, no things of their own."""
        found = False
        while (part := self._part(0)) is not None:
            name, number, length = part
            if owner is not None and owner.kind.category in WITH_DRAWERS:
                owner.options = {**owner.options, name: float(max(0, min(number, MOST_PARTS)))}
            else:
                self.lost.append(f"{number} {name}")
            self.at += length
            found = True
            following = self.peek()
            if following is None or following.kind != "and" or self._part(1) is None:
                break
            self.at += 1
        return found

    def _part(self, ahead: int) -> tuple[str, int, int] | None:
        """Drawers or doors, how many, and how many words that takes."""
        start, number = ahead, 1
        while (token := self.peek(ahead)) is not None and token.kind in ("number", "article", "vague"):
            number = token.value if isinstance(token.value, int) else 1
            ahead += 1
        if token is None or not (token.kind == "part" or token.text == "drawers"):
            return None
        return ("drawers" if token.text.startswith("drawer") else "doors"), number, ahead + 1 - start

    def _close_scope(self) -> None:
        """Gives a place to what was listed with an owner and without a place."""
        owner = self.scope
        for group in self.scoped if owner is not None else []:
            if owner is None or group.place is not None or group.beside or group is owner:
                continue
            way = holds(owner.kind.category)
            if group.movable and way is not None:
                group.place = Place(way, owner)
                if self.each:
                    group.count *= owner.count
                if way == "in":
                    owner.options = {**owner.options, "open": 1.0}
            elif group.kind.level == "floor" and not owner.movable:
                group.beside.append(Beside("near", (owner,)))
        self.scope, self.scoped, self.each = None, [], False

    # Prepositions

    def _relation(self) -> None:
        start = self.at
        relation = str(self.words[start].value)
        self.at += 1
        subject, before, run = self.subject, self.last, self.run
        targets, number, drawer = self._two_targets() if relation == "between" else self._target(subject)
        text = " ".join(w.text for w in self.words[start : self.at])
        self.run = []
        if targets == ["each other"]:
            if subject is not None:
                subject.standing = "stack" if relation in ("on", "stacked_on") else "row"
            return
        if not targets:
            if self.room is None or relation not in ("in", "on"):
                self.lost.append(text)
            return
        first = targets[0]
        groups = tuple(t for t in targets if isinstance(t, Group))
        if relation == "under" and isinstance(first, Group) and first.movable and subject is not None:
            if first.place is None:  # "a tray under the mug": the mug is on it
                first.place = Place("on", subject)
            else:
                self.lost.append(text)
        elif relation in ("on", "stacked_on", "in", "under"):
            self._put(Place(relation.removeprefix("stacked_"), first, number, drawer), subject, before, run, text)
            if relation == "stacked_on" and subject is not None and subject.count > 1:
                subject.standing = "stack"
        elif len(groups) == len(targets):
            self._set_beside(Beside(relation, groups, number), subject, before, text)
        else:
            self.lost.append(text)
        if groups:
            self.last = groups[0]

    def _put(self, place: Place, subject: Group | None, before: Group | None, run: list[Group], text: str) -> None:
        """Puts on (in, under) a target: what was named just before, else the sentence's subject; where the target is there to
        bear several things, all that was listed together."""
        target = place.target

        def free(group: Group | None) -> bool:
            vacant = group is not None and (group.place is None or group.place.tentative)
            return vacant and group is not target and group is not None and can_be(group, place)

        owner = self.scope
        if (
            owner is not None
            and before in self.scoped
            and _is_furniture(target)
            and self._contains(owner)
            and free(owner)
        ):
            owner.place = place  # "a bowl with two oranges on the table": the bowl is on it
            return
        found = [g for g in (before, subject) if g is not None and free(g)][:1]
        if (isinstance(target, str) or target.carries) and place.relation != "under":
            found += [g for g in run if free(g) and g not in found]
        if not found and subject is None and not self.unknown_subject and not run:
            self._close_scope()
            place.tentative = True
            self.leading = place
        elif not found:
            same = subject is not None and subject.place is not None and subject.place.target is target
            if not same:
                self.lost.append(text)
        for group in found:
            if stands_on(target, group):
                raise ContradictionError(f"prompt: {text!r}: {group.phrase} would stand on itself")
            group.place = place
        if self.scope is not None and self.scope.movable and found and target is self.scope:
            self._close_scope()  # "a bowl with a spoon in it, a jar": the jar is not in it
        if isinstance(target, Group) and place.relation == "in":
            target.options = {**target.options, "open": 1.0}

    @staticmethod
    def _contains(owner: Group) -> bool:
        """Whether what it is listed "with" is in or on it, and it is itself put somewhere."""
        return owner.movable and holds(owner.kind.category) is not None

    def _set_beside(self, beside: Beside, subject: Group | None, before: Group | None, text: str) -> None:
        """Things go beside things, furniture beside furniture: of what was named last, what is on the target's level."""
        level = beside.targets[0].movable
        chosen = [g for g in (before, subject) if g is not None and g not in beside.targets]
        same = [g for g in chosen if g.movable == level] or chosen[-1:]
        if same:
            same[0].beside.append(beside)
        else:
            self.lost.append(text)

    def _target(self, subject: Group | None) -> Target:
        token = self.peek()
        if token is not None and token.kind == "pronoun":
            self.at += 1
            if "other" in token.text:
                return ["each other"], None, False
            named = [g for g in (self.scope, *reversed(self.groups)) if g is not None and g is not subject]
            if token.text == "them":
                named = [g for g in named if g.count > 1] or named
            held = [g for g in named if holds(g.kind.category) is not None] or named
            return [*held[:1]], None, False
        drawer = self._drawer()
        if drawer is not None:
            return drawer
        before, known = self.at, len(self.groups)
        phrase = self.phrase()
        number = self.ordinal
        if phrase is None and self.at == before and token is not None and token.kind == "word":
            self.at += 1
        if not isinstance(phrase, Group):
            return ([] if phrase is None else [phrase]), None, False
        following = self.peek()
        if (
            phrase.kind.category in ("shelf", "bookcase")
            and number is not None
            and following is not None
            and following.kind == "of"
        ):
            self.at += 1  # "the top shelf of the bookcase": the bookcase has it
            del self.groups[known:]
            owner = self.phrase()
            return ([owner] if isinstance(owner, Group) else []), number, False
        named = [g for g in self.groups[:known] if g.kind.category in WITH_BOARDS]
        if phrase.kind.category == "shelf" and number is not None and len(self.groups) > known and named:
            del self.groups[known:]
            return [named[-1]], number, False  # "a bookcase with a vase on the third shelf": the bookcase has it
        return [phrase], number, False

    def _drawer(self) -> Target | None:
        """ "the second drawer (of the desk)"; None when that is not what follows."""
        ahead, number = 0, None
        while (token := self.peek(ahead)) is not None and token.kind in ("article", "ordinal"):
            number = token.value if isinstance(token.value, int) else number
            ahead += 1
        if token is None or token.text not in ("drawer", "drawers"):
            return None
        self.at += ahead + 1
        following = self.peek()
        owner: Group | str | None
        if following is not None and following.kind == "of":
            self.at += 1
            owner = self.phrase()
        else:
            owner = next((g for g in reversed(self.groups) if g.kind.category in WITH_DRAWERS), None)
        if not isinstance(owner, Group) or owner.kind.category not in WITH_DRAWERS:
            return [], None, False
        if not owner.options.get("drawers"):
            owner.options = {**owner.options, "drawers": 1.0, "doors": owner.options.get("doors", 2.0)}
        return [owner], number, True

    def _two_targets(self) -> Target:
        """ "the plate and the bottle", "two plates"."""
        first, _, _ = self._target(self.subject)
        token = self.peek()
        if first and isinstance(first[0], Group) and first[0].count >= 2:
            return first, None, False
        if token is None or token.kind != "and":
            return [], None, False
        self.at += 1
        second, _, _ = self._target(self.subject)
        return ([*first, *second] if first and second else []), None, False
