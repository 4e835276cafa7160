"""Writing the stage 1 layout: one folder an object, the camera, the support plane, and the table of contents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Bounds, Camera, Obtained, Pose, PosedObject, SupportPlane
from blueprint_assets.geometry.camera import ground_points
from blueprint_assets.geometry.mesh import save_glb
from blueprint_assets.geometry.transforms import as_rows, compose, yaw_quaternion

from .arrangement import Placed
from .proposals import border_share
from .silhouette import BoolImage
from .surface import ColorSurface, Image8
from .texture import mean_color, textured

Array = NDArray[np.float64]

PLANE_ID = "plane_01"
SHAPE_WORDS = {
    "revolved_silhouette": "round object",
    "cuboid": "box-shaped object",
    "stacked_cuboids": "stack of boxes",
}
FAR_LIMIT = 1.5
"""The support polygon ends at this many times the farthest object's distance: beyond it a pixel is metres."""
UNKNOWN_COLOR = (0.6, 0.6, 0.6)


@dataclass(frozen=True)
class Picture:
    """What the reconstruction worked on: `rgb` and `camera` at working size, and the full picture's size."""

    rgb: Image8
    camera: Camera
    full_size: tuple[int, int]


def write_object(name: str, item: Placed, support: str, picture: Picture, stage1: Path) -> PosedObject:
    """Fills stage1/objects/<name> and returns the object's line of the table of contents."""
    folder = Path("objects") / name
    solid, mask = item.solid, item.instance.mask
    mesh = textured(solid, mask, picture.rgb, picture.camera)
    save_glb(mesh, stage1 / folder / "mesh.glb")
    large = cv2.resize(mask.astype(np.uint8) * np.uint8(255), picture.full_size, interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(stage1 / folder / "mask.png"), np.where(large > 127, 255, 0).astype(np.uint8))
    confidence = object_confidence(item, picture.camera)
    quaternion = yaw_quaternion(solid.yaw)
    Pose(
        transform_matrix=as_rows(compose(solid.position, quaternion)),  # type: ignore[arg-type]
        translation=_vector(solid.position),
        rotation_quaternion=tuple(quaternion.tolist()),
        scale=(1.0, 1.0, 1.0),
        confidence=confidence,
        is_floor_contact=item.support is None,
    ).write(stage1 / folder / "pose.json")
    vertices = solid.world_vertices()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    Bounds(min=_vector(low), max=_vector(high), center=_vector((low + high) / 2), size=_vector(high - low)).write(
        stage1 / folder / "bounds.json"
    )
    color = color_name(mean_color(mask, picture.rgb))
    return PosedObject(
        id=name,
        label=f"{color} {SHAPE_WORDS.get(solid.shape, 'object')}",
        mesh=(folder / "mesh.glb").as_posix(),
        mask=(folder / "mask.png").as_posix(),
        pose=(folder / "pose.json").as_posix(),
        bounds=(folder / "bounds.json").as_posix(),
        support=support,
        obtained=Obtained(
            mask=item.instance.obtained,
            shape=solid.shape + (f" ({solid.note})" if solid.note else ""),
            position="contact_pixels_on_plane" if item.support is None else "contact_pixels_on_top_of_support",
            texture="photo_projection, unseen side mirrored",
        ),
        confidence=confidence,
    )


def object_confidence(item: Placed, camera: Camera) -> float:
    """Certainty of the mask x overlap of the outline x what is inside the picture x 0.7 if the pitch is a default."""
    inside = max(0.0, 1.0 - 2.0 * border_share(item.instance.mask))
    known = 1.0 if camera.pitch_evidence != "default" else 0.7
    return round(item.instance.certainty * item.solid.overlap * inside * known, 3)


def support_plane(surface: ColorSurface | None, placed: list[Placed], picture: Picture) -> SupportPlane:
    """The plane z = 0 with the polygon that is seen of it; objects' footprints always lie inside."""
    import shapely

    feet = np.concatenate([item.solid.world_vertices()[:, :2] for item in placed])
    reach = FAR_LIMIT * float(np.linalg.norm(feet, axis=1).max())
    outline = shapely.convex_hull(shapely.MultiPoint(feet)).buffer(0.1)
    color: tuple[float, float, float] = UNKNOWN_COLOR
    if surface is not None:
        region = cv2.resize(
            surface.region.astype(np.uint8),
            (picture.rgb.shape[1], picture.rgb.shape[0]),
            interpolation=cv2.INTER_NEAREST,
        )
        color = mean_color(region > 0, picture.rgb)
        points = ground_points(picture.camera, _region_hull(region > 0))[:, :2]
        points = points[np.isfinite(points).all(axis=1)]
        distance = np.linalg.norm(points, axis=1, keepdims=True)
        points = points * np.minimum(1.0, reach / np.maximum(distance, 1e-9))
        if len(points) >= 3:
            outline = shapely.convex_hull(outline.union(shapely.MultiPoint(points).convex_hull))
    ring = np.asarray(shapely.geometry.polygon.orient(outline.simplify(0.01)).exterior.coords)[:-1]
    return SupportPlane(
        id=PLANE_ID,
        normal=(0.0, 0.0, 1.0),
        point=(0.0, 0.0, 0.0),
        polygon=tuple((float(x), float(y), 0.0) for x, y in ring),
        color=color,
        evidence="estimated" if surface is not None else "default",
    )


def _region_hull(region: BoolImage) -> Array:
    """Pixels along the region's convex hull, also between its corners: straight pixel runs bend near the horizon."""
    rows, columns = np.nonzero(region)
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))[:, 0].astype(float)
    following = np.roll(hull, -1, axis=0)
    share = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    pixels: Array = ((1 - share) * hull + share * following).reshape(-1, 2) + 0.5
    return pixels


def hashes(stage1: Path) -> dict[str, str]:
    """sha256 of every file below `stage1`, relative paths, sorted."""
    return {
        path.relative_to(stage1).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(stage1.rglob("*"))
        if path.is_file()
    }


def color_name(rgb: tuple[float, float, float]) -> str:
    """A plain word for a colour (HSV, by the usual hue bands)."""
    import colorsys

    hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
    if value < 0.18:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.75 else "gray"
    degrees = hue * 360
    if 12 < degrees < 45 and value < 0.55 and saturation < 0.75:
        return "brown"
    bands = [(12, "red"), (42, "orange"), (68, "yellow"), (165, "green"), (195, "turquoise"), (255, "blue"),
             (290, "purple"), (345, "pink"), (361, "red")]  # fmt: skip
    return next(word for limit, word in bands if degrees < limit)


def _vector(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z
