"""What a thing may be by its looks: what the networks say together, what cannot be, and what goes to the shape fit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded import naming
from resources.reconstruction.embedded.detections import Detected
from resources.reconstruction.embedded.families import FAMILY
from resources.reconstruction.embedded.legged import TEMPLATE
from resources.vision import boxes, names

RGB = np.zeros((100, 100, 3), np.uint8)


def disc(wide: float = 1.0) -> NDArray[np.bool_]:
    y, x = np.mgrid[:100, :100]
    return ((x - 50) / (30 * wide)) ** 2 + ((y - 50) / 30) ** 2 < 1


def seen(name: str, score: float) -> Detected:
    return Detected(CATEGORIES[name], score, (20, 20, 80, 80))


def say(
    monkeypatch: pytest.MonkeyPatch,
    read: dict[str, float],
    close: dict[str, tuple[float, float, float, float]] | None = None,
) -> None:
    """The networks' answers: the classifier's words, and the detector's in the close look, of score 0.9, with their boxes."""
    monkeypatch.setattr(names, "classify_masked", lambda rgb, mask, top: [names.Name(k, v) for k, v in read.items()])
    found = [boxes.Detection(word, 0.9, box) for word, box in (close or {}).items()]
    monkeypatch.setattr(boxes, "detect", lambda rgb, score, tiles: found)


def shares(found: naming.Recognition) -> dict[str, float]:
    return dict(found.may_be)


def test_words_of_one_build_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router, a binder and a radio are three words for a box."""
    say(monkeypatch, {"modem": 0.15, "binder": 0.1, "radio": 0.1, "candle": 0.2})
    found = naming.recognise(RGB, disc(), [], False)
    assert found.category == "box"
    by_family: dict[str | None, float] = {}
    for name, share in found.may_be:
        by_family[FAMILY.get(name)] = by_family.get(FAMILY.get(name), 0) + share
    assert max(by_family, key=lambda family: by_family[family]) == "box"
    assert 0.8 < sum(by_family.values()) <= 1.0


def test_detector_and_classifier_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, {"coffee mug": 0.4, "orange": 0.1})
    found = naming.recognise(RGB, disc(), [seen("cup", 0.9)], False)
    assert found.category in {"mug", "cup"}
    assert FAMILY[found.category] == "vessel"
    assert found.by == "detector cup 0.90 + classifier coffee mug 0.40"
    assert shares(found)["mug"] > 5 * shares(found).get("orange", 0)


def test_a_close_look_counts_where_the_box_is_the_things(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disc reaches from 20 to 80; a close look at it begins at row and column 5."""
    say(monkeypatch, {"gong": 0.3}, {"orange": (15, 15, 75, 75)})
    same = naming.recognise(RGB, disc(), [], False)
    assert same.category == "orange"
    say(monkeypatch, {"gong": 0.3}, {"orange": (0, 0, 20, 20)})
    other = naming.recognise(RGB, disc(), [], False)
    assert shares(other)["orange"] < 0.5 * shares(same)["orange"]
    assert "orange" not in other.by


def test_nothing_said_is_what_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, {"tench": 0.3})
    found = naming.recognise(RGB, disc(), [], False)
    assert found.category is None
    assert shares(found)["mug"] > shares(found).get("corkscrew", 0)


def test_furniture_on_a_table_and_a_flat_ball_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, {"studio couch": 0.6})
    assert shares(naming.recognise(RGB, disc(), [], True))["sofa"] > 0.2
    assert shares(naming.recognise(RGB, disc(), [], False)).get("sofa", 0) < 0.1
    say(monkeypatch, {"ping-pong ball": 0.7})
    ball = Detected(CATEGORIES["ball"], 0.7, (20, 20, 80, 80)), Detected(CATEGORIES["ball"], 0.7, (5, 20, 95, 80))
    round_one, flat = (naming.recognise(RGB, disc(wide), list(ball), False) for wide in (1.0, 1.5))
    assert FAMILY[round_one.category or ""] == "ball"
    assert shares(flat)["ping pong ball"] < 0.7 * shares(round_one)["ping pong ball"]


def test_boxes_of_unlike_proportions_leave_them_to_the_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, {"carton": 0.6})
    assert naming.recognise(RGB, disc(), [seen("book", 0.5)], False).category == "box"


def test_desks_and_coffee_tables_are_one_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """No single kind of table is likely enough to be the shape; together they are."""
    say(monkeypatch, {"desk": 0.3, "dining table": 0.3})
    found = naming.recognise(RGB, disc(), [seen("table", 0.9)], True)
    assert TEMPLATE[found.category or ""] == "table"
    assert found.certainty > naming.LEAST_FAMILY
    assert max(share for _, share in found.may_be) < found.certainty
