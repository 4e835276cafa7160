from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.generate_mock_regen3d import Truth, write_native_tree
from fixtures.native_outputs import closed_objects


@pytest.fixture(scope="session")
def real_tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A native tree of real meshes. Read only."""
    root = tmp_path_factory.mktemp("regen3d") / "real"
    return root, write_native_tree(root)


@pytest.fixture(scope="session")
def closed_tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A native tree of closed solids, which need no repair. Read only."""
    root = tmp_path_factory.mktemp("regen3d") / "closed"
    return root, write_native_tree(root, objects=closed_objects())


@pytest.fixture
def tree(closed_tree: tuple[Path, Truth], tmp_path: Path) -> Path:
    """A copy of the tree of closed solids, to break."""
    root = tmp_path / "tree"
    shutil.copytree(closed_tree[0], root)
    return root


@pytest.fixture
def native(tree: Path) -> Callable[[str], str]:
    """The native name of an object by its label."""
    names = [path.stem for path in sorted((tree / "output/glb").glob("*.glb"))]
    return lambda label: next(name for name in names if name.startswith(label.replace(" ", "_")))
