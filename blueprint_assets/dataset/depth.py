"""Depth as LeRobot 0.6 stores it: 12-bit levels on a logarithmic scale, in lossless HEVC.

A depth of z metres becomes the level rint(4095 (ln(z + s) - ln(a + s)) / (ln(b + s) - ln(a + s))), clipped to 0..4095, with
a = 0.01 m, b = 10 m and s = 3.5 m (`lerobot.configs.video`): a step is 1.2 mm at 0.1 m, 1.5 mm at 1 m, 4.4 mm at 10 m.
What is further than b, or nothing at all, is read back as b. Statistics are exact and of the values that a reader gets, in
metres, the unit that `info.depth_unit` names (LeRobot's are of a sample of the values before they were quantized).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import DepthQuantization, VideoStream

from .stats import QUANTILES, STATISTIC_NAMES, ImageHistogram, Statistics
from .video import GREY_12_BIT, Codec, Segment, decode

Depth = NDArray[np.float32]
"""Metres along the optical axis, shape (height, width)."""
Levels = NDArray[np.uint16]
"""0..4095, shape (height, width)."""

LEVELS = 4096
QUANTIZATION = DepthQuantization(unit="m", depth_min=0.01, depth_max=10.0, shift=3.5, use_log=True)

HEVC = Codec(
    "hevc",
    "libx265",
    None,
    "medium",
    GREY_12_BIT,
    "lossless=1:bframes=0:open-gop=0:frame-threads=1:pools=none:info=0:log-level=none",
)
"""Lossless x265, which is LeRobot's own choice. No B-frames and closed groups keep presentation and decoding order equal and
make every key frame a place to cut; one frame at a time on one core, and no text about the encoder in the stream, give the
same bytes on every machine. Given the same parameters, LeRobot writes the same packets."""


def depth_feature(camera: str) -> str:
    """What a camera's depth is called."""
    return f"observation.depth.{camera}"


def quantize(depth: Depth, scale: DepthQuantization = QUANTIZATION) -> Levels:
    """Metres as levels; arithmetic in float32, as LeRobot's, so that the levels are the same.

    Raises:
        ValueError: another type or shape, or a value that is negative or not finite.
    """
    if depth.dtype != np.float32 or depth.ndim != 2:
        raise ValueError(f"depth is {depth.dtype} {depth.shape}; expected float32 (height, width)")
    if not (np.isfinite(depth).all() and (depth >= 0).all()):
        raise ValueError("depth holds a value that is negative or not finite; expected metres")
    low, high, shift = (np.float32(v) for v in (scale.depth_min, scale.depth_max, scale.shift))
    if scale.use_log:
        start, end = math.log(float(low + shift)), math.log(float(high + shift))
        share = (np.log(depth + shift) - start) / (end - start)
    else:
        share = (depth - low) / (high - low)
    return np.asarray(np.rint(share * (LEVELS - 1)).clip(0, LEVELS - 1), np.uint16)


def dequantize(levels: NDArray[np.integer[Any]], scale: DepthQuantization = QUANTIZATION) -> Depth:
    """Levels as metres, what LeRobot's reader gives. Any shape."""
    return np.asarray(_metres(scale)[levels], np.float32)


@functools.lru_cache(maxsize=8)
def _metres(scale: DepthQuantization) -> NDArray[np.float64]:
    """The depth of every level, shape (4096,)."""
    share = np.arange(LEVELS) / (LEVELS - 1)
    if not scale.use_log:
        return scale.depth_min + share * (scale.depth_max - scale.depth_min)
    start, end = math.log(scale.depth_min + scale.shift), math.log(scale.depth_max + scale.shift)
    return np.clip(np.exp(start + share * (end - start)) - scale.shift, scale.depth_min, scale.depth_max)


class DepthHistogram(ImageHistogram):
    """How often each of 4096 levels occurs. `counts`: int64, shape (1, 4096)."""

    SHAPE = (1, LEVELS)

    def __init__(
        self,
        counts: NDArray[np.int64] | None = None,
        frames: int = 0,
        scale: DepthQuantization = QUANTIZATION,
    ) -> None:
        super().__init__(counts, frames)
        self.scale = scale

    def add(self, image: NDArray[Any]) -> None:
        """Counts one frame of levels."""
        self.counts[0] += np.bincount(image.ravel(), minlength=LEVELS)
        self.frames += 1

    def statistics(self) -> Statistics:
        """Exact statistics of all pixels counted, metres, shape (1, 1, 1) each.

        Raises:
            ValueError: no frame was counted.
        """
        counts, metres = self.counts[0], _metres(self.scale)
        total = int(counts.sum())
        if total == 0:
            raise ValueError("no frame was counted; statistics need at least one")
        seen = np.flatnonzero(counts)
        mean = float(counts @ metres) / total
        cumulative = counts.cumsum()
        values = {
            "min": metres[seen[0]],
            "max": metres[seen[-1]],
            "mean": mean,
            "std": math.sqrt(float(counts @ (metres - mean) ** 2) / total),
        }
        for name, q in QUANTILES.items():
            rank, share = divmod(q * (total - 1), 1)
            ranks = int(rank), min(int(rank) + 1, total - 1)
            below, above = (metres[np.searchsorted(cumulative, r, side="right")] for r in ranks)
            values[name] = below + (above - below) * share
        found: Statistics = {name: np.full((1, 1, 1), value) for name, value in values.items()}
        found["count"] = np.array([self.frames], np.int64)
        return {name: found[name] for name in STATISTIC_NAMES}


def histogram_of(video: VideoStream, counts: NDArray[np.int64] | None = None, frames: int = 0) -> ImageHistogram:
    """A histogram of the kind that the stream's frames are counted with. `counts` in any shape of the right size.

    Raises:
        ValueError: counts of another size, or impossible ones.
    """
    kind = ImageHistogram if video.depth is None else DepthHistogram
    if counts is not None:
        if counts.size != kind.SHAPE[0] * kind.SHAPE[1]:
            raise ValueError(f"{counts.size} counts; expected {kind.SHAPE[0]} x {kind.SHAPE[1]}")
        counts = counts.reshape(kind.SHAPE)
    if video.depth is None:
        return ImageHistogram(counts, frames)
    return DepthHistogram(counts, frames, video.depth)


def decode_depth(source: Path | Segment, scale: DepthQuantization = QUANTIZATION) -> Iterator[Depth]:
    """The frames of a depth video, or of a segment of one, in order, metres.

    Raises:
        VideoError: as `video.decode`.
    """
    return (dequantize(levels, scale) for levels in decode(source, GREY_12_BIT))


def video_info(scale: DepthQuantization) -> dict[str, Any]:
    """What a depth feature's `info` says in info.json besides what every video's does."""
    return {
        "video.extra_options": {"x265-params": HEVC.x265_params},
        "video.depth_min": scale.depth_min,
        "video.depth_max": scale.depth_max,
        "video.shift": scale.shift,
        "video.use_log": scale.use_log,
        "is_depth_map": True,
        "depth_unit": scale.unit,
    }
