"""docs/dataset_benchmarks.md from a report of dataset_against_lerobot.py: every figure on the page was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CASES = ("256x256 AV1", "256x256 H.264", "640x480 AV1")


def page(report: Mapping[str, Any], asked: Mapping[str, Mapping[str, float]]) -> str:
    """The page, Markdown. `asked`: case -> LeRobot's mode -> least ratio.

    Raises:
        KeyError: the report holds no measurements of LeRobot.
    """
    writing, assembling = report["writing"], report["assembling"]
    joining = assembling["joining_videos"]
    hundred, thousand = assembling["100_episodes"], assembling["1000_episodes"]
    imports = writing["import_cpu_seconds"]
    memory = report["memory_megabytes"]
    lines = [
        "# Writing a dataset: ours against LeRobot's",
        "",
        "Written by `make bench-dataset`, which measures everything anew; LeRobot 0.6.1 is in an environment of its own.",
        f"{report['cores']} cores without a GPU, load {report['load_before']} before and {report['load_after']} after (the",
        f"benchmark itself is part of the latter). {_runs(report['repeat'])}",
        "",
        "Same frames for all: drawn pictures of an arm, a textured table and three objects, from a fixed camera and from one on",
        "the wrist, 300 frames an episode, 20 a second. Same codec settings: AV1 crf 30 preset 12, H.264 crf 30 medium, two",
        "frames a group. `streaming` and `default` are LeRobot's two modes (`streaming_encoding=True` with a queue that holds",
        "an episode; PNG files first, then encoding in parallel processes). Imports are not in the times: ours take",
        f"{_span(imports)} s of CPU (asked: under 0.6; another {_span(writing[CASES[0]]['ours']['first_table_cpu_seconds'])} s",
        "for pandas, where that is installed, because pyarrow imports it when a dataset is assembled), LeRobot's",
        f"{_span(writing[CASES[0]]['streaming']['import_cpu_seconds'])} s. Ours writes provenance, hashes and statistics of",
        "every pixel besides; its times hold the encoding and the assembly.",
        "",
        "## From frames to a finished dataset",
        "",
        *_table(
            ["two cameras", "writer", "CPU s", "wall s", "CPU, times ours", "asked", "wall, times ours"],
            [row for case in CASES for row in _writing_rows(case, writing[case], asked[case])],
        ),
        "",
        "The same with the embedded simulator's pictures of a scene whose surfaces have no texture. SVT-AV1 takes such pictures",
        "for a screen's contents and works longer on them, in either writer, so less is left to save:",
        "",
        *_table(
            ["two cameras", "writer", "CPU s", "wall s", "CPU, times ours", "", "wall, times ours"],
            [row for case in CASES for row in _writing_rows(case, writing[f"{case}, rendered"], {})],
        ),
        "",
        f"AV1 packets are those of LeRobot's writer, byte for byte: {_same(writing)}.",
        "",
        "## From encoded episodes to a dataset",
        "",
        "LeRobot's writer joins every new episode's video to the last file with `concatenate_video_files`; here it is given the",
        "same 100 videos of 300 frames, 256x256 AV1. Ours copies runs of bytes and writes the index itself, and hashes every",
        "episode's packets on the way.",
        "",
        *_table(
            ["100 episodes", "CPU s", "wall s"],
            [
                [f"{camera}: {writer}", _span(runs["cpu_seconds"]), _span(runs["wall_seconds"])]
                for camera in ("scene", "wrist")
                for writer, runs in (
                    ("joined by LeRobot", joining[camera]["lerobot"]),
                    ("joined by us", joining[camera]["ours"]),
                )
            ]
            + [
                ["the whole dataset by us, both cameras", _span(hundred["cpu_seconds"]), _span(hundred["wall_seconds"])]
            ],
        ),
        "",
        f"Joining takes LeRobot {_span(joining['lerobot_over_ours_cpu'], 0)} times our CPU seconds (asked: 70). Joining alone",
        f"takes it {_span(hundred['lerobot_joining_alone_over_our_whole_dataset_cpu'], 0)} times what the whole dataset",
        "takes us: rows, statistics, metadata, hashes and both cameras' videos.",
        f"1,000 such episodes ({thousand['camera_frames']:,} camera frames, {thousand['megabytes']:.0f} MB):"
        f" {thousand['cpu_seconds']:.1f} s of CPU (asked: under 5).",
        "",
        "Cost per episode of 40 frames of 64x64 from two cameras, by the number of episodes, and peak memory:",
        "",
        *_table(
            ["episodes", "CPU ms per episode", "MB, imports included"],
            [
                [f"{int(count):,}", f"{ms:.1f}", f"{assembling['memory_megabytes_with_imports'][count]:.0f}"]
                for count, ms in assembling["cpu_ms_per_episode_of_40_small_frames"].items()
            ],
        ),
        "",
        "## Memory",
        "",
        f"Writing two cameras of 640x480 in AV1: {memory['growth_with_imports']:.0f} MB over a bare interpreter, imports",
        f"included (asked: under 400). LeRobot's, likewise: {_beyond(memory['lerobot_streaming'])} MB streaming; by default",
        f"{_beyond(memory['lerobot_default'])} MB, and up to {memory['lerobot_default']['largest_child']:.0f} MB in a child.",
        "",
        "## Quality",
        "",
        "crf means something else in each codec, so quality is compared by PSNR, on the frames above (every third of them).",
        "Bold: what the writer chooses for that size.",
        "",
        *_table(
            ["", "PSNR dB, mean", "least", "kB a frame"],
            [
                [_chosen(name), f"{v['psnr_mean']:.1f}", f"{v['psnr_min']:.1f}", f"{v['kilobytes_per_frame']:.1f}"]
                for name, v in report["quality"].items()
            ],
        ),
        "",
    ]
    return "\n".join(lines)


def _runs(repeat: int) -> str:
    if repeat == 1:
        return "Each figure is of a single run: take it as indicative."
    return f"Each figure is the median of {repeat} runs, with the least and the most."


def _writing_rows(case: str, found: Mapping[str, Any], asked: Mapping[str, float]) -> list[list[str]]:
    rows = [
        [
            f"{case}, {found['ours']['camera_frames']:,} frames",
            "ours",
            _span(found["ours"]["cpu_seconds"]),
            _span(found["ours"]["wall_seconds"]),
            "1",
            "",
            "1",
        ]
    ]
    for mode in ("streaming", "default"):
        ratios = [found[f"{mode}_over_ours_{what}"] for what in ("cpu_seconds", "wall_seconds")]
        times = [_span(found[mode][what]) for what in ("cpu_seconds", "wall_seconds")]
        rows.append(
            ["", f"LeRobot {mode}", *times, f"**{_span(ratios[0])}**", str(asked.get(mode, "")), _span(ratios[1])]
        )
    return rows


def _same(writing: Mapping[str, Any]) -> str:
    found = {case: found["same_packets_as_lerobot"] for case, found in writing.items() if "AV1" in case}
    return "; ".join(
        f"{case}: {'yes' if same == [True] else 'NO' if same else 'not measured'}" for case, same in found.items()
    )


def _chosen(name: str) -> str:
    chosen = name in ("256x256 h264 crf 23", "640x480 av1 crf 30")
    return f"**{name}**" if chosen else name


def _beyond(peaks: Mapping[str, float]) -> str:
    return f"{peaks['self'] - peaks['before_imports']:.0f}"


def _span(found: Mapping[str, float], digits: int = 2) -> str:
    median, least, most = (f"{found[key]:.{digits}f}" for key in ("median", "least", "most"))
    return median if least == most else f"{median} ({least}-{most})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
