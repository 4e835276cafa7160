from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.stage1_layout import box, cup
from resources.reconstruction.standing import find_standing, said

Solid = tuple[np.ndarray, np.ndarray]


def solid(mesh: trimesh.Trimesh, x: float, y: float, z: float) -> Solid:
    return np.add(mesh.vertices, (x, y, z)), np.asarray(mesh.faces)


def shelf() -> trimesh.Trimesh:
    """Two boards on two sides: 0.6 wide, the boards' tops at 0.32 and 0.62."""
    parts = [box(0.6, 0.3, 0.02) for _ in range(2)] + [box(0.02, 0.3, 0.62) for _ in range(2)]
    for part, move in zip(parts, [(0, 0, 0.3), (0, 0, 0.6), (-0.31, 0, 0), (0.31, 0, 0)], strict=True):
        part.apply_translation(move)
    return trimesh.util.concatenate(parts)


def test_stacks_shelves_and_the_floor() -> None:
    scene = {
        "shelf": solid(shelf(), 0, 0, 0),
        "low": solid(box(0.1, 0.1, 0.1), 0.1, 0, 0.32),
        "high": solid(box(0.1, 0.1, 0.1), 0.1, 0, 0.62),
        "on_high": solid(cup(0.03, 0.08, 0.004), 0.1, 0.01, 0.72),
        "below": solid(box(0.1, 0.1, 0.1), 0, 0, 0),
        "beside": solid(box(0.1, 0.1, 0.4), 0.9, 0, 0),
    }
    found = {name: standing.support for name, standing in find_standing(scene, "floor").items()}
    assert found == {
        "shelf": "floor",
        "low": "shelf",
        "high": "shelf",
        "on_high": "high",
        "below": "floor",
        "beside": "floor",
    }


def test_a_ball_in_a_bowl_stands_on_the_bowl() -> None:
    ball = trimesh.creation.icosphere(radius=0.03)
    scene = {"bowl": solid(cup(0.08, 0.07, 0.01), 0, 0, 0), "ball": solid(ball, 0, 0, 0.04)}
    assert find_standing(scene, "floor")["ball"].support == "bowl"


def test_what_hangs_or_sinks_is_said() -> None:
    scene = {
        "block": solid(box(0.2, 0.2, 0.2), 0, 0, 0),
        "above": solid(box(0.1, 0.1, 0.1), 0, 0, 0.25),
        "sunk": solid(box(0.1, 0.1, 0.1), 1, 0, -0.02),
    }
    found = find_standing(scene, "floor")
    assert found["above"].support == "block"
    assert said(found["above"], 0.1) == ", 0.05 units above block"
    assert said(found["sunk"], 0.1) == ", 0.02 units deep in floor"
    assert said(found["block"], 0.2) == ""


def test_an_overhanging_neighbour_bears_nothing() -> None:
    scene = {"block": solid(box(0.2, 0.2, 0.2), 0, 0, 0), "edge": solid(box(0.2, 0.2, 0.1), 0.19, 0.19, 0.2)}
    assert find_standing(scene, "floor")["edge"].support == "floor"


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(*[st.floats(-0.3, 0.3)] * 2, st.floats(0, 0.5), st.floats(0.02, 0.3)), min_size=1, max_size=7)
)
def test_every_chain_ends_at_the_floor(boxes: list[tuple[float, float, float, float]]) -> None:
    scene = {f"b{k}": solid(box(s, s, s), x, y, z) for k, (x, y, z, s) in enumerate(boxes)}
    found = find_standing(scene, "floor")
    assert list(found) == list(scene)
    for name in scene:
        seen = [name]
        while seen[-1] != "floor":
            seen.append(found[seen[-1]].support)
            assert len(seen) <= len(scene) + 1
    lowest = min(scene, key=lambda name: scene[name][0][:, 2].min())
    assert found[lowest].support == "floor"
    assert found[lowest].gap == pytest.approx(scene[lowest][0][:, 2].min())
