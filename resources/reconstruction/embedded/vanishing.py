"""The camera's tilt and focal length from straight edges whose directions are gravity's or level, and from level rims.

Each hypothesis (focal length, pitch, roll) has one vanishing point for gravity and a horizon with those of level directions.
Things on a table are turned each its own way, so that level edges belong to several frames of two orthogonal directions (an
Atlanta world, Schindler and Dellaert 2004): the best frame counts, and up to two more that each explain enough besides. A
hypothesis is worth the length of the segments that point at one of these vanishing points, the rims that lie level under it
(rims.py), and the logarithm of its prior.

With one frame only, as under a Manhattan assumption, edges of things that are turned differently were explained by a wrong
pitch: on thirty rendered scenes its error was 1.5 degrees on average and 8.8 at most; with three frames and rims 0.4 and 2.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.camera import down_direction

from .rims import Rims
from .straight_edges import Segments

Array = NDArray[np.float64]

PITCH_PRIOR = math.radians(35.0)
"""Most likely downward pitch: a person looking at a table-top."""
PITCH_PRIOR_SD = math.radians(18.0)
ROLL_PRIOR_SD = math.radians(3.0)
FOCAL_PRIOR_SD = 0.17
"""Standard deviations of the priors; the focal length's is of its logarithm (24-33 mm within one)."""
FRAMES = 3
FRAME_COST = 0.15
"""Most frames of level directions, and the length of segments, in picture diagonals, that one more must explain."""
EVIDENCE_LENGTH = 0.25
"""Length of the segments, in picture diagonals, that weighs as much as one unit of log prior."""
COARSE_SD = math.radians(2.0)
STEPS = tuple((math.radians(step), math.radians(sd)) for step, sd in ((1.5, 1.5), (0.7, 1.0), (0.3, 0.5)))
"""How far a segment may point beside its vanishing point (one standard deviation) over the coarse grid, and on the way from
its best hypotheses to the final one: the step and that deviation."""
END_ERROR = 1.0
"""Pixels by which a segment's ends may lie beside its edge: short ones point less exactly."""
RIM_WEIGHT = 2.0
"""Units of log probability that a whole rim is worth: what straight edges of half a picture diagonal are."""
RIM_SD = math.radians(3.5)
"""How far a rim is from level (one standard deviation): rounded edges, not quite round vessels."""
RIM_ERROR = 1.5
"""Pixels by which an axis of its ellipse may be wrong."""
STARTS = 4
"""Hypotheses of the grid that are refined."""
MAX_MOVES = 4
FINE_YAWS = np.radians(np.arange(0, 90, 1.0))


@dataclass(frozen=True)
class Hypothesis:
    """`focal` in pixels, `pitch` and `roll` in radians, `value` in units of log probability."""

    focal: float
    pitch: float
    roll: float
    value: float = -math.inf


@dataclass(frozen=True)
class Evidence:
    """Length of the segments, in picture diagonals, that point at gravity's and at the level vanishing points; how many rims lie
    level, each as much as it shows of itself; the yaws (radians, one of two orthogonal directions) of the level frames."""

    vertical: float
    level: float
    rims: float
    yaws: tuple[float, ...]


@dataclass
class Clues:
    """What a picture of `size` (width, height) shows of its camera; `center` is the most likely focal length, pixels."""

    segments: Segments
    rims: Rims
    size: tuple[int, int]
    center: float

    def __post_init__(self) -> None:
        self._share = self.segments.length / math.hypot(*self.size)
        self._normals: dict[float, Array] = {}

    def best(self, focals: Array) -> Hypothesis:
        """The best hypothesis with one of these focal lengths or near it: a coarse grid, then ever finer steps from its best,
        apart from each other. A single focal length stays as it is.
        """
        yaws = np.radians(np.arange(0, 90, 3.0))
        grid = [
            self._valued(Hypothesis(float(focal), float(pitch), float(roll)), yaws, COARSE_SD)
            for focal in focals
            for pitch in np.radians(np.arange(2, 81, 3.0))
            for roll in np.radians(np.arange(-6, 7, 3.0))
        ]
        starts: list[Hypothesis] = []
        for one in sorted(grid, key=lambda one: -one.value):
            if len(starts) < STARTS and all(
                abs(one.pitch - other.pitch) > math.radians(4) or abs(math.log(one.focal / other.focal)) > 0.15
                for other in starts
            ):
                starts.append(one)
        return max((self._refined(one, len(focals) > 1) for one in starts), key=lambda one: one.value)

    def value_of(self, hypothesis: Hypothesis) -> float:
        """What a hypothesis is worth at the last of STEPS."""
        return self._valued(hypothesis, FINE_YAWS, STEPS[-1][1]).value

    def evidence_for(self, hypothesis: Hypothesis) -> Evidence:
        """Which segments and rims speak for a hypothesis."""
        vertical, level = self._support(hypothesis, FINE_YAWS, STEPS[-1][1])
        chosen = self._frames(vertical, level)
        both = np.max(level[chosen], axis=0)
        upright = vertical >= both
        return Evidence(
            float((vertical * self._share)[upright].sum()),
            float((both * self._share)[~upright].sum()),
            self._level_rims(hypothesis, 0.0),
            tuple(float(FINE_YAWS[k]) for k in chosen),
        )

    def _refined(self, start: Hypothesis, free_focal: bool) -> Hypothesis:
        best = start
        for step, sd in STEPS:
            best = self._valued(best, FINE_YAWS, sd)
            ratios = np.exp(3.0 * step * np.array([-1, 0, 1])) if free_focal else np.ones(1)
            for _ in range(MAX_MOVES):
                around = [
                    Hypothesis(best.focal * float(ratio), best.pitch + i * step, best.roll + j * step)
                    for ratio in ratios
                    for i in (-1, 0, 1)
                    for j in (-1, 0, 1)
                ]
                found = max((self._valued(one, FINE_YAWS, sd) for one in around), key=lambda one: one.value)
                if found.value <= best.value + 1e-9:
                    break
                best = found
        return best

    def _valued(self, hypothesis: Hypothesis, yaws: Array, sd: float) -> Hypothesis:
        vertical, level = self._support(hypothesis, yaws, sd)
        chosen = self._frames(vertical, level)
        reached = np.maximum(vertical, np.max(level[chosen], axis=0)) @ self._share - FRAME_COST * (len(chosen) - 1)
        prior = -0.5 * (
            ((hypothesis.pitch - PITCH_PRIOR) / PITCH_PRIOR_SD) ** 2
            + (hypothesis.roll / ROLL_PRIOR_SD) ** 2
            + (math.log(hypothesis.focal / self.center) / FOCAL_PRIOR_SD) ** 2
        )
        value = float(reached) / EVIDENCE_LENGTH + RIM_WEIGHT * self._level_rims(hypothesis, sd) + prior
        return Hypothesis(hypothesis.focal, hypothesis.pitch, hypothesis.roll, value)

    def _level_rims(self, hypothesis: Hypothesis, sd: float) -> float:
        """How many rims lie level, each as much as it shows of itself."""
        if not len(self.rims.arc):
            return 0.0
        normals = self._normals.get(hypothesis.focal)
        if normals is None:
            normals = self._normals[hypothesis.focal] = self.rims.normals(hypothesis.focal, self.size)
        level = np.abs(normals @ down_direction(hypothesis.pitch, hypothesis.roll)).max(axis=1)
        long, short = self.rims.axes.T
        pixel = RIM_ERROR / long / np.sqrt(np.maximum(1 - (short / long) ** 2, 0.05))
        spread = np.sqrt(RIM_SD**2 + sd**2 + pixel**2)
        near = np.exp(-0.5 * (np.arccos(np.minimum(level, 1.0)) / spread) ** 2)
        return float((near * self.rims.arc).sum() / (2 * math.pi))

    def _frames(self, vertical: Array, level: Array) -> list[int]:
        """The yaws (indices into `level`) that explain most together, one after the other, each worth its cost."""
        explained, chosen = vertical, list[int]()
        for _ in range(FRAMES):
            together = np.maximum(explained, level) @ self._share
            k = int(np.argmax(together))
            if chosen and together[k] - explained @ self._share < FRAME_COST:
                break
            chosen.append(k)
            explained = np.maximum(explained, level[k])
        return chosen

    def _support(self, hypothesis: Hypothesis, yaws: Array, sd: float) -> tuple[Array, Array]:
        """How well each segment points, 0..1, at gravity's vanishing point, shape (segments,), and at the nearer of the two of
        each yaw, shape (yaws, segments)."""
        down = down_direction(hypothesis.pitch, hypothesis.roll)
        forward = np.array([0.0, 0.0, 1.0]) - down[2] * down
        forward /= np.linalg.norm(forward)
        right = np.cross(down, forward)
        cosine, sine = np.cos(yaws)[:, None], np.sin(yaws)[:, None]
        axes = np.concatenate([down[None], cosine * forward + sine * right, -sine * forward + cosine * right])
        relative = (self.segments.middle - np.array(self.size) / 2) / hypothesis.focal
        # From a pixel m towards the image of direction v: v_xy - m v_z, whatever the sign of v_z.
        toward = axes[:, None, :2] - relative * axes[:, None, 2:]
        norm = np.linalg.norm(toward, axis=-1)
        direction = self.segments.direction
        beside = np.abs(toward[..., 0] * direction[:, 1] - toward[..., 1] * direction[:, 0])
        spread = np.hypot(math.sin(sd), END_ERROR / self.segments.length)
        support: Array = np.exp(-0.5 * (beside / np.maximum(norm, 1e-9) / spread) ** 2)
        return support[0], np.maximum(support[1 : 1 + len(yaws)], support[1 + len(yaws) :])
