"""The translator against MuJoCo: what is compiled, and what happens when time passes."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from fixtures.usda import HEAD, usda
from resources.simulator.usd_stage import UsdError
from resources.simulator.usd_to_mujoco import load_usd

BODY = 'prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"]'
COLLIDER = 'prepend apiSchemas = ["PhysicsCollisionAPI", "MaterialBindingAPI"]'


def load(tmp_path: Path, body: str) -> mujoco.MjModel:
    path = tmp_path / "scene.usda"
    path.write_text(usda('def Xform "World" {' + body + "}"))
    return load_usd(path, tmp_path).compile()


def run(model: mujoco.MjModel, seconds: float) -> mujoco.MjData:
    data = mujoco.MjData(model)
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
    return data


def ball(name: str, at: tuple[float, float, float], extra: str = "") -> str:
    return f"""def Xform "{name}" ({BODY}) {{
        float physics:mass = 0.2
        double3 xformOp:translate = {at}
        uniform token[] xformOpOrder = ["xformOp:translate"]
        {extra}
        def Sphere "s" ({COLLIDER}) {{ double radius = 0.05 }}
    }}"""


def slab(friction: float) -> str:
    return f"""
    def Material "m" (prepend apiSchemas = ["PhysicsMaterialAPI"]) {{
        float physics:staticFriction = {friction + 0.1}
        float physics:dynamicFriction = {friction}
    }}
    def Cube "Floor" ({COLLIDER}) {{
        double size = 1
        float3 xformOp:scale = (4, 4, 0.1)
        double3 xformOp:translate = (0, 0, -0.05)
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]
        rel material:binding:physics = </World/m>
    }}"""


def brick(friction: float, tilt: str = "") -> str:
    return f"""
    def Material "b" (prepend apiSchemas = ["PhysicsMaterialAPI"]) {{
        float physics:dynamicFriction = {friction}
    }}
    def Xform "Objects" {{ def Xform "brick" ({BODY}) {{
        float physics:mass = 0.5
        double3 xformOp:translate = (0, 0, 0.025)
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Cube "c" ({COLLIDER}) {{
            double size = 0.05
            rel material:binding:physics = </World/b>
        }}
    }} }}"""


def test_names_groups_and_options(tmp_path: Path) -> None:
    model = load(tmp_path, slab(0.4) + brick(0.3))
    names = [model.body(i).name for i in range(model.nbody)]
    assert names == ["world", "Floor", "brick"]
    assert [model.geom(i).name for i in range(model.ngeom)] == ["Floor", "brick/c"]
    assert list(model.geom_group) == [0, 0]
    assert list(model.geom_condim) == [4, 4]
    assert model.opt.timestep == pytest.approx(0.002)
    assert model.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert model.opt.impratio == 10
    assert model.geom_friction[:, 0] == pytest.approx([0.4, 0.3])


def test_friction_decides_what_slides(tmp_path: Path) -> None:
    """On a slope of 30 degrees a body rests while tan 30 = 0.577 is below its friction, and slides as Newton says above."""
    slope = np.radians(30)
    gravity = f"""def PhysicsScene "p" {{
        vector3f physics:gravityDirection = ({np.sin(slope)}, 0, {-np.cos(slope)})
        float physics:gravityMagnitude = 9.81
    }}"""
    holding = run(load(tmp_path, gravity + slab(0.2) + brick(0.7)), 1.0)
    assert abs(holding.qpos[0]) < 0.003
    sliding = run(load(tmp_path, gravity + slab(0.2) + brick(0.3)), 0.5)
    expected = 0.5 * 9.81 * (np.sin(slope) - 0.3 * np.cos(slope)) * 0.5**2
    assert sliding.qpos[0] == pytest.approx(expected, rel=0.05)


def test_mass_inertia_and_their_frame(tmp_path: Path) -> None:
    model = load(
        tmp_path,
        f"""def Xform "a" ({BODY}) {{
            float physics:mass = 2
            point3f physics:centerOfMass = (0, 0.1, 0)
            float3 physics:diagonalInertia = (0.01, 0.02, 0.025)
            quatf physics:principalAxes = (0.7071068, 0, 0, 0.7071068)
            def Sphere "s" ({COLLIDER}) {{ double radius = 0.05 }}
        }}""",
    )
    body = model.body("a")
    assert float(body.mass[0]) == pytest.approx(2)
    assert body.ipos == pytest.approx([0, 0.1, 0])
    assert body.inertia == pytest.approx([0.01, 0.02, 0.025])
    assert body.iquat == pytest.approx([0.7071068, 0, 0, 0.7071068])


@pytest.mark.parametrize(
    ("attributes", "mass"),
    [("float physics:mass = 3", 3.0), ("float physics:density = 500", 0.5), ("", 1.0)],
)
def test_mass_without_inertia_is_spread_over_the_colliders(tmp_path: Path, attributes: str, mass: float) -> None:
    """Two boxes of half a litre: density 1000 kg/m3 when nothing is said."""
    boxes = "".join(
        f"""def Cube "c{i}" ({COLLIDER}) {{
            double size = 0.1
            float3 xformOp:scale = (1, 1, 0.5)
            double3 xformOp:translate = (0, 0, {z})
            uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]
        }}"""
        for i, z in enumerate((0.025, 0.075))
    )
    model = load(tmp_path, f'def Xform "a" ({BODY}) {{ {attributes} {boxes} }}')
    body = model.body("a")
    assert float(body.mass[0]) == pytest.approx(mass, rel=1e-6)
    assert body.ipos == pytest.approx([0, 0, 0.05])
    assert body.inertia == pytest.approx([mass * 0.02 / 12] * 3, rel=1e-6)


def test_primitives_keep_their_measures(tmp_path: Path) -> None:
    def prim(kind: str, attributes: str, scale: str = "(1, 1, 1)") -> str:
        return f"""def {kind} "{kind}" ({COLLIDER}) {{ {attributes}
            float3 xformOp:scale = {scale}
            uniform token[] xformOpOrder = ["xformOp:scale"] }}"""

    model = load(
        tmp_path,
        prim("Cube", "double size = 2", "(1, 2, 3)")
        + prim("Sphere", "double radius = 0.5", "(1, 1, 2)")
        + prim("Cylinder", 'double radius = 0.1 double height = 1 uniform token axis = "X"', "(2, 3, 3)")
        + prim("Capsule", 'double radius = 0.1 double height = 1 uniform token axis = "Y"', "(2, 2, 2)"),
    )
    assert model.geom("Cube").size == pytest.approx([1, 2, 3])
    assert model.geom("Sphere").type[0] == mujoco.mjtGeom.mjGEOM_ELLIPSOID
    assert model.geom("Sphere").size == pytest.approx([0.5, 0.5, 1.0])
    assert model.geom("Cylinder").size[:2] == pytest.approx([0.3, 1.0])
    assert model.geom("Capsule").size[:2] == pytest.approx([0.2, 1.0])
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    for name, axis in (("Cylinder", [1, 0, 0]), ("Capsule", [0, 1, 0])):
        z = data.geom(name).xmat.reshape(3, 3)[:, 2]
        assert abs(z @ axis) == pytest.approx(1)


HULL = """def Mesh "hull" (prepend apiSchemas = ["PhysicsCollisionAPI", "PhysicsMeshCollisionAPI"]) {{
    point3f[] points = [(0,0,0), (0.1,0,0), (0.1,0.1,0), (0,0.1,0), (0,0,0.1), (0.1,0,0.1), (0.1,0.1,0.1), (0,0.1,{top})]
    int[] faceVertexCounts = [4, 4, 4, 4, 4, 4]
    int[] faceVertexIndices = [0,3,2,1, 4,5,6,7, 0,1,5,4, 1,2,6,5, 2,3,7,6, 3,0,4,7]
    uniform token physics:approximation = "{approximation}"
    uniform token purpose = "guide"
}}"""


def test_a_guide_hull_collides_and_is_not_seen(tmp_path: Path) -> None:
    body = f'def Xform "a" ({BODY}) {{ {HULL.format(approximation="convexHull", top=0.1)} }}'
    model = load(tmp_path, body)
    assert model.geom("a/hull").group[0] == 3
    assert model.geom("a/hull").contype[0] == 1

    pressed = load(tmp_path, body.replace("(0,0.1,0.1)", "(0,0.1,0.099)").replace("7, 6, 3, 0, 4, 7", ""))
    assert pressed.mesh_vertnum[0] == 8


@pytest.mark.parametrize("approximation", ["none", "convexDecomposition", "meshSimplification", "sdf"])
def test_a_mesh_that_mujoco_would_fill_is_refused(tmp_path: Path, approximation: str) -> None:
    with pytest.raises(UsdError, match="convex"):
        load(tmp_path, f'def Xform "a" ({BODY}) {{ {HULL.format(approximation=approximation, top=0.1)} }}')


def test_collision_off_lets_things_fall_through(tmp_path: Path) -> None:
    on = run(load(tmp_path, slab(0.5) + ball("a", (0, 0, 0.06))), 0.5)
    assert on.qpos[2] == pytest.approx(0.05, abs=1e-3)
    off = slab(0.5) + ball("a", (0, 0, 0.06)).replace(
        "double radius", "bool physics:collisionEnabled = 0 double radius"
    )
    off = off.replace("float physics:mass = 0.2", "float physics:mass = 0.2 float3 physics:diagonalInertia = (1, 1, 1)")
    assert run(load(tmp_path, off), 0.5).qpos[2] < -0.5


def test_filtered_pairs_pass_through_each_other_only(tmp_path: Path) -> None:
    filtered = ball("a", (0, 0, 0.05)) + ball("b", (0, 0, 0.2), "rel physics:filteredPairs = [</World/a>]").replace(
        "PhysicsMassAPI", 'PhysicsMassAPI", "PhysicsFilteredPairsAPI'
    )
    data = run(load(tmp_path, slab(0.5) + filtered), 1.0)
    assert data.qpos[2] == pytest.approx(0.05, abs=1e-3)
    assert data.qpos[9] == pytest.approx(0.05, abs=1e-3)
    apart = run(load(tmp_path, slab(0.5) + ball("a", (0, 0, 0.05)) + ball("b", (0, 0, 0.2))), 0.2)
    assert apart.qpos[9] > 0.12


def test_kinematic_and_disabled_bodies_stay(tmp_path: Path) -> None:
    body = ball("a", (0, 0, 1), "bool physics:kinematicEnabled = 1") + ball(
        "b", (1, 0, 1), "bool physics:rigidBodyEnabled = 0"
    )
    assert load(tmp_path, body).nv == 0


def test_a_camera_keeps_its_lens(tmp_path: Path) -> None:
    """Only ratios of lens lengths count; where the camera looks is tested with the preview."""
    model = load(
        tmp_path,
        """def Camera "photo" {
            float focalLength = 30
            float horizontalAperture = 36
            float verticalAperture = 24
            float horizontalApertureOffset = 3
            float verticalApertureOffset = -2
        }""",
    )
    assert model.cam_sensorsize[0] == pytest.approx([0.036, 0.024])
    assert model.cam_intrinsic[0] == pytest.approx([0.030, 0.030, 0.003, 0.002])
    centred = load(tmp_path, 'def Camera "c" { float focalLength = 24 float verticalAperture = 18 }')
    assert centred.cam_fovy[0] == pytest.approx(np.degrees(2 * np.arctan(9 / 24)))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f'def Xform "a" ({BODY}) {{ def Xform "b" ({BODY}) {{}} }}', "below the rigid body"),
        (f'def Xform "a" ({BODY}) {{}}', "neither inertia nor colliders"),
        (ball("a", (0, 0, 0)).replace("0.2", "-1"), "not negative"),
        (ball("a", (0, 0, 0)).replace("Sphere", "Cone"), "Cone is not read"),
        (ball("a", (0, 0, 0), "rel physics:filteredPairs = [</World/none>]").replace(
            "PhysicsMassAPI", "PhysicsMassAPI\", \"PhysicsFilteredPairsAPI"), "not a whole body"),
        ('def PhysicsCollisionGroup "g" {}', "FilteredPairsAPI"),
        (slab(-0.5), "dynamicFriction"),
        (slab(0.5).replace("(4, 4, 0.1)", "(4, 4, -0.1)"), "mirror"),
        (slab(0.5).replace("(4, 4, 0.1)", "(4, 4, 0)"), "extent"),
        ('def Camera "c" { token projection = "orthographic" }', "perspective"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_as_written_is_refused(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(UsdError, match=said):
        load(tmp_path, body)


def test_instances_are_read_like_copies(tmp_path: Path) -> None:
    (tmp_path / "ball.usda").write_text(
        usda(ball("ball", (0, 0, 0)).replace("double3 xformOp:translate", "double3 o")
        .replace('uniform token[] xformOpOrder = ["xformOp:translate"]', ""), HEAD.replace('"World"', '"ball"'))
    )  # fmt: skip
    placed = "".join(
        f"""def Xform "{name}" (instanceable = true references = @./ball.usda@) {{
            double3 xformOp:translate = ({x}, 0, 0.05)
            uniform token[] xformOpOrder = ["xformOp:translate"]
        }}"""
        for name, x in (("one", 0), ("two", 1))
    )
    model = load(tmp_path, slab(0.5) + f'def Xform "Objects" {{ {placed} }}')
    assert [model.body(i).name for i in range(model.nbody)] == ["world", "Floor", "one", "two"]
    assert run(model, 0.3).qpos[2] == pytest.approx(0.05, abs=1e-3)


def test_loading_twice_gives_the_same_model(tmp_path: Path) -> None:
    first, second = (load(tmp_path, slab(0.4) + brick(0.3) + ball("z", (1, 0, 0.05))) for _ in range(2))
    assert run(first, 0.2).qpos.tobytes() == run(second, 0.2).qpos.tobytes()
