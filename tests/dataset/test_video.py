from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.video import (
    AV1,
    H264,
    Codec,
    Segment,
    VideoEncoder,
    VideoError,
    codec_for,
    concatenate,
    decode,
    read_packets,
    segment_sha256,
)
from fixtures.synthetic_episodes import arm, images


def encode(path: Path, frames: int, seed: int = 0, codec: Codec | None = None, size: int = 64) -> list[np.ndarray]:
    drawn = list(images(arm(frames, seed)[0], seed, size, size))
    with VideoEncoder(path, size, size, 20, codec) as encoder:
        for image in drawn:
            encoder.write(image)
    return drawn


def test_small_cameras_are_h264_and_large_ones_av1() -> None:
    assert codec_for(256, 256) == H264
    assert codec_for(640, 480) == AV1
    assert codec_for(320, 240) == AV1


@pytest.mark.parametrize("codec", [H264, AV1], ids=lambda codec: codec.name)
def test_decoded_frames_resemble_the_drawn_ones_and_bytes_repeat(tmp_path: Path, codec: Codec) -> None:
    drawn = encode(tmp_path / "a.mp4", 21, codec=codec, size=128)
    encode(tmp_path / "b.mp4", 21, codec=codec, size=128)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    decoded = list(decode(tmp_path / "a.mp4"))
    assert len(decoded) == 21
    for a, b in zip(drawn, decoded, strict=True):
        assert 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)) > 28


@pytest.mark.parametrize("codec", [H264, AV1], ids=lambda codec: codec.name)
def test_every_second_frame_is_a_key_frame(tmp_path: Path, codec: Codec) -> None:
    encode(tmp_path / "a.mp4", 12, codec=codec)
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert keys == [True, False] * 6


def textured(frames: int, size: int) -> list[np.ndarray]:
    """A grey texture that drifts under a box: no colour, so that an encoder's loss is not hidden by that of the 4:2:0
    sampling, which every setting shares."""
    generator = np.random.default_rng(5)
    noise = sum(
        weight
        * cv2.resize(generator.normal(size=(2 * size // scale,) * 2), (2 * size,) * 2, interpolation=cv2.INTER_CUBIC)
        for scale, weight in ((2, 6.0), (4, 9.0), (16, 14.0), (64, 18.0))
    )
    texture = np.clip(noise + 120, 0, 255).astype(np.uint8)
    drawn = []
    for i in range(frames):
        image = np.repeat(texture[i : size + i, 2 * i : size + 2 * i, None], 3, axis=2)
        image[size // 3 : size // 2, 3 * i : 3 * i + size // 4] = 220
        drawn.append(np.ascontiguousarray(image))
    return drawn


def quality_and_bytes(folder: Path, drawn: list[np.ndarray], codec: Codec) -> tuple[float, int]:
    """Mean PSNR in decibels, and the size of the file."""
    path = folder / f"{codec.name}-{codec.crf}.mp4"
    height, width = drawn[0].shape[:2]
    with VideoEncoder(path, width, height, 20, codec) as encoder:
        for image in drawn:
            encoder.write(image)
    errors = [np.mean((a.astype(float) - b) ** 2) for a, b in zip(drawn, decode(path), strict=True)]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors])), path.stat().st_size


@pytest.mark.parametrize("size", [128, 256])
def test_at_the_policys_settings_both_codecs_give_about_the_same_quality(tmp_path: Path, size: int) -> None:
    """Compared by PSNR: equal crf would not be equal quality (H.264 at AV1's crf 30 is decibels worse)."""
    drawn = textured(12, size)
    h264, _ = quality_and_bytes(tmp_path, drawn, H264)
    av1, _ = quality_and_bytes(tmp_path, drawn, AV1)
    same_crf, _ = quality_and_bytes(tmp_path, drawn, Codec("h264", "libx264", AV1.crf, "medium"))
    assert (H264.crf, AV1.crf) == (23, 30)
    assert min(h264, av1) > 35
    assert abs(h264 - av1) < 3
    assert same_crf < min(h264, av1) - 3


@pytest.mark.parametrize("codec", [H264, AV1], ids=lambda codec: codec.name)
def test_a_lower_crf_gives_a_better_and_larger_video(tmp_path: Path, codec: Codec) -> None:
    drawn = textured(8, 128)
    better, larger = quality_and_bytes(tmp_path, drawn, Codec(codec.name, codec.encoder, 18, codec.preset))
    worse, smaller = quality_and_bytes(tmp_path, drawn, Codec(codec.name, codec.encoder, 38, codec.preset))
    assert better > worse + 3
    assert larger > 1.5 * smaller


def test_a_buffer_that_is_drawn_over_is_encoded_as_it_was(tmp_path: Path) -> None:
    """Frames are handed to the encoder without a copy; a renderer may reuse its buffer at once."""
    drawn = encode(tmp_path / "a.mp4", 10)
    buffer = np.empty_like(drawn[0])
    with VideoEncoder(tmp_path / "b.mp4", 64, 64, 20) as encoder:
        for image in drawn:
            buffer[:] = image
            encoder.write(buffer)
            buffer[:] = 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_picture_that_is_a_view_is_encoded_as_its_values(tmp_path: Path) -> None:
    drawn = encode(tmp_path / "a.mp4", 4)
    with VideoEncoder(tmp_path / "b.mp4", 64, 64, 20) as encoder:
        for image in drawn:
            wide = np.zeros((64, 128, 3), np.uint8)
            wide[:, ::2] = image
            encoder.write(wide[:, ::2])
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("codec", [H264, AV1], ids=lambda codec: codec.name)
@settings(max_examples=6, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_joined_frames_stand_on_the_grid_and_equal_the_parts(
    tmp_path_factory: pytest.TempPathFactory, codec: Codec, lengths: list[int]
) -> None:
    """Judged by FFmpeg's demuxer, which had no part in the joining."""
    folder = tmp_path_factory.mktemp("join")
    parts = [Segment(folder / f"{i}.mp4", 0, length) for i, length in enumerate(lengths)]
    for i, part in enumerate(parts):
        encode(part.path, part.frames, seed=i, codec=codec)
    found = concatenate(parts, folder / "all.mp4", 20)
    with av.open(str(folder / "all.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.average_rate, stream.base_rate) == (sum(lengths), 20, 20)
        packets = [p for p in container.demux(video=0) if p.size]
        payloads = [bytes(p) for p in packets]
        assert [p.pts * p.time_base for p in packets] == [Fraction(i, 20) for i in range(sum(lengths))]
        assert [p.dts for p in packets] == [p.pts for p in packets]
    before = 0
    for part, digest in zip(parts, found, strict=True):
        assert read_packets(part.path)[:2] == (part.frames, digest)
        joined = hashlib.sha256(b"".join(payloads[before : before + part.frames])).hexdigest()
        assert joined == digest  # joining keeps every packet, byte for byte
        assert packets[before].is_keyframe
        assert segment_sha256(Segment(folder / "all.mp4", before, part.frames), 20) == digest
        before += part.frames
    separate = [frame for part in parts for frame in decode(part.path)]
    assert all(np.array_equal(a, b) for a, b in zip(decode(folder / "all.mp4"), separate, strict=True))


def test_segments_of_a_joined_file_join_again_to_the_same_bytes(tmp_path: Path) -> None:
    lengths = [4, 7, 3]
    for i, length in enumerate(lengths):
        encode(tmp_path / f"{i}.mp4", length, seed=i)
    concatenate([Segment(tmp_path / f"{i}.mp4", 0, n) for i, n in enumerate(lengths)], tmp_path / "all.mp4", 20)
    cut = [Segment(tmp_path / "all.mp4", sum(lengths[:i]), n) for i, n in enumerate(lengths)]
    hashes = concatenate(cut, tmp_path / "again.mp4", 20)
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "all.mp4").read_bytes()
    turned = concatenate([cut[2], cut[0]], tmp_path / "turned.mp4", 20)
    assert turned == [hashes[2], hashes[0]]
    frames = list(decode(tmp_path / "turned.mp4"))
    expected = [*decode(tmp_path / "2.mp4"), *decode(tmp_path / "0.mp4")]
    assert all(np.array_equal(a, b) for a, b in zip(frames, expected, strict=True))


def test_a_segment_decodes_to_its_frames(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 12)
    whole = list(decode(tmp_path / "a.mp4"))
    part = list(decode(Segment(tmp_path / "a.mp4", 4, 5)))
    assert len(part) == 5
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[4:9], strict=True))
    with pytest.raises(VideoError, match="expected 20"):
        list(decode(Segment(tmp_path / "a.mp4", 4, 20)))


def test_joined_file_has_its_index_first(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 6)
    concatenate([Segment(tmp_path / "a.mp4", 0, 6)], tmp_path / "all.mp4", 20)
    data = (tmp_path / "all.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ((0, 7), "6 packets but 7 rows"),
        ((1, 4), "packet 1 begins an episode but is no key frame"),
        ((-2, 4), "6 packets"),
        ((0, 0), "6 packets"),
    ],
)
def test_a_segment_that_the_file_does_not_hold_is_refused(
    tmp_path: Path, segment: tuple[int, int], message: str
) -> None:
    encode(tmp_path / "a.mp4", 6)
    with pytest.raises(VideoError, match=message):
        concatenate([Segment(tmp_path / "a.mp4", *segment)], tmp_path / "all.mp4", 20)
    with pytest.raises(VideoError, match=message):
        segment_sha256(Segment(tmp_path / "a.mp4", *segment), 20)


def test_a_part_of_another_rate_or_encoding_is_refused(tmp_path: Path) -> None:
    def joined(*names: str, fps: int = 20) -> None:
        concatenate([Segment(tmp_path / f"{name}.mp4", 0, 6) for name in names], tmp_path / "all.mp4", fps)

    encode(tmp_path / "a.mp4", 6)
    with pytest.raises(VideoError, match="not at 1/30"):
        joined("a", fps=30)
    encode(tmp_path / "b.mp4", 6, codec=AV1)
    with pytest.raises(VideoError, match="encode all episodes with the same settings"):
        joined("a", "b")
    encode(tmp_path / "c.mp4", 6, size=96)
    with pytest.raises(VideoError, match="encode all episodes with the same settings"):
        joined("a", "c")
    with pytest.raises(VideoError, match="nothing to join"):
        concatenate([], tmp_path / "all.mp4", 20)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((64, 32, 3), np.uint8), "expected uint8"),
        (np.zeros((64, 64, 3), np.float32), "is float32"),
        (np.zeros((64, 64), np.uint8), "expected uint8"),
    ],
)
def test_a_frame_of_another_kind_is_refused_and_leaves_no_file(tmp_path: Path, image: np.ndarray, message: str) -> None:
    def write_both() -> None:
        with VideoEncoder(tmp_path / "a.mp4", 64, 64, 20) as encoder:
            encoder.write(np.zeros((64, 64, 3), np.uint8))
            encoder.write(image)

    with pytest.raises(VideoError, match=message):
        write_both()
    assert not list(tmp_path.iterdir())


def test_odd_sizes_and_empty_videos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="must be even"):
        VideoEncoder(tmp_path / "a.mp4", 65, 64, 20)
    with pytest.raises(VideoError, match="no frame"), VideoEncoder(tmp_path / "a.mp4", 64, 64, 20):
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    segment = Segment(tmp_path / "a.mp4", 0, 1)
    for attempt in (
        lambda: list(decode(tmp_path / "a.mp4")),
        lambda: read_packets(tmp_path / "a.mp4"),
        lambda: segment_sha256(segment, 20),
        lambda: concatenate([segment], tmp_path / "all.mp4", 20),
    ):
        with pytest.raises(VideoError, match=r"a\.mp4"):
            attempt()
