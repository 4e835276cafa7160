"""The version of the code that makes an asset: a hash of its sources and of all that they import from this project, so
that nobody can forget to raise a number."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("blueprint_assets", "resources", "io_managers")
WIRING = ("assets.py",)
"""Decides where an artifact goes, not what is in it."""


def code_version(*modules: str) -> str:
    """Sixteen hex digits over what an asset is made by.

    Args:
        modules: dotted names of modules, or of packages: then everything in the folder, data files included.

    Raises:
        FileNotFoundError: a name is neither a module nor a package of this project.
    """
    waiting = [file for name in modules for file in _files_of(name)]
    reached: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting.extend(_imported_by(file))
    digest = hashlib.sha256()
    for file in sorted(reached):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + _hash_of(file))
    return digest.hexdigest()[:16]


def _files_of(name: str) -> list[Path]:
    place = ROOT / name.replace(".", "/")
    if place.is_dir():
        found = (path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return sorted(path for path in found if path.name not in WIRING)
    module = place.with_suffix(".py")
    if not module.is_file():
        raise FileNotFoundError(f"{name}: no module or package below {ROOT} to take a code version from")
    return [module]


@cache
def _hash_of(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


@cache
def _imported_by(file: Path) -> tuple[Path, ...]:
    """The project's own modules that a source file imports, anywhere in it; the interface of a package for its names."""
    if file.suffix != ".py":
        return ()
    inside = file.relative_to(ROOT).with_suffix("").parts
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*inside[: len(inside) - node.level], *([node.module] if node.module else [])))
            source = base if node.level else node.module or ""
            names = [source, *(f"{source}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] in PACKAGES:
                place = ROOT / name.replace(".", "/")
                found |= {path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()}
    return tuple(sorted(found))
