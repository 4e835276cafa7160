"""LeRobot's own writer is given the same arrays: its dataset and ours are compared file by file and item by item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
from harness import LeRobot, Report, pictures, rows

from blueprint_assets.dataset.stats import QUANTILES
from blueprint_assets.dataset.unit import Unit

DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
EXACT = 1e-5
"""Relative to the larger of the value and 1: ours against float64."""


def check_same_as_lerobot(
    report: Report, lerobot: LeRobot, name: str, units: Sequence[Unit], ours: Path, root: Path
) -> Path:
    """`ours` is the dataset of these units. Returns LeRobot's."""
    arrays: dict[str, Any] = {"tasks": np.array([unit.document.task for unit in units])}
    for i, unit in enumerate(units):
        arrays |= {f"{i}/{feature}": values for feature, values in rows(unit).items()}
        arrays |= {f"{i}/{stream}": np.stack(list(pictures(unit, stream))) for stream in unit.document.streams}
    given = root / f"given-{name}.npz"
    np.savez(given, allow_pickle=False, **arrays)
    theirs = root / f"theirs-{name}"
    lerobot.run("python", Path(__file__).with_name("write_with_lerobot.py"), given, ours / "meta" / "info.json", theirs)

    _compare_metadata(report, name, ours, theirs)
    _compare_data(report, name, ours, theirs, len(units))
    for stream in units[0].document.streams:
        _compare_packets(report, name, stream, ours, theirs)
    seen = lerobot.script("compare_with_lerobot.py", ours, theirs)
    report.expect(
        f"{name}: all {seen['items']} items, every key of LeRobotDataset's, are equal to LeRobot's", seen["equal"], seen
    )
    _compare_statistics(report, name, arrays, len(units), ours, theirs)
    return theirs


def _compare_metadata(report: Report, name: str, ours: Path, theirs: Path) -> None:
    info = [json.loads((path / "meta" / "info.json").read_text()) for path in (ours, theirs)]
    report.expect(f"{name}: info.json is equal, in order", json.dumps(info[0]) == json.dumps(info[1]), info)
    tasks = [pq.read_table(path / "meta" / "tasks.parquet") for path in (ours, theirs)]
    report.expect(f"{name}: tasks are equal", tasks[0].equals(tasks[1]), [t.to_pylist() for t in tasks])
    episodes = [pq.read_table(path / EPISODES) for path in (ours, theirs)]
    fields = [{f.name: f.type for f in table.schema} for table in episodes]
    differing = [key for key, kind in fields[1].items() if fields[0].get(key) != kind]
    report.expect(
        f"{name}: meta/episodes has LeRobot's {len(fields[1])} columns, of its types", not differing, differing
    )
    orders = [[key for key in found if key in fields[1] and not key.startswith("stats/")] for found in fields]
    report.expect(f"{name}: in its order, but for the statistics", orders[0] == orders[1], orders)
    values = [
        key
        for key in fields[1]
        if not key.startswith("stats/") and not _alike(episodes[0][key].to_pylist(), episodes[1][key].to_pylist())
    ]
    report.expect(f"{name}: all of them but statistics hold the same values", not values, values)
    report.figures.setdefault("extra columns of meta/episodes", sorted(set(fields[0]) - set(fields[1])))


def _alike(ours: list[Any], theirs: list[Any]) -> bool:
    """Equal; times within LeRobot's tolerance, for it adds up durations where we divide whole frames."""
    if ours and isinstance(ours[0], float):
        return bool(np.allclose(ours, theirs, rtol=0, atol=1e-4))
    return ours == theirs


def _compare_data(report: Report, name: str, ours: Path, theirs: Path, episodes: int) -> None:
    tables = [pq.read_table(path / DATA) for path in (ours, theirs)]
    report.expect(
        f"{name}: data tables are equal, bit for bit", tables[0].equals(tables[1]), [t.schema for t in tables]
    )
    report.expect(
        f"{name}: their schemas are equal", tables[0].schema.equals(tables[1].schema), [t.schema for t in tables]
    )
    kinds = [json.loads(table.schema.metadata[b"huggingface"])["info"] for table in tables]
    report.expect(f"{name}: Hugging Face's metadata of the columns is equal", kinds[0] == kinds[1], kinds)
    groups = [pq.read_metadata(path / DATA).num_row_groups for path in (ours, theirs)]
    report.expect(f"{name}: a row group per episode", groups == [episodes, episodes], groups)


def _compare_packets(report: Report, name: str, stream: str, ours: Path, theirs: Path) -> None:
    video = f"videos/{stream}/chunk-000/file-000.mp4"
    packets = [_packets(path / video) for path in (ours, theirs)]
    report.expect(
        f"{name}: {stream}: all {len(packets[0])} packets are equal: bytes, times, key flags",
        packets[0] == packets[1],
        [i for i, (a, b) in enumerate(zip(*packets, strict=False)) if a != b][:10],
    )


def _packets(path: Path) -> list[tuple[object, object, bool, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (
                packet.pts * packet.time_base,
                packet.dts * packet.time_base,
                packet.is_keyframe,
                _pictures_of(bytes(packet)) if stream.codec_context.name == "h264" else bytes(packet),
            )
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None and packet.dts is not None
        ]


def _pictures_of(packet: bytes) -> bytes:
    """An H.264 packet without parameter sets (NAL units of types 7 and 8): LeRobot's joining repeats those of the file's
    header before every key frame."""
    kept = b""
    at = 0
    while at < len(packet):
        end = at + 4 + int.from_bytes(packet[at : at + 4], "big")
        kept += b"" if packet[at + 4] & 31 in (7, 8) else packet[at:end]
        at = end
    return kept


def _compare_statistics(
    report: Report, name: str, arrays: dict[str, Any], episodes: int, ours: Path, theirs: Path
) -> None:
    """Ours against float64 over every value before encoding, per episode and overall. LeRobot's are told, not judged."""
    stats = [json.loads((path / "meta" / "stats.json").read_text()) for path in (ours, theirs)]
    report.expect(f"{name}: the same features have statistics", set(stats[0]) == set(stats[1]), stats[0].keys())
    tables = [pq.read_table(path / EPISODES) for path in (ours, theirs)]
    features = sorted({key.split("/", 1)[1] for key in arrays if "/" in key})
    worst: list[dict[str, dict[str, float]]] = [{}, {}]
    for feature in features:
        values = [_values(arrays[f"{i}/{feature}"]) for i in range(episodes)]
        scopes = [("overall", _truth(np.concatenate(values)), [s[feature] for s in stats])]
        scopes += [
            ("per episode", _truth(part), [_row(table, feature, i) for table in tables])
            for i, part in enumerate(values)
        ]
        for scope, truth, found in scopes:
            for kind, expected in truth.items():
                for errors, statistics in zip(worst, found, strict=True):
                    error = np.abs(np.ravel(np.array(statistics[kind], float)) - expected) / np.maximum(
                        1, np.abs(expected)
                    )
                    kinds = errors.setdefault(f"{feature} {scope}", {})
                    kinds[kind] = max(kinds.get(kind, 0.0), float(error.max()))
    for key, kinds in worst[0].items():
        report.expect(f"{name}: statistics of {key} are float64's to {EXACT}", max(kinds.values()) <= EXACT, kinds)
    report.figures[f"{name}: statistics of ours off by at most"] = max(
        max(kinds.values()) for kinds in worst[0].values()
    )
    # The key of an episode is a number of 48 bits, which LeRobot's float32 cannot average.
    report.figures[f"{name}: statistics of LeRobot's off by (of max(1, value))"] = {
        key: {kind: float(f"{error:.2g}") for kind, error in kinds.items() if error > EXACT}
        for key, kinds in worst[1].items()
        if not key.startswith("episode_key")
    }


def _values(array: Any) -> Any:
    """Rows or pixels by column, float64; pictures in [0, 1]."""
    if array.ndim == 4:
        return array.reshape(-1, 3) / 255.0
    return array.reshape(len(array), -1).astype(np.float64)


def _truth(values: Any) -> dict[str, Any]:
    mean = values.mean(axis=0, dtype=np.float64)
    centred = np.sqrt(((values - mean) ** 2).mean(axis=0))
    found = {"min": values.min(axis=0), "max": values.max(axis=0), "mean": mean, "std": centred}
    return found | {key: np.quantile(values, q, axis=0) for key, q in QUANTILES.items()}


def _row(table: Any, feature: str, episode: int) -> dict[str, Any]:
    prefix = f"stats/{feature}/"
    return {
        name.removeprefix(prefix): table[name][episode].as_py()
        for name in table.schema.names
        if name.startswith(prefix)
    }
