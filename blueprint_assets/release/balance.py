"""No scene fills a release: how many episodes each may give, and which ones.

`caps` is water-filling: every scene gives what it has, up to one level for all, the highest that keeps the greatest share
within the limit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence


class BalanceError(ValueError):
    """The scenes are too few for the limit. The message says how many are needed and how to release all the same."""


def level(available: Sequence[int], max_share: float) -> int:
    """The greatest whole number c for which max(min(n, c)) <= max_share * sum(min(n, c)) over the scenes' n.

    The greatest scene's share never falls as c rises, because the sum grows by at most one part per scene; so bisection
    finds it. `available` holds at least one positive number.

    Raises:
        BalanceError: not even one episode a scene keeps the limit: fewer than 1/max_share scenes.
    """
    counts = [count for count in available if count > 0]
    needed = math.ceil(1 / max_share - 1e-9)
    if len(counts) < needed:
        enough = math.ceil(10_000 / max(len(counts), 1)) / 10_000
        raise BalanceError(
            f"{len(counts)} scene{'s' if len(counts) != 1 else ''} with episodes: a limit of {max_share:.0%} a scene needs "
            f"at least {needed}; make more scenes, or state a higher limit: --max-scene-share {enough}"
        )
    low, high = 1, max(counts)
    while low < high:
        middle = (low + high + 1) // 2
        taken = [min(count, middle) for count in counts]
        if max(taken) <= max_share * sum(taken) + 1e-9:
            low = middle
        else:
            high = middle - 1
    return low


def chosen(tasks: Mapping[str, str], count: int) -> set[str]:
    """Which `count` episodes stay (uuid -> task): tasks take turns, so that none disappears while there is room; within a
    task, and between tasks, the sha256 of the name decides, which knows nothing of what is in the episodes."""
    if count >= len(tasks):
        return set(tasks)
    queues: dict[str, list[str]] = {}
    for uuid in sorted(tasks, key=_order):
        queues.setdefault(tasks[uuid], []).append(uuid)
    turns = [queues[task] for task in sorted(queues, key=_order)]
    longest = max(len(queue) for queue in turns)
    in_turn = [queue[place] for place in range(longest) for queue in turns if place < len(queue)]
    return set(in_turn[:count])


def _order(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
