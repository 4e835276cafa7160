from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.release.balance import BalanceError, chosen, level


def test_the_water_level_is_where_the_greatest_scene_meets_the_limit() -> None:
    assert level([10, 10, 10, 10], 0.25) == 10
    assert level([100, 10, 10, 10], 0.25) == 10
    assert level([100, 10, 10, 10, 10], 0.25) == 13  # 13 of 53
    assert level([5, 1, 1, 1], 0.25) == 1
    assert level([7], 1.0) == 7


@pytest.mark.parametrize(("available", "share", "needed"), [([5, 5, 5], 0.25, 4), ([9], 0.5, 2), ([3, 0, 0], 0.34, 3)])
def test_too_few_scenes_say_how_many_are_needed_and_which_limit_would_do(
    available: list[int], share: float, needed: int
) -> None:
    with pytest.raises(BalanceError, match=f"needs at least {needed}") as error:
        level(available, share)
    suggested = float(str(error.value).rpartition(" ")[2])
    assert level(available, suggested) >= 1


@settings(deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=12), st.floats(0.05, 1.0))
def test_the_level_keeps_the_limit_and_a_higher_one_breaks_it(available: list[int], share: float) -> None:
    try:
        found = level(available, share)
    except BalanceError:
        assert share * len(available) - 1e-9 < 1
        return
    taken = [min(count, found) for count in available]
    assert max(taken) <= share * sum(taken) + 1e-9
    if found < max(available):
        more = [min(count, found + 1) for count in available]
        assert max(more) > share * sum(more)


def test_no_task_disappears_while_there_is_room() -> None:
    tasks = {f"a{i}": "rare" if i == 7 else "common" for i in range(20)}
    assert "a7" in chosen(tasks, 2)
    assert chosen(tasks, 20) == set(tasks)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), st.sampled_from("wxyz"), min_size=1), st.integers(1, 30))
def test_the_choice_is_the_same_in_any_order_and_grows_with_the_count(tasks: dict[str, str], count: int) -> None:
    found = chosen(tasks, count)
    assert len(found) == min(count, len(tasks))
    assert found == chosen(dict(reversed(tasks.items())), count)
    assert found <= chosen(tasks, count + 1)
    if count >= len(set(tasks.values())):
        assert {tasks[name] for name in found} == set(tasks.values())
