"""RRT-Connect in joint space (Kuffner & LaValle 2000), and shortcuts on what it finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IsFree = Callable[[Array], bool]

RESOLUTION = 0.03
"""Largest joint step between checked configurations, radians: 2.5 cm at the hand of an outstretched arm."""
STEP = 0.4
"""Largest joint step of one tree edge, radians."""
MAX_NODES = 1500
SHORTCUTS = 40


def edge_is_free(start: Array, end: Array, is_free: IsFree) -> bool:
    """Whether every configuration on the straight line is free, both ends included; the middle is asked first, because
    that is where an edge between free ends is most likely blocked.
    """
    count = max(1, int(np.ceil(np.abs(end - start).max() / RESOLUTION)))
    order = sorted(range(count + 1), key=_bit_reversed(count + 1))
    return all(is_free(start + (end - start) * (k / count)) for k in order)


def _bit_reversed(count: int) -> Callable[[int], int]:
    """The order of van der Corput: each prefix is spread evenly."""
    bits = max(1, (count - 1).bit_length())
    return lambda k: int(f"{k:0{bits}b}"[::-1], 2)


def connect(
    start: Array, goal: Array, lower: Array, upper: Array, is_free: IsFree, rng: np.random.Generator
) -> Array | None:
    """A free path from start to goal, shape (n, 7), as corners of straight lines; None when `MAX_NODES` did not do."""
    if edge_is_free(start, goal, is_free):
        return np.stack([start, goal])
    trees = (_Tree(start), _Tree(goal))
    grown = 0
    while len(trees[0].points) + len(trees[1].points) < MAX_NODES:
        tree, other = trees[grown % 2], trees[(grown + 1) % 2]
        grown += 1
        added = tree.extend(rng.uniform(lower, upper), is_free)
        if added is None:
            continue
        joined = other.reach(tree.points[added], is_free)
        if joined is not None:
            ours, theirs = tree.branch(added), other.branch(joined)
            path = np.stack(ours[::-1] + theirs[1:])
            return path if tree is trees[0] else path[::-1].copy()
    return None


def shorten(path: Array, is_free: IsFree, rng: np.random.Generator) -> Array:
    """Replaces detours between random points of the path by straight lines that are free."""
    for _ in range(SHORTCUTS):
        if len(path) <= 2:
            break
        first, last = sorted(rng.random(2) * (len(path) - 1))
        i, j = int(first), int(last)
        if i == j:
            continue
        a = path[i] + (path[i + 1] - path[i]) * (first - i)
        b = path[j] + (path[j + 1] - path[j]) * (last - j) if j + 1 < len(path) else path[j]
        if edge_is_free(a, b, is_free):
            path = np.concatenate([path[: i + 1], a[None], b[None], path[j + 1 :]])
            path = path[np.concatenate([[True], np.abs(np.diff(path, axis=0)).max(axis=1) > 1e-9])]
    return path


class _Tree:
    def __init__(self, root: Array) -> None:
        self.points = [root]
        self.parents = [-1]
        self._table = np.empty((MAX_NODES + 1, len(root)))
        self._table[0] = root

    def extend(self, target: Array, is_free: IsFree) -> int | None:
        """One step towards the target from the nearest point; the new point's index, or None when it is blocked."""
        nearest = int(np.abs(self._table[: len(self.points)] - target).max(axis=1).argmin())
        direction = target - self.points[nearest]
        far = np.abs(direction).max()
        new = target if far <= STEP else self.points[nearest] + direction * (STEP / far)
        if far < 1e-9 or not edge_is_free(self.points[nearest], new, is_free):
            return None
        self._table[len(self.points)] = new
        self.points.append(new)
        self.parents.append(nearest)
        return len(self.points) - 1

    def reach(self, target: Array, is_free: IsFree) -> int | None:
        """Steps towards the target until it is reached (its index) or the way is blocked (None)."""
        while len(self.points) <= MAX_NODES:
            added = self.extend(target, is_free)
            if added is None or np.array_equal(self.points[added], target):
                return added
        return None

    def branch(self, index: int) -> list[Array]:
        """From a point back to the root."""
        points = []
        while index >= 0:
            points.append(self.points[index])
            index = self.parents[index]
        return points
