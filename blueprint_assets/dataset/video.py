"""Camera frames to mp4 and back: one video per episode and camera, encoded once; everything later copies packets.

Codec policy (measured, two-frame groups of pictures as LeRobot writes them): at 256 px and below x264 crf 23 gives the
PSNR of AV1 crf 30 at about the same size for a third of the encoding time; above that AV1 is 20 % smaller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

Image = NDArray[np.uint8]
"""RGB, shape (height, width, 3)."""

PIXEL_FORMAT = "yuv420p"
GROUP_OF_PICTURES = 2
"""Frames between key frames; 2 is LeRobot's, so that a random frame costs at most two decodes."""
SMALL_CAMERA = 256
"""Pixels; see the codec policy above."""


class VideoError(ValueError):
    """A video cannot be written, read or joined. The message names the file, what was found and what was expected."""


@dataclass(frozen=True)
class Codec:
    """`name` is what LeRobot's info.json calls the stream, `encoder` what FFmpeg calls the encoder."""

    name: str
    encoder: str
    crf: int
    preset: str

    def options(self) -> dict[str, str]:
        """Encoder options. One thread each: x264's output depends on the number of threads."""
        options = {"crf": str(self.crf), "preset": self.preset, "g": str(GROUP_OF_PICTURES)}
        if self.encoder == "libsvtav1":
            # fast-decode is LeRobot's setting; lp (level of parallelism) 1 keeps one encoder on one core.
            return options | {"svtav1-params": "fast-decode=0:lp=1"}
        # B-frames cannot occur between key frames two apart; saying so keeps presentation and decoding order equal.
        return options | {"threads": "1", "bf": "0"}


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
        self._hash = ""
        self._closed = False
        self._container = av.open(str(path), "w", format="mp4")
        stream: Any = self._container.add_stream(self.codec.encoder, rate=fps, options=self.codec.options())
        stream.width, stream.height = width, height
        stream.pix_fmt = PIXEL_FORMAT
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

    def write(self, image: Image) -> None:
        """Encodes one frame, uint8 RGB of the video's size.

        Raises:
            VideoError: another shape or type.
        """
        import av

        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise VideoError(
                f"{self.path}: frame {self._frames} is {image.dtype} {image.shape}; expected uint8 {(height, width, 3)}"
            )
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts = self._frames
        frame.time_base = Fraction(1, self._fps)
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
        packets, self._hash = packets_sha256(self.path)
        if packets != self._frames:
            self.path.unlink()
            raise VideoError(f"{self.path}: {self._frames} frames gave {packets} packets; expected one each")
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
        if not self._hash:
            raise VideoError(f"{self.path}: not finished; close it first")
        width, height = self._size
        return VideoSummary(self._frames, width, height, self._fps, self.codec.name, self._hash)

    def _mux(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._container.mux(packet)


def concatenate(sources: Sequence[tuple[Path, int]], out: Path, fps: int) -> int:
    """Joins videos into one by copying packets; returns the number of frames. `sources` holds (file, frames expected).

    Frame k of source s gets presentation time (frames before s + k) / fps, counted in whole frames, so nothing drifts.
    The index stands at the file's start (faststart), so that a reader need not fetch the end first.

    Raises:
        VideoError: a source holds another number of packets than expected, is encoded otherwise than the first one, or
            its frames do not stand on the 1/fps grid; or it is no video.
    """
    import av

    if not sources:
        raise VideoError(f"{out}: nothing to join; give at least one video")
    total = 0
    header: tuple[Any, ...] | None = None
    tick = Fraction(1, fps)
    with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as output:
        target: Any = None
        for path, expected in sources:
            with _open(path) as source:
                stream = source.streams.video[0]
                context = stream.codec_context
                found = (context.name, stream.width, stream.height, context.pix_fmt, bytes(context.extradata or b""))
                if header is None:
                    header = found
                    target = output.add_stream_from_template(stream, opaque=True)
                    target.time_base = tick
                elif found != header:
                    raise VideoError(
                        f"{path}: encoded as {found[:4]} with a {len(found[4])}-byte header, but {sources[0][0]} is "
                        f"{header[:4]} with {len(header[4])} bytes; encode all episodes with the same settings"
                    )
                count = 0
                for packet in source.demux(stream):
                    if packet.size == 0:  # the demuxer's end mark
                        continue
                    if packet.pts != packet.dts or packet.pts is None or packet.pts * packet.time_base != count * tick:
                        raise VideoError(
                            f"{path}: packet {count} is at {packet.pts} * {packet.time_base} s, not at {count}/{fps}"
                        )
                    packet.stream = target
                    packet.time_base = tick
                    packet.pts = packet.dts = total + count
                    packet.duration = 1
                    output.mux(packet)
                    count += 1
            if count != expected:
                raise VideoError(
                    f"{path}: {count} packets but {expected} rows of data; the episode must be encoded again"
                )
            total += count
    return total


def packets_sha256(path: Path) -> tuple[int, str]:
    """Number of packets and sha256 over their payloads, as `VideoSummary` counts them.

    Raises:
        VideoError: the file is missing or is not a video.
    """
    digest = hashlib.sha256()
    count = 0
    with _open(path) as source:
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                digest.update(bytes(packet))
                count += 1
    return count, digest.hexdigest()


def decode(path: Path) -> Iterator[Image]:
    """The frames of a video in order, uint8 RGB.

    Raises:
        VideoError: the file is missing or is not a video.
    """
    import av

    with _open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        try:
            for frame in container.decode(stream):
                image: Any = frame.to_ndarray(format="rgb24")
                yield image
        except av.FFmpegError as error:
            raise VideoError(f"{path}: damaged: {error}") from error


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
