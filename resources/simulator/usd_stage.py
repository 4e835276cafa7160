"""Opening a USD stage from which nothing outside one folder can be reached.

Only reached from inside functions, so pxr is imported at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pxr import Sdf, Tf, Usd, UsdGeom

LAYER_SUFFIXES = (".usda", ".usdc", ".usd")
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


class UsdError(ValueError):
    """A USD scene cannot be used. The message names the file, the prim or path, and the remedy."""


def open_contained(path: Path, root: Path) -> Usd.Stage:
    """Opens `path` after every asset path of every layer it composes was found to be a file below `root`.

    The walk reads layers one at a time with Sdf, before composition opens anything, so a reference that leaves the
    folder (absolute, `..`, a symbolic link, a URI) is never followed. The stage must be in metres and Z-up.

    Raises:
        UsdError: a file is missing or does not parse, an asset path leaves `root` or is of a kind that is not
            followed (URI, package, expression, format arguments), or the stage's units are others.
    """
    contained_files(path, root)
    try:
        stage = Usd.Stage.Open(str(path.resolve()))
    except Tf.ErrorException as error:
        raise UsdError(f"{path}: does not compose: {error}") from None
    errors = stage.GetCompositionErrors()
    if errors:
        raise UsdError(f"{path}: does not compose: {errors[0]} ({len(errors)} errors)")
    if not stage.GetDefaultPrim():
        raise UsdError(f"{path}: has no defaultPrim; set it to the scene's root prim")
    meters, up = UsdGeom.GetStageMetersPerUnit(stage), UsdGeom.GetStageUpAxis(stage)
    if abs(meters - 1.0) > 1e-9 or up != UsdGeom.Tokens.z:
        raise UsdError(f"{path}: metersPerUnit {meters:g}, upAxis {up}; only metres and Z-up are read: bake the units")
    return stage


def contained_files(path: Path, root: Path) -> tuple[Path, ...]:
    """Every file that the stage at `path` needs, layers and textures, sorted; all of them below `root`.

    Raises:
        UsdError: as in `open_contained`.
    """
    limit = root.resolve()
    start = path.resolve()
    if not start.is_relative_to(limit):
        raise UsdError(f"{path}: lies outside the scene's folder {root}")
    if not start.is_file():
        raise UsdError(f"{path}: no such file")
    seen: set[Path] = set()
    queue = [start]
    while queue:
        file = queue.pop()
        if file in seen:
            continue
        seen.add(file)
        if file.suffix.lower() not in LAYER_SUFFIXES:
            continue
        for asset, where in _asset_paths(file):
            queue.append(_contained(asset, where, file, limit))
    return tuple(sorted(seen))


def _contained(asset: str, where: str, layer: Path, root: Path) -> Path:
    label = f"{layer}: {where}: asset path @{asset}@"
    if asset.startswith("`") or ":SDF_FORMAT_ARGS:" in asset or "[" in asset or asset.lower().endswith(".usdz"):
        raise UsdError(f"{label} is an expression, a package or has format arguments; name a plain file instead")
    if _URI.match(asset) or Path(asset).is_absolute():
        raise UsdError(f"{label} is not relative; make it relative to the file that holds it")
    target = (layer.parent / asset).resolve()
    if not target.is_relative_to(root):
        raise UsdError(f"{label} leaves the scene's folder {root}; copy the file into the scene")
    if not target.is_file():
        raise UsdError(f"{label} does not exist")
    return target


def _asset_paths(file: Path) -> Iterator[tuple[str, str]]:
    """(asset path, where it stands) of everything that one layer names."""
    try:
        layer = Sdf.Layer.FindOrOpen(str(file))
    except Tf.ErrorException as error:
        raise UsdError(f"{file}: does not parse: {str(error).strip()}") from None
    if layer is None:
        raise UsdError(f"{file}: not a USD layer")
    for asset in layer.GetCompositionAssetDependencies():
        yield asset, "composition"
    specs: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, specs.append)
    for path in specs:
        spec = layer.GetObjectAtPath(path)
        if spec is None:
            continue
        # Composition arcs are covered above; everything else that can hold an asset path is a plain field.
        for key in spec.ListInfoKeys():
            if key in ("subLayers", "subLayerOffsets"):  # the offsets have no Python type
                continue
            for asset in _assets_in(spec.GetInfo(key)):
                yield asset, f"{path}.{key}"
        if isinstance(spec, Sdf.AttributeSpec):
            for time in layer.ListTimeSamplesForPath(path):
                for asset in _assets_in(layer.QueryTimeSample(path, time)):
                    yield asset, f"{path} at {time:g}"


def _assets_in(value: object) -> Iterator[str]:
    if isinstance(value, Sdf.AssetPath):
        if value.path:
            yield value.path
    elif isinstance(value, Sdf.AssetPathArray | list | tuple):
        for item in value:
            yield from _assets_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _assets_in(item)
