"""One picture that shows a release: a frame of every scene, with the split that it went to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.release import ReleasedScene, Split
from blueprint_assets.dataset.video import Image

if TYPE_CHECKING:
    from PIL import ImageFont

COLUMNS = 6
MAX_SCENES = 48
"""More are thinned out evenly: the sheet is to be looked at in a browser."""
TILE, CAPTION, MARGIN = 176, 32, 6
BACKGROUND, INK = (250, 250, 250), (32, 33, 36)
COLOURS: dict[Split, tuple[int, int, int]] = {"train": (26, 115, 232), "val": (227, 116, 0), "test": (24, 128, 56)}


def shown(scenes: Sequence[ReleasedScene]) -> list[ReleasedScene]:
    """The scenes that the sheet has room for, evenly taken."""
    count = min(len(scenes), MAX_SCENES)
    return [scenes[i * (len(scenes) - 1) // max(count - 1, 1)] for i in range(count)]


def write_scene_sheet(tiles: Sequence[tuple[ReleasedScene, Image]], out: Path) -> Path:
    """Writes a PNG with one tile a scene: its picture, its name, split and number of episodes."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont, ImageOps

    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    cell = (TILE + MARGIN, TILE + CAPTION + MARGIN)
    sheet = Pictures.new("RGB", (columns * cell[0] + MARGIN, rows * cell[1] + MARGIN), BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for number, (scene, image) in enumerate(tiles):
        left, top = number % columns * cell[0] + MARGIN, number // columns * cell[1] + MARGIN
        picture = ImageOps.contain(Pictures.fromarray(image), (TILE, TILE), Pictures.Resampling.LANCZOS)
        sheet.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
        draw.text((left, top + TILE + 2), _fitted(scene.scene_id, font), fill=INK, font=font)
        count = len(scene.episodes)
        text = f"{scene.split}, {count} episode{'s' if count != 1 else ''}"
        draw.text((left, top + TILE + 16), text, fill=COLOURS[scene.split], font=font)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, format="PNG", optimize=False)
    return out


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while font.getlength(text) > TILE and len(text) > 4:
        text = text[:-2].rstrip("…") + "…"
    return text
