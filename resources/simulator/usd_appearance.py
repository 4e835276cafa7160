"""How a USD gprim looks, as MuJoCo materials and textured meshes.

Only reached from inside functions, so pxr and mujoco are imported at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom, UsdShade

from blueprint_assets.geometry.color import srgb_from_linear
from resources.simulator.usd_stage import UsdError

Array = NDArray[np.float64]
Indices = NDArray[np.int32]

MAX_TEXTURE_PIXELS = 4096 * 4096


@dataclass(frozen=True)
class Triangles:
    """A triangulated UsdGeomMesh in its own frame.

    `points` (n, 3); `faces` (m, 3) into points; `source` (m,) the polygon each triangle came from; `normals` and `uv`
    hold one row a triangle corner, (3 m, 3) and (3 m, 2), or None where the mesh has none. v = 0 is the picture's bottom.
    """

    points: Array
    faces: Indices
    source: Indices
    normals: Array | None
    uv: Array | None

    def select(self, polygons: set[int]) -> Triangles:
        """The triangles of some polygons; points are kept."""
        keep = np.isin(self.source, sorted(polygons))
        corners = np.repeat(keep, 3)
        return Triangles(
            self.points,
            self.faces[keep],
            self.source[keep],
            None if self.normals is None else self.normals[corners],
            None if self.uv is None else self.uv[corners],
        )


def triangulate(prim: Usd.Prim) -> Triangles:
    """A UsdGeomMesh's polygons as fans of triangles, with its normals and texture coordinates.

    Raises:
        UsdError: no points or faces, an index out of range, a number that is not finite.
    """
    mesh = UsdGeom.Mesh(prim)
    points = np.array(mesh.GetPointsAttr().Get() or [], dtype=float).reshape(-1, 3)
    counts = np.array(mesh.GetFaceVertexCountsAttr().Get() or [], dtype=np.int32)
    indices = np.array(mesh.GetFaceVertexIndicesAttr().Get() or [], dtype=np.int32)
    if not len(points) or not len(counts):
        raise UsdError(f"{prim.GetPath()}: a mesh without points or faces")
    if not np.isfinite(points).all():
        raise UsdError(f"{prim.GetPath()}: a point is not finite")
    if counts.min() < 3 or counts.sum() != len(indices) or indices.min() < 0 or indices.max() >= len(points):
        raise UsdError(f"{prim.GetPath()}: faceVertexCounts and faceVertexIndices do not fit {len(points)} points")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    fans = counts - 2
    source = np.repeat(np.arange(len(counts), dtype=np.int32), fans)
    step = np.arange(len(source)) - np.repeat(np.concatenate([[0], np.cumsum(fans)[:-1]]), fans)
    first = starts[source]
    corners = np.stack([first, first + step + 1, first + step + 2], axis=1)
    if mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded:
        corners = corners[:, ::-1]
    flat = corners.ravel()
    uv_primvar = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("st")
    uv = None
    if uv_primvar and uv_primvar.HasValue():
        uv = _per_corner(uv_primvar.ComputeFlattened(), uv_primvar.GetInterpolation(), indices, source, flat, 2, prim)
    normals = _per_corner(mesh.GetNormalsAttr().Get(), mesh.GetNormalsInterpolation(), indices, source, flat, 3, prim)
    return Triangles(points, indices[corners].astype(np.int32), source, normals, uv)


def _per_corner(
    values: object, interpolation: str, indices: Indices, source: Indices, flat: Indices, width: int, prim: Usd.Prim
) -> Array | None:
    if not values:
        return None
    data = np.array(values, dtype=float).reshape(-1, width)
    tokens = UsdGeom.Tokens
    pick = {
        tokens.faceVarying: flat,
        tokens.vertex: indices[flat],
        tokens.varying: indices[flat],
        tokens.uniform: np.repeat(source, 3),
        tokens.constant: np.zeros(len(flat), dtype=np.int32),
    }[interpolation]
    if len(pick) and pick.max() >= len(data):
        raise UsdError(f"{prim.GetPath()}: {len(data)} {interpolation} values for index {int(pick.max())}")
    result: Array = data[pick]
    if not np.isfinite(result).all():
        raise UsdError(f"{prim.GetPath()}: a normal or texture coordinate is not finite")
    return result


def add_visual_mesh(spec: mujoco.MjSpec, name: str, triangles: Triangles, matrix: Array) -> None:
    """Adds a mesh asset for looking at; `matrix` (4, 4) bakes its vertices into the body's frame."""
    linear = matrix[:3, :3]
    faces = triangles.faces
    if np.linalg.det(linear) < 0:
        raise UsdError(f"{name}: a mirroring transform; bake it into the mesh")
    mesh = spec.add_mesh(name=name)
    mesh.uservert = (triangles.points @ linear.T + matrix[:3, 3]).ravel()
    mesh.userface = faces.ravel()
    # A visual may be open or flat; it carries no mass, and the shell rule compiles where the volume rule refuses.
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    corner_index = np.arange(3 * len(faces), dtype=np.int32)
    if triangles.normals is not None:
        turned = triangles.normals @ np.linalg.inv(linear)
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
        mesh.usernormal = turned.ravel()
        mesh.userfacenormal = corner_index
    if triangles.uv is not None:
        # MuJoCo's v runs down the picture, USD's up.
        mesh.usertexcoord = np.column_stack([triangles.uv[:, 0], 1.0 - triangles.uv[:, 1]]).ravel()
        mesh.userfacetexcoord = corner_index


class Looks:
    """Translates UsdPreviewSurface materials, each once, into the materials of one MjSpec."""

    def __init__(self, spec: mujoco.MjSpec) -> None:
        self._spec = spec
        self._known: dict[str, str] = {}

    def material(self, material: UsdShade.Material) -> str:
        """The name of the MuJoCo material for a bound USD material: its prim path. Empty when it has no surface.

        Read: UsdPreviewSurface diffuseColor (a constant or a UsdUVTexture on `st`), opacity, roughness, metallic.

        Raises:
            UsdError: a texture that cannot be read or is over 16 megapixels.
        """
        path = str(material.GetPath())
        if path in self._known:
            return self._known[path]
        surface = material.ComputeSurfaceSource()[0]
        if not surface or surface.GetIdAttr().Get() != "UsdPreviewSurface":
            self._known[path] = ""
            return ""
        made = self._spec.add_material(name=path)
        texture = _texture_file(surface)
        color = (
            np.ones(3) if texture else srgb_from_linear(_constant(surface, "diffuseColor", Gf.Vec3f(0.18, 0.18, 0.18)))
        )
        made.rgba = [*color.tolist(), float(_constant(surface, "opacity", 1.0))]
        roughness = float(_constant(surface, "roughness", 0.5))
        made.roughness, made.metallic = roughness, float(_constant(surface, "metallic", 0.0))
        # Phong stand-ins of the renderer for a rough dielectric: dull things have no highlight.
        made.specular, made.shininess = 0.5 * (1.0 - roughness), 1.0 - roughness
        if texture:
            self._add_texture(path, texture)
            made.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = path
        self._known[path] = path
        return path

    def _add_texture(self, name: str, file: Path) -> None:
        from PIL import Image

        try:
            with Image.open(file) as picture:
                if picture.width * picture.height > MAX_TEXTURE_PIXELS:
                    raise UsdError(f"{file}: {picture.width} x {picture.height} texture; the limit is 16 megapixels")
                pixels = np.asarray(picture.convert("RGB"), dtype=np.uint8)
        except (OSError, SyntaxError) as error:
            raise UsdError(f"{file}: not a readable texture: {error}") from None
        texture = self._spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
        texture.height, texture.width, texture.nchannel = pixels.shape
        texture.data = pixels.tobytes()


def _constant(shader: UsdShade.Shader, name: str, default: Any) -> Any:
    entry = shader.GetInput(name)
    value = entry.Get() if entry else None
    return default if value is None else value


def _texture_file(surface: UsdShade.Shader) -> Path | None:
    entry = surface.GetInput("diffuseColor")
    if not entry or not entry.HasConnectedSource():
        return None
    source = UsdShade.Shader(entry.GetConnectedSources()[0][0].source.GetPrim())
    if source.GetIdAttr().Get() != "UsdUVTexture":
        raise UsdError(f"{surface.GetPath()}: diffuseColor comes from {source.GetIdAttr().Get()}, not a UsdUVTexture")
    file = source.GetInput("file").Get() if source.GetInput("file") else None
    if file is None or not file.resolvedPath:
        raise UsdError(f"{source.GetPath()}: a UsdUVTexture without a file")
    return Path(file.resolvedPath)
