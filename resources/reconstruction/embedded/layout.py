"""What the stage 1 layout says of what was found: each object with its words and confidence, and the support plane."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, Obtained, SupportPlane
from blueprint_assets.geometry.camera import ground_points
from blueprint_assets.geometry.transforms import compose, yaw_quaternion
from resources.reconstruction.stage1_folder import Found

from .arrangement import Placed
from .naming import Name, by_shape
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
THICK = 0.5
"""The detector says book to any printed box; one whose least side is more than this share of the next is none."""
FAR_LIMIT = 1.5
"""The support polygon ends at this many times the farthest object's distance: beyond it a pixel is metres."""
UNKNOWN_COLOR = (0.6, 0.6, 0.6)


@dataclass(frozen=True)
class Picture:
    """What the reconstruction worked on: `rgb` and `camera` at working size, and the full picture's size."""

    rgb: Image8
    camera: Camera
    full_size: tuple[int, int]


def found_object(name: str, item: Placed, support: str, picture: Picture) -> Found:
    """What is written of an object: its mesh with the photograph on it, its mask at full size, how each was obtained."""
    solid, mask = item.solid, item.instance.mask
    large = cv2.resize(mask.astype(np.uint8) * np.uint8(255), picture.full_size, interpolation=cv2.INTER_LINEAR)
    color = color_name(mean_color(mask, picture.rgb))
    called = _called(item)
    return Found(
        id=name,
        label=f"{color} {called.category if called else SHAPE_WORDS.get(solid.shape, 'object')}",
        category=called.category if called else None,
        mesh=textured(solid, mask, picture.rgb, picture.camera),
        world_from_object=compose(solid.position, yaw_quaternion(solid.yaw)),
        support=support,
        obtained=Obtained(
            mask=item.instance.obtained,
            shape=solid.shape + (f" ({solid.note})" if solid.note else ""),
            position="contact_pixels_on_plane" if item.support is None else "contact_pixels_on_top_of_support",
            texture="photo_projection, unseen side mirrored",
            label=f"{called.by} (certainty {called.certainty:.2f})" if called else "colour and shape",
        ),
        confidence=object_confidence(item, picture.camera),
        mask=large > 127,
        unknown={} if called else {"category": "neither the networks nor the shape say what it is"},
    )


def _called(item: Placed) -> Name | None:
    """What the networks call it, else what its shape makes likely."""
    instance = item.instance
    thickness = sorted(float(side) for side in item.solid.mesh.extents)
    if instance.category == "book" and item.solid.shape == "cuboid" and thickness[0] > THICK * thickness[1]:
        return by_shape(item.solid)
    if instance.category is not None:
        return Name(instance.category, instance.category_certainty, instance.named_by)
    return by_shape(item.solid)


def object_confidence(item: Placed, camera: Camera) -> float:
    """Certainty of the mask x overlap of the outline x what is inside the picture x 0.7 if the pitch is a default."""
    inside = max(0.0, 1.0 - 2.0 * border_share(item.instance.mask))
    known = 1.0 if camera.pitch_evidence != "default" else 0.7
    return round(item.instance.certainty * item.solid.overlap * inside * known, 3)


def support_plane(
    surface: ColorSurface | None, placed: list[Placed], picture: Picture, label: str = ""
) -> SupportPlane:
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
        label=label,
    )


def _region_hull(region: BoolImage) -> Array:
    """Pixels along the region's convex hull, also between its corners: straight pixel runs bend near the horizon."""
    rows, columns = np.nonzero(region)
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))[:, 0].astype(float)
    following = np.roll(hull, -1, axis=0)
    share = np.linspace(0, 1, 12, endpoint=False)[:, None, None]
    pixels: Array = ((1 - share) * hull + share * following).reshape(-1, 2) + 0.5
    return pixels


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
