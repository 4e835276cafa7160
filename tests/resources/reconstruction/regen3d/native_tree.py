"""Reading a native tree of 3D-RE-GEN in tests, and where its placed meshes lie."""

from __future__ import annotations

from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from fixtures.native_outputs import picture_source
from resources.observability import silent
from resources.reconstruction.regen3d import Regen3dReconstructor


def read(tree: Path, stage1: Path, size: tuple[int, int] = (640, 480)) -> SceneInfo:
    return Regen3dReconstructor(tree).reconstruct(picture_source(*size), tree, stage1, silent)


def placed(tree: Path, name: str) -> Path:
    return tree / f"output/glb/{name}.glb"
