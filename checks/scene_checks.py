"""Gates behind the manifest and the layout."""

from __future__ import annotations

from pathlib import Path

from blueprint_assets.contracts.inventory import Inventory
from blueprint_assets.contracts.scene_layout import SceneLayout
from blueprint_assets.contracts.scene_manifest import SceneManifest
from blueprint_assets.scene.assets import scene_layout, scene_manifest
from checks import thresholds
from checks.verdict import Verdict, failed, gate, passed


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


@gate(scene_layout)
def scale_is_plausible(scene: Path) -> Verdict:
    """The median of the objects' largest dimensions is a size that things on tables have."""
    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    sizes = sorted(max(item.size) for item in layout.objects)
    median = sizes[len(sizes) // 2]
    low, high = thresholds.SCALE_FACTOR_SIZE_M
    measured, limits = {"median_size_m": median}, {"median_size_m": f"{low} to {high}"}
    if low <= median <= high:
        return passed(f"the median object is {median * 100:.1f} cm", measured, limits)
    return failed(f"the median object is {median:.3g} m; {low} to {high} m is a table top", measured, limits)


@gate(scene_layout)
def objects_stand_on_their_supports(scene: Path) -> Verdict:
    """No object starts below its support, or above it by more than the limit, or off the table."""
    layout = SceneLayout.read(scene / "layout/scene_layout_scaled.json")
    surfaces = {surface.id: surface for surface in layout.support_surfaces}
    wrong = []
    for item in layout.objects:
        surface = surfaces.get(item.support)
        if surface is None:
            continue
        for axis in (0, 1):
            off = abs(item.position[axis] - surface.center[axis]) - surface.size[axis] / 2
            if off > 0:
                wrong.append(f"{item.id} stands {off * 100:.1f} cm outside {surface.id}")
    measured = {"objects": len(layout.objects), "off_support": len(wrong)}
    return failed("; ".join(wrong[:5]), measured) if wrong else passed("every object is over its support", measured)


ALL = [objects_have_their_meshes, scale_is_plausible, objects_stand_on_their_supports]
