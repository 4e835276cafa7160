"""One picture that shows what a dataset holds: first and last frame of its episodes, per camera, with the task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .unit import Unit
from .video import Image, decode

COLUMNS = 2
MAX_EPISODES = 12
"""More are thinned out evenly: the sheet is to be looked at in a browser."""
TILE = 160
"""Pixels; longer side of a frame on the sheet."""
CAPTION = 34
MARGIN = 6
BACKGROUND = (250, 250, 250)
INK = (32, 33, 36)
SUCCESS = (24, 128, 56)
FAILURE = (197, 34, 31)


def write_contact_sheet(units: Sequence[Unit], out: Path) -> Path:
    """Writes a PNG, at most MAX_EPISODES episodes in COLUMNS columns. Frames are decoded from the units' videos.

    Raises:
        ValueError: no unit.
    """
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    if not units:
        raise ValueError(f"{out}: no episode to show")
    count = min(len(units), MAX_EPISODES)
    shown = [units[i * (len(units) - 1) // max(count - 1, 1)] for i in range(count)]
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    tiles = 2 * max(len(unit.document.cameras) for unit in shown)
    cell = (tiles * (TILE + MARGIN) + MARGIN, CAPTION + TILE + MARGIN)
    sheet = Pictures.new("RGB", (columns * cell[0], rows * cell[1] + MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=12)
    for number, unit in enumerate(shown):
        left, top = (number % columns) * cell[0] + MARGIN, (number // columns) * cell[1] + MARGIN
        _caption(draw, font, unit, left, top, cell[0] - 2 * MARGIN)
        for camera in unit.document.cameras:
            for image in _first_and_last(unit, camera):
                picture = Pictures.fromarray(image)
                picture.thumbnail((TILE, TILE), Pictures.Resampling.LANCZOS)
                sheet.paste(picture, (left, top + CAPTION - MARGIN))
                left += TILE + MARGIN
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, format="PNG", optimize=False)
    return out


def _caption(draw: Any, font: Any, unit: Unit, left: int, top: int, width: int) -> None:
    document = unit.document
    outcome, colour = ("success", SUCCESS) if document.success else ("failed", FAILURE)
    text = document.task
    while draw.textlength(text, font=font) > width and len(text) > 4:
        text = text[:-2].rstrip("…") + "…"
    draw.text((left, top - 2), text, fill=INK, font=font)
    draw.text((left, top + 12), outcome, fill=colour, font=font)
    detail = f"{document.frames / document.fps:.1f} s   first and last frame: {', '.join(document.cameras)}"
    draw.text((left + 60, top + 12), detail, fill=INK, font=font)


def _first_and_last(unit: Unit, camera: str) -> tuple[Image, Image]:
    first: Image | None = None
    last: Image | None = None
    for last in decode(unit.video(camera)):
        first = last if first is None else first
    assert first is not None
    assert last is not None
    return first, last
