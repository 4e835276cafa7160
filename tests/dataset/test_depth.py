from __future__ import annotations

import json
import math
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from blueprint_assets.contracts.encoded_episode import DepthQuantization
from blueprint_assets.dataset.depth import (
    HEVC,
    LEVELS,
    QUANTIZATION,
    DepthHistogram,
    decode_depth,
    depth_feature,
    dequantize,
    histogram_of,
    quantize,
)
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.review.judges import JUDGES
from blueprint_assets.dataset.stats import ImageHistogram, vector_statistics
from blueprint_assets.dataset.unit import UnitError, UnitWriter, read_unit
from blueprint_assets.dataset.video import Segment, VideoEncoder, VideoError, decode, read_packets
from fixtures.synthetic_modalities import depth_maps, make_rich_unit

STREAM = depth_feature("scene")
LINEAR = DepthQuantization(unit="m", depth_min=0.1, depth_max=2.0, shift=0.0, use_log=False)
depths = arrays.arrays(np.float32, (4, 5), elements=st.floats(0, 30, width=32))


@given(depths, st.sampled_from([QUANTIZATION, LINEAR]))
@settings(deadline=None)
def test_what_is_in_range_comes_back_within_half_a_step(depth, scale: DepthQuantization) -> None:
    levels = quantize(depth, scale)
    assert levels.dtype == np.uint16
    assert levels.max() < LEVELS
    back = dequantize(levels, scale)
    steps = np.gradient(dequantize(np.arange(LEVELS), scale))
    inside = (depth >= scale.depth_min) & (depth <= scale.depth_max)
    assert (np.abs(back - depth) <= 0.51 * steps[levels] + 1e-6)[inside].all()
    assert (back[depth > scale.depth_max] == np.float32(scale.depth_max)).all()
    np.testing.assert_array_equal(quantize(back, scale), levels)  # a second time changes nothing


@pytest.mark.parametrize(("metres", "step_in_mm"), [(0.1, 1.18), (1.0, 1.48), (2.0, 1.81), (10.0, 4.44)])
def test_steps_are_as_fine_as_the_page_says(metres: float, step_in_mm: float) -> None:
    level = int(quantize(np.full((1, 1), metres, np.float32))[0, 0])
    near = dequantize(np.array([max(level - 1, 0), level]))
    assert 1000 * float(np.diff(near)[0]) == pytest.approx(step_in_mm, abs=0.02)


def test_known_levels() -> None:
    """By hand: 4095 (ln 4.5 - ln 3.51) / (ln 13.5 - ln 3.51) = 755.3."""
    expected = round(4095 * (math.log(4.5) - math.log(3.51)) / (math.log(13.5) - math.log(3.51)))
    found = quantize(np.array([[0.0, 0.01, 1.0, 10.0, 40.0]], np.float32))
    assert found.tolist() == [[0, 0, expected, 4095, 4095]]


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (np.full((2, 2), np.nan, np.float32), "negative or not finite"),
        (np.full((2, 2), np.inf, np.float32), "negative or not finite"),
        (np.full((2, 2), -0.1, np.float32), "negative or not finite"),
        (np.ones((2, 2)), "depth is float64"),
        (np.ones((2, 2), np.uint16), "depth is uint16"),
        (np.ones((2, 2, 1), np.float32), r"\(2, 2, 1\); expected float32"),
    ],
)
def test_what_is_no_depth_is_refused(depth: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantize(depth)


@given(st.lists(depths, min_size=1, max_size=4))
@settings(deadline=None, max_examples=50)
def test_statistics_are_those_of_the_values_read_back(frames) -> None:
    histogram = DepthHistogram()
    for frame in frames:
        histogram.add(quantize(frame))
    found = histogram.statistics()
    values = np.concatenate([dequantize(quantize(frame)).ravel() for frame in frames])
    expected = vector_statistics(values)
    for name, value in found.items():
        if name == "count":
            assert value.tolist() == [len(frames)]
        else:
            assert value.shape == (1, 1, 1)
            np.testing.assert_allclose(value.ravel(), expected[name], rtol=1e-5, atol=1e-6)


def test_histograms_add_up_and_none_is_not_statistics() -> None:
    parts = [DepthHistogram(), DepthHistogram()]
    for part, level in zip(parts, (7, 9), strict=True):
        part.add(np.full((2, 3), level, np.uint16))
    parts[0].include(parts[1])
    assert (parts[0].frames, parts[0].counts.sum(), parts[0].counts[0, 9]) == (2, 12, 6)
    with pytest.raises(ValueError, match="no frame was counted"):
        DepthHistogram().statistics()


def test_a_video_is_lossless_one_packet_a_frame_and_the_same_every_time(tmp_path: Path) -> None:
    levels = [quantize(d) for d in depth_maps(np.zeros((9, 8), np.float32) + np.arange(9)[:, None] / 9, 3, 64, 48)]
    for name in ("a.mp4", "b.mp4"):
        with VideoEncoder(tmp_path / name, 64, 48, 20, HEVC) as encoder:
            for frame in levels:
                encoder.write(frame)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    found = list(decode(tmp_path / "a.mp4", "gray12le"))
    np.testing.assert_array_equal(found, levels)
    assert read_packets(tmp_path / "a.mp4")[0] == 9
    # From the middle, as an episode of a joined video is read.
    part = list(decode_depth(Segment(tmp_path / "a.mp4", 4, 3)))
    np.testing.assert_array_equal(part, [dequantize(frame) for frame in levels[4:7]])


def test_ffmpeg_finds_grey_hevc_in_order_with_every_second_frame_a_key_frame(tmp_path: Path) -> None:
    unit = make_rich_unit(tmp_path / "unit", frames=6)
    with av.open(str(unit.folder / "scene_depth.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.has_b_frames) == ("hevc", "gray12le", 0)
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    assert [packet.pts * stream.time_base * 20 for packet in packets] == list(range(6))
    assert [packet.is_keyframe for packet in packets] == [True, False] * 3


def test_a_picture_in_place_of_levels_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match=r"frame 0 is uint8 \(48, 64, 3\); expected uint16 \(48, 64\)"),
        VideoEncoder(tmp_path / "a.mp4", 64, 48, 20, HEVC) as encoder,
    ):
        encoder.write(np.zeros((48, 64, 3), np.uint8))
    assert not (tmp_path / "a.mp4").exists()


def test_a_unit_holds_depth_beside_the_pictures(tmp_path: Path) -> None:
    unit = read_unit(make_rich_unit(tmp_path / "unit", frames=12).folder)
    assert list(unit.document.streams) == [
        "observation.images.scene",
        "observation.images.wrist",
        "observation.depth.scene",
        "observation.depth.wrist",
    ]
    video = unit.document.streams[STREAM]
    assert (video.file, video.codec, video.pixel_format, video.crf) == ("scene_depth.mp4", "hevc", "gray12le", None)
    assert video.depth == QUANTIZATION
    assert unit.document.streams["observation.images.scene"].depth is None
    drawn = list(depth_maps(unit.arrays()[0], 0, 64, 64))
    found = list(decode_depth(unit.segment(STREAM)))
    np.testing.assert_array_equal(found, [dequantize(quantize(frame)) for frame in drawn])
    histogram = unit.histogram(STREAM)
    assert isinstance(histogram, DepthHistogram)
    assert histogram.counts.sum() == 12 * 64 * 64
    assert type(unit.histogram("observation.images.scene")) is ImageHistogram


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        ({"scene": np.full((32, 32), -1.0, np.float32)}, "camera scene, frame 0: depth holds a value"),
        ({"other": np.ones((32, 32), np.float32), "a.b": np.ones((32, 32), np.float32)}, "camera name 'a.b'"),
    ],
)
def test_bad_depth_leaves_no_unit(tmp_path: Path, depth, message: str) -> None:
    row = np.zeros(2, np.float32)
    with pytest.raises(UnitError, match=message), UnitWriter(tmp_path / "unit", fps=20) as writer:
        writer.add({"scene": np.zeros((32, 32, 3), np.uint8)}, row, row, depth)
    assert not list(tmp_path.iterdir())


def test_depth_that_comes_and_goes_is_refused(tmp_path: Path) -> None:
    row, image = np.zeros(2, np.float32), np.zeros((32, 32, 3), np.uint8)
    with UnitWriter(tmp_path / "unit", fps=20) as writer:
        writer.add({"scene": image}, row, row, {"scene": np.ones((32, 32), np.float32)})
        with pytest.raises(UnitError, match=r"frame 1 has the cameras scene; frame 0 had scene, observation\.depth"):
            writer.add({"scene": image}, row, row)


def test_a_camera_called_like_anothers_depth_is_refused(tmp_path: Path) -> None:
    row, image = np.zeros(2, np.float32), np.zeros((32, 32, 3), np.uint8)
    with (
        pytest.raises(UnitError, match="called scene_depth, like the depth of another"),
        UnitWriter(tmp_path / "unit", fps=20) as writer,
    ):
        writer.add({"scene": image, "scene_depth": image}, row, row, {"scene": np.ones((32, 32), np.float32)})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("rich")
    units = [make_rich_unit(root / f"u{i}", 20 + i, i, size=(64, 48), distance=1 + i // 2) for i in range(3)]
    assemble(units, root / "dataset", language=True)
    return root / "dataset"


def test_a_dataset_declares_depth_and_language_as_lerobot_does(dataset: Path) -> None:
    features = json.loads((dataset / "meta" / "info.json").read_text())["features"]
    assert features[STREAM]["shape"] == [48, 64, 1]
    info = features[STREAM]["info"]
    assert info["is_depth_map"] is True
    assert info["depth_unit"] == "m"
    assert (info["video.codec"], info["video.pix_fmt"], info["video.channels"]) == ("hevc", "gray12le", 1)
    assert [info[f"video.{name}"] for name in ("depth_min", "depth_max", "shift", "use_log")] == [0.01, 10.0, 3.5, True]
    assert list(features)[-2:] == ["language_persistent", "language_events"]
    assert "depth_unit" not in features["observation.images.scene"]["info"]


def test_depth_statistics_of_a_dataset_are_the_truth(dataset: Path) -> None:
    stored = json.loads((dataset / "meta" / "stats.json").read_text())[STREAM]
    episodes = open_dataset(dataset).episodes
    values = np.concatenate([depth.ravel() for e in episodes for depth in decode_depth(e.segment(STREAM))])
    expected = vector_statistics(values)
    for name, value in stored.items():
        if name != "count":
            assert np.shape(value) == (1, 1, 1)
            assert np.ravel(value)[0] == pytest.approx(float(expected[name][0]), rel=1e-5)


def test_assembled_again_from_the_dataset_it_is_the_same_to_the_last_byte(dataset: Path, tmp_path: Path) -> None:
    assemble(open_dataset(dataset).episodes, tmp_path / "again", language=True)
    files = sorted(path.relative_to(dataset) for path in dataset.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    assert Path("sidecars/rich-1/scene_segmentation.npz") in files
    for file in files:
        assert (dataset / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_calibrations_are_kept_once_with_the_episodes_they_are_of(dataset: Path) -> None:
    found = json.loads((dataset / "meta" / "calibration.json").read_text())
    assert [entry["episodes"] for entry in found["sets"]] == [["rich-0", "rich-1"], ["rich-2"]]


def test_a_damaged_sidecar_is_not_taken_into_a_dataset(tmp_path: Path) -> None:
    unit = make_rich_unit(tmp_path / "unit")
    (unit.folder / "point_cloud_first.ply").write_bytes(b"ply")
    with pytest.raises(ValueError, match=r"point_cloud_first\.ply: sha256"):
        assemble([unit], tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.__name__)
def test_independent_judges_pass_a_dataset_with_everything(dataset: Path, judge) -> None:
    verdict = judge(dataset)
    assert verdict.outcome == "passed", verdict.messages


def test_counts_of_another_kind_of_picture_are_refused(dataset: Path) -> None:
    video = open_dataset(dataset).episodes[0].document.streams[STREAM]
    with pytest.raises(ValueError, match="768 counts; expected 1 x 4096"):
        histogram_of(video, np.zeros(768, np.int64), 1)
