"""What both writers are given: pictures of an arm among objects, and its joints, as .npy files read by both.

A fixed camera and a camera on the wrist, for which the whole background moves; no sensor noise. `draw`: a textured table and
wall, a jointed arm, three objects of which one is carried. `render`: the embedded simulator's own pictures of its test
scene, whose surfaces have no texture; SVT-AV1 takes them for a screen's contents and works about twice as long on them.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 20
CAMERAS = ("scene", "wrist")
JOINTS = 8
SCENE = Path(__file__).parents[2] / "resources/simulator/table_scene.usda"
Image = NDArray[np.uint8]


def draw(folder: Path, episodes: int, frames: int, width: int, height: int) -> None:
    """Writes `<episode>-<camera>.npy`, uint8 (frames, height, width, 3), and `<episode>-rows.npy`, float32
    (2, frames, JOINTS): measured, then commanded joints."""
    folder.mkdir(parents=True)
    for episode in range(episodes):
        command, state = joints(frames, episode)
        np.save(folder / f"{episode}-rows.npy", np.stack([state, command]))
        for camera, picture in (("scene", _scene), ("wrist", _wrist)):
            out = np.lib.format.open_memmap(
                folder / f"{episode}-{camera}.npy", mode="w+", dtype=np.uint8, shape=(frames, height, width, 3)
            )
            texture = _texture(episode, camera, width, height)
            for index in range(frames):
                out[index] = picture(texture, state[index], index / frames, width, height)
            out.flush()


def render(folder: Path, episodes: int, frames: int, width: int, height: int) -> None:
    """The same files as `draw`, of the robot swinging its arm in the simulator's test scene."""
    from blueprint_assets.contracts.task_config import RobotConfig
    from resources.simulator.render import Renderer
    from resources.simulator.simulation import Simulation
    from resources.simulator.world import build_world

    folder.mkdir(parents=True)
    base = (-0.5, 0.0, 0.75)
    world = build_world(SCENE, SCENE.parent, RobotConfig(base_position=base, workspace_bounds=(base, base)))
    swing = np.array([0.5, 0.2, 0.3, 0.2, 0.4, 0.3, 0.5, 0.0])
    with Renderer(world, width, height) as renderer:
        for episode in range(episodes):
            simulation = Simulation(world)
            states, commands = [], []
            for step in range(frames):
                phase = np.sin(2 * np.pi * step / (80 + 30 * episode))
                command = world.home + phase * swing
                command[7] = 0.02 + 0.02 * phase
                states.append(simulation.data.qpos.copy())
                commands.append(command)
                simulation.move(command)
                simulation.contacts.take()
            state, command = np.array(states), np.array(commands)
            measured = np.column_stack([state[:, world.arm_qpos], command[:, 7]])
            np.save(folder / f"{episode}-rows.npy", np.stack([measured, command]).astype(np.float32))
            for camera in CAMERAS:
                np.save(folder / f"{episode}-{camera}.npy", np.stack(list(renderer.render_states(state, camera))))


def joints(frames: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(commanded, measured): smooth sweeps; the measurement lags one frame."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames + 1)[:, None] / FPS
    path = 0.5 * np.sin(generator.uniform(0.2, 0.8, JOINTS) * time + generator.uniform(0, 6, JOINTS))
    path[:, -1] = 0.02 + 0.02 * np.tanh(6 * np.sin(0.7 * time[:, 0]))
    return path[1:].astype(np.float32), path[:-1].astype(np.float32)


def _texture(seed: int, camera: str, width: int, height: int) -> Image:
    """Wood-like brown noise at three scales, twice as large as the picture."""
    generator = np.random.default_rng([seed, len(camera)])
    size = (2 * width, 2 * height)
    grain = np.zeros((size[1], size[0]), np.float32)
    for scale, weight in ((4, 9.0), (24, 12.0), (96, 16.0)):
        coarse = generator.normal(size=(size[1] // scale + 2, size[0] // (2 * scale) + 2)).astype(np.float32)
        grain += weight * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(grain[:, :, None] * (1.0, 0.85, 0.6) + (140, 112, 84), 0, 255).astype(np.uint8)


def _scene(texture: Image, state: NDArray[np.float32], progress: float, width: int, height: int) -> Image:
    image = texture[:height, :width].copy()
    wall = height // 4
    image[:wall] = (image[:wall] // 4 + np.linspace(150, 110, wall)[:, None, None]).astype(np.uint8)
    unit = height / 16
    chain = [np.array([width * 0.5, height * 0.22])]
    for link, angle in enumerate(np.cumsum([1.57 + state[0], state[1], state[2], state[3]])):
        chain.append(chain[-1] + unit * (4.2 - 0.7 * link) * np.array([np.cos(angle), np.sin(angle)]))
    tip = chain[-1]
    carried = 0.35 < progress < 0.75
    places = [(0.25, 0.75), (0.72, 0.68), (0.45, 0.85)]
    for number, (x, y) in enumerate(places):
        at = tip + unit * 0.9 if number == 0 and carried else np.array([x * width, y * height])
        corners = cv2.boxPoints((tuple(map(float, at)), (unit * 1.8, unit * 1.4), 25.0 * number + 20 * state[4]))
        shadow = (corners + unit * 0.25).round().astype(np.int32)
        cv2.fillConvexPoly(image, shadow, (60, 48, 40), cv2.LINE_AA)
        colour = [(190, 60, 50), (60, 110, 180), (220, 190, 60)][number]
        cv2.fillConvexPoly(image, corners.round().astype(np.int32), colour, cv2.LINE_AA)
    points = [tuple(int(v) for v in point) for point in chain]
    for number, (start, end) in enumerate(pairwise(points)):
        thick = max(2, int(unit * (1.3 - 0.2 * number)))
        cv2.line(image, start, end, (205, 205, 210), thick, cv2.LINE_AA)
        cv2.line(image, start, end, (245, 245, 248), max(1, thick // 3), cv2.LINE_AA)
        cv2.circle(image, start, int(thick * 0.7), (70, 72, 80), -1, cv2.LINE_AA)
    opening = unit * (0.3 + 15 * state[7])
    for side in (-1, 1):
        foot = (int(tip[0] + side * opening), int(tip[1] + unit))
        cv2.line(image, points[-1], foot, (40, 40, 44), max(2, int(unit * 0.35)), cv2.LINE_AA)
    return image


def _wrist(texture: Image, state: NDArray[np.float32], progress: float, width: int, height: int) -> Image:
    move = cv2.getRotationMatrix2D((width, height), 25.0 * float(state[3]), 1.0 + 0.25 * float(state[1]))
    move[:, 2] += (-width / 2 + 0.4 * width * float(state[0]), -height / 2 + 0.4 * height * float(state[2]))
    image = cv2.warpAffine(texture, move, (width, height), borderMode=cv2.BORDER_REFLECT)
    thing = move @ np.array([0.95 * width, 1.05 * height, 1.0])
    radius = int(height * (0.09 + 0.05 * progress))
    cv2.circle(image, (int(thing[0]), int(thing[1])), radius, (190, 60, 50), -1, cv2.LINE_AA)
    cv2.circle(
        image, (int(thing[0] - radius / 3), int(thing[1] - radius / 3)), radius // 4, (235, 150, 140), -1, cv2.LINE_AA
    )
    gap = int(width * (0.1 + 3 * float(state[7])))
    for side in (-1, 1):
        left = width // 2 + side * gap - width // 20
        cv2.rectangle(image, (left, int(height * 0.7)), (left + width // 10, height), (52, 52, 58), -1)
        cv2.rectangle(image, (left + 2, int(height * 0.7)), (left + width // 30, height), (96, 96, 104), -1)
    return image
