from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.scene.simready import build_simready
from blueprint_assets.scene.usd import compose_scene
from fixtures.stage1_layout import write_source, write_stage1


@pytest.fixture(scope="session")
def built_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture's reconstruction made into a scene, every artifact in one folder. Read only."""
    root = tmp_path_factory.mktemp("scene")
    info = write_stage1(root / "stage1")
    write_source(root)
    build_manifest(root / "stage1", info, root)
    lay_out_scene(root, root)
    build_simready(root, root)
    compose_scene(root, root)
    return root
