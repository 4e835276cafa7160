"""Reading what is compared: the truth of a rendered scene, and a scene as the manifest or the metric layout tells it.

The files are read as any other program would read them, as JSON, and not through the project's own document models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.mesh import MeshError, load_glb
from blueprint_assets.geometry.transforms import apply, compose

from .solids import Solid
from .vocabulary import is_surface, same_category

Array = NDArray[np.float64]

MANIFEST, LAYOUT = "assets/scene_manifest.json", "layout/scene_layout_scaled.json"
NO_OBJECT = ("scene_shell", "background")


def read_truth(folder: Path) -> tuple[dict[str, Any], list[Solid]]:
    """`scene.json` of a rendered scene and its objects; mesh paths are relative to the folder of all scenes."""
    document: dict[str, Any] = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    solids = []
    for number, item in enumerate(document["objects"]):
        mesh = load_glb(folder.parent / item["mesh"])
        pose = np.array(item["pose"], float)
        vertices = np.asarray(mesh.vertices) @ pose[:3, :3].T + pose[:3, 3]
        solids.append(
            Solid(
                item["id"],
                item["category"],
                vertices,
                np.asarray(mesh.faces),
                1000 + number,
                item.get("shape"),
                item.get("support"),
            )
        )
    return document, solids


def read_predicted(root: Path, true: list[Solid], which: str = "layout") -> tuple[list[Solid], int]:
    """The objects of a scene in metres, and how many of them have no usable mesh.

    Args:
        root: a scene folder with the manifest, the meshes and, for `layout`, the metric layout.
        true: the true objects, for their category names.
        which: `layout` (where the pipeline puts things in the end) or `manifest` (where the reconstruction saw them).
    """
    manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    placed = {}
    if which == "layout":
        layout = json.loads((root / LAYOUT).read_text(encoding="utf-8"))
        placed = {item["id"]: item for item in layout["objects"]}
    unit = manifest["scene"]["meters_per_unit"]
    known = [solid.category for solid in true]
    solids, unusable = [], 0
    for number, item in enumerate(manifest["objects"]):
        category = item["category"] or ""
        surface = is_surface(category) and not any(same_category(category, name) for name in known)
        if item["sim_role"] in NO_OBJECT or surface:
            continue
        try:
            mesh = load_glb(root / item["asset"]["path"])
        except MeshError:
            unusable += 1
            continue
        if which == "layout":
            metric = placed[item["id"]]
            matrix = compose(metric["position"], metric["rotation_quaternion"], metric["scale"])
        else:
            transform = item["transform"]
            turn = [transform["rotation_quaternion"][axis] for axis in "wxyz"]
            place, scale = (unit * np.array([transform[key][axis] for axis in "xyz"]) for key in ("position", "scale"))
            matrix = compose(place, turn, scale)
        vertices = apply(matrix, mesh.vertices)
        solids.append(Solid(item["id"], category, vertices, np.asarray(mesh.faces), 5000 + number))
    return solids, unusable
