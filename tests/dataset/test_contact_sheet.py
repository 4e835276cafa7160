from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.dataset.contact_sheet import CAPTION, MARGIN, MAX_EPISODES, TILE, write_contact_sheet
from fixtures.synthetic_episodes import arm, images, make_unit


def test_first_and_last_frames_are_where_they_belong(tmp_path: Path) -> None:
    unit = make_unit(tmp_path / "u", frames=20, seed=4, size=(TILE, TILE))
    sheet = np.asarray(Image.open(write_contact_sheet([unit], tmp_path / "sheet.png"))).astype(float)
    drawn = [list(images(arm(20, 4)[0], 4 + camera, TILE, TILE)) for camera in (0, 1)]
    for i, expected in enumerate((drawn[0][0], drawn[0][-1], drawn[1][0], drawn[1][-1])):
        left = MARGIN + i * (TILE + MARGIN)
        shown = sheet[CAPTION : CAPTION + TILE, left : left + TILE]
        assert np.abs(shown - expected).mean() < 6
    caption = sheet[MARGIN : MARGIN + CAPTION - 2 * MARGIN, MARGIN:400]
    assert (caption < 100).any()  # ink


def test_many_episodes_are_thinned_out_and_none_is_refused(tmp_path: Path) -> None:
    unit = make_unit(tmp_path / "u", frames=4, task="A very long instruction " * 20)
    write_contact_sheet([unit] * 40, tmp_path / "sheet.png")
    height = Image.open(tmp_path / "sheet.png").height
    assert height == (MAX_EPISODES // 2) * (CAPTION + TILE + MARGIN) + MARGIN
    with pytest.raises(ValueError, match="no episode"):
        write_contact_sheet([], tmp_path / "none.png")
