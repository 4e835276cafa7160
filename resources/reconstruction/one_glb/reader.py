"""A GLB's nodes, translated: every node with a mesh is an object."""

from __future__ import annotations

import re

import numpy as np

from blueprint_assets.contracts.posed_meshes import Obtained, Scale
from blueprint_assets.geometry.mesh import MeshPart, load_parts
from blueprint_assets.geometry.transforms import apply
from resources.reconstruction.ground import Ground, resting_ground
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError
from resources.reconstruction.native_object import NativeObject, World, cared, object_ids, stand_up

from . import Gravity

UP = np.array([0.0, 0.0, 1.0])
FORWARD = np.array([0.0, 1.0, 0.0])
SCALE = Scale(
    factor=None,
    evidence="default",
    confidence=0.0,
    reason="scenes in one GLB are normalised by the tools that write them; glTF's metres are not meant",
)
MEANINGLESS = frozenset(
    {"geometry", "mesh", "node", "object", "obj", "world", "scene", "default", "primitive", "instance"}
)


def read_world(folder: NativeFolder, name: str, gravity: Gravity) -> tuple[World, tuple[str, ...]]:
    """All nodes in our world, and what was noted of the file."""
    path = folder.file(name, MAX_MESH_BYTES)
    if path.suffix.lower() != ".glb":
        raise NativeOutputError(f"{path}: a GLB file is read; export the scene as .glb")
    parts, notes = load_parts(path, path.parent)
    if not parts:
        raise NativeOutputError(f"{path}: no node with a mesh")
    ids = object_ids([part.name for part in parts])
    objects = [_object(part, made) for part, made in zip(parts, ids, strict=True)]
    points = np.concatenate([apply(part.matrix, part.mesh.vertices) for part in parts])
    if gravity == "objects":
        ground = resting_ground(points, UP)
    else:
        lowest = points[int(np.argmin(points[:, 2]))]
        ground = Ground(UP, lowest, "default", "level (glTF's +Y is up) through the lowest vertex")
    return stand_up([cared(item) for item in objects], ground, FORWARD), (f"support plane: {ground.how}", *notes)


def label_of(name: str) -> str:
    """A label for people from a node's name: its words without numbers and file suffix; `object` where that says nothing."""
    words = re.sub(r"\.(obj|glb|gltf|ply|stl|fbx)$", "", name.strip().lower())
    words = " ".join(re.findall(r"[^\W\d_]+", words))
    return "object" if not words or set(words.split()) <= MEANINGLESS else words[:60]


def _object(part: MeshPart, made: str) -> NativeObject:
    label = label_of(part.name)
    return NativeObject(
        id=made,
        label=label,
        category=None,
        mesh=part.mesh,
        frame_from_object=part.matrix,
        obtained=Obtained(
            mask="none",
            shape="generated",
            position="recorded (node transform)",
            texture="recorded",
            label="node name" if label != "object" else "none",
            native_name=part.name,
        ),
        unknown={
            "category": "a node's name is no recognition",
            "mask": "the file has no picture",
            "confidence": "the file has no scores",
        },
    )
