"""The real networks on a real photograph and on drawn pictures whose truth is known; run where the weights are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from resources.vision import boxes, lines, names, salient

pytestmark = pytest.mark.usefixtures("networks")

PHOTOS = Path(__file__).resolve().parents[3] / "fixtures" / "photos"


@pytest.fixture(scope="module")
def shelf() -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(PHOTOS / "shelf.png"))[:, :, ::-1])


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Instance ids, 0 is background."""
    from PIL import Image

    return np.array(Image.open(PHOTOS / "shelf_mask.png"))


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def instance(truth: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The thing of the true mask whose box fits best."""
    ids = [value for value in np.unique(truth) if value]
    return truth == max(ids, key=lambda value: boxes.overlap(box_of(truth == value), box))


def test_what_stands_out_is_what_the_true_mask_shows(shelf: np.ndarray, truth: np.ndarray) -> None:
    foreground = salient.foreground(shelf)
    assert foreground.dtype == np.float32
    assert foreground.shape == truth.shape
    assert 0 <= foreground.min() <= foreground.max() <= 1
    assert iou(foreground > 0.5, truth > 0) > 0.93


def test_boxes_names_and_masks_of_the_mug_and_the_bottle(shelf: np.ndarray, truth: np.ndarray) -> None:
    found = {detection.label: detection for detection in boxes.detect(shelf)}
    assert found["cup"].score > 0.7
    assert found["bottle"].score > 0.4
    assert [d.score for d in boxes.detect(shelf)] == sorted((d.score for d in boxes.detect(shelf)), reverse=True)

    # the bottle stands behind nothing; the mug's box holds part of it
    bottle = instance(truth, found["bottle"].box)
    assert boxes.overlap(found["bottle"].box, box_of(bottle)) > 0.7
    mask = salient.instance_mask(shelf, box_of(bottle))
    assert iou(mask > 0.5, bottle) > 0.75
    inside = np.zeros(mask.shape, bool)
    left, top, right, bottom = (int(value) for value in box_of(bottle))
    inside[top:bottom, left:right] = True
    assert not mask[~inside].any()

    mug = instance(truth, found["cup"].box)
    assert names.classify_masked(shelf, mug.astype(np.float32))[0].label == "coffee mug"
    assert names.classify(names.on_grey(shelf, mug.astype(np.float32)))[0].label == "coffee mug"
    best = names.classify_masked(shelf, bottle.astype(np.float32))
    assert "bottle" in best[0].label
    assert len(best) == 5


def test_crops_that_look_alike_are_alike(shelf: np.ndarray, truth: np.ndarray) -> None:
    found = {detection.label: detection for detection in boxes.detect(shelf)}
    mug, bottle = (
        names.on_grey(shelf, instance(truth, found[label].box).astype(np.float32), background=255)
        for label in ("cup", "bottle")
    )
    one, mirrored, other = (names.embedding(crop) for crop in (mug, np.ascontiguousarray(mug[:, ::-1]), bottle))
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ mirrored > 0.8 > one @ other


def test_the_same_picture_gives_the_same_bytes(shelf: np.ndarray) -> None:
    def once() -> list[bytes]:
        segments, scores = lines.segments(shelf)
        return [
            salient.foreground(shelf).tobytes(),
            repr(boxes.detect(shelf)).encode(),
            segments.tobytes() + scores.tobytes(),
            names.embedding(shelf).tobytes(),
        ]

    assert once() == once()


@pytest.mark.parametrize("angle", [0.0, 20.0, 65.0])
def test_lines_lie_on_the_edges_of_a_drawn_rectangle(angle: float) -> None:
    corner = cv2.boxPoints(((410.3, 287.6), (360.0, 240.0), angle)).astype(np.float64)
    fine = np.full((2400, 3200, 3), 70, np.uint8)  # drawn four times as large: pixel 0 then covers -0.5 to 0.5
    cv2.fillPoly(fine, [np.rint((corner * 4 + 1.5) * 256).astype(np.int32)], (210, 200, 190), cv2.LINE_8, 8)
    picture = cv2.resize(fine, (800, 600), interpolation=cv2.INTER_AREA)
    segments, scores = lines.segments(picture)
    assert (np.diff(scores) <= 0).all()
    for start, end in zip(corner, np.roll(corner, -1, axis=0), strict=True):
        along = (end - start) / np.linalg.norm(end - start)
        normal = np.array([-along[1], along[0]])
        ends = segments.reshape(-1, 2, 2) - start
        distance, place = np.abs(ends @ normal).max(axis=1), ends @ along
        length = np.ptp(place, axis=1)
        assert distance[length > 0.7 * np.linalg.norm(end - start)].min() < 0.6


def test_a_grey_picture_has_lines_too(shelf: np.ndarray) -> None:
    grey = cv2.cvtColor(shelf, cv2.COLOR_RGB2GRAY)
    assert len(lines.segments(grey)[0]) > 10


def test_nothing_is_found_where_nothing_is() -> None:
    blank = np.full((300, 400, 3), 128, np.uint8)
    assert boxes.detect(blank) == []
    assert len(lines.segments(blank)[0]) == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 700)])
def test_small_pictures(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert salient.foreground(picture).shape == size
    boxes.detect(picture)
    lines.segments(picture)
    assert len(names.classify(picture)) == 5
