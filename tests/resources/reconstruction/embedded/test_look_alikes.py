"""Which categories a network's word speaks for."""

from __future__ import annotations

from blueprint_assets.household import CATEGORIES, from_label
from resources.reconstruction.embedded.look_alikes import _GROUPS, COVERS, NAMED, NAMELESS, said_of
from resources.vision.boxes import COCO


def test_every_name_in_the_groups_is_of_the_catalogue() -> None:
    unknown = {name for names, _ in _GROUPS for name in names.split("|")} - set(CATEGORIES)
    assert unknown == set()


def test_no_word_of_the_catalogue_stands_among_the_others() -> None:
    """What the catalogue has for a word need not be said twice."""
    twice = {word for _, also in _GROUPS for word in also.split("|") if word and from_label("imagenet", word)}
    assert twice == set()


def test_a_word_speaks_for_its_own_category_most() -> None:
    cup = said_of("coco", "cup")
    assert cup["cup"] == 1.0
    assert cup["can"] == NAMELESS["coco"], "COCO has no word for cans"
    assert cup["bowl" if "bowl" in cup else "vase"] == NAMED, "COCO has one for vases"
    assert "banana" not in cup


def test_words_for_nothing_of_the_household_are_said_of_things_of_that_build() -> None:
    assert said_of("imagenet", "thimble")["can"] == NAMELESS["imagenet"]
    assert said_of("coco", "truck")["toy car"] == NAMELESS["coco"]
    assert said_of("imagenet", "tench, Tinca tinca") == {}


def test_words_for_closed_round_things_say_no_mug() -> None:
    for word, name in (("face powder", "jar"), ("oil filter", "can"), ("barrel", "can")):
        said = said_of("imagenet", word)
        assert said[name] == 1.0 > said["mug"] == NAMED, word


def test_every_word_of_the_detector_for_a_household_thing_is_known() -> None:
    assert all(
        said_of("coco", word).get(row.name) == 1.0 for word in COCO.values() if (row := from_label("coco", word))
    )


def test_a_word_speaks_as_much_for_all_that_it_covers() -> None:
    assert said_of("coco", "cup")["mug"] == 1.0, "COCO's cups have handles too"
    assert said_of("imagenet", "carton")["milk carton"] == 1.0
    for model, words in COVERS.items():
        for word, names in words.items():
            assert set(names.split("|")) <= set(CATEGORIES), (model, word)
