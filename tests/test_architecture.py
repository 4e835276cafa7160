"""The floors: a module imports only from floors below its own or from its own, no two files import each other, and only the
graph knows Dagster."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blueprint_assets", "resources", "io_managers", "checks")
STAGES = ("stage1", "scene", "tasks", "geniesim", "dataset", "release")
KNOWS_DAGSTER = {
    *(
        f"blueprint_assets.{name}"
        for name in ("stage", "gates", "partitions", "presentation", "backends", "automation", "deployment")
    ),
    "blueprint_assets.definitions",
    "io_managers.dagster_io",
    "checks.verdict",
}
SIZE_LIMIT = 20_000


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.stem.endswith(("_pb2", "_pb2_grpc"))
}


def floor(name: str) -> int:
    """1 documents and geometry, 2 backends and store, 3 domain, 4 assets, checks and what they share, 5 entrances."""
    parts = name.split(".")
    if parts[0] in ("resources", "io_managers"):
        return 2
    if parts[0] == "checks":
        return 4
    inside = parts[1] if len(parts) > 1 else ""
    if inside in ("contracts", "geometry", "household", "code_commit", ""):
        return 1
    if inside in STAGES and parts[-1] != "assets":
        return 3
    return 5 if inside in ("definitions", "cli", "commands") else 4


def imports(name: str, *, at_load: bool) -> set[str]:
    """Modules of this project that a module imports, anywhere in it or only when it is loaded."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    package = name if FILES[name].stem == "__init__" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in tree.body if at_load else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            source = (
                f"{base}.{node.module}" if node.level and node.module else base if node.level else node.module or ""
            )
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


def own(names: set[str]) -> set[str]:
    return names & set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_imported_from_a_floor_above(name: str) -> None:
    above = sorted(other for other in own(imports(name, at_load=False)) if floor(other) > floor(name))
    assert not above, f"{name} (floor {floor(name)}) imports {above}"


def test_no_two_files_import_each_other() -> None:
    graph = {name: own(imports(name, at_load=False)) - {name} for name in FILES}
    pairs = sorted(
        (a, b) for a, others in graph.items() for b in others if a < b and a in graph[b] and not is_inside(a, b)
    )
    assert not pairs


def is_inside(package: str, module: str) -> bool:
    """A package's own front (`__init__`) and a module in it: the module takes the interface, the front names the module."""
    return module.startswith(f"{package}.")


@pytest.mark.parametrize("name", FILES)
def test_only_the_graph_knows_dagster(name: str) -> None:
    if name in KNOWS_DAGSTER or name.endswith(".assets") or name.startswith("blueprint_assets.commands"):
        return
    assert not {found for found in imports(name, at_load=False) if found.split(".")[0].startswith("dagster")}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_one_concept_long(name: str) -> None:
    assert FILES[name].stat().st_size <= SIZE_LIMIT
