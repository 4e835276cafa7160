"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import blueprint_assets  # noqa: F401  (its settings of the process, before a test loads numpy)
from resources.vision.weights import missing

HOME_OF_CACHES = os.environ.get("XDG_CACHE_HOME")


@pytest.fixture(autouse=True, scope="session")
def without_networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No pretrained weights are found, also by commands that a test starts: photographs are reconstructed the same way on
    every machine, and in a tenth of the time. Tests of the networks ask for `networks`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("no-weights")))
        yield


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pretrained weights, where this machine keeps them.

    The only reason not to run a test of the networks: nobody fetched the weights (`blueprint models fetch` needs a network). What
    is there and cannot be used, a damaged file or a runtime that does not load, fails."""
    if HOME_OF_CACHES is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", HOME_OF_CACHES)
    if absent := missing():
        pytest.skip(f"the weights of {', '.join(absent)} are not on this machine (blueprint models fetch)")
