"""What a dataset is assembled from: an encoded episode, whatever holds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.encoded_episode import EncodedEpisode

if TYPE_CHECKING:
    from .stats import ImageHistogram
    from .video import Segment

Float32 = NDArray[np.float32]


class Episode(Protocol):
    """One encoded episode: in a folder of its own (`unit.Unit`) or inside a dataset (`reader.DatasetEpisode`).

    Streams are named as their features are (`observation.images.scene`), in the order of `document.streams`.
    """

    @property
    def document(self) -> EncodedEpisode:
        """What it is and where it came from."""
        ...

    @property
    def origin(self) -> str:
        """What an error calls it: its folder, or the dataset and its index there."""
        ...

    def arrays(self) -> tuple[Float32, Float32]:
        """(observation.state, action), shape (frames, joints) each."""
        ...

    def segment(self, stream: str) -> Segment:
        """The stream's packets."""
        ...

    def histogram(self, stream: str) -> ImageHistogram:
        """Pixel counts over every frame of the stream, taken before encoding."""
        ...

    def sidecar(self, name: str) -> Path:
        """One of `document.sidecars`."""
        ...
