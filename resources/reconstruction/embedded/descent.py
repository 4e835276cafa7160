"""Downhill simplex search (J. A. Nelder and R. Mead, 1965): the steps of scipy's, each at less cost.

The shapes' cost functions take 30-60 microseconds, so that what a step itself costs counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REFLECT, EXPAND, CONTRACT, SHRINK = 1.0, 2.0, 0.5, 0.5
"""The authors' coefficients."""


def descend(
    cost: Callable[[Array], float], simplex: Array, budget: int, x_tolerance: float, cost_tolerance: float
) -> tuple[float, Array]:
    """The least cost found and its place, shape (n,).

    Ends after `budget` evaluations (one step more may finish), or when all corners lie within `x_tolerance` of the best in every
    coordinate and within `cost_tolerance` in cost.

    Args:
        cost: from a place, shape (n,), to what is made least.
        simplex: the corners to start from, shape (n + 1, n).
    """
    places = np.array(simplex, np.float64)
    n = places.shape[1]
    costs = [cost(place) for place in places[:budget]]
    costs += [float("inf")] * (n + 1 - len(costs))
    spent = min(budget, n + 1)
    places, costs = _sorted(places, costs)
    while spent < budget:
        if costs[-1] - costs[0] <= cost_tolerance and np.abs(places[1:] - places[0]).max() <= x_tolerance:
            break
        middle = np.add.reduce(places[:-1], 0) / n
        away = middle - places[-1]
        place = middle + REFLECT * away
        value = cost(place)
        spent += 1
        if value < costs[0]:
            farther = middle + REFLECT * EXPAND * away
            there = cost(farther)
            spent += 1
            if there < value:
                place, value = farther, there
        elif value >= costs[-2]:
            outside = value < costs[-1]
            nearer = middle + (REFLECT * CONTRACT if outside else -CONTRACT) * away
            there = cost(nearer)
            spent += 1
            if (there <= value) if outside else (there < costs[-1]):
                place, value = nearer, there
            else:
                for k in range(1, n + 1):
                    places[k] = places[0] + SHRINK * (places[k] - places[0])
                    costs[k] = cost(places[k])
                spent += n
                places, costs = _sorted(places, costs)
                continue
        places[-1], costs[-1] = place, value
        places, costs = _sorted(places, costs)
    return costs[0], places[0].copy()


def _sorted(places: Array, costs: list[float]) -> tuple[Array, list[float]]:
    order = sorted(range(len(costs)), key=costs.__getitem__)
    return places[order], [costs[k] for k in order]
