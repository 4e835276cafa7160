from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.dataset.mp4 import Format, Track, VideoError, read_track, write_track
from blueprint_assets.dataset.video import AV1, H264, Codec, Segment, VideoEncoder, concatenate
from fixtures.synthetic_episodes import arm, images

FRAMES = 9


def encode(path: Path, frames: int = FRAMES, codec: Codec = H264, fps: int = 20) -> Path:
    with VideoEncoder(path, 64, 64, fps, codec) as encoder:
        for image in images(arm(frames, 0)[0], 0):
            encoder.write(image)
    return path


def payload(track: Track) -> bytes:
    with track.path.open("rb") as file:
        return b"".join(track.blocks(file, 0, len(track.sizes)))


@pytest.mark.parametrize(
    ("codec", "fps"), [(H264, 1), (H264, 20), (H264, 12_000), (AV1, 20), (AV1, 30)], ids=lambda value: str(value)
)
def test_the_index_is_what_ffmpegs_demuxer_says(tmp_path: Path, codec: Codec, fps: int) -> None:
    path = encode(tmp_path / "a.mp4", codec=codec, fps=fps)
    concatenate([Segment(path, 0, FRAMES)], tmp_path / "joined.mp4", fps)
    for file in (path, tmp_path / "joined.mp4"):
        track = read_track(file)
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            assert [packet.pos for packet in packets] == track.offsets.tolist()
            assert [packet.size for packet in packets] == track.sizes.tolist()
            assert [packet.is_keyframe for packet in packets] == track.keys.tolist()
            times = [packet.pts * packet.time_base for packet in packets]
            assert times == [Fraction(int(at), track.timescale) for at in track.times]
            assert times == [Fraction(k, fps) for k in range(FRAMES)]
            assert (stream.width, stream.height) == (track.format.width, track.format.height)
            assert float(stream.duration * stream.time_base) == FRAMES / fps
            assert b"".join(bytes(packet) for packet in packets) == payload(track)
            assert track.format.setup == bytes(stream.codec_context.extradata)
    clocks = [read_track(file).timescale for file in (path, tmp_path / "joined.mp4")]
    assert clocks[0] == clocks[1]  # what FFmpeg would have chosen


def test_opencv_reads_a_joined_file_too(tmp_path: Path) -> None:
    import cv2

    path = encode(tmp_path / "a.mp4")
    concatenate([Segment(path, 0, FRAMES), Segment(path, 2, 4)], tmp_path / "joined.mp4", 20)
    video = cv2.VideoCapture(str(tmp_path / "joined.mp4"))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (FRAMES + 4, 20)
    read = 0
    while video.read()[0]:
        read += 1
    assert read == FRAMES + 4


def remuxed(source: Path, out: Path, **options: str) -> Path:
    """The same packets as another program would place them: FFmpeg's own muxer."""
    with av.open(str(source)) as given, av.open(str(out), "w", format="mp4", options=options) as output:
        target = output.add_stream_from_template(given.streams.video[0], opaque=True)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = target
                output.mux(packet)
    return out


def test_other_layouts_of_the_same_packets_read_alike(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4")
    # faststart; one packet to a chunk; another clock; a 64-bit index is tested below
    for number, options in enumerate(
        ({"movflags": "faststart"}, {"chunk_duration": "1"}, {"video_track_timescale": "600"})
    ):
        other = remuxed(path, tmp_path / f"{number}.mp4", **options)
        assert payload(read_track(other)) == payload(read_track(path))
        seconds = [Fraction(int(at), read_track(other).timescale) for at in read_track(other).times]
        assert seconds == [Fraction(k, 20) for k in range(FRAMES)]


def test_a_fragmented_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = remuxed(encode(tmp_path / "a.mp4"), tmp_path / "f.mp4", movflags="frag_keyframe+empty_moov")
    with pytest.raises(VideoError, match="fragmented; write it as one mp4"):
        read_track(path)


def test_a_file_of_frames_out_of_order_is_refused(tmp_path: Path) -> None:
    """B-frames: the packets' order is not the pictures'."""
    with av.open(str(tmp_path / "b.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=20, options={"bf": "2", "g": "12", "b_strategy": "0"})
        stream.width = stream.height = 64
        for image in images(arm(12, 0)[0], 0):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode(None))
    track = read_track(tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        found = [p.pts * p.time_base for p in container.demux(video=0) if p.size]
    assert [Fraction(int(at), track.timescale) for at in track.times] == found
    with pytest.raises(VideoError, match="packet 1 is at"):
        concatenate([Segment(tmp_path / "b.mp4", 0, 12)], tmp_path / "out.mp4", 20)


def test_a_sound_track_beside_the_video_does_not_disturb(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        sound = output.add_stream("aac", rate=8000)
        video = output.add_stream("libx264", rate=20, options=H264.options())
        video.width = video.height = 64
        for index, image in enumerate(images(arm(40, 0)[0], 0)):
            output.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            tone = av.AudioFrame.from_ndarray(np.full((1, 400), 0.01 * index, np.float32), format="fltp", layout="mono")
            tone.rate = 8000
            output.mux(sound.encode(tone))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))
    with av.open(str(path)) as container:
        expected = b"".join(bytes(p) for p in container.demux(video=0) if p.size)
    track = read_track(path)
    assert payload(track) == expected
    assert len(list(track.runs(0, 40))) > 1  # the two are interleaved
    digest = concatenate([Segment(path, 0, 40)], tmp_path / "out.mp4", 20)
    assert digest == [hashlib.sha256(expected).hexdigest()]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_places_beyond_four_gigabytes_are_written_wide(tmp_path: Path) -> None:
    """A file of holes: its last packet lies where 32 bits do not reach."""
    form = read_track(encode(tmp_path / "a.mp4")).format
    sizes = np.append(np.full(1100, 4 << 20), 5)
    keys = np.ones(len(sizes), np.bool_)
    out = tmp_path / "large.mp4"
    with pytest.raises(VideoError, match=f"5 bytes of packets were given, expected {int(sizes.sum())}"):
        write_track(out, form, 20, sizes, keys, [1100, 1], [b"12345"])
    with out.open("r+b") as file:
        begin = file.seek(0, 2) - 5
        file.truncate(begin + int(sizes.sum()))
        file.seek(begin + (1100 << 22))
        file.write(b"wide!")
    track = read_track(out)
    assert int(track.offsets[-1]) == begin + (1100 << 22) > 1 << 32
    with out.open("rb") as file:
        assert b"".join(track.blocks(file, 1100, 1)) == b"wide!"
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        container.seek(1100 * 512, stream=stream)
        packet = next(container.demux(stream))
        assert (packet.pos, bytes(packet)) == (track.offsets[-1], b"wide!")


def test_too_many_frames_for_the_clock_are_refused(tmp_path: Path) -> None:
    form = Format("avc1", 64, 64, b"", b"\0\0\0\x08avc1")
    count = (1 << 32) // 512 + 1
    with pytest.raises(VideoError, match="too many for one file"):
        write_track(tmp_path / "a.mp4", form, 20, np.ones(count, np.int64), np.ones(count, np.bool_), [count], [])


@pytest.mark.parametrize("codec", [H264, AV1], ids=lambda codec: codec.name)
def test_no_damage_to_the_index_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, codec: Codec
) -> None:
    """Whatever is altered, cut or repeated: a track whose packets lie inside the file, or VideoError naming the file."""
    folder = tmp_path_factory.mktemp("damage")
    path = encode(folder / "a.mp4", codec=codec)
    good = path.read_bytes()
    index = good.index(b"moov")
    damaged = folder / "damaged.mp4"
    refusals: list[str] = []

    @settings(max_examples=300, deadline=None)
    @given(
        at=st.integers(0, len(good) - index - 1),
        values=st.binary(min_size=1, max_size=8),
        cut=st.one_of(st.none(), st.integers(0, len(good))),
    )
    def check(at: int, values: bytes, cut: int | None) -> None:
        data = bytearray(good)
        data[index + at : index + at + len(values)] = values
        damaged.write_bytes(bytes(data[: len(good)][:cut]))
        try:
            track = read_track(damaged)
        except VideoError as error:
            refusals.append(str(error))
            return
        assert (track.offsets >= 0).all()
        assert (track.offsets + track.sizes <= damaged.stat().st_size).all()
        assert len(track.sizes) == len(track.times) == len(track.keys)
        if len(track.sizes):
            payload(track)

    check()
    assert refusals
    assert all("damaged.mp4" in message for message in refusals)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4")
    track = read_track(path)
    path.write_bytes(path.read_bytes()[: int(track.offsets[-1])])
    with pytest.raises(VideoError, match=r"a\.mp4"):
        read_track(path)
    with path.open("rb") as file, pytest.raises(VideoError, match=r"ends \d+ bytes before its packets do"):
        list(track.blocks(file, 0, FRAMES))
    with pytest.raises(VideoError, match=r"missing\.mp4"):
        read_track(tmp_path / "missing.mp4")
