"""Gates behind the manifest and the layout."""

from __future__ import annotations

from pathlib import Path

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.scene.assets import scene_layout, scene_manifest
from checks import thresholds
from checks.verdict import Number, Verdict, failed, gate, passed


@gate(scene_manifest)
def objects_have_their_meshes(scene: Path) -> Verdict:
    """Every object of the manifest has a mesh that can be read, and the inventory counts the same objects."""
    from blueprint_assets.geometry.mesh import MeshError, load_glb

    manifest = SceneManifest.read(scene / "assets/scene_manifest.json")
    inventory = Inventory.read(scene / "seg/inventory.json")
    wrong = []
    for item in manifest.objects:
        try:
            load_glb(scene / item.asset.path)
        except MeshError as error:
            wrong.append(f"{item.id}: {error}")
    if {item.id for item in manifest.objects} != {item.id for item in inventory.objects}:
        wrong.append("seg/inventory.json lists other objects than the manifest")
    measured = {"objects": len(manifest.objects), "wrong": len(wrong)}
    if wrong or len(manifest.objects) < thresholds.MIN_OBJECTS:
        return failed("; ".join(wrong[:5]) or "no object", measured, {"objects": thresholds.MIN_OBJECTS})
    return passed(f"{len(manifest.objects)} objects with their meshes", measured, {"objects": thresholds.MIN_OBJECTS})


@gate(scene_layout, scene_manifest)
def scale_is_plausible(scene: Path) -> Verdict:
    """The median of the objects' largest dimensions is one that things on tables have; in a room of nothing but furniture,
    one that furniture has."""
    from blueprint_assets.household import find

    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    manifest = SceneManifest.read(scene / "assets/scene_manifest.json")
    # By what they are, not by how large they came out: that would let a wrong scale choose its own limit.
    kinds = {item.id: find(item.category or "") for item in manifest.objects}
    furniture = {each for each, kind in kinds.items() if kind is not None and kind.stands == "floor"}
    things = [max(item.size) for item in layout.objects if item.id not in furniture]
    what, (low, high) = ("thing", thresholds.MEDIAN_SIZE_M) if things else ("furniture", thresholds.FURNITURE_SIZE_M)
    sizes = sorted(things or [max(item.size) for item in layout.objects])
    median = sizes[len(sizes) // 2]
    measured: dict[str, Number] = {"median_size_m": median, "objects": len(sizes)}
    limits = {"median_size_m": f"{low} to {high}"}
    if low <= median <= high:
        return passed(f"the median {what} is {median * 100:.1f} cm", measured, limits)
    return failed(
        f"the median {what} is {median:.3g} m; expected {low} to {high} m: give a known size (--known-size)",
        measured,
        limits,
    )


@gate(scene_layout, scene_manifest)
def objects_stand_on_their_supports(scene: Path) -> Verdict:
    """Every object's base is at the height of what it stands on, and its middle is above it."""
    import numpy as np

    from blueprint_assets.geometry.mesh import load_glb
    from blueprint_assets.geometry.transforms import apply, compose

    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    meshes = {item.id: item.asset.path for item in SceneManifest.read(scene / "assets/scene_manifest.json").objects}
    boxes = {}
    for item in layout.objects:
        if item.id not in meshes:
            return failed(f"{item.id} is in the layout but not in the manifest; lay the scene out again")
        placed = compose(item.position, item.rotation_quaternion, item.scale)
        points = apply(placed, load_glb(scene / meshes[item.id]).vertices)
        boxes[item.id] = (points.min(axis=0), points.max(axis=0))
    # What can be stood on: lowest and highest corner.
    supports = boxes | {
        surface.id: (
            np.array([*np.subtract(surface.center, np.divide(surface.size, 2)), 0.0]),
            np.array([*np.add(surface.center, np.divide(surface.size, 2)), surface.height]),
        )
        for surface in layout.support_surfaces
    }
    wrong = []
    gaps = [0.0]
    for item in layout.objects:
        if item.support not in supports:
            wrong.append(f"{item.id} stands on {item.support}, which is not in the layout")
            continue
        (low, high), (support_low, support_high) = boxes[item.id], supports[item.support]
        gap = float(low[2] - support_high[2])
        if item.inside and low[2] >= support_low[2] - thresholds.MAX_SUPPORT_GAP_M:
            gap = 0.0  # in a bowl, on a board of a shelf: its base is below the top, and above the bottom
        gaps.append(abs(gap))
        if abs(gap) > thresholds.MAX_SUPPORT_GAP_M:
            wrong.append(f"{item.id} is {abs(gap) * 100:.1f} cm {'above' if gap > 0 else 'inside'} {item.support}")
        middle = (low + high)[:2] / 2
        off = float(np.maximum(support_low[:2] - middle, middle - support_high[:2]).max())
        if off > 0:
            wrong.append(f"{item.id} stands {off * 100:.1f} cm outside {item.support}")
    measured = {"objects": len(layout.objects), "largest_gap_m": max(gaps)}
    limits = {"largest_gap_m": thresholds.MAX_SUPPORT_GAP_M}
    if wrong:
        return failed("; ".join(wrong[:5]), measured, limits)
    return passed("every object stands on its support", measured, limits)


ALL = [objects_have_their_meshes, scale_is_plausible, objects_stand_on_their_supports]
