"""A USD scene as a MuJoCo specification: our own reading of UsdPhysics.

MuJoCo's native importer drops friction, drives, joint damping, collision filters, cameras and the guide purpose, and pins
an older OpenUSD; this translator keeps them, and refuses what it would have to drop.

Names. A prim below `/<defaultPrim>/Objects/` is named by its path from there, any other prim by its path from the default
prim: `/World/Objects/mug` is body "mug", its hull `/World/Objects/mug/collision/hull_0` is geom "mug/collision/hull_0",
`/World/Table/top` is geom "Table/top". Every direct child of the default prim or of Objects that is not a rigid body is one
body without joints ("Table"), so that contacts and filters can name it.

Geom groups: 0 collides and is seen, 2 is only seen, 3 only collides (purpose guide). Collision and visual meshes are
different geoms.

Contact. Friction is the bound material's dynamicFriction, the lower of its two coefficients, so nothing holds that would
slip; MuJoCo combines two materials by their larger value where UsdPhysics says average. Restitution has no counterpart in
MuJoCo's soft contacts and is not carried over. Only reached from inside functions, so pxr and mujoco are imported at the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdPhysics, UsdShade

from blueprint_assets.geometry.color import srgb_from_linear
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from resources.simulator.usd_appearance import Looks, add_visual_mesh, triangulate
from resources.simulator.usd_joints import add_joint, joint_tree
from resources.simulator.usd_shapes import add_hull, add_primitive, make_collider, split
from resources.simulator.usd_stage import UsdError, open_contained

Array = NDArray[np.float64]

TIMESTEP = 0.002
DEFAULT_DENSITY = 1000.0
"""kg/m3, what UsdPhysics says a body without mass and density has."""

COLLIDES_AND_SEEN, ONLY_SEEN, ONLY_COLLIDES = 0, 2, 3


@dataclass
class _Shape:
    """A collider's volume, for bodies whose mass is given without an inertia."""

    geom: mujoco.MjsGeom
    volume: float


def load_usd(path: Path, root: Path) -> mujoco.MjSpec:
    """Reads a USD scene into a specification that compiles; dt 2 ms, implicitfast, elliptic cone, impratio 10, condim 4.

    Bodies with RigidBodyAPI are free, or jointed where a UsdPhysics joint says so; everything else is static. The scene's
    cameras come along under their names; UsdLux distant and dome lights become a directional light and the headlight.

    Args:
        path: the scene's root layer.
        root: the folder that nothing may leave.

    Raises:
        UsdError: the stage leaves `root`, does not compose, or holds physics that MuJoCo cannot simulate as written.
    """
    return _Translation(open_contained(path, root)).run()


class _Translation:
    def __init__(self, stage: Usd.Stage) -> None:
        self.stage = stage
        self.root = stage.GetDefaultPrim()
        self.spec = mujoco.MjSpec()
        self.looks = Looks(self.spec)
        self.xforms = UsdGeom.XformCache()
        self.bodies: dict[str, mujoco.MjsBody] = {}
        self.frames: dict[str, Array] = {}
        self.shapes: dict[str, list[_Shape]] = {}

    def run(self) -> mujoco.MjSpec:
        self._options()
        prims = list(self.stage.Traverse(Usd.TraverseInstanceProxies()))
        self._make_bodies(prims)
        for prim in prims:
            if prim.IsA(UsdGeom.Gprim):
                self._add_gprim(prim)
            elif prim.IsA(UsdGeom.Camera):
                self._add_camera(prim)
        for path in self.bodies:
            self._set_mass(self.stage.GetPrimAtPath(path))
        self._filter(prims)
        self._light(prims)
        return self.spec

    def name(self, prim: Usd.Prim) -> str:
        """The prim's name by the module's naming rule."""
        relative = str(prim.GetPath().MakeRelativePath(self.root.GetPath()))
        return relative.removeprefix("Objects/")

    def _options(self) -> None:
        self.spec.compiler.degree = False
        option = self.spec.option
        option.timestep = TIMESTEP
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.impratio = 10.0
        for prim in self.stage.Traverse():
            if prim.IsA(UsdPhysics.Scene):
                scene = UsdPhysics.Scene(prim)
                magnitude = scene.GetGravityMagnitudeAttr().Get()
                direction = np.array(scene.GetGravityDirectionAttr().Get(), dtype=float)
                # UsdPhysics: a zero direction is -up, a negative (infinite) magnitude is earth's.
                if not direction.any():
                    direction = np.array([0.0, 0.0, -1.0])
                strength = 9.81 if not np.isfinite(magnitude) or magnitude < 0 else magnitude
                option.gravity = direction / np.linalg.norm(direction) * strength

    # Bodies

    def _is_dynamic(self, prim: Usd.Prim) -> bool:
        if not prim.HasAPI(UsdPhysics.RigidBodyAPI):
            return False
        body = UsdPhysics.RigidBodyAPI(prim)
        return bool(body.GetRigidBodyEnabledAttr().Get()) and not body.GetKinematicEnabledAttr().Get()

    def _make_bodies(self, prims: list[Usd.Prim]) -> None:
        objects = self.root.GetPath().AppendChild("Objects")
        dynamic = [prim for prim in prims if self._is_dynamic(prim)]
        for prim in dynamic:
            above = next((a for a in _ancestors(prim) if self._is_dynamic(a)), None)
            if above is not None:
                raise UsdError(
                    f"{prim.GetPath()}: a rigid body below the rigid body {above.GetPath()}; make them siblings"
                )
        joints = joint_tree(self.stage, prims, {str(p.GetPath()) for p in dynamic})
        for prim in prims:
            holder = self._static_holder(prim, objects) if prim.IsA(UsdGeom.Gprim) else None
            if holder is not None and str(holder.GetPath()) not in self.bodies:
                self._add_body(holder, self.spec.worldbody, np.eye(4))
        # Parents before children: a joint's body1 hangs on its body0.
        for path in joints.order([str(p.GetPath()) for p in dynamic]):
            prim = self.stage.GetPrimAtPath(path)
            joint = joints.parent.get(path)
            if joint is None:
                self._add_body(prim, self.spec.worldbody, np.eye(4)).add_freejoint(name=self.name(prim))
                continue
            on = self._owner(self.stage.GetPrimAtPath(joint.body0)) if joint.body0 else None
            if on is None:
                body = self._add_body(prim, self.spec.worldbody, np.eye(4))
            else:
                body = self._add_body(prim, self.bodies[on], self.frames[on])
            base = self._frame(self.stage.GetPrimAtPath(joint.body0))[0] if joint.body0 else np.eye(4)
            add_joint(body, self.name(joint.prim), joint, base, self.frames[path])
            if on is not None and not joint.collision_enabled:
                self._exclude(self.bodies[on].name, body.name)

    def _static_holder(self, prim: Usd.Prim, objects: Sdf.Path) -> Usd.Prim | None:
        """The prim whose static body a shape belongs to; None for a shape of a moving body."""
        chain = [prim, *_ancestors(prim)]
        if any(self._is_dynamic(p) for p in chain):
            return None
        for candidate in chain:
            if candidate.GetPath().GetParentPath() in (self.root.GetPath(), objects):
                return candidate
        raise UsdError(f"{prim.GetPath()}: a shape outside the default prim {self.root.GetPath()}")

    def _add_body(self, prim: Usd.Prim, parent: mujoco.MjsBody, parent_frame: Array) -> mujoco.MjsBody:
        frame, _ = self._frame(prim)
        relative = np.linalg.inv(parent_frame) @ frame
        body = parent.add_body(name=self.name(prim), pos=relative[:3, 3], quat=matrix_to_quaternion(relative[:3, :3]))
        path = str(prim.GetPath())
        self.bodies[path], self.frames[path], self.shapes[path] = body, frame, []
        return body

    def _frame(self, prim: Usd.Prim) -> tuple[Array, Array]:
        """World-from-prim as a rigid transform (4, 4) and the scale (3,) that was taken out of it."""
        return split(np.array(self.xforms.GetLocalToWorldTransform(prim), dtype=float).T, str(prim.GetPath()))

    def _owner(self, prim: Usd.Prim) -> str | None:
        """Path of the body that a prim belongs to."""
        for candidate in (prim, *_ancestors(prim)):
            if str(candidate.GetPath()) in self.bodies:
                return str(candidate.GetPath())
        return None

    # Geometry

    def _add_gprim(self, prim: Usd.Prim) -> None:
        imageable = UsdGeom.Imageable(prim)
        purpose = imageable.ComputePurpose()
        seen = purpose in ("default", "render") and imageable.ComputeVisibility() != UsdGeom.Tokens.invisible
        collision = prim.HasAPI(UsdPhysics.CollisionAPI)
        collides = collision and bool(UsdPhysics.CollisionAPI(prim).GetCollisionEnabledAttr().Get())
        if not seen and not collides:
            return
        owner = self._owner(prim)
        assert owner is not None  # _make_bodies gave every shape one
        world = np.array(self.xforms.GetLocalToWorldTransform(prim), dtype=float).T
        matrix = np.linalg.inv(self.frames[owner]) @ world
        body, name = self.bodies[owner], self.name(prim)
        if prim.IsA(UsdGeom.Mesh):
            if seen:
                self._add_visual(prim, body, name, matrix)
            if collides:
                suffix = "/collider" if seen else ""
                geom, volume = add_hull(self.spec, prim, body, name + suffix, matrix)
                make_collider(prim, geom)
                geom.group, geom.mass = ONLY_COLLIDES, 0.0
                self.shapes[owner].append(_Shape(geom, volume))
            return
        geom, volume = add_primitive(prim, body, name, matrix)
        geom.mass = 0.0
        if seen:
            self._paint(geom, prim)
        if collides:
            make_collider(prim, geom)
            self.shapes[owner].append(_Shape(geom, volume))
        else:
            geom.contype = geom.conaffinity = 0
        geom.group = (COLLIDES_AND_SEEN if seen else ONLY_COLLIDES) if collides else ONLY_SEEN

    def _add_visual(self, prim: Usd.Prim, body: mujoco.MjsBody, name: str, matrix: Array) -> None:
        triangles = triangulate(prim)
        subsets = UsdShade.MaterialBindingAPI(prim).GetMaterialBindSubsets()
        parts = [(name, prim, triangles)]
        if subsets:
            chosen = [(s, set(map(int, s.GetIndicesAttr().Get()))) for s in subsets]
            rest = set(map(int, triangles.source)).difference(*(indices for _, indices in chosen))
            parts = [(f"{name}/{s.GetPrim().GetName()}", s.GetPrim(), triangles.select(i)) for s, i in chosen]
            if rest:
                parts.append((name, prim, triangles.select(rest)))
        for part, bound, faces in parts:
            add_visual_mesh(self.spec, part, faces, matrix)
            geom = body.add_geom(name=part, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=part)
            geom.contype, geom.conaffinity, geom.group, geom.mass = 0, 0, ONLY_SEEN, 0.0
            self._paint(geom, bound)

    def _paint(self, geom: mujoco.MjsGeom, prim: Usd.Prim) -> None:
        material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
        name = self.looks.material(material) if material else ""
        if name:
            geom.material = name
            return
        color = UsdGeom.PrimvarsAPI(prim).FindPrimvarWithInheritance("displayColor").Get()
        # USD colours are linear, MuJoCo shows the numbers as they are.
        geom.rgba = [*srgb_from_linear(color[0] if color else (0.18, 0.18, 0.18)).tolist(), 1.0]

    # Mass

    def _set_mass(self, prim: Usd.Prim) -> None:
        if not self._is_dynamic(prim):
            return
        path = str(prim.GetPath())
        body, shapes = self.bodies[path], self.shapes[path]
        api = UsdPhysics.MassAPI(prim) if prim.HasAPI(UsdPhysics.MassAPI) else None
        mass = float(api.GetMassAttr().Get()) if api else 0.0
        density = float(api.GetDensityAttr().Get()) if api else 0.0
        inertia = np.array(api.GetDiagonalInertiaAttr().Get(), dtype=float) if api else np.zeros(3)
        if mass < 0 or density < 0 or not np.isfinite([mass, density, *inertia]).all() or (inertia < 0).any():
            raise UsdError(
                f"{path}: mass {mass:g}, density {density:g}, inertia {inertia}: must be finite, not negative"
            )
        if api and mass > 0 and inertia.all():
            _, scale = self._frame(prim)
            center = np.array(api.GetCenterOfMassAttr().Get(), dtype=float)
            axes = api.GetPrincipalAxesAttr().Get()
            quaternion = np.array([axes.GetReal(), *axes.GetImaginary()])
            body.explicitinertial = True
            body.mass, body.inertia = mass, inertia
            # UsdPhysics: an unauthored centre of mass is -inf, an unauthored axis (0, 0, 0, 0); both mean identity here.
            body.ipos = center * scale if np.isfinite(center).all() else np.zeros(3)
            body.iquat = quaternion if np.linalg.norm(quaternion) > 0.5 else [1.0, 0.0, 0.0, 0.0]
            return
        volume = sum(s.volume for s in shapes)
        if volume <= 0:
            raise UsdError(
                f"{path}: a rigid body with neither inertia nor colliders; give it a MassAPI with diagonalInertia"
            )
        uniform = mass / volume if mass > 0 else density or DEFAULT_DENSITY
        for shape in shapes:
            shape.geom.mass = uniform * shape.volume

    # Filters, lights, cameras

    def _filter(self, prims: list[Usd.Prim]) -> None:
        for prim in prims:
            if prim.IsA(UsdPhysics.CollisionGroup):
                raise UsdError(f"{prim.GetPath()}: collision groups are not read; use FilteredPairsAPI on the bodies")
            if not prim.HasAPI(UsdPhysics.FilteredPairsAPI):
                continue
            for target in UsdPhysics.FilteredPairsAPI(prim).GetFilteredPairsRel().GetTargets():
                pair = (str(prim.GetPath()), str(target))
                missing = [p for p in pair if p not in self.bodies]
                if missing:
                    raise UsdError(f"{prim.GetPath()}: filteredPairs names {missing[0]}, which is not a whole body")
                self._exclude(self.bodies[pair[0]].name, self.bodies[pair[1]].name)

    def _exclude(self, one: str, other: str) -> None:
        first, second = sorted((one, other))
        name = f"{first}|{second}"
        if all(e.name != name for e in self.spec.excludes):
            self.spec.add_exclude(name=name, bodyname1=first, bodyname2=second)

    def _add_camera(self, prim: Usd.Prim) -> None:
        camera = UsdGeom.Camera(prim)
        if camera.GetProjectionAttr().Get() != UsdGeom.Tokens.perspective:
            raise UsdError(f"{prim.GetPath()}: only perspective cameras are read")
        frame, _ = self._frame(prim)
        made = self.spec.worldbody.add_camera(name=self.name(prim))
        made.pos, made.quat = frame[:3, 3], matrix_to_quaternion(frame[:3, :3])
        # One aperture unit is a tenth of a scene unit; only the ratios to the focal length matter.
        focal = camera.GetFocalLengthAttr().Get()
        size = np.array([camera.GetHorizontalApertureAttr().Get(), camera.GetVerticalApertureAttr().Get()])
        offset = np.array(
            [camera.GetHorizontalApertureOffsetAttr().Get(), camera.GetVerticalApertureOffsetAttr().Get()]
        )
        if not (focal > 0 and (size > 0).all()):
            raise UsdError(f"{prim.GetPath()}: focalLength {focal:g}, apertures {size}: must be positive")
        made.fovy = float(np.degrees(2 * np.arctan2(size[1] / 2, focal)))
        if offset.any():
            # MuJoCo's principal point runs down the picture, USD's offset up.
            made.sensor_size, made.focal_length, made.principal_length = (
                size / 1000,
                [focal / 1000] * 2,
                offset * [1, -1] / 1000,
            )

    def _light(self, prims: list[Usd.Prim]) -> None:
        """UsdLux intensities are photometric, MuJoCo's are not: the distant lights share a fixed brightness by intensity."""
        distant = [UsdLux.DistantLight(p) for p in prims if p.IsA(UsdLux.DistantLight)]
        total = sum(light.GetIntensityAttr().Get() for light in distant)
        for light in distant:
            frame, _ = self._frame(light.GetPrim())
            made = self.spec.worldbody.add_light(name=self.name(light.GetPrim()))
            made.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
            made.pos, made.dir = [0.0, 0.0, 3.0], -frame[:3, 2]
            share = light.GetIntensityAttr().Get() / total if total else 0.0
            made.diffuse, made.specular = np.array(light.GetColorAttr().Get()) * 0.5 * share, [0.1 * share] * 3
        if any(p.IsA(UsdLux.DomeLight) for p in prims):
            headlight = self.spec.visual.headlight
            headlight.ambient, headlight.diffuse, headlight.specular = [0.45] * 3, [0.15] * 3, [0.0] * 3


def _ancestors(prim: Usd.Prim) -> list[Usd.Prim]:
    found, parent = [], prim.GetParent()
    while parent and not parent.IsPseudoRoot():
        found.append(parent)
        parent = parent.GetParent()
    return found
