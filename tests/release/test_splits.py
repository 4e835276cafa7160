from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.release import SPLITS, Split
from blueprint_assets.release.identity import groups
from blueprint_assets.release.splits import Assignment, assign, bridges

FRACTIONS: dict[Split, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
Keys = dict[str, frozenset[str]]


def alone(*names: str) -> Keys:
    return {name: frozenset({f"photo:{name}"}) for name in names}


def split(keys: Keys, history: dict[str, Split] | None = None, episodes: int = 10) -> Assignment:
    return assign(keys, dict.fromkeys(keys, episodes), history or {}, FRACTIONS)


def history_of(keys: Keys, found: Assignment) -> dict[str, Split]:
    return {key: found.splits[name] for name, own in keys.items() for key in own}


def test_three_groups_fill_three_splits_and_fewer_say_why_not() -> None:
    assert sorted(split(alone("a", "b", "c")).splits.values()) == ["test", "train", "val"]
    two = split(alone("a", "b"))
    assert sorted(two.splits.values()) == ["test", "train"]
    assert "2 groups" in two.empty["val"]
    one = split(alone("a"))
    assert one.splits == {"a": "train"}
    assert set(one.empty) == {"val", "test"}
    assert "1 group " in one.empty["test"]


def test_many_groups_come_near_the_fractions() -> None:
    found = split(alone(*(f"s{i}" for i in range(100))))
    counts = {name: list(found.splits.values()).count(name) for name in SPLITS}
    assert counts == {"train": 80, "val": 10, "test": 10}
    assert found.empty == {}


def test_a_renamed_scene_goes_where_it_went() -> None:
    keys = alone(*(f"s{i}" for i in range(20)))
    renamed = {f"x{name}": own for name, own in keys.items()}
    before, after = split(keys).splits, split(renamed).splits
    assert {f"x{name}": where for name, where in before.items()} == after


def test_the_largest_group_is_for_training() -> None:
    keys = alone("a", "b", "c")
    for largest in keys:
        found = assign(keys, {name: 90 if name == largest else 5 for name in keys}, {}, FRACTIONS)
        assert found.splits[largest] == "train"


def test_a_newcomer_that_ties_train_to_test_is_left_out() -> None:
    keys = alone("a", "b", "c")
    found = split(keys)
    history = history_of(keys, found)
    at = {where: name for name, where in found.splits.items()}
    bridge = {"new": keys[at["train"]] | keys[at["test"]]}
    out = bridges(keys | bridge, history)
    assert list(out) == ["new"]
    assert "test and train" in out["new"]
    assert bridges(keys, history) == {}


def test_of_two_old_scenes_that_now_share_something_the_held_out_one_stays() -> None:
    keys = alone("a", "b", "c")
    found = split(keys)
    history = history_of(keys, found)
    at = {where: name for name, where in found.splits.items()}
    shared = {name: own | {"mesh:shared"} if name in (at["train"], at["test"]) else own for name, own in keys.items()}
    assert list(bridges(shared, history)) == [at["train"]]


names = st.text("abcdefghij", min_size=1, max_size=2)
worlds = st.dictionaries(names, st.frozensets(st.integers(0, 14).map(lambda i: f"photo:{i}"), min_size=1), max_size=9)


@settings(deadline=None, max_examples=150)
@given(st.lists(worlds, min_size=1, max_size=4))
def test_nothing_is_ever_in_two_splits_of_any_release(releases: list[Keys]) -> None:
    """Scenes come, go and change what they hold; whatever happens, a key that was in one split is never in another."""
    history: dict[str, Split] = {}
    for keys in releases:
        out = bridges(keys, history)
        staying = {name: own for name, own in keys.items() if name not in out}
        found = split(staying, history)
        assert set(found.splits) == set(staying)
        for group in groups(staying):
            assert len({found.splits[name] for name in group}) == 1
        for name, own in staying.items():
            for key in own:
                assert history.setdefault(key, found.splits[name]) == found.splits[name]
        filled = set(found.splits.values())
        assert set(found.empty) == set(SPLITS) - filled
        again = split(staying, history)
        assert again.splits == found.splits
