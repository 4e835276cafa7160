"""Names: what the networks say together, what cannot be, and what a shape alone makes likely."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from blueprint_assets.geometry.shapes import cuboid, revolved
from blueprint_assets.household import CATEGORIES
from resources.reconstruction.embedded import naming
from resources.reconstruction.embedded.detections import Detected
from resources.reconstruction.embedded.solid import Solid

RGB = np.zeros((100, 100, 3), np.uint8)


def disc(wide: float = 1.0) -> NDArray[np.bool_]:
    y, x = np.mgrid[:100, :100]
    return ((x - 50) / (30 * wide)) ** 2 + ((y - 50) / 30) ** 2 < 1


def said(monkeypatch: pytest.MonkeyPatch, **scores: float) -> None:
    monkeypatch.setattr(naming, "classified", lambda rgb, mask: {k.replace("_", " "): v for k, v in scores.items()})


def seen(name: str, score: float) -> Detected:
    return Detected(CATEGORIES[name], score, (20, 20, 80, 80))


def test_words_of_one_build_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, router=0.15, binder=0.1, radio=0.1, candle=0.2)
    name = naming.recognise(RGB, disc(), [], False)
    assert name is not None
    assert name.category == "box"
    assert name.certainty == pytest.approx(0.35)
    assert name.by == "classifier 0.35"


def test_detector_and_classifier_add_up_and_a_mug_has_a_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, mug=0.3, cup=0.1)
    name = naming.recognise(RGB, disc(), [seen("cup", 0.4)], False)
    assert name is not None
    assert (name.category, name.by) == ("mug", "detector 0.40 + classifier 0.40")


def test_nothing_likely_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, candle=0.2, lemon=0.1)
    assert naming.recognise(RGB, disc(), [], False) is None


def test_furniture_on_a_table_and_a_flat_ball_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch, sofa=0.6)
    assert naming.recognise(RGB, disc(), [], False) is None
    assert naming.recognise(RGB, disc(), [], True) is not None
    said(monkeypatch, ping_pong_ball=0.7)
    assert naming.recognise(RGB, disc(1.5), [], False) is None
    found = naming.recognise(RGB, disc(), [], False)
    assert found is not None
    assert found.category == "ball"


def test_every_family_is_of_the_catalogue() -> None:
    for family, words in naming.FAMILIES.items():
        assert family in CATEGORIES
        assert set(words) <= set(CATEGORIES), set(words) - set(CATEGORIES)


@pytest.mark.parametrize(
    ("shape", "radius", "height", "name"),
    [
        ("revolved_silhouette", 0.05, 0.3, "bottle"),
        ("revolved_silhouette", 0.05, 0.14, "can"),
        ("revolved_silhouette", 0.1, 0.05, None),
    ],
)
def test_a_round_shape_says_what_it_may_be(shape: str, radius: float, height: float, name: str | None) -> None:
    solid = Solid(shape, revolved([radius, radius], [0, height], 32), np.zeros(3), 0.0, 0.9)
    found = naming.by_shape(solid)
    assert (found and found.category) == name


def test_a_box_may_be_a_box() -> None:
    found = naming.by_shape(Solid("cuboid", cuboid((0.1, 0.1, 0.1), 2), np.zeros(3), 0.0, 0.9))
    assert found is not None
    assert found.category == "box"
    assert found.certainty < 0.5
