"""USD prims that an object's asset and the scene both need. Only reached from inside functions: pxr is imported at the top."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, UsdShade, Vt

from blueprint_assets.geometry.color import linear_from_srgb

Array = NDArray[np.float64]

CREASE_COSINE = float(np.cos(np.radians(40)))
"""Faces that meet at less than 40 degrees are shaded as one smooth surface."""


def new_stage(layer: Sdf.Layer, default_prim: str, kind: str) -> Usd.Stage:
    """A stage on an empty layer with an Xform as default prim; Z-up, metres, kilograms."""
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdPhysics.SetStageKilogramsPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, f"/{default_prim}").GetPrim()
    stage.SetDefaultPrim(root)
    Usd.ModelAPI(root).SetKind(kind)
    return stage


def export(layer: Sdf.Layer, path: Path) -> None:
    """Writes a layer as text; the same layer gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layer.ExportToString(), encoding="utf-8")


def export_with_geometry(layer: Sdf.Layer, path: Path, geometry: str) -> None:
    """Writes a layer as text and its meshes' arrays as a binary sublayer `geometry` beside it.

    Long arrays as text load slowly and are an error to the asset validator; what a person reads and compares stays text.
    The same layer gives the same bytes in both.
    """
    binary = Sdf.Layer.CreateAnonymous(".usdc")
    binary.defaultPrim = layer.defaultPrim
    for key in ("upAxis", "metersPerUnit", "kilogramsPerUnit"):
        binary.pseudoRoot.SetInfo(key, layer.pseudoRoot.GetInfo(key))
    layer, source = Sdf.Layer.CreateAnonymous(".usda"), layer  # a layer of its own: stages would look for the sublayer
    layer.TransferContent(source)
    meshes: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, lambda at: meshes.append(at) if _is_mesh(layer, at) else None)
    for at in meshes:
        Sdf.CreatePrimInLayer(binary, at)
        for above in at.GetPrefixes():
            spec, original = binary.GetPrimAtPath(above), layer.GetPrimAtPath(above)
            spec.specifier, spec.typeName = original.specifier, original.typeName
        for attribute in list(layer.GetPrimAtPath(at).attributes):
            if attribute.typeName.isArray and not attribute.name.startswith("xformOp"):
                _copy(attribute, binary.GetPrimAtPath(at))
                layer.GetPrimAtPath(at).RemoveProperty(attribute)
    path.parent.mkdir(parents=True, exist_ok=True)
    binary.Export(str(path.parent / geometry))
    layer.subLayerPaths.append(f"./{geometry}")
    export(layer, path)


def _copy(attribute: Sdf.AttributeSpec, owner: Sdf.PrimSpec) -> None:
    """Writes an attribute into another layer's prim, its fields in the order of their names.

    Sdf.CopySpec would write them in the order of their names' addresses in memory (TfTokenFastArbitraryLessThan), which differs
    from process to process; a binary layer keeps the order fields were written in.
    """
    made = Sdf.AttributeSpec(owner, attribute.name, attribute.typeName, attribute.variability, attribute.custom)
    for key in sorted(set(attribute.ListInfoKeys()) - {"typeName", "variability", "custom"}):
        made.SetInfo(key, attribute.GetInfo(key))


def _is_mesh(layer: Sdf.Layer, at: Sdf.Path) -> bool:
    return bool(at.IsPrimPath() and layer.GetPrimAtPath(at).typeName == "Mesh")


def look(
    stage: Usd.Stage, path: str, *, color: ArrayLike = (1, 1, 1), texture: str = "", roughness: float = 0.6
) -> UsdShade.Material:
    """A UsdPreviewSurface: a picture on the `st` coordinates, or one colour (sRGB 0..1)."""
    material = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(roughness)
    surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
    diffuse = surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    if texture:
        reader = UsdShade.Shader.Define(stage, f"{path}/st")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
        picture = UsdShade.Shader.Define(stage, f"{path}/texture")
        picture.CreateIdAttr("UsdUVTexture")
        picture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(texture))
        picture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
        coordinates = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
        picture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(coordinates)
        diffuse.ConnectToSource(picture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
    else:
        diffuse.Set(Gf.Vec3f(*(float(c) for c in linear_from_srgb(color))))
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    return material


def contact_material(
    stage: Usd.Stage, path: str, static_friction: float, dynamic_friction: float, restitution: float
) -> UsdShade.Material:
    """A UsdPhysics material."""
    material = UsdShade.Material.Define(stage, path)
    api = UsdPhysics.MaterialAPI.Apply(material.GetPrim())
    api.CreateStaticFrictionAttr(static_friction)
    api.CreateDynamicFrictionAttr(dynamic_friction)
    api.CreateRestitutionAttr(restitution)
    return material


def bind(prim: Usd.Prim, material: UsdShade.Material, purpose: str = "") -> None:
    """Binds a material, for all purposes or for `physics`."""
    UsdShade.MaterialBindingAPI.Apply(prim).Bind(
        material, UsdShade.Tokens.weakerThanDescendants, purpose or UsdShade.Tokens.allPurpose
    )


def collide(prim: Usd.Prim, material: UsdShade.Material, *, convex_hull: bool = False) -> None:
    """Makes a gprim a collider of a material; a mesh collides by its convex hull."""
    UsdPhysics.CollisionAPI.Apply(prim)
    if convex_hull:
        UsdPhysics.MeshCollisionAPI.Apply(prim).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
    bind(prim, material, "physics")


def mesh(
    stage: Usd.Stage, path: str, vertices: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None
) -> UsdGeom.Mesh:
    """A triangle mesh with welded points, normals a corner and texture coordinates `st` a corner.

    `uv` holds one row a vertex, v = 0 at the picture's bottom. Faces without area are left out.
    """
    points, corner = np.unique(np.asarray(vertices, dtype=np.float32), axis=0, return_inverse=True)
    corner = corner.ravel()
    triangles = np.asarray(faces)
    welded = corner[triangles]
    keep = _has_area(points.astype(float), welded)
    triangles, welded = triangles[keep], welded[keep]
    used = np.unique(welded)
    index = np.zeros(len(points), dtype=np.int64)
    index[used] = np.arange(len(used))
    points, welded = points[used], index[welded]
    prim = UsdGeom.Mesh.Define(stage, path)
    prim.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points)))
    prim.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(welded)))
    prim.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(welded.ravel(), dtype=np.int32)))
    extent = np.stack([points.min(axis=0), points.max(axis=0)]).astype(np.float32)
    prim.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(extent))
    normals, normal_index = _indexed(_corner_normals(points.astype(float), welded))
    primvars = UsdGeom.PrimvarsAPI(prim)
    primvar = primvars.CreatePrimvar("normals", Sdf.ValueTypeNames.Normal3fArray, UsdGeom.Tokens.faceVarying)
    primvar.Set(Vt.Vec3fArray.FromNumpy(normals))
    primvar.SetIndices(Vt.IntArray.FromNumpy(normal_index))
    if uv is not None:
        values, value_index = _indexed(np.asarray(uv, dtype=float)[triangles].reshape(-1, 2))
        primvar = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        primvar.Set(Vt.Vec2fArray.FromNumpy(values))
        primvar.SetIndices(Vt.IntArray.FromNumpy(value_index))
    return prim


def box(
    stage: Usd.Stage, path: str, center: ArrayLike, size: ArrayLike, rotation: Gf.Quatf | None = None
) -> UsdGeom.Cube:
    """A Cube of unit size, scaled: `size` (3,) metres."""
    cube = UsdGeom.Cube.Define(stage, path)
    cube.CreateSizeAttr(1.0)
    cube.CreateExtentAttr(Vt.Vec3fArray([Gf.Vec3f(-0.5), Gf.Vec3f(0.5)]))
    cube.AddTranslateOp().Set(Gf.Vec3d(*(float(v) for v in np.asarray(center))))
    if rotation is not None:
        cube.AddOrientOp().Set(rotation)
    cube.AddScaleOp().Set(Gf.Vec3f(*(float(v) for v in np.asarray(size))))
    return cube


def quaternion(values: ArrayLike) -> Gf.Quatf:
    """(w, x, y, z) as USD's type."""
    w, x, y, z = (float(v) for v in np.asarray(values))
    return Gf.Quatf(w, x, y, z)


def _has_area(points: Array, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    a, b, c = (points[faces[:, k]] for k in range(3))
    doubled = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.maximum(np.linalg.norm(b - a, axis=1), np.linalg.norm(c - a, axis=1))
    keep: NDArray[np.bool_] = doubled > 1e-7 * np.maximum(longest, 1e-12)
    return keep


def _indexed(rows: Array) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    values, index = np.unique(rows.astype(np.float32), axis=0, return_inverse=True)
    return np.ascontiguousarray(values), np.ascontiguousarray(index.ravel(), dtype=np.int32)


def _corner_normals(points: Array, faces: NDArray[np.int64]) -> Array:
    """Unit normals (3 m, 3): at each corner the area-weighted mean of the faces around the point within the crease angle."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    weighted = np.cross(b - a, c - a)
    unit = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    owner = np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(faces.ravel(), kind="stable")
    counts = np.bincount(faces.ravel(), minlength=len(points))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    degree = counts[faces.ravel()]
    # Every corner against every face around its point.
    corner = np.repeat(np.arange(3 * len(faces)), degree)
    nth = np.arange(degree.sum()) - np.repeat(np.concatenate([[0], np.cumsum(degree)[:-1]]), degree)
    neighbour = owner[order[starts[faces.ravel()][corner] + nth]]
    smooth = (unit[owner[corner]] * unit[neighbour]).sum(axis=1) > CREASE_COSINE
    total = np.zeros((3 * len(faces), 3))
    np.add.at(total, corner[smooth], weighted[neighbour[smooth]])
    normals: Array = total / np.linalg.norm(total, axis=1, keepdims=True)
    return normals
