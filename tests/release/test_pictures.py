from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.release import ReleasedEpisode, ReleasedPhoto, ReleasedScene
from blueprint_assets.release.pictures import COLUMNS, MAX_SCENES, shown, write_scene_sheet
from fixtures.synthetic_episodes import arm, images


def scenes(count: int) -> list[ReleasedScene]:
    zero = "0" * 64
    photo = ReleasedPhoto(file="a.png", sha256=zero, pixels_sha256=zero, license=None, attribution=None)
    episode = ReleasedEpisode(index=0, episode_uuid="u", task="t", frames=1, rows_sha256=zero, packets_sha256={})
    return [
        ReleasedScene(
            scene_id=f"scene_{i:03d}" if i % 5 else f"a_scene_with_a_name_that_is_much_too_long_for_its_tile_{i:03d}",
            split=("train", "train", "val", "test")[i % 4],  # type: ignore[arg-type]
            group="g",
            photo=photo,
            scene_sha256=zero,
            meshes={},
            reconstruction="embedded",
            commits={},
            tasks={},
            rejected={},
            episodes=(episode,) * (1 + i % 3),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, MAX_SCENES, MAX_SCENES + 1, 500])
def test_as_many_scenes_as_there_is_room_for_evenly_taken(count: int) -> None:
    every = scenes(count)
    found = shown(every)
    assert len(found) == min(count, MAX_SCENES)
    assert len({scene.scene_id for scene in found}) == len(found)
    assert found[0] == every[0]
    assert count == 1 or found[-1] == every[-1]


def test_the_sheet_shows_every_scene_and_is_the_same_each_time(tmp_path: Path) -> None:
    every = scenes(14)
    sizes = [(64, 64), (96, 64), (320, 240)]
    tiles = [(scene, next(images(arm(1, i)[0], i, *sizes[i % 3]))) for i, scene in enumerate(every)]
    path = write_scene_sheet(tiles, tmp_path / "pictures" / "scenes.png")
    again = write_scene_sheet(tiles, tmp_path / "again.png")
    assert path.read_bytes() == again.read_bytes()
    sheet = np.asarray(Image.open(path).convert("RGB"))
    rows = -(-len(every) // COLUMNS)
    height, width = sheet.shape[0] // rows, sheet.shape[1] // COLUMNS
    for number in range(len(every)):
        top, left = number // COLUMNS * height, number % COLUMNS * width
        cell = sheet[top : top + height, left : left + width]
        assert len(np.unique(cell.reshape(-1, 3), axis=0)) > 10, f"tile {number} is empty"
