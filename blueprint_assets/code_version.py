"""The version of the code that makes an asset: a hash of its sources, so that nobody can forget to raise a number."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def _hash_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    if not files or not files[0].exists():
        raise FileNotFoundError(f"{path}: no Python source to take a code version from")
    for file in files:
        if file.name != "assets.py":  # wiring: it decides where an artifact goes, not what is in it
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.digest()


def code_version(*modules: str) -> str:
    """Sixteen hex digits over the sources of the modules or packages (dotted names) that an asset is made by.

    Raises:
        FileNotFoundError: a name is neither a module nor a package of this project.
    """
    digest = hashlib.sha256()
    for name in ("blueprint_assets.contracts", "blueprint_assets.geometry", *modules):
        digest.update(_hash_of(ROOT / name.replace(".", "/")))
    return digest.hexdigest()[:16]
