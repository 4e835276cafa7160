"""Things in real photographs, by the networks: how many, which masks, and that they share no pixel."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blueprint_assets.geometry.camera import pitch_and_roll
from resources.reconstruction.embedded import things
from resources.reconstruction.embedded.gravity import estimate_camera
from resources.reconstruction.embedded.instances import Segmentation, segment
from resources.reconstruction.embedded.surface import BoolImage, find_plane, to_lab

PHOTOS = Path(__file__).resolve().parents[4] / "fixtures" / "real_photos"


def things_of(name: str) -> Segmentation:
    picture = cv2.imread(str(PHOTOS / name), cv2.IMREAD_COLOR)
    assert picture is not None
    factor = min(1.0, 1024 / max(picture.shape[:2]))
    picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)
    camera = estimate_camera(rgb, None)
    found = segment(rgb, None, camera.cy - camera.fy * float(np.tan(pitch_and_roll(camera)[0])))
    assert np.sum([one.mask for one in found.instances], axis=0).max() <= 2, "two at a soft edge, never three"
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_a_cup_its_saucer_and_the_spoon_are_three_things() -> None:
    found = things_of("coffee_cup.jpg")
    assert len(found.instances) == 3
    saucer, cup, spoon = (one.mask for one in found.instances)
    for mask, box in ((saucer, (75, 65, 475, 392)), (cup, (170, 14, 430, 265)), (spoon, (320, 215, 410, 330))):
        rows, columns = np.nonzero(mask)
        assert (columns.min(), rows.min(), columns.max(), rows.max()) == pytest.approx(box, abs=28)
    assert (saucer & cup).sum() < 0.02 * cup.sum()


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_what_is_printed_on_a_box_and_the_inside_of_a_mug_are_no_things_of_their_own() -> None:
    found = things_of("shelf_whole.jpg")
    assert len(found.instances) == 6
    assert "stands_out" in found.instances[0].obtained
    assert found.instances[0].mask.mean() == pytest.approx(0.18, abs=0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_letters_on_a_wall_do_not_become_things_and_cubes_stay_whole() -> None:
    found = things_of("three_cubes.jpg")
    cubes = [one for one in found.instances if one.mask.mean() > 0.03]
    assert len(cubes) == 3
    assert len(found.instances) <= 4


class Looks:
    """Close looks that see nothing and remember where they were."""

    def __init__(self, left: int) -> None:
        self.left, self.at = left, list[BoolImage]()

    def blob(self, blob: BoolImage, taken: BoolImage, least: float = 0.0) -> None:
        if self.left > 0:
            self.left -= 1
            self.at.append(blob)


def rectangle(left: int, top: int, right: int, bottom: int) -> BoolImage:
    mask = np.zeros((120, 160), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_faint_piece_is_looked_at_once_though_two_tiles_show_it() -> None:
    looks = Looks(9)
    faint = [rectangle(20, 20, 40, 40), rectangle(21, 21, 40, 40), rectangle(80, 20, 100, 40)]
    nothing = np.zeros((120, 160), bool)
    assert things._seen_closer(looks, faint, nothing, nothing) == []
    assert [one.sum() for one in looks.at] == [400, 400]


def test_of_more_blobs_than_looks_those_that_stand_out_faintly_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = [rectangle(10, 10, 60, 60), rectangle(80, 10, 110, 40), rectangle(80, 60, 100, 80)]
    monkeypatch.setattr(things, "propose", lambda *_: (blobs, []))
    rgb = np.full((120, 160, 3), 120, np.uint8)
    lab = to_lab(rgb)
    plane = find_plane(lab, np.zeros((120, 160), bool), 0.0)
    assert plane is not None
    looks, nothing = Looks(1), np.zeros((120, 160), bool)
    things._of_colors(looks, rgb, lab, plane, [], [], 0.0, nothing, [rectangle(80, 60, 100, 70)])
    assert len(looks.at) == 1
    assert looks.at[0] is blobs[2]
