from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.release.identity import content_keys, from_library, group_name, groups, same_place
from resources.scene_generation.embedded import BACKEND

Keys = dict[str, frozenset[str]]


def test_scenes_that_share_a_key_through_others_are_one_group() -> None:
    keys: Keys = {
        "a": frozenset({"photo:1", "mesh:x"}),
        "b": frozenset({"photo:2"}),
        "c": frozenset({"photo:3", "mesh:x", "mesh:y"}),
        "d": frozenset({"photo:4", "mesh:y"}),
    }
    assert groups(keys) == [("a", "c", "d"), ("b",)]


def test_a_mesh_makes_no_two_places_one() -> None:
    keys = content_keys("1", "2", "3", ["4"])
    assert keys == {"photo:1", "pixels:2", "scene:3", "mesh:4"}
    assert same_place(keys) == {"photo:1", "pixels:2", "scene:3"}
    assert group_name(keys) == group_name(sorted(keys, reverse=True))


def test_a_library_ties_scenes_by_all_their_things_and_not_by_one() -> None:
    one = content_keys("1", None, "a", ["mug", "table"], library=True)
    variant = content_keys("2", None, "b", ["table", "mug"], library=True)
    other = content_keys("3", None, "c", ["mug", "table", "book"], library=True)
    assert groups({"one": one, "variant": variant, "other": other}) == [("one", "variant"), ("other",)]
    assert same_place(one) == {"photo:1", "scene:a"}, "the same things elsewhere are another scene"


def test_only_the_text_generators_own_shapes_are_a_library() -> None:
    assert from_library("text", BACKEND)
    assert not from_library("posed_meshes", "sage")
    assert not from_library("image", "embedded")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=3),
        st.frozensets(st.sampled_from("0123456789"), min_size=1),
        max_size=9,
    )
)
def test_groups_are_a_partition_that_no_key_crosses(keys: Keys) -> None:
    found = groups(keys)
    assert sorted(name for group in found for name in group) == sorted(keys)
    held = [frozenset().union(*(keys[name] for name in group)) for group in found]
    assert all(not a & b for i, a in enumerate(held) for b in held[:i])
    for group in found:  # and no group is larger than it must be: it hangs together
        reached = {group[0]}
        while more := {n for n in group if n not in reached and any(keys[n] & keys[r] for r in reached)}:
            reached |= more
        assert reached == set(group)
