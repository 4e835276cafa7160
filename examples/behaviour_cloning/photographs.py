"""The pictures that the scenes are made from: one graspable thing on a table, each of its own shape, size, colour and turn.

    python examples/behaviour_cloning/photographs.py FOLDER [--count 36]

Drawn, not photographed (see fixtures/synthetic_photo.py), so that the example needs nothing from outside. Writes
`sceneNN.png` and its instance mask `sceneNN_mask.png`. The same number always gives the same picture.
"""

from __future__ import annotations

import argparse
import colorsys
import math
import sys
from pathlib import Path

import cv2
import numpy as np

from blueprint_assets.geometry.shapes import cuboid, revolved
from fixtures.synthetic_photo import SyntheticPhoto, Thing, draw

COUNT = 36
WIDTH = (0.055, 0.105)
"""Of the side that fingers close on, in units of the camera's height (about half a metre): the Panda opens 8 cm."""


def photograph(number: int) -> SyntheticPhoto:
    """Picture `number`: boxes and cans in turn."""
    rng = np.random.default_rng([20, number])
    color = tuple(int(255 * c) for c in colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.5, 0.9), rng.uniform(0.5, 0.9)))
    wood = tuple(
        int(255 * c) for c in colorsys.hsv_to_rgb(rng.uniform(0.05, 0.13), rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.8))
    )
    width, height = rng.uniform(*WIDTH), rng.uniform(0.09, 0.2)
    if number % 2:
        mesh = revolved([width / 2 * rng.uniform(0.85, 1.0), width / 2], [0, height], 40)
    else:
        mesh = cuboid((width, width * rng.uniform(1.0, 1.6), height), 2)
    place = (float(rng.uniform(-0.25, 0.25)), float(rng.uniform(1.25, 1.7)), 0.0)
    thing = Thing(mesh, place, float(rng.uniform(0, math.pi)), color)
    return draw((thing,), pitch_degrees=float(rng.uniform(30, 42)), table=wood, seed=number)


def main() -> int:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.count):
        photo = photograph(number)
        cv2.imwrite(str(arguments.folder / f"scene{number:02d}.png"), photo.rgb[..., ::-1])
        cv2.imwrite(str(arguments.folder / f"scene{number:02d}_mask.png"), photo.ids)
    return 0


if __name__ == "__main__":
    sys.exit(main())
