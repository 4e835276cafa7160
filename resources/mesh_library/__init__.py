"""Libraries of ready-made meshes on this machine, from which an object's shape can be taken. None is needed.

`sweethome3d` reads the furniture that Debian's package `sweethome3d-furniture` installs. Only what its authors gave to the
public domain (CC0) is used: a dataset that shows it needs no further credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.household import Category


@dataclass(frozen=True)
class LibraryMesh:
    """A mesh of a library, by its catalogue's words.

    Attributes:
        name: as the catalogue has it.
        category: which row of the household catalogue the name means.
        size: width, depth, height in metres; the front is towards -y.
        credit: library, author and licence, in a few words.
        archive: the library's file.
        member: the OBJ file in it.
        turn: 3x3 row by row, by which the catalogue turns the OBJ file's Y-up axes before `size` holds.
    """

    name: str
    category: Category
    size: tuple[float, float, float]
    credit: str
    archive: Path
    member: str
    turn: tuple[float, ...]
