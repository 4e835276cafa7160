from __future__ import annotations

from collections import Counter

import pytest

from blueprint_assets.household import CATEGORIES, Affordance, Category, find, from_label, is_plural, names_of
from blueprint_assets.household.materials import MATERIAL_WORDS, material_of
from resources.physics_estimator.material_table import MATERIALS

COCO_INDOORS = {
    "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "sports ball", "baseball bat", "baseball glove",
    "skateboard", "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana",
    "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush", "bench", "bicycle",
}  # fmt: skip
COCO_OUTDOORS = (
    "person",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "dog",
    "cat",
    "zebra",
    "kite",
)


@pytest.mark.parametrize("row", CATEGORIES.values(), ids=lambda row: row.name)
def test_every_row_can_be(row: Category) -> None:
    width, depth, height = row.size
    assert all(0.0005 <= side <= 3 for side in row.size)
    assert width >= depth or row.name in {"headphones", "bed", "toilet"} | _deeper_than_wide(row), "width is the longer"
    assert 0.01 <= row.log_sd <= 0.7
    assert 0 < row.trusted_m <= max(row.size)
    assert row.material in MATERIALS
    assert row.source
    assert row.name == row.name.lower().strip()
    assert set(row.affordances) <= set(Affordance.__args__)  # type: ignore[attr-defined]
    if row.stands != "top":
        assert height > 0
    if row.role.startswith("articulated"):
        assert "Openable" in row.affordances


def _deeper_than_wide(row: Category) -> set[str]:
    """Things with a front: their width is measured along it, whatever their depth."""
    fronted = {"chair", "armchair", "coffee machine", "fridge", "filing cabinet", "drawer", "speaker", "ladder"}
    return fronted & {row.name}


def test_the_catalogue_is_large_and_unambiguous() -> None:
    assert len(CATEGORIES) >= 120
    words = Counter(word for row in CATEGORIES.values() for word in {row.name, *row.words})
    assert [word for word, times in words.items() if times > 1] == []
    for model in ("coco", "imagenet"):
        labels = Counter(label for row in CATEGORIES.values() for label in getattr(row, model))
        assert [label for label, times in labels.items() if times > 1] == []


def test_every_indoor_label_of_coco_means_something_and_no_other() -> None:
    for label in COCO_INDOORS:
        assert from_label("coco", label) is not None, label
    for label in COCO_OUTDOORS:
        assert from_label("coco", label) is None, label
    known = {label for row in CATEGORIES.values() for label in row.coco}
    assert known == COCO_INDOORS


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("coffee mug", "mug"),
        ("water bottle", "bottle"),
        ("dining table, board", "table"),
        ("refrigerator, icebox", "fridge"),
        ("mouse, computer mouse", "mouse"),
        ("Granny Smith", "apple"),
        ("cellular telephone, cellular phone, cellphone, cell, mobile phone", "phone"),
        ("tench, Tinca tinca", None),
        ("crash helmet", None),
    ],
)
def test_labels_of_imagenet(label: str, name: str | None) -> None:
    found = from_label("imagenet", label)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("row", CATEGORIES.values(), ids=lambda row: row.name)
def test_a_category_is_found_by_all_its_words(row: Category) -> None:
    for word in (row.name, row.name.upper(), row.name.replace(" ", "_"), f" {row.name} ", *row.words):
        assert find(word) is row
    assert row.name in names_of(row)
    assert any(is_plural(word) for word in names_of(row)) or row.name in row.plurals


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("mugs", "mug"), ("Coffee Mugs", "mug"), ("boxes", "box"), ("knives", "knife"), ("shelves", "shelf"),
        ("batteries", "battery"), ("dishes", "plate"), ("tomatoes", "tomato"), ("mice", "mouse"), ("scissors", "scissors"),
        ("loaves of bread", "bread"), ("toy blocks", "block"), ("couch", "sofa"), ("toothbrushes", "toothbrush"),
        ("glasses", "glass"), ("potted plants", "plant"), ("cereal boxes", "cereal box"),
        ("", None), ("red mug", None), ("dragon", None), ("mugss", None),
    ],
)  # fmt: skip
def test_words(word: str, name: str | None) -> None:
    found = find(word)
    assert (found.name if found else None) == name


def test_number() -> None:
    assert is_plural("mugs")
    assert not is_plural("mug")
    assert not is_plural("dragons")
    assert not is_plural("scissors"), "its singular looks the same"


def test_material_words() -> None:
    assert set(MATERIAL_WORDS.values()) <= set(MATERIALS)
    assert material_of(["small", "Wooden", "spoon"]) == "wood"
    assert material_of(["red", "mug"]) is None
