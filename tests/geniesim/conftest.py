from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets.geniesim.export import export_scene
from fixtures.simulated_scene import build_simulated_scene, simple_things


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene folder with its export. Read only."""
    root = build_simulated_scene(tmp_path_factory.mktemp("scene"), simple_things())
    export_scene(root, root)
    return root
