"""From what another tool says of its objects to what is written: names, one world, and what each object stands on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, Obtained, SupportPlane
from blueprint_assets.contracts.source import Source
from blueprint_assets.geometry.camera import resized
from blueprint_assets.geometry.mesh import MeshError
from blueprint_assets.geometry.mesh_care import care_for
from blueprint_assets.geometry.transforms import TransformError, apply, decompose

from .ground import PLANE, UNKNOWN_COLOR, Ground, support_plane, world_from
from .native_folder import NativeOutputError
from .stage1_folder import Found
from .standing import find_standing, said

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ID_LENGTH = 56
"""Of the 63 characters that an object id may have; the rest is for `_2`, `_3`, … of names that are alike."""
MAX_OBJECTS = 200
"""SceneSmith's rooms have 71 on average; what each stands on is found by comparing every two."""
AGREEING = 45.0
"""Degrees between an object's own up and the median of all, below which it counts as upright: twice the published errors."""
SAME_SHAPE = 0.01
"""Relative difference of width-to-height ratios up to which two pictures are the same picture at two sizes."""


@dataclass(frozen=True)
class NativeObject:
    """An object as a tool wrote it: `mesh` Z-up in its own frame, `frame_from_object` (4, 4) into the tool's frame."""

    id: str
    label: str
    category: str | None
    mesh: trimesh.Trimesh
    frame_from_object: Array
    obtained: Obtained
    confidence: float | None = None
    mask: Mask | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """Objects and their support plane in our world; `from_frame` (4, 4) leads there from the tool's frame."""

    objects: tuple[Found, ...]
    plane: SupportPlane
    from_frame: Array


def object_ids(names: Sequence[str]) -> list[str]:
    """An object id for each name, in order: lower-case letters, digits and `_`, each once."""
    taken: set[str] = {PLANE}
    ids: list[str] = []
    for name in names:
        base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:ID_LENGTH].strip("_")
        if not base or not base[0].isalpha():
            base = f"object_{base}".strip("_")
        made, number = base, 1
        while made in taken:
            number += 1
            made = f"{base}_{number}"
        taken.add(made)
        ids.append(made)
    return ids


def cared(item: NativeObject) -> NativeObject:
    """The object with a closed mesh of at most 20,000 faces (`geometry.mesh_care`), and what that took in `obtained.shape`.

    Its frame stays, and so its pose. Raw meshes of image-to-3D systems are open and large; what follows needs solids. One that
    cannot be closed stays as it is, and `obtained.shape` says why: it is for the gate behind the reconstruction to refuse.
    """
    try:
        mesh, report = care_for(item.mesh)
    except MeshError as error:
        how = f"{item.obtained.shape}; not closed: {error}"
        return replace(item, obtained=item.obtained.model_copy(update={"shape": how}))
    if report.method == "kept":
        return item
    before, after = report.before, report.after
    how = f"{item.obtained.shape}; {report.method}: {before.faces} to {after.faces} faces, {before.open_edges} open edges closed"
    return replace(item, mesh=mesh, obtained=item.obtained.model_copy(update={"shape": how}))


def guess_up(objects: Sequence[NativeObject], camera_up: Array) -> Array:
    """Roughly up, in the tool's frame: the median of the objects' own up axes, because image-to-3D systems generate upright
    objects. Where most of them are over 45 degrees off it (things lie about), the camera's: it is held upright more or less.
    """
    axes = np.array([item.frame_from_object[:3, 2] for item in objects])
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    middle = np.median(axes, axis=0)
    length = float(np.linalg.norm(middle))
    if length < 1e-6:
        return camera_up
    upright = (axes @ middle / length > np.cos(np.radians(AGREEING))).mean() > 0.5
    return middle / length if upright and middle @ camera_up > 0 else camera_up


def stand_up(
    objects: Sequence[NativeObject],
    ground: Ground,
    forward: Array,
    *,
    color: tuple[float, float, float] = UNKNOWN_COLOR,
    label: str = "",
) -> World:
    """The objects in a world whose z = 0 is `ground` and whose +y is `forward` (tool's frame) laid onto it.

    Raises:
        NativeOutputError: there is no object, a transform shears, mirrors or flattens, or the view is along gravity.
    """
    if not 1 <= len(objects) <= MAX_OBJECTS:
        raise NativeOutputError(f"{len(objects)} objects; a scene has 1 to {MAX_OBJECTS}")
    world = world_from(ground, forward)
    solids: dict[str, tuple[Array, NDArray[np.int64]]] = {}
    for item in objects:
        try:
            decompose(item.frame_from_object)
        except TransformError as error:
            raise NativeOutputError(
                f"object {item.id} ({item.obtained.native_name}): its transform: {error}"
            ) from error
        vertices = apply(world @ item.frame_from_object, item.mesh.vertices)
        solids[item.id] = (vertices, np.asarray(item.mesh.faces, dtype=np.int64))
    standing = find_standing(solids, PLANE)
    found = []
    for item in objects:
        extent = float(np.ptp(solids[item.id][0], axis=0).max())
        position = item.obtained.position + said(standing[item.id], extent)
        found.append(
            Found(
                id=item.id,
                label=item.label,
                category=item.category,
                mesh=item.mesh,
                world_from_object=world @ item.frame_from_object,
                support=standing[item.id].support,
                obtained=item.obtained.model_copy(update={"position": position}),
                confidence=item.confidence,
                mask=item.mask,
                unknown=item.unknown,
            )
        )
    feet = np.concatenate([vertices for vertices, _ in solids.values()])
    return World(tuple(found), support_plane(ground, feet, color=color, label=label), world)


def picture_size(source: Source) -> tuple[int, int] | None:
    """Width and height of the picture that a scene is made from; None where there is none."""
    return source.picture()[1:] if source.image is not None else None


def fitted(camera: Camera, size: tuple[int, int] | None, where: str) -> Camera:
    """The camera for the same picture at another size: tools shrink what they are given.

    Raises:
        NativeOutputError: the picture has another shape, so that it is another picture.
    """
    if size is None or size == (camera.width, camera.height):
        return camera
    factor = size[0] / camera.width
    if abs(factor * camera.height / size[1] - 1) > SAME_SHAPE:
        raise NativeOutputError(
            f"{where}: a picture of {camera.width}x{camera.height}, but the scene's is {size[0]}x{size[1]}: "
            "not the same picture; give the output that was made from it"
        )
    return resized(camera, factor).model_copy(update={"width": size[0], "height": size[1]})


def fitted_mask(item: NativeObject, camera: Camera | None, where: str) -> NativeObject:
    """The object with its mask at the camera's picture size; without a camera, or with an empty mask, without its mask.

    Raises:
        NativeOutputError: the mask has another shape than the picture.
    """
    import cv2

    if item.mask is None:
        return item
    if camera is None:
        return replace(item, mask=None, unknown={**item.unknown, "mask": "no camera, so that no picture size is known"})
    height, width = item.mask.shape
    if abs(width * camera.height / (height * camera.width) - 1) > SAME_SHAPE:
        raise NativeOutputError(
            f"{where}: the mask of {item.obtained.native_name} is {width}x{height}, the picture "
            f"{camera.width}x{camera.height}: another shape"
        )
    size = (camera.width, camera.height)
    large = cv2.resize(item.mask.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_LINEAR) > 127
    if not large.any():
        return replace(item, mask=None, unknown={**item.unknown, "mask": "the recorded mask is empty"})
    return replace(item, mask=large)
