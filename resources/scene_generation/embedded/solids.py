"""Household objects as closed solids: coloured pieces that are joined, what is cut out of them, and where things can stand.

A shape stands on z = 0 of its own frame, centred on the z axis, its front towards -y, in metres. Only reached from inside
functions, so manifold3d is imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from manifold3d import CrossSection, Manifold
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

Array = NDArray[np.float64]
Color = tuple[float, float, float]
Size = tuple[float, float, float]

SECTIONS = 32
"""Corners of a circle: 0.5 % less radius at the middle of an edge."""
TILE = 64
"""Pixels of a piece's square in the texture."""
MARGIN = 0.1
"""Share of a square at each side that no texture coordinate reaches, so that filtering takes no neighbour's colour."""


@dataclass(frozen=True)
class Paint:
    """Colour (sRGB, 0..1) and what the surface looks like close by: plain | wood | metal | woven | speckled | striped."""

    color: Color
    grain: str = "plain"

    def shade(self, factor: float) -> Paint:
        """The same surface, darker (below 1) or lighter."""
        r, g, b = (min(1.0, c * factor) for c in self.color)
        return replace(self, color=(r, g, b))


@dataclass(frozen=True)
class Piece:
    """A solid in one colour. `part` is the moving part it belongs to; pieces of one part become one mesh. `convex`: corners
    (n, 3) of convex parts that make up what is left of a bent or hollowed piece after the cuts, where they are known; none of
    them where another piece's parts hold it."""

    solid: Manifold
    paint: Paint
    part: str = "body"
    convex: tuple[Array, ...] | None = None

    def moved(self, by: Sequence[float]) -> Piece:
        """The same piece elsewhere."""
        offset = np.asarray(by, dtype=float)
        shifted = None if self.convex is None else tuple(part + offset for part in self.convex)
        return replace(self, solid=self.solid.translate(tuple(by)), convex=shifted)


@dataclass(frozen=True)
class Rest:
    """A flat place, level with the object: `center` and `half` (x, y) in its frame, `z` its height, `clearance` the free height.

    top: on it. cell: between boards, counted from below. cavity: inside an open container. drawer: inside a closed drawer.
    under: the floor below it.
    """

    kind: Literal["top", "cell", "cavity", "drawer", "under"]
    center: tuple[float, float]
    half: tuple[float, float]
    z: float
    clearance: float = 10.0
    round: bool = False


@dataclass(frozen=True)
class Joint:
    """How a part moves against the body: axis (unit) and origin in the object's frame, closed at 0; metres or radians."""

    part: str
    kind: Literal["prismatic", "revolute"]
    axis: tuple[float, float, float]
    origin: tuple[float, float, float]
    limits: tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """Pieces joined, then `cuts` taken away."""

    pieces: tuple[Piece, ...]
    cuts: tuple[Manifold, ...] = ()
    rests: tuple[Rest, ...] = ()
    joints: tuple[Joint, ...] = ()

    def mesh(self, part: str | None = None) -> trimesh.Trimesh:
        """One closed mesh with a texture, of the whole object or of one part."""
        chosen = [piece for piece in self.pieces if part is None or piece.part == part]
        return _textured(chosen, self.cuts)

    def convex_pieces(self) -> tuple[Array, ...] | None:
        """Corners (n, 3) of convex solids whose union the object is; None where a piece is bent or hollowed and does not
        know its own."""
        found: list[Array] = []
        for piece in self.pieces:
            if piece.convex is not None:
                found += piece.convex
                continue
            if any((piece.solid ^ cut).volume() > 1e-4 * piece.solid.volume() for cut in self.cuts):
                return None
            hull = piece.solid.hull()
            if hull.volume() > piece.solid.volume() * 1.0001:
                return None
            found.append(corners(hull))
        return tuple(found)


def box(size: Sequence[float], at: Sequence[float] = (0.0, 0.0, 0.0)) -> Manifold:
    """A box whose bottom's middle is `at`."""
    x, y, z = size
    return Manifold.cube((x, y, z)).translate((at[0] - x / 2, at[1] - y / 2, at[2]))


def rod(radius: float, height: float, at: Sequence[float] = (0.0, 0.0, 0.0), top: float | None = None) -> Manifold:
    """An upright cylinder or cone whose bottom's middle is `at`; `top` is its upper radius."""
    return Manifold.cylinder(height, radius, radius if top is None else top, SECTIONS).translate(tuple(at))


def bar(radius: float, length: float, at: Sequence[float], sections: int = SECTIONS) -> Manifold:
    """A rod that lies along x, its lower end's middle `at`."""
    return Manifold.cylinder(length, radius, radius, sections).rotate((0.0, 90.0, 0.0)).translate(tuple(at))


def lathe(profile: Sequence[tuple[float, float]]) -> Manifold:
    """What a closed outline of (radius, height) sweeps around the z axis, counter-clockwise with the radius to the right."""
    return Manifold.revolve(CrossSection([list(profile)]), SECTIONS)


def ball(radius: float, at: Sequence[float], squeeze: Sequence[float] = (1.0, 1.0, 1.0)) -> Manifold:
    """A sphere around `at`, its axes stretched by `squeeze`."""
    return Manifold.sphere(radius, SECTIONS).scale(tuple(squeeze)).translate(tuple(at))


def plate(outline: Sequence[tuple[float, float]], thickness: float, z: float = 0.0) -> Manifold:
    """An outline (x, y), counter-clockwise, given a thickness upwards from `z`."""
    return Manifold.extrude(CrossSection([list(outline)]), thickness).translate((0.0, 0.0, z))


def tube(path: Array, radius: float, sections: int = 12) -> Manifold:
    """A round tube along points (n, 3): spheres at the points, their hulls between neighbours."""
    knots = [Manifold.sphere(radius, sections).translate(tuple(float(v) for v in point)) for point in path]
    links = [Manifold.batch_hull([one, other]) for one, other in pairwise(knots)]
    joined = links[0]
    for link in links[1:]:
        joined = joined + link
    return joined


def corners(solid: Manifold) -> Array:
    """Vertices (n, 3) of a solid."""
    return np.asarray(solid.to_mesh64().vert_properties, dtype=float)[:, :3].copy()


def flat_below(solid: Manifold, share: float = 0.06) -> Manifold:
    """A solid with a flat of `share` of its height cut under it, set down on z = 0: what is round stands on something."""
    low, high = solid.bounding_box()[2], solid.bounding_box()[5]
    cut = low + share * (high - low)
    return solid.trim_by_plane((0.0, 0.0, 1.0), cut).translate((0.0, 0.0, -cut))


def _textured(pieces: Sequence[Piece], cuts: Sequence[Manifold]) -> trimesh.Trimesh:
    import trimesh
    from PIL import Image

    paints = list(dict.fromkeys(piece.paint for piece in pieces))
    owner: dict[int, int] = {}
    whole = Manifold()
    for piece in pieces:
        original = piece.solid.as_original()
        owner[original.original_id()] = paints.index(piece.paint)
        whole = whole + original
    for cut in cuts:
        whole = whole - cut.as_original()  # a cut's walls have the first paint
    whole = whole.simplify(1e-5)
    mesh = whole.to_mesh64()
    faces = np.asarray(mesh.tri_verts, dtype=np.int64)
    points = np.asarray(mesh.vert_properties, dtype=float)[:, :3]
    tiles = np.zeros(len(faces), dtype=np.int64)
    runs = np.asarray(mesh.run_index) // 3
    for start, end, original_id in zip(runs, runs[1:], mesh.run_original_id, strict=False):
        tiles[start:end] = owner.get(int(original_id), 0)
    a, b, c = (points[faces[:, k]] for k in range(3))
    normals = np.abs(np.cross(b - a, c - a))
    axes = normals.argmax(axis=1)
    # A vertex is shared by faces of one paint that look along the same axis: seams only where the texture has one.
    keys = np.stack([faces.ravel(), np.repeat(tiles, 3), np.repeat(axes, 3)], axis=1)
    unique, index = np.unique(keys, axis=0, return_inverse=True)
    low = points.min(axis=0)
    local = (points - low) / np.ptp(points, axis=0).max()
    across = np.array([[1, 2], [0, 2], [0, 1]])[unique[:, 2]]
    place = np.take_along_axis(local[unique[:, 0]], across, axis=1)
    uv = np.empty_like(place)
    uv[:, 0] = (unique[:, 1] + MARGIN + (1 - 2 * MARGIN) * place[:, 0]) / len(paints)
    uv[:, 1] = MARGIN + (1 - 2 * MARGIN) * place[:, 1]
    picture = Image.fromarray(np.concatenate([_tile(paint) for paint in paints], axis=1))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=0.7)
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return trimesh.Trimesh(points[unique[:, 0]], index.reshape(-1, 3), visual=visual, process=False)


def _tile(paint: Paint) -> NDArray[np.uint8]:
    """A square of the surface, (TILE, TILE, 3). Drawn from formulas, so it is the same every time."""
    y, x = np.mgrid[0:TILE, 0:TILE] / TILE
    value = np.ones((TILE, TILE))
    if paint.grain == "wood":
        rings = np.sin(2 * np.pi * (9 * y + 0.6 * np.sin(2 * np.pi * (1.5 * x + 0.3 * y))))
        value += 0.08 * rings + 0.03 * np.sin(2 * np.pi * (41 * y + x))
    elif paint.grain == "metal":
        value += 0.05 * np.sin(2 * np.pi * 23 * y) + 0.12 * (y - 0.5)
    elif paint.grain == "woven":
        value += 0.14 * np.sign(np.sin(2 * np.pi * 12 * x)) * np.sign(np.sin(2 * np.pi * 12 * y))
    elif paint.grain == "speckled":
        value += 0.07 * np.sin(97 * x * np.cos(31 * y)) * np.sin(83 * y)
    elif paint.grain == "striped":
        value += 0.22 * ((y * 5) % 1 < 0.35)
    pixels = value[..., None] * np.array(paint.color) * 255
    tile: NDArray[np.uint8] = np.clip(pixels.round(), 0, 255).astype(np.uint8)
    return tile
