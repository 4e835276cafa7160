"""Our dataset writer against LeRobot's, on the same frames with the same codec settings. Prints one JSON object.

    python tests/benchmarks/dataset_against_lerobot.py [--repeat 3] [--lerobot ENVIRONMENT] [--page FILE.md] [--short]

Every measurement is a process of its own; ours and LeRobot's take turns, so that a busy moment hits both. CPU seconds are
of the process and all its children; imports are counted apart. LeRobot runs in its two modes: `default` (PNG files, then its
encoding in parallel processes) and `streaming` (`streaming_encoding=True`, a queue that holds an episode). Both write AV1
crf 30 preset 12 or H.264 crf 30 medium, two frames a group; ours encodes as many episodes at once as there are cores.

Exit code 1 when a limit is missed. Without LeRobot's environment (`make conformance` makes it) only our side is measured
and every comparison is listed as not measured. `--short` runs everything small and judges nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WRITERS = HERE / "writers"
sys.path.insert(0, str(WRITERS))

from frames import CAMERAS, draw, render  # noqa: E402
from page import page  # noqa: E402

ASKED = {
    "256x256 AV1": {"streaming": 3.0, "default": 3.5},
    "256x256 H.264": {"streaming": 5.5, "default": 7.5},
    "640x480 AV1": {"streaming": 1.4, "default": 4.0},
}
"""How many times LeRobot's CPU seconds are ours, at least, on drawn pictures. On rendered ones nothing is asked."""
JOIN_ASKED = 70.0
THOUSAND_SECONDS = 5.0
FLAT = 2.0
"""Cost per episode at 10,000 episodes against that at 100."""
MEGABYTES = 400.0
IMPORT_SECONDS = 0.6


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    frames: int
    episodes: int
    large_episodes: int
    joined: int
    counts: tuple[int, ...]
    thousand: int
    shrink: int


FULL = Sizes(300, 3, 2, 100, (10, 100, 1_000, 10_000), 1_000, 1)
SHORT = Sizes(24, 2, 1, 5, (2, 10), 12, 4)


@dataclass
class Judgement:
    """Limits: those missed, and those that could not be measured."""

    missed: list[str] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)

    def demand(self, what: str, found: float | None, limit: float, *, at_least: bool) -> None:
        """Notes a limit that is missed; None: it was not measured."""
        if found is None:
            self.not_measured.append(what)
        elif (found < limit) if at_least else (found > limit):
            self.missed.append(f"{what}: {found:.2f}, asked {'at least' if at_least else 'at most'} {limit}")


@dataclass(frozen=True)
class Bench:
    """Where things are and who runs them."""

    scratch: Path
    sizes: Sizes
    lerobot: Path | None
    repeat: int

    def ours(self, *arguments: object) -> dict[str, Any]:
        """Runs writers/ours.py."""
        return self._run([sys.executable, str(WRITERS / "ours.py"), *map(str, arguments)])

    def theirs(self, *arguments: object) -> dict[str, Any] | None:
        """Runs writers/theirs.py in LeRobot's environment."""
        if self.lerobot is None:
            return None
        return self._run([str(self.lerobot / "bin" / "python"), str(WRITERS / "theirs.py"), *map(str, arguments)])

    def fresh(self, name: str) -> Path:
        """A path that does not exist."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch)) / "out"

    def _run(self, command: list[str]) -> dict[str, Any]:
        settings = {"HF_HUB_OFFLINE": "1", "TMPDIR": str(self.scratch), "PYTHONPATH": str(ROOT), "SVT_LOG": "1"}
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=3600
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} gave {done.returncode}:\n{done.stderr[-3000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def main() -> int:
    """Measures, judges and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="times that writing and joining are measured")
    parser.add_argument("--lerobot", type=Path, default=ROOT / ".conformance" / "venv", help="LeRobot's environment")
    parser.add_argument("--page", type=Path, help="write the figures to this Markdown page")
    parser.add_argument("--short", action="store_true", help="everything small, nothing judged")
    arguments = parser.parse_args()
    lerobot = arguments.lerobot if (arguments.lerobot / "bin" / "python").exists() else None
    judgement = Judgement()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dataset-benchmark-") as folder:
        bench = Bench(Path(folder), SHORT if arguments.short else FULL, lerobot, arguments.repeat)
        report: dict[str, Any] = {
            "benchmark": "dataset_against_lerobot",
            "load_before": round(os.getloadavg()[0], 2),
            "cores": os.cpu_count(),
            "repeat": arguments.repeat,
            "writing": writing(bench, judgement),
            "assembling": assembling(bench, judgement),
            "memory_megabytes": memory(bench, judgement),
            "quality": quality(bench),
        }
    report |= {
        "load_after": round(os.getloadavg()[0], 2),
        "seconds": round(time.monotonic() - began),
        "missed": judgement.missed,
        "not_measured": judgement.not_measured,
    }
    if arguments.short:
        report["missed"] = []
    elif arguments.page and lerobot:
        arguments.page.write_text(page(report, ASKED), encoding="utf-8")
    print(json.dumps(report))
    return 1 if report["missed"] else 0


def writing(bench: Bench, judgement: Judgement) -> dict[str, Any]:
    """Frames to a finished dataset, ours and LeRobot's two modes in turn."""
    sizes = bench.sizes
    settings = {
        "256x256 AV1": ("av1", "libsvtav1", 256, 256, sizes.episodes),
        "256x256 H.264": ("h264", "h264", 256, 256, sizes.episodes),
        "640x480 AV1": ("av1", "libsvtav1", 640, 480, sizes.large_episodes),
    }
    cases = [(name, draw, case) for name, case in settings.items()]
    cases += [(f"{name}, rendered", render, case) for name, case in settings.items()]
    found: dict[str, Any] = {}
    imports: list[float] = []
    for name, make, (codec, encoder, width, height, episodes) in cases:
        frames = _frames(bench, width // sizes.shrink, height // sizes.shrink, episodes, make)
        runs: dict[str, list[dict[str, Any]]] = {"ours": [], "streaming": [], "default": []}
        same: set[bool] = set()
        for _ in range(bench.repeat):
            out = bench.fresh("ours")
            runs["ours"].append(bench.ours("write", frames, out, codec, 30, os.cpu_count() or 1))
            imports.append(runs["ours"][-1]["import_cpu_seconds"])
            for mode in ("streaming", "default"):
                reference = bench.fresh(mode)
                measured = bench.theirs("write", frames, reference, mode, encoder, 30)
                if measured is not None:
                    runs[mode].append(measured)
                    if codec == "av1":
                        same.add(_packets(out / "dataset") == _packets(reference))
        found[name] = {writer: _summary(results) for writer, results in runs.items() if results}
        found[name]["same_packets_as_lerobot"] = sorted(same)
        if False in same:
            judgement.missed.append(f"{name}: packets differ from LeRobot's")
        for mode in ("streaming", "default"):
            ratios = {
                what: [theirs[what] / ours[what] for theirs, ours in zip(runs[mode], runs["ours"], strict=False)]
                for what in ("cpu_seconds", "wall_seconds")
            }
            for what, values in ratios.items():
                if values:
                    found[name][f"{mode}_over_ours_{what}"] = _spread(values)
            median = statistics.median(ratios["cpu_seconds"]) if ratios["cpu_seconds"] else None
            if name in ASKED:
                judgement.demand(f"{name}, LeRobot {mode} over ours, CPU", median, ASKED[name][mode], at_least=True)
    found["import_cpu_seconds"] = _spread(imports)
    judgement.demand("import, CPU seconds", statistics.median(imports), IMPORT_SECONDS, at_least=False)
    return found


def assembling(bench: Bench, judgement: Judgement) -> dict[str, Any]:
    """Episodes that are encoded already into a dataset; LeRobot joins each to the last file as it would when recording."""
    units = _units(bench, 256 // bench.sizes.shrink, bench.sizes.frames, "av1")
    joining: dict[str, Any] = {}
    ratios: list[float] = []
    whole: list[float] = []
    for camera in CAMERAS:
        videos = _links(bench, units, camera)
        ours, theirs = [], []
        for _ in range(bench.repeat):
            ours.append(bench.ours("join", videos, bench.fresh("join"), bench.sizes.frames))
            measured = bench.theirs("join", videos, bench.fresh("join"))
            if measured is not None:
                theirs.append(measured)
        joining[camera] = {"ours": _summary(ours)} | ({"lerobot": _summary(theirs)} if theirs else {})
        ratios += [b["cpu_seconds"] / a["cpu_seconds"] for a, b in zip(ours, theirs, strict=False)]
    datasets = [bench.ours("assemble", units, bench.fresh("dataset"), bench.sizes.joined) for _ in range(bench.repeat)]
    if ratios:
        both = sum(joining[camera]["lerobot"]["cpu_seconds"]["median"] for camera in CAMERAS)
        whole = [both / one["cpu_seconds"] for one in datasets]
    judgement.demand(
        f"joining {bench.sizes.joined} episodes, LeRobot over ours, CPU",
        statistics.median(ratios) if ratios else None, JOIN_ASKED, at_least=True,
    )  # fmt: skip

    thousand = bench.ours("assemble", units, bench.fresh("dataset"), bench.sizes.thousand)
    judgement.demand("1,000 episodes, CPU seconds", thousand["cpu_seconds"], THOUSAND_SECONDS, at_least=False)
    small = _units(bench, 64, 40, "h264")
    by_count = {}
    for count in bench.sizes.counts:
        by_count[count] = bench.ours("assemble", small, bench.fresh("dataset"), count)
    per_episode = {count: 1e3 * run["cpu_seconds"] / count for count, run in by_count.items()}
    most = max(bench.sizes.counts)
    judgement.demand(
        "cost per episode, most over 100", per_episode[most] / per_episode[sorted(per_episode)[1]], FLAT, at_least=False
    )
    judgement.demand(
        f"assembling {most} episodes, MB", by_count[most]["growth_with_imports_megabytes"], MEGABYTES, at_least=False
    )
    return {
        "joining_videos": joining | {"lerobot_over_ours_cpu": _spread(ratios) if ratios else None},
        f"{bench.sizes.joined}_episodes": _summary(datasets)
        | {key: datasets[0][key] for key in ("camera_frames", "megabytes")}
        | {"lerobot_joining_alone_over_our_whole_dataset_cpu": _spread(whole) if whole else None},
        "1000_episodes": thousand,
        "cpu_ms_per_episode_of_40_small_frames": {str(count): round(ms, 2) for count, ms in per_episode.items()},
        "memory_megabytes_with_imports": {str(n): run["growth_with_imports_megabytes"] for n, run in by_count.items()},
    }


def memory(bench: Bench, judgement: Judgement) -> dict[str, Any]:
    """Peak memory of writing two 640x480 cameras, frames read one at a time."""
    shrink = bench.sizes.shrink
    frames = _frames(bench, 640 // shrink, 480 // shrink, 1)
    found = bench.ours("memory", frames, bench.fresh("memory"), "av1", 30)
    judgement.demand("writing 640x480x2, MB", found["growth_with_imports"], MEGABYTES, at_least=False)
    for mode in ("streaming", "default"):
        measured = bench.theirs("memory", frames, bench.fresh("memory"), mode, "libsvtav1", 30)
        if measured is not None:
            found[f"lerobot_{mode}"] = measured["peak_megabytes"]
    return found


def quality(bench: Bench) -> dict[str, Any]:
    """PSNR and size of both codecs on the same frames: crf means something else in each of them."""
    sys.path.insert(0, str(ROOT))
    from blueprint_assets.dataset.video import AV1, H264, Codec, VideoEncoder, decode

    found: dict[str, Any] = {}
    for width, height in ((256, 256), (640, 480)):
        frames = _frames(bench, width // bench.sizes.shrink, height // bench.sizes.shrink, 1)
        for codec in (H264, Codec("h264", "libx264", 30, "medium"), AV1):
            psnr: list[float] = []
            size = 0
            for camera in CAMERAS:
                drawn = np.load(frames / f"0-{camera}.npy", mmap_mode="r")[::3]
                path = bench.scratch / "quality.mp4"
                with VideoEncoder(path, drawn.shape[2], drawn.shape[1], 20, codec) as encoder:
                    for image in drawn:
                        encoder.write(np.asarray(image))
                errors = [np.mean((a.astype(float) - b) ** 2) for a, b in zip(drawn, decode(path), strict=True)]
                psnr += [10 * np.log10(255**2 / error) for error in errors]
                size += path.stat().st_size
            found[f"{width}x{height} {codec.name} crf {codec.crf}"] = {
                "psnr_mean": round(float(np.mean(psnr)), 2),
                "psnr_min": round(float(np.min(psnr)), 2),
                "kilobytes_per_frame": round(size / len(psnr) / 1e3, 2),
            }
    return found


def _frames(bench: Bench, width: int, height: int, episodes: int, make: Callable[..., None] = draw) -> Path:
    folder = bench.scratch / f"{make.__name__}-{width}x{height}-{episodes}"
    if not folder.exists():
        make(folder, episodes, bench.sizes.frames, width, height)
    return folder


def _units(bench: Bench, side: int, frames: int, codec: str) -> Path:
    """A folder of three encoded episodes."""
    folder = bench.scratch / f"units-{side}-{frames}-{codec}"
    if not folder.exists():
        drawn = bench.scratch / f"drawn-{side}-{frames}"
        draw(drawn, 3, frames, side, side)
        out = bench.fresh("units")
        bench.ours("write", drawn, out, codec, 30, 1)
        folder.mkdir()
        for unit in sorted(out.glob("unit-*")):
            unit.rename(folder / unit.name)
    return folder


def _links(bench: Bench, units: Path, camera: str) -> Path:
    """A list of so many videos: links, of names of their own, to the units' few."""
    folder = Path(tempfile.mkdtemp(prefix="links-", dir=bench.scratch))
    sources = sorted(units.glob(f"*/{camera}.mp4"))
    paths = [folder / f"{i}.mp4" for i in range(bench.sizes.joined)]
    for i, path in enumerate(paths):
        path.hardlink_to(sources[i % len(sources)])
    (folder / "list.txt").write_text("".join(f"{path}\n" for path in paths))
    return folder / "list.txt"


def _packets(dataset: Path) -> list[tuple[int, str, int]]:
    """Number, sha256 and bytes of every camera's packets."""
    sys.path.insert(0, str(ROOT))
    from blueprint_assets.dataset.video import read_packets

    return [read_packets(path) for path in sorted((dataset / "videos").rglob("*.mp4"))]


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    timed = ("cpu_seconds", "wall_seconds", "import_cpu_seconds", "first_table_cpu_seconds")
    keys = [key for key in timed if key in runs[0]]
    found: dict[str, Any] = {key: _spread([run[key] for run in runs]) for key in keys}
    if "camera_frames" in runs[0]:
        found["camera_frames"] = runs[0]["camera_frames"]
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


if __name__ == "__main__":
    sys.exit(main())
