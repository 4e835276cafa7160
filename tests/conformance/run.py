"""Our datasets against the real LeRobot. Prints what was compared, then one JSON object; exit code 1 on a difference.

    python tests/conformance/run.py --lerobot ENVIRONMENT [DATASET ...]

Synthetic datasets are written here, without LeRobot, and read there, with it: rows must be equal, decoded frames must be
what we decode, and close to what was drawn. LeRobot's own writer is given the same arrays, and everything is compared. Its
tools (info, merge, split, delete, visualizer, training) work on the datasets; statistics are compared with float64. Depth,
language and the exports are compared too. DATASETs given are loaded and handled as well.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import exports
import modalities
from harness import LeRobot, Report, drawn_unit
from reading import check_given, check_reading
from same_as_lerobot import check_same_as_lerobot
from tools import check_tools, train

from blueprint_assets.dataset.lerobot import Limits
from blueprint_assets.dataset.video import AV1


def main() -> int:
    """Runs everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lerobot", type=Path, required=True, help="LeRobot's virtual environment")
    parser.add_argument("datasets", type=Path, nargs="*", help="datasets to check as well")
    arguments = parser.parse_args()
    report, lerobot = Report(), LeRobot(arguments.lerobot.resolve())
    seconds: dict[str, float] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        root = Path(folder)
        for name, work in (
            ("datasets", lambda: check_datasets(report, lerobot, root)),
            (
                "training",
                lambda: report.attempt("training", lambda: train(report, lerobot, root / "h264", root / "act")),
            ),
            ("modalities", lambda: modalities.check(report, lerobot, root)),
            ("exports", lambda: exports.check(report, lerobot, root)),
            ("given", lambda: [check_given(report, lerobot, d.resolve(), root) for d in arguments.datasets]),
        ):
            started = time.monotonic()
            work()
            seconds[name] = round(time.monotonic() - started, 1)
    report.figures["seconds"] = seconds | {"all": round(time.monotonic() - began, 1)}
    print(json.dumps({"passed": len(report.passed), "failed": report.failed, **report.figures}))
    return 1 if report.failed else 0


def check_datasets(report: Report, lerobot: LeRobot, root: Path) -> None:
    """H.264 and AV1, in one file and in many: reading, equality with LeRobot's writer, LeRobot's tools."""
    small = [drawn_unit(root / f"h264-{i}", 60 + 7 * i, i, (256, 256)) for i in range(4)]
    check_reading(report, lerobot, "h264 256x256", small, root / "h264", Limits())
    rolled = [drawn_unit(root / f"noisy-{i}", 120, 10 + i, (256, 256)) for i in range(9)]
    check_reading(report, lerobot, "files rolled over", rolled, root / "rolled", Limits(1, 1, 1))
    files = list((root / "rolled" / "videos").rglob("*.mp4"))
    report.expect("the rolled dataset has several files and chunks", len({f.parent for f in files}) > 2, files)
    large = [drawn_unit(root / f"av1-{i}", 60 + i, 20 + i, (320, 240), AV1) for i in range(3)]
    check_reading(report, lerobot, "av1 320x240", large, root / "av1", Limits())
    check_same_as_lerobot(report, lerobot, "av1", large, root / "av1", root)
    theirs = check_same_as_lerobot(report, lerobot, "h264", small, root / "h264", root)
    check_tools(report, lerobot, root / "h264", root / "rolled", theirs, root)


if __name__ == "__main__":
    sys.exit(main())
