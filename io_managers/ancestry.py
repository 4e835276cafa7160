"""What an artifact was made from, read off the commit records: an asset is behind when something it read is not current."""

from __future__ import annotations

from collections.abc import Mapping

from .record import CommitRecord


def ancestry(records: Mapping[str, CommitRecord], asset: str) -> dict[str, CommitRecord]:
    """The current commits of `asset` and of everything above it, inputs before what is made from them.

    What was never committed is left out; `behind` tells.
    """
    found: dict[str, CommitRecord] = {}

    def visit(name: str) -> None:
        if name in found or name not in records:
            return
        for above in records[name].inputs:
            visit(above)
        found[name] = records[name]

    visit(asset)
    return found


def behind(records: Mapping[str, CommitRecord]) -> set[str]:
    """The assets that were made from a commit that is no longer current, or from something of which that is true."""
    known: dict[str, bool] = {}

    def visit(name: str) -> bool:
        if name not in known:
            known[name] = any(
                above not in records or records[above].commit_id != read or visit(above)
                for above, read in records[name].inputs.items()
            )
        return known[name]

    return {name for name in records if visit(name)}
