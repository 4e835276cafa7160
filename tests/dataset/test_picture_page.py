from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.contracts.encoded_episode import EncodedEpisode
from blueprint_assets.dataset import picture_page
from blueprint_assets.dataset.contact_sheet import TILE, first_and_last, spread
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.picture_page import (
    CAPTION,
    HEADER,
    JOINT_LIMITS,
    MARGIN,
    MAX_SHOWN,
    MAX_TASKS,
    WIDTH,
    _tasks,
    write_picture_page,
)
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from fixtures.synthetic_episodes import arm, images, make_unit


@dataclass(frozen=True)
class Renamed:
    """A unit under other names."""

    unit: Unit
    document: EncodedEpisode

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unit, name)


def many(unit: Unit, count: int, task: str = "Task {}.") -> list[Renamed]:
    return [
        Renamed(unit, unit.document.model_copy(update={"episode_uuid": f"c{i}", "task": task.replace("{}", str(i))}))
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Unit:
    return make_unit(tmp_path_factory.mktemp("units") / "u", frames=9, seed=4, size=(TILE, TILE))


def test_first_and_last_pictures_are_those_that_were_drawn(unit: Unit, tmp_path: Path) -> None:
    other = make_unit(tmp_path / "other", frames=8, seed=2, size=(TILE, TILE))
    assemble([other, unit], tmp_path / "dataset")  # here the pictures are amid a longer video
    for episode in (unit, open_dataset(tmp_path / "dataset").episodes[1]):
        for number, (first, last) in enumerate(first_and_last(episode).values()):
            drawn = list(images(arm(9, 4)[0], 4 + number, TILE, TILE))
            assert np.abs(first.astype(float) - drawn[0]).mean() < 6
            assert np.abs(last.astype(float) - drawn[-1]).mean() < 6


def test_pictures_stand_under_their_caption(unit: Unit, tmp_path: Path) -> None:
    page = np.asarray(Image.open(write_picture_page([unit], tmp_path / "page.png")).convert("RGB"))
    expected = [picture for pair in first_and_last(unit).values() for picture in pair]
    top = HEADER + CAPTION - 2
    for number, picture in enumerate(expected):
        left = MARGIN + number * (TILE + picture_page.GAP)
        assert np.array_equal(page[top : top + TILE, left : left + TILE], picture)
    assert (page[HEADER : HEADER + CAPTION // 2, MARGIN:300] < 100).any()  # ink


@pytest.mark.parametrize("count", [1, 2, 3, 40, 200])
def test_no_page_is_empty_or_endless(unit: Unit, tmp_path: Path, count: int) -> None:
    image = Image.open(
        write_picture_page(many(unit, count, "A long task text $x^{2$ " * 20 + "{}"), tmp_path / "p.png")
    )
    assert image.width == WIDTH
    assert image.height < 2200
    page = np.asarray(image.convert("L"))
    assert (page[:, :3] > 250).all()  # a margin: nothing runs out of the page
    assert (page[:, -3:] > 250).all()
    blank = (page > 250).all(axis=1)
    longest = max((len(run) for run in "".join("x" if row else " " for row in blank).split()), default=0)
    assert longest < 120


def test_the_same_episodes_give_the_same_bytes_from_units_and_from_their_dataset(unit: Unit, tmp_path: Path) -> None:
    assemble([unit], tmp_path / "dataset")
    sources: list[Sequence[Any]] = [[unit], [unit], open_dataset(tmp_path / "dataset").episodes]
    made = [write_picture_page(source, tmp_path / f"{i}.png").read_bytes() for i, source in enumerate(sources)]
    assert made[0] == made[1] == made[2]
    assert set(Image.open(io.BytesIO(made[0])).info) <= {"dpi"}  # no date and no version


def test_success_is_counted_by_task_and_what_never_succeeded_is_told(unit: Unit) -> None:
    documents = [e.document for e in many(unit, 3, "a")] + [e.document for e in many(unit, 1, "b")]
    told = _tasks(documents, {"a": 4, "b": 1, "c": 5})
    assert told.title == "Success by task"
    assert told.rows == [("a", 3, 4), ("b", 1, 1), ("c", 0, 5)]
    unknown = _tasks(documents, None)
    assert unknown.title == "Episodes by task, all of them successful"
    assert unknown.rows == [("a", 3, None), ("b", 1, None)]
    failed = documents[0].model_copy(update={"success": False})
    assert _tasks([failed], None).title == "Episodes by task"


def test_tasks_that_are_too_many_are_summed_up(unit: Unit) -> None:
    documents = [e.document for e in many(unit, 30)]
    attempts = Counter(document.task for document in documents) + Counter({"Task 29.": 1})
    told = _tasks(documents, attempts)
    assert len(told.rows) == MAX_TASKS - 1
    rest = 30 - len(told.rows)
    shown = {task for task, _, _ in told.rows}
    tried = rest + ("Task 29." not in shown)
    assert told.rest == f"{rest} more tasks: {rest} of {tried} ({rest / tried:.0%})"


def test_the_limits_are_those_of_the_robots_model() -> None:
    from resources.simulator.robot import load_robot

    model = load_robot().compile()
    found = [tuple(model.joint(i).range.tolist()) for i in range(len(JOINT_LIMITS["franka_panda"]))]
    assert np.allclose(found, JOINT_LIMITS["franka_panda"], atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 11, 12, 13, 500])
def test_episodes_are_spread_evenly(count: int) -> None:
    shown = spread(range(count), MAX_SHOWN)  # type: ignore[arg-type]
    assert len(shown) == len(set(shown)) == min(count, MAX_SHOWN)
    assert (shown[0], shown[-1]) == (0, count - 1)
    assert max(np.diff(shown), default=1) - min(np.diff(shown), default=1) <= 1


def test_a_robot_that_is_not_known_and_a_joint_that_never_moves(unit: Unit, tmp_path: Path) -> None:
    other = Renamed(unit, unit.document.model_copy(update={"robot": "another"}))
    still = np.zeros((9, 8), np.float32)

    @dataclass(frozen=True)
    class Still(Renamed):
        def arrays(self) -> tuple[Any, Any]:
            return still, still

    for number, episode in enumerate((other, Still(unit, unit.document), Still(unit, other.document))):
        assert write_picture_page([episode], tmp_path / f"{number}.png").stat().st_size > 10_000
    with pytest.raises(ValueError, match="no episode to show"):
        write_picture_page([], tmp_path / "none.png")
