from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.contracts.simready_physics import SimreadyPhysics
from fixtures.simulated_scene import build_simulated_scene, simple_things


@dataclass(frozen=True)
class Built:
    """A scene on disk and its documents. Read only."""

    root: Path
    layout: SceneLayout
    manifest: SceneManifest
    physics: SimreadyPhysics


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = build_simulated_scene(tmp_path_factory.mktemp("scene"), simple_things())
    return Built(
        root,
        SceneLayout.read(root / "layout/scene_layout_scaled.json"),
        SceneManifest.read(root / "assets/scene_manifest.json"),
        SimreadyPhysics.read(root / "assets/simready_physics.json"),
    )
