"""Which code made an episode: the git commit of the checkout that runs, or, without one, a digest of the sources."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("blueprint_assets", "resources", "io_managers", "checks")
SECONDS = 10.0
"""For each question to git; it takes 5 to 30 ms. A checkout on a file system that hangs must not hang a run."""


@cache
def code_commit() -> str:
    """`<sha>`, or `<sha>-dirty` when a source differs from that commit or is not in it; outside of a checkout (an installed
    wheel), without git, or when git refuses: `blueprint-assets <version> sha256:<digest of the sources>`.

    Asked once per process: it is the code that was started, whatever is edited since.
    """
    return commit_of(ROOT) or f"blueprint-assets {_version()} sha256:{sources_digest(ROOT)}"


def commit_of(root: Path) -> str | None:
    """The commit of the sources below `root`, with `-dirty` when they differ from it; None when git does not have them."""
    head = _git(root, "rev-parse", "--verify", "HEAD^{commit}")
    if head is None:
        return None
    # An environment's site-packages may lie inside somebody's repository, which does not make it a checkout of this.
    if not _git(root, "ls-files", "--", *PACKAGES):
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", *PACKAGES)
    return None if changed is None else f"{head}-dirty" if changed else head


def sources_digest(root: Path) -> str:
    """sha256 over the relative path and the bytes of every file of the project's packages, compiled ones left out."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).digest()
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()


def _git(root: Path, *arguments: str) -> str | None:
    """What git says about the repository that `root` lies in; None when it cannot tell."""
    # Inside a hook or a rebase, git's own variables name another repository or index.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode("utf-8", errors="replace").strip()


def _version() -> str:
    try:
        return version("blueprint-assets")
    except PackageNotFoundError:  # sources that were copied, not installed
        return "(not installed)"
