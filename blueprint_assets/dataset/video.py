"""Camera frames to mp4 and back: one video per episode and camera, encoded once; everything later copies packets.

Codec policy (measured, two-frame groups of pictures as LeRobot writes them): at 256 px and below x264 crf 23 gives the
PSNR of AV1 crf 30 at about the same size for a third of the encoding time; above that AV1 is 20 % smaller.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .mp4 import Track, VideoError, read_track, write_track
from .scheduling import same_scheduling

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

Image = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

Picture = NDArray[np.uint8] | NDArray[np.uint16]
"""What an encoder takes: an `Image`, or, for a grey 12-bit codec, levels 0..4095, uint16, shape (height, width)."""

PIXEL_FORMAT = "yuv420p"
GREY_12_BIT = "gray12le"
GROUP_OF_PICTURES = 2
"""Frames between key frames; 2 is LeRobot's, so that a random frame costs at most two decodes."""
SMALL_CAMERA = 256
"""Pixels; see the codec policy above."""


EXTRA_OPTIONS: dict[str, dict[str, int]] = {"h264": {"bf": 0}}
"""What LeRobot calls `extra_options`, by codec. B-frames cannot occur between key frames two apart; saying so keeps decoding
and presentation times equal."""


@dataclass(frozen=True)
class Codec:
    """`name` is what LeRobot's info.json calls the stream, `encoder` what FFmpeg calls the encoder."""

    name: str
    encoder: str
    crf: int | None
    preset: str
    pixel_format: str = PIXEL_FORMAT
    x265_params: str = ""
    """Only for a lossless stream, which has no crf."""

    def options(self) -> dict[str, str]:
        """Encoder options. One thread each: x264's output depends on the number of threads."""
        options = {"preset": self.preset, "g": str(GROUP_OF_PICTURES)}
        if self.x265_params:
            return options | {"x265-params": self.x265_params}
        options["crf"] = str(self.crf)
        if self.encoder == "libsvtav1":
            # fast-decode is LeRobot's setting; lp (level of parallelism) 1 keeps one encoder on one core.
            return options | {"svtav1-params": "fast-decode=0:lp=1"}
        return options | {"threads": "1"} | {name: str(value) for name, value in EXTRA_OPTIONS[self.name].items()}


H264 = Codec("h264", "libx264", 23, "medium")
AV1 = Codec("av1", "libsvtav1", 30, "12")


def codec_for(width: int, height: int) -> Codec:
    """The codec policy: H.264 for cameras of at most 256 px, AV1 for larger ones."""
    return H264 if max(width, height) <= SMALL_CAMERA else AV1


@dataclass(frozen=True)
class VideoSummary:
    """What a finished video holds. `packets_sha256` is over the packets' payloads: joining videos keeps it."""

    frames: int
    width: int
    height: int
    fps: int
    codec: str
    packets_sha256: str
    packets_bytes: int


class VideoEncoder:
    """Encodes frames as they come. Same frames, same encoder build: same bytes.

        with VideoEncoder(path, 256, 256, 20) as encoder:
            for image in images:
                encoder.write(image)
        print(encoder.summary.frames)

    When the block ends with an error, the unfinished file is removed.
    """

    def __init__(self, path: Path, width: int, height: int, fps: int, codec: Codec | None = None) -> None:
        import av

        if width < 16 or height < 16 or width % 2 or height % 2:
            raise VideoError(
                f"{path}: a frame of {width}x{height} cannot be encoded; both sides must be even and >= 16"
            )
        if fps < 1:
            raise VideoError(f"{path}: {fps} frames a second; expected a whole number >= 1")
        self.path = path
        self.codec = codec or codec_for(width, height)
        self._size = (width, height)
        self._fps = fps
        self._frames = 0
        self._payload: tuple[str, int] | None = None
        self._closed = False
        self._container = av.open(str(path), "w", format="mp4")
        os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints a page about itself per video; errors only
        stream: Any = self._container.add_stream(self.codec.encoder, rate=fps, options=self.codec.options())
        stream.width, stream.height = width, height
        stream.pix_fmt = self.codec.pixel_format
        stream.time_base = stream.codec_context.time_base = Fraction(1, fps)
        stream.codec_context.thread_count = 1
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def write(self, image: Picture) -> None:
        """Encodes one frame of the video's size.

        Raises:
            VideoError: another shape or type.
        """
        import av

        width, height = self._size
        grey = self.codec.pixel_format == GREY_12_BIT
        shape, kind = ((height, width), np.uint16) if grey else ((height, width, 3), np.uint8)
        if image.shape != shape or image.dtype != kind:
            raise VideoError(
                f"{self.path}: frame {self._frames} is {image.dtype} {image.shape}; expected {np.dtype(kind)} {shape}"
            )
        if grey:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image, np.uint16), format=GREY_12_BIT)
        else:
            # Not copied: encoding converts it to the codec's pixel format before it returns.
            frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image, np.uint8), format="rgb24")
        frame.pts = self._frames
        frame.time_base = Fraction(1, self._fps)
        if self._frames == 0:  # opens the encoder
            with same_scheduling():
                self._mux(self._stream.encode(frame))
        else:
            self._mux(self._stream.encode(frame))
        self._frames += 1

    def close(self) -> VideoSummary:
        """Finishes the file.

        Raises:
            VideoError: no frame was written, or the encoder did not give one packet a frame.
        """
        if self._closed:
            return self.summary
        if self._frames == 0:
            self.abandon()
            raise VideoError(f"{self.path}: no frame was written; a video needs at least one")
        self._mux(self._stream.encode(None))
        self._container.close()
        self._closed = True
        # Read back: the container stores packets in a framing of its own, and the file is what counts.
        packets, digest, size = read_packets(self.path)
        if packets != self._frames:
            self.path.unlink()
            raise VideoError(f"{self.path}: {self._frames} frames gave {packets} packets; expected one each")
        self._payload = digest, size
        return self.summary

    def abandon(self) -> None:
        """Gives up and removes the unfinished file."""
        if not self._closed:
            self._closed = True
            if self._frames:  # closing writes the header, which needs an opened encoder
                self._stream.encode(None)
            self._container.close()
        self.path.unlink(missing_ok=True)

    @property
    def summary(self) -> VideoSummary:
        """What the finished file holds.

        Raises:
            VideoError: the video is not finished.
        """
        if self._payload is None:
            raise VideoError(f"{self.path}: not finished; close it first")
        width, height = self._size
        return VideoSummary(self._frames, width, height, self._fps, self.codec.name, *self._payload)

    def _mux(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._container.mux(packet)


@dataclass(frozen=True)
class Segment:
    """A run of packets of an mp4: `frames` of them from packet `first` on, which is a key frame. One episode's video."""

    path: Path
    first: int
    frames: int


def concatenate(segments: Sequence[Segment], out: Path, fps: int) -> list[str]:
    """Joins segments into one video by copying packets; returns the sha256 over each segment's packets.

    Frame k of segment s gets presentation time (frames before s + k) / fps, counted in whole frames, so nothing drifts.
    The index stands at the file's start (faststart), so that a reader need not fetch the end first.

    Raises:
        VideoError: a file holds fewer packets than its segment says, is encoded otherwise than the first one, or its
            frames do not stand on the 1/fps grid; a segment does not begin with a key frame; or a file is no video.
    """
    if not segments:
        raise VideoError(f"{out}: nothing to join; give at least one video")
    tracks: dict[Path, Track] = {}
    for segment in segments:
        if segment.path not in tracks:
            tracks[segment.path] = track = read_track(segment.path)
            first = tracks[segments[0].path]
            if not track.format.fits(first.format):
                raise VideoError(
                    f"{track.path}: encoded as {track.format}, but {first.path} is {first.format}, and setups must be the "
                    "same; encode all episodes with the same settings"
                )
        _demand_on_grid(tracks[segment.path], segment, fps)
    hashes: list[str] = []
    parts = [(tracks[segment.path], slice(segment.first, segment.first + segment.frames)) for segment in segments]
    write_track(
        out,
        parts[0][0].format,
        fps,
        sizes=np.concatenate([track.sizes[part] for track, part in parts]),
        keys=np.concatenate([track.keys[part] for track, part in parts]),
        chunks=[segment.frames for segment in segments],
        packets=_hashed(segments, tracks, hashes),
    )
    return hashes


def _hashed(segments: Sequence[Segment], tracks: Mapping[Path, Track], hashes: list[str]) -> Iterator[bytes]:
    """The bytes of every segment's packets; appends each one's sha256 to `hashes`."""
    for path, run in groupby(segments, key=lambda segment: segment.path):
        with path.open("rb") as file:
            for segment in run:
                digest = hashlib.sha256()
                for block in tracks[path].blocks(file, segment.first, segment.frames):
                    digest.update(block)
                    yield block
                hashes.append(digest.hexdigest())


def _demand_on_grid(track: Track, segment: Segment, fps: int) -> None:
    end = segment.first + segment.frames
    if segment.frames < 1 or segment.first < 0 or end > len(track.sizes):
        raise VideoError(
            f"{track.path}: {len(track.sizes)} packets but {end} rows of data; the episode must be encoded again"
        )
    frames = np.arange(segment.first, end)
    late = np.flatnonzero(track.times[segment.first : end] * fps != frames * track.timescale)
    if len(late):
        at = int(frames[late[0]])
        raise VideoError(f"{track.path}: packet {at} is at {track.times[at]}/{track.timescale} s, not at {at}/{fps}")
    if not track.keys[segment.first]:
        raise VideoError(f"{track.path}: packet {segment.first} begins an episode but is no key frame")


def read_packets(path: Path) -> tuple[int, str, int]:
    """Of the packets of a video: how many, the sha256 over their payloads, and the sum of their sizes in bytes.

    Raises:
        VideoError: the file is missing or is not a video.
    """
    track = read_track(path)
    return len(track.sizes), _sha256(track, 0, len(track.sizes)), int(track.sizes.sum())


def segment_sha256(segment: Segment, fps: int) -> str:
    """The sha256 over a segment's packets.

    Raises:
        VideoError: as `concatenate`.
    """
    track = read_track(segment.path)
    _demand_on_grid(track, segment, fps)
    return _sha256(track, segment.first, segment.frames)


def _sha256(track: Track, first: int, frames: int) -> str:
    digest = hashlib.sha256()
    with track.path.open("rb") as file:
        for block in track.blocks(file, first, frames):
            digest.update(block)
    return digest.hexdigest()


def decode(source: Path | Segment, pixel_format: str = "rgb24") -> Iterator[Any]:
    """The frames of a video, or of a segment of one, in order: uint8 RGB, or what `pixel_format` (FFmpeg's name) is.

    Raises:
        VideoError: the file is missing, is not a video, or is damaged; a segment reaches over its end.
    """
    import av

    segment = source if isinstance(source, Segment) else None
    path = source.path if isinstance(source, Segment) else source
    given = 0
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        start = Fraction(0)
        rate, tick = stream.average_rate, stream.time_base
        if rate is None or tick is None:
            raise VideoError(f"{path}: its frames have no times")
        if segment is not None and segment.first:
            start = Fraction(segment.first) / rate
            container.seek(round(start / tick), stream=stream)
        try:
            for frame in container.decode(stream):
                if segment is not None and given == segment.frames:
                    return
                if frame.pts is not None and frame.pts * tick < start:
                    continue
                yield frame.to_ndarray(format=pixel_format)
                given += 1
        except av.FFmpegError as error:
            raise VideoError(f"{path}: damaged: {error}") from error
    if segment is not None and given < segment.frames:
        raise VideoError(f"{path}: {given} frames from {segment.first} on, expected {segment.frames}")


def _open(path: Path) -> InputContainer:
    import av

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be opened as a video: {error}") from error
    if not container.streams.video:
        container.close()
        raise VideoError(f"{path}: holds no video stream")
    return container
