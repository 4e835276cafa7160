"""Looks at a dataset's mp4 files packet by packet, without decoding them: are they the episodes' videos, and whole?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from resources.observability import Progress, ProgressSink

from ..layout import EPISODES, INFO
from ..mp4 import VideoError
from ..reader import Dataset
from ..video import Segment
from .finding import Findings


@dataclass
class VideoFacts:
    """`hashes[i]`: sha256 over the packets of segment i, None when the file ends before it does. `problems`: what keeps a
    reader from finding a frame: a packet off the 1/fps grid, an episode that does not begin with a key frame, damage."""

    codec: str
    width: int
    height: int
    pixel_format: str
    packets: int = 0
    hashes: list[str | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def review_stream(
    dataset: Dataset, stream: str, packets: Sequence[str | None], findings: Findings, progress: ProgressSink
) -> None:
    """Every packet of a stream: as many as rows, on the grid, and those of the episodes, which hash to `packets`.

    Raises:
        DatasetError: an episode's place in its video cannot be.
    """
    info = dataset.info
    files: dict[str, list[int]] = {}
    for index in range(len(packets)):
        files.setdefault(dataset.video_file(index, stream), []).append(index)
    shown = info.features[stream].get("info", {})
    for number, (file, members) in enumerate(files.items()):
        progress(Progress(number, len(files), stream))
        segments = {index: dataset.segment(index, stream) for index in members}
        order = sorted(members, key=lambda index: segments[index].first)
        ends = np.cumsum([0, *(segments[index].frames for index in order)])
        firsts = [segments[index].first for index in order]
        if firsts != ends[:-1].tolist():
            findings.add(
                EPISODES,
                f"videos/{stream}/from_timestamp",
                f"episodes of {file} begin at the frames {firsts}",
                ends[:-1].tolist(),
            )
            continue
        try:
            facts = review_video(dataset.folder / file, [segments[index] for index in order], info.fps)
        except VideoError as error:
            findings.add(file, str(error).removeprefix(f"{dataset.folder / file}: "))
            continue
        for problem in facts.problems:
            findings.add(file, problem)
        findings.demand(facts.packets == ends[-1], file, "packets", facts.packets, f"{ends[-1]}, one for each row")
        for key, found in (
            ("video.codec", facts.codec),
            ("video.width", facts.width),
            ("video.height", facts.height),
            ("video.pix_fmt", facts.pixel_format),
        ):
            findings.demand(found == shown.get(key), file, key, found, f"{shown.get(key)} as {INFO} says of {stream}")
        for index, digest in zip(order, facts.hashes, strict=True):
            findings.demand(
                digest == packets[index], file, "packets_sha256", f"{digest} of episode {index}",
                f"{packets[index]} as in meta/provenance; is it another episode's or another camera's video?",
            )  # fmt: skip


def review_video(path: Path, segments: Sequence[Segment], fps: int) -> VideoFacts:
    """Reads every packet of a video once. `segments` are in order and do not overlap.

    The first picture is decoded, since the header that decoding needs is in no packet.

    Raises:
        VideoError: the file is missing or is not a video.
    """
    import av

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be opened as a video: {' '.join(str(error).split())}") from error
    with container:
        if not container.streams.video:
            raise VideoError(f"{path}: holds no video stream")
        stream: Any = container.streams.video[0]
        context = stream.codec_context
        facts = VideoFacts(context.codec.canonical_name, stream.width, stream.height, str(context.pix_fmt))
        try:
            if next(container.decode(stream), None) is None:
                facts.problems.append("no picture can be decoded")
            container.seek(0, stream=stream)
            _read_packets(container, stream, segments, Fraction(1, fps), facts)
        except av.FFmpegError as error:
            facts.problems.append(f"damaged after packet {facts.packets}: {' '.join(str(error).split())}")
    facts.hashes += [None] * (len(segments) - len(facts.hashes))
    return facts


def _read_packets(container: Any, stream: Any, segments: Sequence[Segment], tick: Fraction, facts: VideoFacts) -> None:
    waiting = iter(segments)
    segment = next(waiting, None)
    digest = hashlib.sha256()
    off_grid = 0
    for packet in container.demux(stream):
        if not packet.size:  # the demuxer's end mark
            continue
        at = facts.packets
        facts.packets += 1
        if packet.pts is None or packet.pts != packet.dts or packet.pts * packet.time_base != at * tick:
            if not off_grid:
                facts.problems.append(
                    f"packet {at} is shown at {packet.pts} and decoded at {packet.dts}, in ticks of {packet.time_base} s; both "
                    f"must be {at * tick} s"
                )
            off_grid += 1
        if segment is None or at < segment.first:
            continue
        if at == segment.first and not packet.is_keyframe:
            facts.problems.append(f"packet {at} begins an episode but is no key frame")
        digest.update(memoryview(packet))
        if at == segment.first + segment.frames - 1:
            facts.hashes.append(digest.hexdigest())
            digest = hashlib.sha256()
            segment = next(waiting, None)
    if off_grid > 1:
        facts.problems.append(f"{off_grid} packets are not on the grid of {tick} s")
