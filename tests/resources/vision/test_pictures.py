"""What the networks' modules do around the networks; needs no weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.vision import boxes, lines, names, salient
from resources.vision.boxes import Detection, overlap
from resources.vision.weights import WeightsError

PICTURE = np.zeros((20, 30, 3), np.uint8)


@pytest.mark.parametrize("call", [salient.foreground, boxes.detect, lines.segments, names.classify, names.embedding])
def test_without_weights_the_remedy_is_named(call: object, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"blueprint models fetch (salient|boxes|lines|names)"):
        call(PICTURE, cache=tmp_path)  # type: ignore[operator]


@pytest.mark.parametrize("call", [salient.foreground, boxes.detect, lines.segments, names.classify])
@pytest.mark.parametrize(
    "picture",
    [PICTURE.astype(np.float32), PICTURE[:, :, :2], PICTURE[:0], np.zeros((5, 5, 4), np.uint8)],
    ids=["float", "two channels", "empty", "alpha"],
)
def test_what_is_no_picture_is_refused(call: object, picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"rgb has shape .* wanted \(height, width, 3\) of uint8"):
        call(picture)  # type: ignore[operator]


def test_a_box_without_a_pixel_is_refused() -> None:
    for box in [(30.0, 0.0, 40.0, 10.0), (5.0, 5.0, 5.0, 5.0), (10.0, 0.0, 5.0, 10.0)]:
        with pytest.raises(ValueError, match="holds no pixel of a picture of 30x20"):
            salient.instance_mask(PICTURE, box, pad=0.0)


SIDE = st.floats(0, 100)
BOX = st.tuples(SIDE, SIDE, st.floats(1, 100), st.floats(1, 100)).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(deadline=None)
@given(BOX, BOX)
def test_overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> None:
    shapely = pytest.importorskip("shapely")
    one, other = shapely.box(*a), shapely.box(*b)
    assert overlap(a, b) == pytest.approx(one.intersection(other).area / one.union(other).area, abs=1e-9)
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert overlap(a, a) == pytest.approx(1)


@settings(deadline=None)
@given(st.lists(st.builds(Detection, st.sampled_from(["cup", "bowl"]), st.floats(0, 1), BOX), max_size=12))
def test_of_boxes_that_overlap_the_best_stays(found: list[Detection]) -> None:
    kept = boxes._distinct(found)
    assert [d.score for d in kept] == sorted((d.score for d in kept), reverse=True)
    assert all(overlap(a.box, b.box) <= boxes.OVERLAP for i, a in enumerate(kept) for b in kept[:i])
    for detection in found:
        assert any(overlap(detection.box, k.box) > boxes.OVERLAP and k.score >= detection.score for k in kept)


def test_a_box_cut_by_a_tile_is_known() -> None:
    size, tile = (100, 100), (40, 0, 100, 60)
    assert boxes._cut((40.0, 10.0, 60.0, 30.0), tile, size)
    assert boxes._cut((50.0, 30.0, 60.0, 59.5), tile, size)
    assert not boxes._cut((50.0, 0.0, 100.0, 30.0), tile, size)  # at the picture's own edges


def test_segments_are_decoded_where_the_scores_peak() -> None:
    scores, offsets = np.zeros((256, 256), np.float32), np.zeros((256, 256, 4), np.float32)
    scores[100, 50], offsets[100, 50] = 0.9, (-20, 0, 20, 0)
    scores[100, 51], offsets[100, 51] = 0.8, (-20, 0, 20, 0)  # not the peak
    scores[10, 10], offsets[10, 10] = 0.5, (-2, 0, 2, 0)  # too short
    scores[200, 200], offsets[200, 200] = 0.05, (0, -20, 0, 20)  # too weak
    scores[200, 20], offsets[200, 20] = 0.3, (0, -20, 0, 20)
    segments, found = lines._decode(scores, offsets, (1024, 512), lines.SCORE, lines.SHORTEST)
    np.testing.assert_allclose(found, [0.9, 0.3], rtol=1e-6)
    np.testing.assert_allclose(segments[0], [4 * 30 + 0.5, 2 * 100, 4 * 70 + 0.5, 2 * 100], atol=0.51)
    np.testing.assert_allclose(segments[1], [4 * 20 + 0.5, 2 * 180, 4 * 20 + 0.5, 2 * 220], atol=0.51)


def test_a_cut_out_is_grey_around_the_thing() -> None:
    picture = np.full((20, 30, 3), 200, np.uint8)
    mask = np.zeros((20, 30), np.float32)
    mask[5:15, 10:20] = 1
    cut = names.on_grey(picture, mask, margin=0.2)
    assert cut.shape == (14, 14, 3)
    assert (cut[2:12, 2:12] == 200).all()
    assert (cut[:2] == names.GREY).all()
    with pytest.raises(ValueError, match=r"nothing of the mask is over 0\.5"):
        names.on_grey(picture, mask * 0.4)
    with pytest.raises(ValueError, match=r"the mask has shape \(30, 20\)"):
        names.on_grey(picture, mask.T)
