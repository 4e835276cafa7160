"""First and last pictures of episodes, small enough to stand side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .episode import Episode
from .mp4 import VideoError
from .video import Image, Segment, decode

TILE = 160
"""Pixels; longer side of a picture on the page."""


def spread(episodes: Sequence[Episode], most: int) -> list[int]:
    """The positions of at most `most` episodes, evenly spread from the first to the last."""
    count = min(len(episodes), most)
    return [i * (len(episodes) - 1) // max(count - 1, 1) for i in range(count)]


def first_and_last(episode: Episode) -> dict[str, tuple[Image, Image]]:
    """camera -> its first and last picture, RGB, scaled to TILE pixels. Depth streams are left out.

    Raises:
        VideoError: a video is damaged.
    """
    colour = [name for name, video in episode.document.streams.items() if video.depth is None]
    return {
        stream.rpartition(".")[2]: (_frame(episode.segment(stream), 0), _frame(episode.segment(stream), -1))
        for stream in colour
    }


def _frame(segment: Segment, index: int) -> Image:
    from PIL import Image as Pictures

    place = segment.first + (index if index >= 0 else segment.frames + index)
    image = next(iter(decode(Segment(segment.path, place, 1))), None)
    if image is None:
        raise VideoError(f"{segment.path}: no frame {place}; the episode must be encoded again")
    scale = TILE / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(Pictures.fromarray(image).resize((width, height), Pictures.Resampling.LANCZOS))
