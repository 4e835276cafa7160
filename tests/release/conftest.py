from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blueprint_assets.contracts.release import Rules
from blueprint_assets.release.release import Outcome, make_release
from fixtures.committed_scenes import RULES, all_passed
from fixtures.kill_points import memory_folder
from io_managers.store import SceneStore


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def store(tmp_path: Path) -> SceneStore:
    return SceneStore(tmp_path / "store")


@pytest.fixture
def make(store: SceneStore) -> Callable[..., Outcome]:
    """Makes a release with every gate passed."""

    def now(rules: Rules = RULES, version: str | None = None, code: str = "code") -> Outcome:
        return make_release(store, all_passed, rules, code, version)

    return now
