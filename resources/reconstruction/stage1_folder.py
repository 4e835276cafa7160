"""Writing the stage 1 layout. Backends say what they know of each object; this puts it into files and documents."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blueprint_assets.contracts.base import OBJECT_ID_PATTERN
from blueprint_assets.contracts.posed_meshes import (
    Background,
    Bounds,
    Camera,
    Candidate,
    ConsumedFile,
    Obtained,
    Pose,
    PosedObject,
    Scale,
    SceneInfo,
    SupportPlane,
)
from blueprint_assets.geometry.mesh import save_glb
from blueprint_assets.geometry.transforms import TransformError, apply, as_rows, compose, decompose

from . import ReconstructionError

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]

SCENE_INFO = "scene_info.json"
CAMERA = "camera.json"
PREVIEW = "preview.png"


@dataclass(frozen=True)
class Found:
    """An object as a backend found it.

    `mesh` is Z-up in its own frame, textured where it can be; `world_from_object` (4, 4) is T @ R @ S; `mask` (height, width)
    has the full picture's size. What is None needs its reason in `unknown`: category, mask, confidence.
    `candidates`: what it may be, where the backend weighs alternatives.
    """

    id: str
    label: str
    category: str | None
    mesh: trimesh.Trimesh
    world_from_object: ArrayLike
    support: str
    obtained: Obtained
    confidence: float | None
    mask: NDArray[np.bool_] | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    candidates: Sequence[Candidate] = ()


def write_stage1(
    stage1: Path,
    objects: Sequence[Found],
    planes: Sequence[SupportPlane],
    *,
    scene_id: str,
    method: str,
    generated_at: str,
    scale: Scale,
    camera: Camera | None,
    confidence: float | None,
    environment: str | None,
    background: tuple[trimesh.Trimesh, str] | None = None,
    arranged: bool = False,
    inputs: Sequence[ConsumedFile] = (),
    unknown: Mapping[str, str],
    notes: Sequence[str] = (),
) -> SceneInfo:
    """Fills `stage1` with every object's files, the camera, the background and the table of contents.

    What the backend drew into `stage1` before (a preview) is listed with the rest. `background` is a mesh, Z-up, world frame,
    and how it was obtained. `unknown` has the reason for each of camera, image_size, confidence, environment_type and
    background that is None.

    Raises:
        ReconstructionError: an object's transform is sheared, mirrored or flat, or it has no extent; or there is no object, no
            support plane, or a null without a reason.
    """
    stage1.mkdir(parents=True, exist_ok=True)
    posed = tuple(_write_object(stage1, found, {plane.id for plane in planes}) for found in objects)
    if camera is not None:
        camera.write(stage1 / CAMERA)
    behind = None
    if background is not None:
        save_glb(background[0], stage1 / "background/mesh.glb")
        behind = Background(mesh="background/mesh.glb", obtained=background[1])
    try:
        info = SceneInfo(
            scene_id=scene_id,
            image_size=None if camera is None else (camera.width, camera.height),
            meters_per_unit=scale.factor,
            scale=scale,
            confidence=confidence,
            environment_type=environment,
            reconstruction_method=method,
            generated_at=generated_at,
            camera=None if camera is None else CAMERA,
            support_planes=tuple(planes),
            objects=posed,
            background=behind,
            arranged=arranged,
            inputs=tuple(sorted(inputs, key=lambda file: file.path)),
            sha256=hashes(stage1),
            notes=tuple(notes),
            unknown=dict(unknown),
        )
    except ValueError as error:
        raise ReconstructionError(f"{stage1 / SCENE_INFO}: {error}") from error
    info.write(stage1 / SCENE_INFO)
    return info


def hashes(stage1: Path) -> dict[str, str]:
    """sha256 of every file below `stage1` but the table of contents; relative paths, sorted."""
    return {
        path.relative_to(stage1).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(stage1.rglob("*"))
        if path.is_file() and path != stage1 / SCENE_INFO
    }


def _write_object(stage1: Path, found: Found, planes: set[str]) -> PosedObject:
    if not re.fullmatch(OBJECT_ID_PATTERN, found.id):
        raise ReconstructionError(f"object {found.id!r}: an id is a file name here and must match {OBJECT_ID_PATTERN}")
    folder = Path("objects") / found.id
    try:
        translation, quaternion, scale = decompose(found.world_from_object)
    except TransformError as error:
        raise ReconstructionError(f"object {found.id}: its transform cannot be used: {error}") from error
    matrix = compose(translation, quaternion, scale)
    vertices = apply(matrix, found.mesh.vertices)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    if not np.isfinite(vertices).all() or (high <= low).all():
        raise ReconstructionError(f"object {found.id}: {len(vertices)} vertices without extent")
    save_glb(found.mesh, stage1 / folder / "mesh.glb")
    mask = None
    if found.mask is not None:
        mask = (folder / "mask.png").as_posix()
        _write_mask(found.mask, stage1 / mask)
    Pose(
        transform_matrix=as_rows(matrix),  # type: ignore[arg-type]
        translation=_vector(translation),
        rotation_quaternion=tuple(quaternion.tolist()),
        scale=_vector(scale),
        confidence=found.confidence,
        is_floor_contact=found.support in planes,
    ).write(stage1 / folder / "pose.json")
    Bounds(min=_vector(low), max=_vector(high), center=_vector((low + high) / 2), size=_vector(high - low)).write(
        stage1 / folder / "bounds.json"
    )
    try:
        return PosedObject(
            id=found.id,
            label=found.label,
            category=found.category,
            candidates=tuple(found.candidates),
            mesh=(folder / "mesh.glb").as_posix(),
            mask=mask,
            pose=(folder / "pose.json").as_posix(),
            bounds=(folder / "bounds.json").as_posix(),
            support=found.support,
            obtained=found.obtained,
            confidence=found.confidence,
            unknown=dict(found.unknown),
        )
    except ValueError as error:
        raise ReconstructionError(f"object {found.id}: {error}") from error


def _write_mask(mask: NDArray[np.bool_], path: Path) -> None:
    import cv2

    cv2.imwrite(str(path), mask.astype(np.uint8) * np.uint8(255))


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
