"""SAM 3D Objects' outputs, translated: one camera frame, up from a given plane or from how the objects themselves stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, Obtained, Scale
from blueprint_assets.geometry.mesh import load_mesh
from blueprint_assets.geometry.transforms import apply, as_rows, quaternion_to_matrix
from resources.reconstruction.ground import Ground, given_ground, resting_ground, world_from
from resources.reconstruction.native_folder import MAX_MESH_BYTES, NativeFolder, NativeOutputError
from resources.reconstruction.native_object import (
    NativeObject,
    World,
    cared,
    fitted,
    fitted_mask,
    guess_up,
    object_ids,
    stand_up,
)

from .sidecar import SIDECAR, Sidecar, SidecarObject

Array = NDArray[np.float64]

CAMERA_UP = np.array([0.0, 1.0, 0.0])
FORWARD = np.array([0.0, 0.0, 1.0])
PYTORCH3D_FROM_OPENCV = np.diag([-1.0, -1.0, 1.0, 1.0])
UNEVEN = 1e-4
"""Relative difference of an object's three scale factors: the API gives three equal ones."""


def read_world(
    folder: NativeFolder, sidecar: Sidecar, size: tuple[int, int] | None
) -> tuple[World, Camera | None, tuple[str, ...]]:
    """All objects in our world, the camera for a picture of `size`, and notes."""
    where = str(folder.root / SIDECAR)
    ids = object_ids([item.name for item in sidecar.objects])
    objects = [_read_object(folder, item, made) for item, made in zip(sidecar.objects, ids, strict=True)]
    ground = find_ground(sidecar, objects)
    camera = _camera(sidecar, world_from(ground, FORWARD), ground, size, where)
    objects = [fitted_mask(cared(item), camera, where) for item in objects]
    notes = [] if sidecar.plane is not None else [f"support plane: {ground.how}"]
    return stand_up(objects, ground, FORWARD), camera, tuple(notes)


def find_ground(sidecar: Sidecar, objects: list[NativeObject]) -> Ground:
    """The given plane, else the one that the objects rest on, up being where most of them have theirs."""
    if sidecar.plane is not None:
        return given_ground(sidecar.plane.normal, sidecar.plane.point, guess_up(objects, CAMERA_UP))
    points = np.concatenate([apply(item.frame_from_object, item.mesh.vertices) for item in objects])
    return resting_ground(points, guess_up(objects, CAMERA_UP))


def read_scale(sidecar: Sidecar) -> Scale:
    """Metres where the point map was in metres; else unknown."""
    source = sidecar.pointmap.source
    if sidecar.pointmap.metric:
        return Scale(factor=1.0, evidence="estimated", confidence=0.7, reason=f"poses are in the metres of {source}")
    return Scale(
        factor=None,
        evidence="default",
        confidence=0.0,
        reason=f"poses are in the units of {source}'s point map, which are not metres",
    )


def frame_from_object(item: SidecarObject, where: str) -> Array:
    """The camera from the Z-up object, (4, 4), column vectors.

    Raises:
        NativeOutputError: the quaternion is not of unit length, or the scale is uneven or not positive.
    """
    try:
        row_rotation = quaternion_to_matrix(item.rotation)
    except ValueError as error:
        raise NativeOutputError(f"{where}: {item.name}: rotation: {error}") from error
    scale = np.asarray(item.scale, dtype=float)
    if scale.min() <= 0 or np.ptp(scale) > UNEVEN * scale.max():
        raise NativeOutputError(f"{where}: {item.name}: scale {list(item.scale)}; three equal positive numbers")
    matrix = np.eye(4)
    matrix[:3, :3] = row_rotation.T * scale.mean()
    matrix[:3, 3] = item.translation
    return matrix


def _read_object(folder: NativeFolder, item: SidecarObject, made: str) -> NativeObject:
    where = str(folder.root / SIDECAR)
    mesh = load_mesh(folder.file(item.mesh, MAX_MESH_BYTES), folder.root)
    unknown = {"confidence": "SAM 3D Objects gives no scores"}
    if item.label is None:
        unknown["category"] = "SAM 3D Objects does not recognise what it reconstructs, and sam3d.json has no label"
    mask = None
    if item.mask is None:
        unknown["mask"] = "sam3d.json names none"
    else:
        mask = folder.mask(item.mask)
    optimised = item.iou is not None and item.iou >= 0
    return NativeObject(
        id=made,
        label=item.label or item.name,
        category=item.label.lower() if item.label else None,
        mesh=mesh,
        frame_from_object=frame_from_object(item, where),
        obtained=Obtained(
            mask="given" if item.mask else "none",
            shape="generated (SAM 3D Objects)",
            position=f"recorded (layout optimised, IoU {item.iou:.2f})" if optimised else "recorded",
            texture="recorded",
            label="given" if item.label else "none",
            native_name=item.name,
        ),
        mask=mask,
        unknown=unknown,
    )


def _camera(sidecar: Sidecar, world: Array, ground: Ground, size: tuple[int, int] | None, where: str) -> Camera | None:
    if sidecar.image is None or sidecar.intrinsics is None:
        return None
    k = np.array(sidecar.intrinsics)
    width, height = sidecar.image.width, sidecar.image.height
    bottom = np.abs(k[2] - (0, 0, 1)).max() > 1e-6 or abs(k[1, 0]) > 1e-6
    if bottom or not (0 < k[0, 0] < 20 and 0 < k[1, 1] < 20 and 0 < k[0, 2] < 1 and 0 < k[1, 2] < 1):
        raise NativeOutputError(
            f"{where}: intrinsics {k.tolist()}: normalised ones are expected (focal lengths and centre divided by the "
            "picture's width and height), as MoGe gives them"
        )
    camera = Camera(
        width=width,
        height=height,
        fx=float(k[0, 0] * width),
        fy=float(k[1, 1] * height),
        cx=float(k[0, 2] * width),
        cy=float(k[1, 2] * height),
        focal_evidence="estimated",
        camera_to_world=as_rows(world @ PYTORCH3D_FROM_OPENCV),  # type: ignore[arg-type]
        pitch_evidence=ground.evidence,
        note=f"{sidecar.pointmap.source}'s intrinsics; gravity: {ground.how}",
    )
    return fitted(camera, size, where)
