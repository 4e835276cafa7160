"""Scenes that another generator finished: what its readers share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Obtained, Scale, SceneInfo
from blueprint_assets.contracts.source import Source
from blueprint_assets.household import find
from resources.reconstruction.ground import Ground
from resources.reconstruction.native_folder import NativeFolder, NativeOutputError
from resources.reconstruction.native_object import NativeObject, cared, stand_up
from resources.reconstruction.stage1_folder import write_stage1

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

FORWARD = np.array([0.0, 1.0, 0.0])


def named(
    made_id: str, name: str, native: str, mesh: trimesh.Trimesh, pose: Array, *, shape: str, tool: str
) -> NativeObject:
    """An object as `tool` wrote it. Its category is the catalogue's for the tool's own name of it, null where it has none."""
    words = name.replace("_", " ").strip().lower() or "object"
    row = find(words) or find(words.split()[-1])
    unknown = {"mask": "there is no picture", "confidence": f"{tool} gives no scores"}
    if row is None:
        unknown["category"] = f"{tool} calls it {words[:60]!r}, which the household catalogue does not know"
    return NativeObject(
        id=made_id,
        label=words[:120],
        category=None if row is None else row.name,
        mesh=mesh,
        frame_from_object=pose,
        obtained=Obtained(
            mask="none",
            shape=shape,
            position=f"recorded ({tool})",
            texture="recorded" if mesh.visual.kind == "texture" else "none",
            label="language model",
            native_name=native,
        ),
        unknown=unknown,
    )


def write_finished(
    stage1: Path,
    source: Source,
    folder: NativeFolder,
    objects: Sequence[NativeObject],
    *,
    backend: str,
    tool: str,
    room: str | None,
    notes: Sequence[str],
) -> SceneInfo:
    """Stands the objects on the tool's own floor, z = 0, and writes stage 1.

    Raises:
        NativeOutputError: no object, or too many; a transform that cannot be used.
        MeshError: a mesh cannot be made a solid.
    """
    if not objects:
        raise NativeOutputError(f"{folder.root}: no object that stands on something; give a whole scene of {tool}")
    floor = Ground(np.array([0.0, 0.0, 1.0]), np.zeros(3), "measured", f"z = 0, {tool}'s floor")
    world = stand_up([cared(item) for item in objects], floor, FORWARD, label="floor")
    unknown = {
        "confidence": f"{tool} gives no scores",
        "camera": "a scene from words has no camera",
        "image_size": "there is no picture",
        "background": "walls, doors and windows are not read",
    }
    if room is None:
        unknown["environment_type"] = f"{tool} names no room, or several"
    return write_stage1(
        stage1,
        world.objects,
        [world.plane],
        scene_id=source.scene_id,
        method=backend,
        generated_at=source.received_at,
        scale=Scale(factor=1.0, evidence="measured", confidence=0.9, reason=f"{tool} writes metres"),
        camera=None,
        confidence=None,
        environment=room,
        inputs=folder.consumed(),
        unknown=unknown,
        notes=notes,
    )


def mapping(value: Any, where: str) -> dict[str, Any]:
    """The value as a JSON object.

    Raises:
        NativeOutputError: it is something else.
    """
    if not isinstance(value, dict):
        raise NativeOutputError(f"{where}: a JSON object is expected, found {type(value).__name__}")
    return value


def numbers(value: Any, count: int, where: str) -> Array:
    """The value as so many finite numbers.

    Raises:
        NativeOutputError: it is something else.
    """
    plain = isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    if not plain or len(value) != count or not all(abs(v) < 1e9 and math.isfinite(v) for v in value):
        raise NativeOutputError(f"{where}: {str(value)[:80]}; {count} finite numbers are expected")
    return np.array(value, dtype=float)


def text(value: Mapping[str, Any], key: str, where: str) -> str:
    """A text of a JSON object.

    Raises:
        NativeOutputError: it is missing, empty or something else.
    """
    found = value.get(key)
    if not isinstance(found, str) or not found.strip() or len(found) > 4096:
        raise NativeOutputError(f"{where}.{key}: {str(found)[:80]!r}; a text is expected")
    return found
