from __future__ import annotations

import numpy as np
import pytest

from blueprint_assets.geometry.transforms import from_rotation
from blueprint_assets.tasks.scene import Surface, TaskScene
from blueprint_assets.tasks.solids import ConvexPart, ObjectSolid
from blueprint_assets.tasks.standing import StandingError, place_robot
from blueprint_assets.tasks.tasks import rolls

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (0, 2)], dtype=float)
CAMERA = np.array([0.0, -1.0, 1.4])


def block(*half: float) -> ObjectSolid:
    return ObjectSolid("block", (ConvexPart.around(CORNERS * half),), 0.5, np.array([0, 0, half[2]]), 0.1)


def ball(radius: float) -> ObjectSolid:
    angle = np.linspace(0, np.pi, 33)
    around = np.linspace(0, 2 * np.pi, 64)
    points = [[np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), 1 - np.cos(a)] for a in angle for b in around]
    part = ConvexPart.around(radius * np.array(points))
    return ObjectSolid("ball", (part,), 0.5, np.array([0, 0, radius]), 0.1)


def scene(half_table: tuple[float, float], solid: ObjectSolid) -> tuple[TaskScene, Surface]:
    table = Surface("table", -np.array(half_table), np.array(half_table), 0.75)
    rest = {"block": from_rotation(np.eye(3), [0.0, 0.0, 0.75])}
    return TaskScene({"block": solid}, rest, ("block",), (table,), {"block": "table"}), table


class Reaches:
    """Stands wherever it is told; what it can pick is not asked here, because there are no grasps."""

    def __init__(self) -> None:
        self.stood: list[np.ndarray] = []

    def stand(self, base: np.ndarray) -> None:
        self.stood.append(base)


def test_beside_a_small_table_on_a_large_one() -> None:
    small, table = scene((0.45, 0.3), block(0.03, 0.03, 0.05))
    robot = place_robot(small, table, CAMERA, {}, Reaches(), np.zeros(7))
    assert robot.base_position[1] > 0.3, "beyond the table's edge, away from the camera"
    assert robot.base_position[2] == 0.75
    large, table = scene((2.0, 2.0), block(0.03, 0.03, 0.05))
    robot = place_robot(large, table, CAMERA, {}, Reaches(), np.zeros(7))
    distance = np.linalg.norm(robot.base_position[:2])
    assert 0.2 < distance < 0.75
    heading = np.array([np.cos(robot.base_yaw), np.sin(robot.base_yaw)])
    assert heading @ -np.array(robot.base_position[:2]) == pytest.approx(distance, abs=1e-3), "it faces the objects"
    assert robot.workspace_bounds[0][2] == 0.75


def test_no_room_is_said() -> None:
    full, table = scene((2.0, 2.0), block(0.9, 0.9, 0.05))
    with pytest.raises(StandingError, match=r"no place for the robot within 0\.72 m of the objects: the table table"):
        place_robot(full, table, CAMERA, {}, Reaches(), np.zeros(7))


@pytest.mark.parametrize(
    ("solid", "answer"), [(ball(0.02), True), (ball(0.037), True), (block(0.02, 0.005, 0.03), False)]
)
def test_balls_roll_and_boards_stand(solid, answer) -> None:
    assert rolls(solid, np.eye(4)) is answer


def test_a_thing_on_its_edge_would_not_stay() -> None:
    tilted = from_rotation([[1, 0, 0], [0, np.cos(0.7), -np.sin(0.7)], [0, np.sin(0.7), np.cos(0.7)]], np.zeros(3))
    assert rolls(block(0.03, 0.03, 0.05), tilted)
