"""3D-RE-GEN's output tree, translated.

Its world is the photograph's camera in OpenGL axes (x right, y up, looking along -z, the camera at the origin) times
`vggt_scene_scale`: VGGT's units, not metres, and not level. Poses are recovered from the two copies of every mesh that it
writes, canonical and placed; up comes from its floor plane.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, Obtained, Scale
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, as_rows
from blueprint_assets.geometry.umeyama import Similarity, SimilarityError, umeyama
from resources.reconstruction.ground import UNKNOWN_COLOR, Ground, fit_ground, resting_ground, world_from
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

from .tree import (
    CAMERA,
    CANONICAL,
    ERODED,
    FULL_SIZE,
    PLACED,
    PLANE_POINTS,
    PROCESSED,
    NativeName,
    parse_name,
    placed_positions,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RESIDUAL = 1e-4
"""Of an object's extent: what a similarity may leave between its canonical and its placed vertices. Both are 32-bit floats:
a tree written from known poses leaves 1e-7."""
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
UP = np.array([0.0, 1.0, 0.0])
"""The side on which the floor's normal is: a photograph is taken more upright than not."""
FORWARD = np.array([0.0, 0.0, -1.0])
SCALE = Scale(
    factor=None,
    evidence="default",
    confidence=0.0,
    reason="3D-RE-GEN's units are VGGT's normalised ones times vggt_scene_scale, not metres",
)


def read_objects(folder: NativeFolder) -> list[NativeObject]:
    """Every placed object with its canonical mesh, pose and mask, in the order of their names; 3D-RE-GEN's frame.

    Raises:
        NativeOutputError: no object; a name, mesh or mask that is not as 3D-RE-GEN writes it; different vertex counts; a
            placed mesh that is not a rotated, evenly scaled, moved copy of its canonical one.
        MeshError: a canonical mesh cannot be used.
    """
    native = [Path(name).name.removesuffix(".glb") for name in folder.names(f"{PLACED}/*.glb")]
    if not native:
        raise NativeOutputError(
            f"{folder.root / PLACED}: no placed object (*.glb); 3D-RE-GEN stops at a failing step without an error code: "
            "look at its log for the step"
        )
    names = [parse_name(each) for each in native]
    ids = object_ids([name.id_base for name in names])
    return [_read_object(folder, name, made) for name, made in zip(names, ids, strict=True)]


def read_ground(folder: NativeFolder, objects: list[NativeObject]) -> Ground:
    """The fitted floor plane; where it was not written, the plane that the objects' lowest points rest on."""
    if folder.has(PLANE_POINTS):
        return fit_ground(folder.points(PLANE_POINTS), UP, str(folder.root / PLANE_POINTS))
    points = np.concatenate([apply(item.frame_from_object, item.mesh.vertices) for item in objects])
    return resting_ground(points, guess_up(objects, UP))


def read_camera(folder: NativeFolder, world: Array, size: tuple[int, int] | None) -> Camera | None:
    """The photograph's camera for a picture of `size`; None where `camera.npz` was not written.

    Raises:
        NativeOutputError: the focal length or picture size is not positive, or the picture has another shape than `size`.
    """
    if not folder.has(CAMERA):
        return None
    arrays = folder.arrays(CAMERA, ("focal", "image_size"))
    where = str(folder.root / CAMERA)
    focal, picture = arrays["focal"].reshape(-1), arrays["image_size"].reshape(-1)
    if focal.size != 1 or picture.size != 2 or focal[0] <= 0 or (picture < 1).any():
        raise NativeOutputError(
            f"{where}: focal {focal.tolist()}, image_size {picture.tolist()}; both must be positive"
        )
    width, height = (int(value) for value in picture)
    camera = Camera(
        width=width,
        height=height,
        fx=float(focal[0]),
        fy=float(focal[0]),
        cx=width / 2,
        cy=height / 2,
        focal_evidence="estimated",
        camera_to_world=as_rows(world @ OPENCV_FROM_OPENGL),  # type: ignore[arg-type]
        pitch_evidence="estimated",
        note="VGGT's focal length; principal point taken to be the middle; gravity from the fitted floor plane",
    )
    return fitted(camera, size, where)


def read_world(folder: NativeFolder, size: tuple[int, int] | None) -> tuple[World, Camera | None, tuple[str, ...]]:
    """The whole tree in our world, its camera for a picture of `size`, and notes on what is missing."""
    objects = read_objects(folder)
    ground = read_ground(folder, objects)
    notes = [f"floor: {ground.how}"] if ground.evidence != "measured" else []
    camera = read_camera(folder, world_from(ground, FORWARD), size)
    where = str(folder.root / FULL_SIZE)
    objects = [fitted_mask(cared(item), camera, where) for item in objects]
    world = stand_up(objects, ground, FORWARD, color=_floor_color(folder), label="floor")
    lost = _not_placed(folder, {item.obtained.native_name for item in objects})
    notes += [f"detected but not placed by 3D-RE-GEN: {name}" for name in lost]
    return world, camera, tuple(notes)


def _read_object(folder: NativeFolder, name: NativeName, made: str) -> NativeObject:
    canonical = folder.file(f"{CANONICAL}/{name.native}/{name.native}.glb", MAX_MESH_BYTES)
    placed_name = f"{PLACED}/{name.native}.glb"
    mesh = load_glb(canonical)
    placed = placed_positions(folder.file(placed_name, MAX_MESH_BYTES))
    where = folder.root / placed_name
    if len(placed) != len(mesh.vertices):
        raise NativeOutputError(
            f"{where}: {len(placed)} vertices, but {canonical} has {len(mesh.vertices)}: not the same mesh; "
            "they are from different runs: run 3D-RE-GEN again"
        )
    pose = _pose(np.asarray(mesh.vertices, dtype=float), placed, str(where))
    extent = float(np.ptp(placed, axis=0).max())
    mask, how, unknown = _mask(folder, name.native)
    return NativeObject(
        id=made,
        label=name.label,
        category=name.label.lower(),
        mesh=mesh,
        frame_from_object=pose.matrix,
        obtained=Obtained(
            mask=how,
            shape="generated (Hunyuan3D)",
            position=f"umeyama (residual {pose.residual / extent:.0e} of its extent)",
            texture="recorded",
            label="detector (Grounding DINO phrase)",
            native_name=name.native,
        ),
        mask=mask,
        unknown={"confidence": "3D-RE-GEN writes no scores", **unknown},
    )


def _pose(vertices: Array, placed: Array, where: str) -> Similarity:
    """The similarity from a mesh's Z-up vertices (n, 3) to the placed ones."""
    try:
        pose = umeyama(vertices, placed)
    except SimilarityError as error:
        raise NativeOutputError(f"{where}: no pose can be recovered: {error}") from error
    extent = float(np.ptp(placed, axis=0).max())
    if pose.residual <= RESIDUAL * extent:
        return pose
    said = f"{pose.residual / extent:.2g} of its extent off (limit {RESIDUAL:g})"
    if pose.mirrored:
        said += "; a mirrored copy"
    else:
        one = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
        affine = np.linalg.lstsq(one, placed, rcond=None)[0]
        if np.linalg.norm(one @ affine - placed, axis=1).max() <= RESIDUAL * extent:
            said += f"; a sheared or unevenly scaled copy (factors {np.linalg.svd(affine[:3])[1].round(4).tolist()})"
    raise NativeOutputError(
        f"{where}: not a rotated, evenly scaled and moved copy of the canonical mesh: {said}; run 3D-RE-GEN again"
    )


def _mask(folder: NativeFolder, native: str) -> tuple[Mask | None, str, dict[str, str]]:
    """An object's mask, how it was obtained, and why there is none."""
    from scipy.ndimage import binary_fill_holes

    if folder.has(f"{FULL_SIZE}/{native}.png"):
        seen = (folder.picture(f"{FULL_SIZE}/{native}.png") != 255).any(axis=2)
        if folder.has(PROCESSED):
            photo = folder.picture(PROCESSED)
            if (
                photo.shape[:2] == seen.shape
            ):  # white inside is the object's own white only where the photograph is white
                seen |= binary_fill_holes(seen) & (photo == 255).all(axis=2)
        return seen, "recorded (what is not white on white)", {}
    if folder.has(f"{ERODED}/{native}.png"):
        return folder.mask(f"{ERODED}/{native}.png"), "recorded (eroded by 3D-RE-GEN)", {}
    return None, "none", {"mask": f"neither {FULL_SIZE} nor {ERODED} has it"}


def _floor_color(folder: NativeFolder) -> tuple[float, float, float]:
    """Mean RGB, 0..1, of what was segmented as floor; a mid grey where nothing was."""
    for name in folder.names(f"{FULL_SIZE}/floor__*.png"):
        picture = folder.picture(name)
        seen = (picture != 255).any(axis=2)
        if seen.any():
            red, green, blue = (picture[seen].mean(axis=0) / 255).tolist()
            return red, green, blue
    return UNKNOWN_COLOR


def _not_placed(folder: NativeFolder, placed: set[str]) -> list[str]:
    """Detections without a placed mesh, the room's own surfaces aside."""
    detected = [Path(name).name.removesuffix(".png") for name in folder.names(f"{FULL_SIZE}/*.png")]
    surfaces = ("wall__", "floor__", "ceiling__", "door__", "window__")
    return [name for name in detected if name not in placed and not name.startswith(surfaces)]
