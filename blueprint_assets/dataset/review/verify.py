"""Verifies a finished dataset: every row, every packet, every number of its metadata, in bounded memory.

What is proven, with `deep`:
- rows are those of the episode's document (`rows_sha256`), packets those that its encoder wrote (`packets_sha256`);
- indices, timestamps, tasks, files and places agree with each other; every file is there, and none besides;
- statistics of vectors follow from the rows, those of pictures from meta/histograms;
- what meta/episodes and meta/provenance say of an episode in columns, its document says too;
- with a SHA256SUMS in the folder, every byte of every file that it lists.

What is not: pictures are counted before they are encoded, so a histogram can only be compared with the number of pixels
and with the statistics made of it, not with the video. Without SHA256SUMS, bytes that carry no data (an mp4's handler
name, the README) may be other ones. And whoever can write the folder can write new hashes, too: this finds damage and
mistakes; a forgery only shows against a hash that is kept elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from io_managers.digest import hash_file
from resources.observability import ProgressSink, silent

from ..checksums import CHECKSUMS, read_checksums
from ..layout import INFO, DatasetError, DatasetFileError, inside
from ..mp4 import VideoError
from ..reader import Dataset, open_dataset
from .finding import Finding, Findings, UnsoundError
from .rows import RowsReview
from .structure import review_structure
from .videos import review_stream

Snapshot = dict[str, tuple[int, int, int]]


def verify(
    folder: Path, *, deep: bool = True, progress: ProgressSink = silent, provenance: Path | None = None
) -> list[Finding]:
    """Everything that is wrong with a dataset; empty if it is sound.

    Without `deep` no row and no packet is read: metadata, footers and the list of files only. `provenance` as in
    `open_dataset`. Nothing is raised about what is in the folder.

    Raises:
        DatasetError: there is no such folder.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give the folder that holds {INFO}")
    findings = Findings()
    before = snapshot(folder)
    try:
        dataset = open_dataset(folder, provenance)
        _review(dataset, findings, deep, progress)
    except DatasetFileError as error:
        findings.add(error.file, error.problem)
    except (DatasetError, VideoError) as error:
        findings.add(".", str(error))
    for file in changed(before, snapshot(folder)):
        findings.add(file, "changed while it was read; is somebody writing there? verify again when it is at rest")
    return findings.all()


def demand_sound(folder: Path, *, deep: bool = True, provenance: Path | None = None) -> None:
    """Verifies a dataset.

    Raises:
        UnsoundError: something is wrong with it.
        DatasetError: there is no such folder.
    """
    findings = verify(folder, deep=deep, provenance=provenance)
    if findings:
        raise UnsoundError(folder, findings)


def snapshot(folder: Path) -> Snapshot:
    """What tells a file that was written to: path -> (inode, size, time of the last change in ns)."""
    found: Snapshot = {}
    for path in folder.rglob("*"):
        state = path.lstat()
        if not path.is_dir():
            found[path.relative_to(folder).as_posix()] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The files that are not in both as they were."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _review(dataset: Dataset, findings: Findings, deep: bool, progress: ProgressSink) -> None:
    """The metadata first: what follows relies on it, and is not looked at if it is wrong. Bytes last: that a file changed
    says less than what is wrong with it."""
    files = review_structure(dataset, findings)
    if not deep:
        return
    if not findings.all():
        rows = RowsReview(dataset, files, findings, progress)
        rows.episodes()
        if not findings.all():
            rows.dataset_statistics()
        for stream in dataset.info.streams:
            review_stream(dataset, stream, rows.packets[stream], findings, progress)
    if (dataset.folder / CHECKSUMS).is_file():
        _compare_checksums(dataset.folder, findings)


def _compare_checksums(folder: Path, findings: Findings) -> None:
    for file, sha256 in read_checksums(folder).items():
        path = inside(folder, file)
        found = hash_file(path) if path.is_file() else "no file"
        findings.demand(found == sha256, file, "sha256", found, f"{sha256} as in {CHECKSUMS}")
