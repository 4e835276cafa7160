from __future__ import annotations

from pathlib import Path

import pytest

from blueprint_assets import code_version as versions
from blueprint_assets.code_version import code_version


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project: maker imports helper (inside a function) and a package with data; wiring imports maker."""
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    package = tmp_path / "resources"
    (package / "robot").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "robot" / "__init__.py").write_text("")
    (package / "robot" / "arm.xml").write_text("<arm/>")
    (package / "maker.py").write_text("import os\n\ndef make():\n    from .helper import help\n    return help()\n")
    (package / "helper.py").write_text("from resources import deeper\n")
    (package / "deeper.py").write_text("X = 1\n")
    (package / "stranger.py").write_text("Y = 1\n")
    (package / "robot" / "assets.py").write_text("Z = 1\n")
    return package


def version(*names: str) -> str:
    versions._hash_of.cache_clear()
    versions._imported_by.cache_clear()
    return code_version(*names)


@pytest.mark.parametrize("changed", ["maker.py", "helper.py", "deeper.py", "robot/arm.xml"])
def test_a_change_anywhere_below_changes_the_version(project: Path, changed: str) -> None:
    before = version("resources.maker", "resources.robot")
    (project / changed).write_text((project / changed).read_text() + "\n")
    assert version("resources.maker", "resources.robot") != before


@pytest.mark.parametrize("changed", ["stranger.py", "robot/assets.py"])
def test_a_change_elsewhere_does_not(project: Path, changed: str) -> None:
    before = version("resources.maker", "resources.robot")
    (project / changed).write_text("changed = True\n")
    assert version("resources.maker", "resources.robot") == before


def test_a_name_that_is_nothing_is_refused(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"resources\.nobody: no module or package"):
        version("resources.nobody")


def test_the_real_graph_reaches_what_the_wiring_does_not_name() -> None:
    versions._hash_of.cache_clear()
    versions._imported_by.cache_clear()
    reached = versions._imported_by(versions.ROOT / "blueprint_assets/geniesim/export.py")
    assert versions.ROOT / "blueprint_assets/geniesim/scene_graph.py" in reached
