from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.verdict import MEASUREMENTS, Verdict
from fixtures.simulated_scene import build_simulated_scene, simple_things

Measure = Callable[[str, Path], Verdict]


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Measures a folder by the gate that is called `asset/check`, without Dagster."""
    import blueprint_assets.definitions  # noqa: F401  makes every gate known

    return lambda name, scene: MEASUREMENTS[name](scene)


@pytest.fixture(scope="session")
def good_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every artifact up to the composed scene. Read only."""
    return build_simulated_scene(tmp_path_factory.mktemp("scene"), simple_things())


@pytest.fixture
def scene(good_scene: Path, tmp_path: Path) -> Path:
    """A copy of the good scene to damage."""
    return Path(shutil.copytree(good_scene, tmp_path / "scene"))
