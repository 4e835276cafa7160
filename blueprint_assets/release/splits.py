"""Which group of scenes goes to train, val or test. What shares content stays together; what was once in a split stays
there in every later release, because somebody may have trained on the one and tested on the other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from blueprint_assets.contracts.release import SPLITS, Split

from .identity import groups

SEEDED: tuple[Split, ...] = ("train", "test", "val")
"""In this order the splits get their first group."""
HELD_OUT: tuple[Split, ...] = ("test", "val", "train")
"""In this order a split is kept when scenes that share content were released in different ones."""


@dataclass(frozen=True)
class Assignment:
    """`splits`: scene -> split. `empty`: split -> why nothing is in it."""

    splits: dict[str, Split]
    groups: list[tuple[str, ...]]
    empty: dict[Split, str]


def bridges(keys: Mapping[str, frozenset[str]], history: Mapping[str, Split]) -> dict[str, str]:
    """Scenes that tie together what was released in different splits, and why they can be in none of them.

    `keys`: scene -> its content keys. `history`: content key -> the split that it was released in before.
    """
    staying = dict(keys)
    left_out: dict[str, str] = {}
    while (bridge := _bridge(staying, history)) is not None:
        names, reason = bridge
        for name in names:
            left_out[name] = reason
            del staying[name]
    return left_out


def assign(
    keys: Mapping[str, frozenset[str]],
    episodes: Mapping[str, int],
    history: Mapping[str, Split],
    fractions: Mapping[Split, float],
) -> Assignment:
    """Deterministic in its arguments.

    Args:
        keys: scene -> its content keys; no scene is one of the `bridges`.
        episodes: scene -> how many episodes it gives.
        history: content key -> the split that it was released in before.
        fractions: what each split aims at, in episodes.
    """
    found = groups(keys)
    size = {group: sum(episodes[name] for name in group) for group in found}
    total = sum(size.values())
    placed: dict[tuple[str, ...], Split] = {}
    for group in found:
        before = _splits_of(group, keys, history)
        if before:
            placed[group] = before[0]

    fresh = sorted((group for group in found if group not in placed), key=lambda group: _order(group, keys))
    wanted = [split for split in SEEDED if fractions[split] > 0]
    for split in wanted:
        if fresh and split not in placed.values():
            first = max(fresh, key=lambda group: size[group]) if split == "train" else fresh[0]
            placed[first] = split
            fresh.remove(first)
    for group in fresh:
        have = {split: sum(size[g] for g, s in placed.items() if s == split) for split in wanted}
        placed[group] = max(wanted, key=lambda split: fractions[split] * total - have[split])

    empty = {split: _why_empty(split, fractions, len(found)) for split in SPLITS if split not in placed.values()}
    splits = {name: split for group, split in placed.items() for name in group}
    return Assignment(splits, found, empty)


def _bridge(keys: Mapping[str, frozenset[str]], history: Mapping[str, Split]) -> tuple[list[str], str] | None:
    """Scenes to leave out because they tie together what was released in different splits, and why; None: there are none."""
    for group in groups(keys):
        before = _splits_of(group, keys, history)
        if len(before) < 2:
            continue
        newcomers = [name for name in group if not _splits_of((name,), keys, history)]
        own = {name: _splits_of((name,), keys, history) for name in group}
        torn = [name for name in group if len(own[name]) > 1]
        leaving = torn or newcomers or [name for name in group if own[name] != before[:1]]
        others = ", ".join(f"{name} ({'/'.join(own[name])})" for name in group if name not in leaving and own[name])
        reason = (
            f"it shares content with scenes of the splits {' and '.join(before)} of earlier releases"
            f"{f': {others}' if others else ''}; in any split it would leak from the one into the other"
        )
        return leaving, reason
    return None


def _splits_of(
    group: tuple[str, ...], keys: Mapping[str, frozenset[str]], history: Mapping[str, Split]
) -> tuple[Split, ...]:
    """The splits that a group's content was released in, the most held out first."""
    found = {history[key] for name in group for key in keys[name] if key in history}
    return tuple(split for split in HELD_OUT if split in found)


def _order(group: tuple[str, ...], keys: Mapping[str, frozenset[str]]) -> str:
    """By content and not by name: a renamed scene goes where it went."""
    return hashlib.sha256(min(key for name in group for key in keys[name]).encode()).hexdigest()


def _why_empty(split: Split, fractions: Mapping[Split, float], count: int) -> str:
    if not fractions[split]:
        return f"the rules give {split} no part"
    return (
        f"{count} group{'s' if count != 1 else ''} of scenes that share nothing, which is too few: a group is never cut, "
        f"and train and test come first"
    )
