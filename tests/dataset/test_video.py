from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.video import (
    AV1,
    H264,
    Codec,
    VideoEncoder,
    VideoError,
    codec_for,
    concatenate,
    decode,
    packets_sha256,
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


@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_joined_frames_stand_on_the_grid_and_equal_the_parts(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("join")
    parts = [(folder / f"{i}.mp4", length) for i, length in enumerate(lengths)]
    for i, (path, length) in enumerate(parts):
        encode(path, length, seed=i)
    assert concatenate(parts, folder / "all.mp4", 20) == sum(lengths)
    with av.open(str(folder / "all.mp4")) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        payloads = [bytes(p) for p in packets]
        assert [p.pts * p.time_base for p in packets] == [Fraction(i, 20) for i in range(sum(lengths))]
    before = 0
    for path, length in parts:
        count, digest = packets_sha256(path)
        assert count == length
        joined = hashlib.sha256(b"".join(payloads[before : before + length])).hexdigest()
        assert joined == digest  # joining keeps every packet, byte for byte
        before += length
    separate = [frame for path, _ in parts for frame in decode(path)]
    assert all(np.array_equal(a, b) for a, b in zip(decode(folder / "all.mp4"), separate, strict=True))


def test_joined_file_has_its_index_first(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 6)
    concatenate([(tmp_path / "a.mp4", 6)], tmp_path / "all.mp4", 20)
    data = (tmp_path / "all.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_part_with_another_number_of_packets_is_refused(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 6)
    with pytest.raises(VideoError, match="6 packets but 7 rows"):
        concatenate([(tmp_path / "a.mp4", 7)], tmp_path / "all.mp4", 20)


def test_a_part_of_another_rate_or_encoding_is_refused(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", 6)
    with pytest.raises(VideoError, match="not at 1/30"):
        concatenate([(tmp_path / "a.mp4", 6)], tmp_path / "all.mp4", 30)
    encode(tmp_path / "b.mp4", 6, codec=AV1)
    with pytest.raises(VideoError, match="encode all episodes with the same settings"):
        concatenate([(tmp_path / "a.mp4", 6), (tmp_path / "b.mp4", 6)], tmp_path / "all.mp4", 20)
    encode(tmp_path / "c.mp4", 6, size=96)
    with pytest.raises(VideoError, match="encode all episodes with the same settings"):
        concatenate([(tmp_path / "a.mp4", 6), (tmp_path / "c.mp4", 6)], tmp_path / "all.mp4", 20)


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
    with pytest.raises(VideoError, match=r"a\.mp4"):
        list(decode(tmp_path / "a.mp4"))
    with pytest.raises(VideoError, match=r"a\.mp4"):
        packets_sha256(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        concatenate([(tmp_path / "a.mp4", 1)], tmp_path / "all.mp4", 20)
