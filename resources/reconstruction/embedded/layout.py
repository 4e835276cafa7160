"""What the stage 1 layout says of what was found: each object with its words and confidence, and the support plane."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.posed_meshes import Camera, Candidate, Obtained, SupportPlane
from blueprint_assets.geometry.camera import ground_points, project
from blueprint_assets.geometry.transforms import compose, yaw_quaternion
from resources.reconstruction.stage1_folder import Found

from .arrangement import Placed
from .calling import Called
from .proposals import border_share
from .shelves import Board
from .silhouette import BoolImage
from .surface import ColorSurface, Image8
from .texture import mean_color, textured

Array = NDArray[np.float64]

SHAPE_WORDS = {
    "revolved_silhouette": "round object",
    "cuboid": "box-shaped object",
    "stacked_cuboids": "stack of boxes",
}
FAR_LIMIT = 1.5
"""The support polygon ends at this many times the farthest object's distance: beyond it a pixel is metres."""
UNKNOWN_COLOR = (0.6, 0.6, 0.6)


def plane_id(number: int) -> str:
    """The id of a support plane; 0 is the one that is z = 0."""
    return f"plane_{number + 1:02d}"


@dataclass(frozen=True)
class Picture:
    """What the reconstruction worked on: `rgb` and `camera` at working size, and the full picture's size."""

    rgb: Image8
    camera: Camera
    full_size: tuple[int, int]


def found_object(name: str, item: Placed, support: str, picture: Picture, called: Called) -> Found:
    """What is written of an object: its mesh with the photograph on it, its mask at full size, how each was obtained."""
    solid, mask = item.solid, item.instance.mask
    large = cv2.resize(mask.astype(np.uint8) * np.uint8(255), picture.full_size, interpolation=cv2.INTER_LINEAR)
    color = color_name(mean_color(mask, picture.rgb))
    by = item.instance.named_by or "no network looked"
    return Found(
        id=name,
        label=f"{color} {called.category or SHAPE_WORDS.get(solid.shape, 'object')}",
        category=called.category,
        mesh=textured(solid, mask, picture.rgb, picture.camera),
        world_from_object=compose(solid.position, yaw_quaternion(solid.yaw)),
        support=support,
        obtained=Obtained(
            mask=item.instance.obtained,
            shape=solid.shape + (f" ({solid.note})" if solid.note else ""),
            position="contact_pixels_on_plane" if item.support is None else "contact_pixels_on_top_of_support",
            texture="photo_projection, unseen side mirrored",
            label=f"{by}; shape, and sizes of all things together (certainty {called.certainty:.2f})"
            if called.category
            else "colour and shape",
        ),
        confidence=object_confidence(item, picture.camera),
        mask=large > 127,
        unknown={} if called.category else {"category": "neither the networks nor shape and size say what it is"},
        candidates=[Candidate(category=category, share=share) for category, share in called.may_be if share > 0],
    )


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
        id=plane_id(0),
        normal=(0.0, 0.0, 1.0),
        point=(0.0, 0.0, 0.0),
        polygon=tuple((float(x), float(y), 0.0) for x, y in ring),
        color=color,
        evidence="estimated" if surface is not None else "default",
        label=label,
    )


def board_plane(number: int, board: Board, placed: list[Placed], picture: Picture) -> SupportPlane:
    """A shelf's board as a plane, with the polygon of its front edge and of what stands on it."""
    import shapely

    feet = [item.solid.world_vertices()[:, :2] for item in placed if item.plane == number]
    outline = shapely.convex_hull(
        shapely.MultiPoint(np.concatenate([board.left[None, :2], board.right[None, :2], *feet]))
    )
    ring = np.asarray(shapely.geometry.polygon.orient(outline.buffer(0.01).simplify(0.01)).exterior.coords)[:-1]
    ends, _ = project(picture.camera, np.stack([board.left, board.right]))
    front = np.zeros(picture.rgb.shape[:2], np.uint8)
    cv2.line(front, *(tuple(int(v) for v in end) for end in ends), 255, 3)  # type: ignore[call-overload]
    return SupportPlane(
        id=plane_id(number),
        normal=(0.0, 0.0, 1.0),
        point=(float(board.left[0]), float(board.left[1]), board.height),
        polygon=tuple((float(x), float(y), board.height) for x, y in ring),
        color=mean_color(front > 0, picture.rgb),
        evidence="estimated",
        label="shelf",
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
