"""The scene as USD: the objects' assets by reference, a table, the ground, lights and the photograph's camera.

/World                 Xform, default prim
/World/PhysicsScene
/World/Objects/<id>    reference to ../assets/obj_<id>/simready.usda, placed by the layout
/World/Table           (Table_<surface> for a second surface) top and legs as Cubes with CollisionAPI
/World/Ground          a slab whose top is z = 0
/World/Lights, /World/Looks, /World/photo
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blueprint_assets.contracts.scene_layout import LayoutCamera, SceneLayout, SupportSurface
from blueprint_assets.scene.layout import LAYOUT
from blueprint_assets.scene.simready import asset_path

if TYPE_CHECKING:
    from pxr import Usd, UsdShade

SCENE = "usd/scene.usda"
PREVIEW = "usd/preview.png"

TABLE_TOP_M = 0.04
TABLE_LEG_M = 0.05
SHELF_M = 0.02
"""Thickness of the table's top, side of its legs, thickness of a second surface: usual furniture, nothing measured."""
GROUND_M = 8.0
GROUND_MARGIN_M = 2.0
GROUND_THICKNESS_M = 0.1
"""The ground's slab: its least extent, far larger than any table, and how far it reaches beyond all that stands on it, so that
nothing that falls leaves it."""
GROUND_COLOR = (0.82, 0.82, 0.84)
LEG_SHADE = 0.7
"""The legs' colour over the table top's: a picture of a table top does not show them."""
TABLE_FRICTION = (0.5, 0.4, 0.1)
"""Static, dynamic, restitution: wood of the material table, with the generic restitution."""
GROUND_FRICTION = (0.7, 0.6, 0.1)
"""Concrete of the material table."""
REST_SECONDS = 4.0
"""Time for a thing that falls over to come to rest."""
FALLEN_M, FALLEN_RAD = 0.02, 0.2
"""An object that moves or turns more than this did not stand; what stands moves by tenths of a millimetre."""
CAMERA_APERTURE = 36.0
"""Horizontal aperture of the photograph's camera in USD's tenths of a unit: only its ratio to the focal length counts."""


class SceneUsdError(ValueError):
    """The scene cannot be composed. The message names the file and the remedy."""


@dataclass(frozen=True)
class ComposedScene:
    """`prims` counts the composed stage's, `size_bytes` is scene.usda's; `fallen` names the objects that could not stand as
    they were photographed and lie where they fell."""

    prims: int
    size_bytes: int
    fallen: tuple[str, ...]


def compose_scene(inputs: Path, out: Path) -> ComposedScene:
    """Writes usd/scene.usda and usd/preview.png (a render beside the photograph) below `out`.

    An object that falls over when time passes is put where it came to rest, so that the scene is at rest when it begins;
    scene.usda, not the layout, then says where it is.

    Args:
        inputs: a folder laid out like the scene, with the source, the layout and the objects' assets.
        out: an empty folder laid out like the scene.

    Raises:
        SceneUsdError: an object of the layout has no asset.
        UsdError: the composed stage is not a scene that can be simulated.
    """
    from blueprint_assets.contracts.source import Source
    from blueprint_assets.scene.preview import render_preview
    from blueprint_assets.scene.settle import opened_prims

    layout = SceneLayout.read(inputs / LAYOUT)
    for item in layout.objects:
        if not (inputs / asset_path(item.id)).is_file():
            raise SceneUsdError(f"{inputs / asset_path(item.id)}: no such asset; make the simready assets again")
    write_scene(layout, out / SCENE)
    with assembled(inputs, out) as root:
        prims = opened_prims(root / SCENE, root)
        layout, fallen = _at_rest(layout, root)
        if fallen:
            write_scene(layout, out / SCENE)
        picture = Source.read(inputs / "input/source.json").image
        render_preview(root / SCENE, root, layout, inputs / picture if picture else None, out / PREVIEW)
    return ComposedScene(prims, (out / SCENE).stat().st_size, fallen)


def _at_rest(layout: SceneLayout, root: Path) -> tuple[SceneLayout, tuple[str, ...]]:
    """The layout with what fell over where it came to rest, and the ids of that. Leaves the scene below `root` like it."""
    from blueprint_assets.scene.settle import UnmeasuredError, settle

    try:
        motions = settle(root / SCENE, root, REST_SECONDS).objects
    except UnmeasuredError:  # nothing in the scene can move
        return layout, ()
    moved = {m.object_id: m for m in motions if m.drift_m > FALLEN_M or m.turn_rad > FALLEN_RAD}
    if not moved:
        return layout, ()
    places = tuple(
        place.model_copy(
            update={
                "position": moved[place.id].position,
                "rotation_quaternion": moved[place.id].rotation_quaternion,
            }
        )
        if place.id in moved
        else place
        for place in layout.objects
    )
    rested = layout.model_copy(update={"objects": places})
    write_scene(rested, root / SCENE)
    return rested, tuple(sorted(moved))


@contextmanager
def assembled(inputs: Path, out: Path) -> Iterator[Path]:
    """A folder in which the new scene.usda finds the assets it refers to; gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="blueprint-scene-") as folder:
        root = Path(folder)
        shutil.copytree(inputs / "assets", root / "assets")
        shutil.copytree(out / "usd", root / "usd")
        yield root


def write_scene(layout: SceneLayout, path: Path) -> None:
    """Writes the scene's root layer; the assets that it refers to need not be there yet."""
    from pxr import Gf, Sdf, UsdGeom, UsdPhysics

    from blueprint_assets.scene import authoring

    layer = Sdf.Layer.CreateAnonymous(".usda")
    stage = authoring.new_stage(layer, "World", "assembly")
    physics = UsdPhysics.Scene.Define(stage, "/World/PhysicsScene")
    physics.CreateGravityDirectionAttr(Gf.Vec3f(0, 0, -1))
    physics.CreateGravityMagnitudeAttr(9.81)
    UsdGeom.Scope.Define(stage, "/World/Looks")
    objects = UsdGeom.Xform.Define(stage, "/World/Objects")
    _kind(objects.GetPrim(), "group")
    for item in layout.objects:
        xform = UsdGeom.Xform.Define(stage, f"/World/Objects/{item.id}")
        xform.AddTranslateOp().Set(Gf.Vec3d(*item.position))
        xform.AddOrientOp().Set(authoring.quaternion(item.rotation_quaternion))
    contact = authoring.contact_material(stage, "/World/Looks/table_contact", *TABLE_FRICTION)
    tables = [surface for surface in layout.support_surfaces if surface.kind == "table"]
    for number, surface in enumerate(tables):
        _add_table(stage, surface, "Table" if number == 0 else f"Table_{_prim_name(surface.id)}", number == 0, contact)
    _add_ground(stage, layout)
    _add_lights(stage)
    _add_camera(stage, layout.camera)
    del stage
    # References go in with Sdf, without composing: the assets are another artifact, elsewhere until both are checked out.
    for item in layout.objects:
        spec = layer.GetPrimAtPath(Sdf.Path(f"/World/Objects/{item.id}"))
        spec.referenceList.prependedItems = [Sdf.Reference(f"../{asset_path(item.id)}")]
    authoring.export(layer, path)


def _add_table(stage: Usd.Stage, surface: SupportSurface, name: str, legs: bool, contact: UsdShade.Material) -> None:
    from pxr import UsdGeom

    from blueprint_assets.scene import authoring

    path = f"/World/{name}"
    _kind(UsdGeom.Xform.Define(stage, path).GetPrim(), "component")
    _label(stage.GetPrimAtPath(path), "table" if legs else "shelf")
    look = authoring.look(stage, f"/World/Looks/{name}", color=surface.color)
    x, y = surface.center
    thickness = min(TABLE_TOP_M if legs else SHELF_M, surface.height)
    top = authoring.box(stage, f"{path}/top", (x, y, surface.height - thickness / 2), (*surface.size, thickness))
    parts = [(top, look)]
    length = surface.height - thickness
    if legs and length > 0:
        shade = authoring.look(stage, f"/World/Looks/{name}_legs", color=np.asarray(surface.color) * LEG_SHADE)
        reach = np.asarray(surface.size) / 2 - TABLE_LEG_M
        for number, (sx, sy) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):
            at = (x + sx * reach[0], y + sy * reach[1], length / 2)
            parts.append((authoring.box(stage, f"{path}/leg_{number}", at, (TABLE_LEG_M, TABLE_LEG_M, length)), shade))
    for part, material in parts:
        authoring.bind(part.GetPrim(), material)
        authoring.collide(part.GetPrim(), contact)


def _add_ground(stage: Usd.Stage, layout: SceneLayout) -> None:
    from pxr import UsdGeom

    from blueprint_assets.scene import authoring

    _kind(UsdGeom.Xform.Define(stage, "/World/Ground").GetPrim(), "component")
    _label(stage.GetPrimAtPath("/World/Ground"), "ground")
    carried = [(surface.center, surface.size) for surface in layout.support_surfaces]
    carried += [(item.position[:2], item.size[:2]) for item in layout.objects]
    reach = max(abs(center[axis]) + size[axis] / 2 for center, size in carried for axis in (0, 1))
    side = max(GROUND_M, 2 * (reach + GROUND_MARGIN_M))
    extents = (side, side, GROUND_THICKNESS_M)
    slab = authoring.box(stage, "/World/Ground/slab", (0, 0, -GROUND_THICKNESS_M / 2), extents).GetPrim()
    authoring.bind(slab, authoring.look(stage, "/World/Looks/Ground", color=GROUND_COLOR))
    authoring.collide(slab, authoring.contact_material(stage, "/World/Looks/ground_contact", *GROUND_FRICTION))


def _add_lights(stage: Usd.Stage) -> None:
    """A dome for the room and one light from above, to the left and towards the viewer."""
    from pxr import Gf, UsdGeom, UsdLux

    UsdGeom.Scope.Define(stage, "/World/Lights")
    dome = UsdLux.DomeLight.Define(stage, "/World/Lights/dome")
    dome.CreateIntensityAttr(800.0)
    key = UsdLux.DistantLight.Define(stage, "/World/Lights/key")
    key.CreateIntensityAttr(2000.0)
    key.CreateAngleAttr(2.0)
    key.AddRotateXYZOp().Set(Gf.Vec3f(25.0, -20.0, 0.0))


def _add_camera(stage: Usd.Stage, camera: LayoutCamera) -> None:
    from pxr import Gf, UsdGeom

    from blueprint_assets.geometry.transforms import matrix_to_quaternion
    from blueprint_assets.scene import authoring

    matrix = np.asarray(camera.camera_to_world, dtype=float)
    # OpenCV's axes (x right, y down, z forward) to USD's (x right, y up, z backward).
    turned = matrix[:3, :3] @ np.diag([1.0, -1.0, -1.0])
    made = UsdGeom.Camera.Define(stage, "/World/photo")
    made.AddTranslateOp().Set(Gf.Vec3d(*(float(v) for v in matrix[:3, 3])))
    made.AddOrientOp().Set(authoring.quaternion(matrix_to_quaternion(turned)))
    focal = CAMERA_APERTURE * camera.fx / camera.width
    made.CreateFocalLengthAttr(focal)
    made.CreateHorizontalApertureAttr(CAMERA_APERTURE)
    made.CreateVerticalApertureAttr(focal * camera.height / camera.fy)
    made.CreateHorizontalApertureOffsetAttr(focal * (camera.width / 2 - camera.cx) / camera.fx)
    made.CreateVerticalApertureOffsetAttr(focal * (camera.cy - camera.height / 2) / camera.fy)
    made.CreateClippingRangeAttr(Gf.Vec2f(0.01, 100.0))


def _kind(prim: Usd.Prim, kind: str) -> None:
    from pxr import Usd

    Usd.ModelAPI(prim).SetKind(kind)


def _label(prim: Usd.Prim, category: str) -> None:
    from pxr import UsdSemantics

    UsdSemantics.LabelsAPI.Apply(prim, "category").CreateLabelsAttr([category])


def _prim_name(name: str) -> str:
    from pxr import Tf

    return str(Tf.MakeValidIdentifier(name))
