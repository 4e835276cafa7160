"""Joints: where they are, how far they go, how they are damped."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from fixtures.usda import usda
from resources.simulator.usd_stage import UsdError
from resources.simulator.usd_to_mujoco import load_usd


def box(name: str, at: tuple[float, float, float], size: float = 0.2, moving: bool = True) -> str:
    api = 'prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"]' if moving else ""
    return f"""def Xform "{name}" ({api}) {{
        {"float physics:mass = 1" if moving else ""}
        double3 xformOp:translate = {at}
        uniform token[] xformOpOrder = ["xformOp:translate"]
        def Cube "c" (prepend apiSchemas = ["PhysicsCollisionAPI"]) {{ double size = {size} }}
    }}"""


def joint(kind: str, attributes: str, body0: str | None, body1: str | None, api: str = "") -> str:
    ends = "".join(
        f"rel physics:body{i} = </World/cabinet/{name}>\n" for i, name in enumerate((body0, body1)) if name is not None
    )
    applied = f'(prepend apiSchemas = ["{api}"])' if api else ""
    return f'def Physics{kind}Joint "j" {applied} {{ {ends} {attributes} }}'


def load(tmp_path: Path, body: str, gravity: tuple[float, float, float] = (0, 0, -1)) -> mujoco.MjModel:
    scene = f'def PhysicsScene "p" {{ vector3f physics:gravityDirection = {gravity} float physics:gravityMagnitude = 9.81 }}'
    path = tmp_path / "scene.usda"
    path.write_text(usda(f'def Xform "World" {{ {scene} def Xform "cabinet" {{ {body} }} }}'))
    return load_usd(path, tmp_path).compile()


def run(model: mujoco.MjModel, seconds: float) -> mujoco.MjData:
    data = mujoco.MjData(model)
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)
    return data


SLIDE = 'uniform token physics:axis = "X" float physics:lowerLimit = -0.22 float physics:upperLimit = 0 '
FRAMES = "point3f physics:localPos0 = (0, 0, 0.3)"


@pytest.mark.parametrize("moving_base", [True, False])
def test_a_drawer_opens_to_its_limit(tmp_path: Path, moving_base: bool) -> None:
    """The base is either static or a rigid body that a fixed joint holds to the world, where others want its articulation."""
    held = 'def PhysicsFixedJoint "hold" { rel physics:body1 = </World/cabinet/base> point3f physics:localPos0 = (0, 0, 1) }'
    drawer = box("base", (0, 0, 1), moving=moving_base) + box("drawer", (0, 0, 1.3)) + (held if moving_base else "")
    model = load(tmp_path, drawer + joint("Prismatic", SLIDE + FRAMES, "base", "drawer"), (-0.6, 0, -0.8))
    assert model.njnt == 1
    assert model.jnt_range[0] == pytest.approx([-0.22, 0])
    assert run(model, 1.5).qpos[0] == pytest.approx(-0.22, abs=2e-3)


def test_swapped_ends_give_the_same_coordinate(tmp_path: Path) -> None:
    """body0 is the moving end: the coordinate still is body1's frame seen from body0's."""
    swapped = joint("Prismatic", SLIDE + "point3f physics:localPos1 = (0, 0, 0.3)", "drawer", "base")
    model = load(tmp_path, box("base", (0, 0, 1), moving=False) + box("drawer", (0, 0, 1.3)) + swapped, (-0.6, 0, -0.8))
    data = run(model, 1.5)
    # The drawer runs to -x, so the base seen from it runs to +x, where the limit is 0: it stays.
    assert data.qpos[0] == pytest.approx(0, abs=2e-3)
    other_way = load(
        tmp_path, box("base", (0, 0, 1), moving=False) + box("drawer", (0, 0, 1.3)) + swapped, (0.6, 0, -0.8)
    )
    data = run(other_way, 1.5)
    assert data.qpos[0] == pytest.approx(-0.22, abs=2e-3)
    assert data.body("cabinet/drawer").xpos[0] == pytest.approx(0.22, abs=2e-3)


HINGE = 'uniform token physics:axis = "Y" point3f physics:localPos0 = (0, 0, 2) '


def test_angular_limits_are_degrees_and_damping_is_per_degree(tmp_path: Path) -> None:
    drive = "float drive:angular:physics:damping = 0.5 float drive:angular:physics:stiffness = 0.1 "
    drive += "float drive:angular:physics:targetPosition = 30 "
    limits = "float physics:lowerLimit = -90 float physics:upperLimit = 45 "
    hinge = joint("Revolute", HINGE + limits + drive, None, "door", "PhysicsDriveAPI:angular")
    model = load(tmp_path, box("door", (0, 0, 2)) + hinge)
    assert model.jnt_range[0] == pytest.approx(np.radians([-90, 45]))
    assert model.dof_damping[0] == pytest.approx(0.5 * 180 / np.pi)
    assert model.jnt_stiffness[0] == pytest.approx(0.1 * 180 / np.pi)
    assert model.qpos_spring[0] == pytest.approx(np.radians(30))
    assert run(model, 30).qpos[0] == pytest.approx(np.radians(30), abs=0.01)


def test_damping_slows_a_drawer_as_the_formula_says(tmp_path: Path) -> None:
    """m a = F - d v from rest: v(t) = F/d (1 - exp(-d t / m))."""
    slide = (
        'uniform token physics:axis = "X" point3f physics:localPos0 = (0, 0, 1) float drive:linear:physics:damping = 2 '
    )
    model = load(
        tmp_path,
        box("drawer", (0, 0, 1)) + joint("Prismatic", slide, None, "drawer", "PhysicsDriveAPI:linear"),
        (1, 0, 0),
    )
    assert run(model, 1.0).qvel[0] == pytest.approx(9.81 / 2 * (1 - np.exp(-2)), rel=0.01)


def test_the_authored_pose_is_the_joint_coordinate(tmp_path: Path) -> None:
    """A drawer drawn half open: its pose stays as authored and its coordinate says so."""
    opened = box("base", (0, 0, 1), moving=False) + box("drawer", (-0.11, 0, 1.3))
    model = load(tmp_path, opened + joint("Prismatic", SLIDE + FRAMES, "base", "drawer"), (-0.6, 0, -0.8))
    assert model.qpos0[0] == pytest.approx(-0.11)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    assert data.body("cabinet/drawer").xpos == pytest.approx([-0.11, 0, 1.3])
    assert run(model, 1.5).body("cabinet/drawer").xpos[0] == pytest.approx(-0.22, abs=2e-3)


def test_jointed_bodies_do_not_collide_unless_asked(tmp_path: Path) -> None:
    """Overlapping base and drawer: with the filter the drawer rests where it is, without it is thrown out."""
    overlapping = box("base", (0, 0, 1), moving=False) + box("drawer", (0, 0, 1.15))
    frames = "point3f physics:localPos0 = (0, 0, 0.15) "
    limits = 'uniform token physics:axis = "Z" float physics:lowerLimit = 0 float physics:upperLimit = 1 '
    filtered = load(tmp_path, overlapping + joint("Prismatic", limits + frames, "base", "drawer"))
    assert filtered.nexclude == 1
    assert run(filtered, 0.5).qpos[0] == pytest.approx(0, abs=2e-3)
    asked = "bool physics:collisionEnabled = 1 "
    colliding = load(tmp_path, overlapping + joint("Prismatic", asked + limits + frames, "base", "drawer"))
    assert run(colliding, 0.5).qpos[0] > 0.03


def test_a_chain_hangs_together_in_any_order(tmp_path: Path) -> None:
    """The lower link is written first; both hang on hinges below each other."""
    upper = joint("Revolute", HINGE, None, "upper").replace('"j"', '"j_upper"')
    lower = joint(
        "Revolute", 'uniform token physics:axis = "Y" point3f physics:localPos0 = (0, 0, -0.5)', "upper", "lower"
    )
    model = load(tmp_path, lower + box("lower", (0, 0, 1.5)) + box("upper", (0, 0, 2)) + upper)
    assert model.body("cabinet/lower").parentid[0] == model.body("cabinet/upper").id
    assert model.nq == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (box("a", (0, 0, 1)) + joint("Spherical", "", None, "a"), "is not read"),
        (box("a", (0, 0, 1)) + joint("Revolute", HINGE, None, "none"), "does not exist"),
        (box("a", (0, 0, 1), moving=False) + joint("Revolute", HINGE, None, "a"), "neither end"),
        (box("a", (0, 0, 1)) + joint("Revolute", HINGE, None, "a"), "disagree"),
        (box("a", (0, 0, 2)) + joint("Prismatic", HINGE + "float physics:lowerLimit = 1 float physics:upperLimit = 0", None, "a"),
         "above upper"),
        (box("a", (0, 0, 2)) + joint("Revolute", HINGE + "float drive:angular:physics:maxForce = 3", None, "a",
                                     "PhysicsDriveAPI:angular"), "maxForce"),
        (box("a", (0, 0, 2)) + joint("Revolute", HINGE, None, "a") + joint("Revolute", HINGE, None, "a").replace('"j"', '"k"'),
         "one joint a body"),
        (box("a", (0, 0, 1)) + box("b", (0, 0, 1)) + joint("Fixed", "", "a", "b")
         + joint("Fixed", "", "b", "a").replace('"j"', '"k"'), "loop|one joint"),
    ],
)  # fmt: skip
def test_joints_that_cannot_be_simulated_are_refused(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(UsdError, match=said):
        load(tmp_path, body)
