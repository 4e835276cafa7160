"""A folder of posed meshes: whether it keeps its contract, and how people read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blueprint_assets.contracts.posed_meshes import Bounds, Camera, Pose, PosedObject, SceneInfo
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import TransformError, apply, compose, decompose
from io_managers.digest import hash_file

SCENE_INFO = "scene_info.json"
SAME = 1e-5
"""Relative difference that two ways of saying the same may have: float32 meshes keep seven digits."""


class PosedMeshesError(ValueError):
    """A stage 1 folder breaks its contract. The message names the file, the field, what was found and what is expected."""


def demand_sound(stage1: Path) -> SceneInfo:
    """The table of contents of `stage1`, after everything that it says was compared with the files.

    Raises:
        ContractError: a document is missing, is not JSON, or has a field that its contract does not allow: no support
            plane, a null without a reason, a support that does not exist, a scale of 0.
        MeshError: a mesh is missing, cannot be read, has no faces or bad indices.
        PosedMeshesError: a file is missing, not listed or changed; a quaternion is not of unit length; a transform is
            sheared, or differs from its parts; bounds are not the mesh's; a mask is not of the picture's size; a support
            plane's normal is not of unit length, or the first one is not z = 0.
    """
    info = SceneInfo.read(stage1 / SCENE_INFO)
    _demand_files(stage1, info)
    size = None
    if info.camera is not None:
        camera = Camera.read(stage1 / info.camera)
        size = (camera.width, camera.height)
        if size != info.image_size:
            raise PosedMeshesError(
                f"{stage1 / info.camera}: a picture of {size[0]}x{size[1]}, but scene_info.json says {info.image_size}"
            )
    _demand_planes(stage1, info)
    for item in info.objects:
        _demand_object(stage1, item, size, {plane.id for plane in info.support_planes})
    if info.background is not None:
        load_glb(stage1 / info.background.mesh)
    return info


def objects_table(info: SceneInfo) -> list[dict[str, str | float]]:
    """One row per object, as the asset page shows it."""
    return [
        {
            "id": item.id,
            "label": item.label,
            "category": item.category or "unknown",
            "mask": item.obtained.mask,
            "shape": item.obtained.shape,
            "position": item.obtained.position,
            "texture": item.obtained.texture,
            "support": item.support,
            "confidence": "unknown" if item.confidence is None else round(item.confidence, 2),
        }
        for item in info.objects
    ]


def _demand_files(stage1: Path, info: SceneInfo) -> None:
    there = {p.relative_to(stage1).as_posix() for p in stage1.rglob("*") if p.is_file()} - {SCENE_INFO}
    named = {name for item in info.objects for name in (item.mesh, item.pose, item.bounds, item.mask) if name}
    named |= {name for name in (info.camera, info.background.mesh if info.background else None) if name}
    for name in sorted(named | set(info.sha256)):
        if name not in there:
            raise PosedMeshesError(f"{stage1 / name}: named by {SCENE_INFO} but missing; make the scene again")
    for name in sorted(there):
        if name not in info.sha256:
            raise PosedMeshesError(f"{stage1 / name}: not listed in {SCENE_INFO} under sha256")
        if (found := hash_file(stage1 / name)) != info.sha256[name]:
            raise PosedMeshesError(
                f"{stage1 / name}: sha256 {found[:12]}…, {SCENE_INFO} says {info.sha256[name][:12]}…: it was changed"
            )


def _demand_planes(stage1: Path, info: SceneInfo) -> None:
    for plane in info.support_planes:
        length = float(np.linalg.norm(plane.normal))
        if abs(length - 1) > SAME:
            raise PosedMeshesError(
                f"{stage1 / SCENE_INFO}: support plane {plane.id}: normal of length {length:.6g}, not 1"
            )
        if plane.normal[2] < 1 - SAME:
            raise PosedMeshesError(
                f"{stage1 / SCENE_INFO}: support plane {plane.id}: normal {plane.normal} is not up (0, 0, 1); turn the world"
            )
    if abs(info.support_planes[0].point[2]) > SAME:
        first = info.support_planes[0]
        raise PosedMeshesError(
            f"{stage1 / SCENE_INFO}: support plane {first.id} lies at z = {first.point[2]:.6g}; the first one is z = 0"
        )


def _demand_object(stage1: Path, item: PosedObject, size: tuple[int, int] | None, planes: set[str]) -> None:
    path = stage1 / item.pose
    pose = Pose.read(path)
    try:
        made = compose(pose.translation, pose.rotation_quaternion, pose.scale)
    except ValueError as error:
        raise PosedMeshesError(f"{path}: rotation_quaternion: {error}") from error
    try:
        decompose(pose.transform_matrix)
    except TransformError as error:
        raise PosedMeshesError(f"{path}: transform_matrix: {error}") from error
    apart = np.abs(made - np.array(pose.transform_matrix)).max()
    if apart > SAME * max(1.0, float(np.abs(made).max())):
        raise PosedMeshesError(
            f"{path}: transform_matrix differs by {apart:.3g} from T @ R @ S of translation, rotation_quaternion and scale"
        )
    if pose.is_floor_contact != (item.support in planes):
        raise PosedMeshesError(
            f"{path}: is_floor_contact is {str(pose.is_floor_contact).lower()}, but {item.id} stands on {item.support}"
        )
    vertices = apply(made, load_glb(stage1 / item.mesh).vertices)
    bounds = Bounds.read(stage1 / item.bounds)
    extent = float(np.ptp(vertices, axis=0).max())
    for name, found in (("min", vertices.min(axis=0)), ("max", vertices.max(axis=0))):
        if np.abs(found - getattr(bounds, name)).max() > SAME * max(extent, float(np.abs(vertices).max())):
            raise PosedMeshesError(
                f"{stage1 / item.bounds}: {name} is {getattr(bounds, name)}, but the placed mesh's is {found.tolist()}"
            )
    if item.mask is not None:
        _demand_mask(stage1 / item.mask, size)


def _demand_mask(path: Path, size: tuple[int, int] | None) -> None:
    import cv2

    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise PosedMeshesError(f"{path}: not a readable mask")
    if (mask.shape[1], mask.shape[0]) != size:
        raise PosedMeshesError(f"{path}: a mask of {mask.shape[1]}x{mask.shape[0]} for a picture of {size}")
    if not (mask > 127).any():
        raise PosedMeshesError(f"{path}: an empty mask; leave it out (null, with a reason) instead")
