"""UsdPhysics joints as MuJoCo joints. Only reached from inside functions, so pxr and mujoco are imported at the top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdPhysics

from blueprint_assets.geometry.transforms import quaternion_to_matrix
from resources.simulator.usd_stage import UsdError

Array = NDArray[np.float64]

AXES = {"X": np.array([1.0, 0, 0]), "Y": np.array([0, 1.0, 0]), "Z": np.array([0, 0, 1.0])}
FRAME_TOLERANCE = 1e-3
"""Metres and radians by which a joint's two frames may disagree off its axis."""


@dataclass(frozen=True)
class JointLink:
    """A joint read as a link of a tree: `child` hangs on `body0`, None meaning the world. Frames are body-from-joint."""

    prim: Usd.Prim
    body0: str | None
    child: str
    frame0: Array
    frame1: Array
    sign: float
    collision_enabled: bool


@dataclass(frozen=True)
class JointTree:
    """`parent` is the joint that a rigid body hangs on; a body without one is free."""

    parent: dict[str, JointLink] = field(default_factory=dict)

    def order(self, paths: Sequence[str]) -> list[str]:
        """Bodies with parents before children, otherwise in stage order."""
        done: list[str] = []

        def visit(path: str, trail: tuple[str, ...]) -> None:
            if path in trail:
                raise UsdError(f"{path}: its joints form a loop ({' - '.join(trail)}); MuJoCo wants a tree")
            if path in done:
                return
            link = self.parent.get(path)
            if link is not None and link.body0 in paths:
                visit(str(link.body0), (*trail, path))
            done.append(path)

        for path in paths:
            visit(path, ())
        return done


def joint_tree(stage: Usd.Stage, prims: Sequence[Usd.Prim], dynamic: set[str]) -> JointTree:
    """Which rigid body hangs on which, read off the stage's enabled joints.

    Raises:
        UsdError: a joint without a moving body, a body with two parents, a target that does not exist.
    """
    tree = JointTree()
    for prim in prims:
        if not prim.IsA(UsdPhysics.Joint) or not UsdPhysics.Joint(prim).GetJointEnabledAttr().Get():
            continue
        joint = UsdPhysics.Joint(prim)
        ends: list[str | None] = []
        for relation in (joint.GetBody0Rel(), joint.GetBody1Rel()):
            targets = relation.GetTargets()
            if targets and not stage.GetPrimAtPath(targets[0]):
                raise UsdError(f"{prim.GetPath()}: joins {targets[0]}, which does not exist")
            ends.append(str(targets[0]) if targets else None)
        frames = [
            _frame(joint.GetLocalPos0Attr().Get(), joint.GetLocalRot0Attr().Get()),
            _frame(joint.GetLocalPos1Attr().Get(), joint.GetLocalRot1Attr().Get()),
        ]
        sign = 1.0
        # The child is the end that moves; where both do, body1 hangs on body0 unless it already hangs on something.
        if ends[1] not in dynamic or (ends[1] in tree.parent and ends[0] in dynamic):
            ends.reverse()
            frames.reverse()
            sign = -1.0
        child = ends[1]
        if child is None or child not in dynamic:
            raise UsdError(f"{prim.GetPath()}: neither end is a rigid body that moves")
        if child in tree.parent:
            raise UsdError(
                f"{child}: hangs on {tree.parent[child].prim.GetPath()} and {prim.GetPath()}; one joint a body"
            )
        enabled = bool(joint.GetCollisionEnabledAttr().Get())
        tree.parent[child] = JointLink(prim, ends[0], child, frames[0], frames[1], sign, enabled)
    return tree


def add_joint(body: mujoco.MjsBody, name: str, link: JointLink, base: Array, child: Array) -> None:
    """Gives `body` its joint. `base` and `child` are world-from-body transforms (4, 4) of the two ends as authored.

    The body keeps its authored pose; the joint's `ref` says which coordinate that pose is. Units change from degrees:
    limits, and angular stiffness and damping, which UsdPhysics gives per degree.

    Raises:
        UsdError: a joint type or drive that is not translated, or frames that do not meet.
    """
    prim = link.prim
    if prim.IsA(UsdPhysics.FixedJoint):
        return
    angular = prim.IsA(UsdPhysics.RevoluteJoint)
    if not angular and not prim.IsA(UsdPhysics.PrismaticJoint):
        raise UsdError(
            f"{prim.GetPath()}: a {prim.GetTypeName()} is not read; use a revolute, prismatic or fixed joint"
        )
    typed = UsdPhysics.RevoluteJoint(prim) if angular else UsdPhysics.PrismaticJoint(prim)
    axis = AXES[typed.GetAxisAttr().Get()] * link.sign
    joint = body.add_joint(name=name)
    joint.type = mujoco.mjtJoint.mjJNT_HINGE if angular else mujoco.mjtJoint.mjJNT_SLIDE
    joint.pos = link.frame1[:3, 3]
    joint.axis = link.frame1[:3, :3] @ axis
    joint.ref = _coordinate(link, base, child, axis, angular)
    lower, upper = float(typed.GetLowerLimitAttr().Get()), float(typed.GetUpperLimitAttr().Get())
    if np.isfinite([lower, upper]).any():
        if lower > upper:
            raise UsdError(
                f"{prim.GetPath()}: lower limit {lower:g} above upper {upper:g}; a locked joint is a FixedJoint"
            )
        limits = np.clip([lower, upper], -1e6, 1e6)
        joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE
        joint.range = np.radians(limits) if angular else limits
    _drive(joint, prim, "angular" if angular else "linear")


def _drive(joint: mujoco.MjsJoint, prim: Usd.Prim, kind: str) -> None:
    if not prim.HasAPI(UsdPhysics.DriveAPI, kind):
        return
    drive = UsdPhysics.DriveAPI(prim, kind)
    stiffness, damping = float(drive.GetStiffnessAttr().Get()), float(drive.GetDampingAttr().Get())
    if np.isfinite(drive.GetMaxForceAttr().Get()) or drive.GetTypeAttr().Get() != "force":
        raise UsdError(f"{prim.GetPath()}: a drive with maxForce or of type acceleration is not read; leave both out")
    if drive.GetTargetVelocityAttr().Get():
        raise UsdError(f"{prim.GetPath()}: a drive with a targetVelocity is not read; leave it out")
    per_unit = 180.0 / np.pi if kind == "angular" else 1.0
    joint.damping = [damping * per_unit, 0.0, 0.0]
    joint.stiffness = [stiffness * per_unit, 0.0, 0.0]
    target = float(drive.GetTargetPositionAttr().Get())
    joint.springref = np.radians(target) if kind == "angular" else target


def _coordinate(link: JointLink, base: Array, child: Array, axis: Array, angular: bool) -> float:
    """The joint coordinate of the authored pose, radians or metres."""
    offset = np.linalg.inv(base @ link.frame0) @ (child @ link.frame1)
    if angular:
        sine = 0.5 * np.array([offset[2, 1] - offset[1, 2], offset[0, 2] - offset[2, 0], offset[1, 0] - offset[0, 1]])
        value = float(np.arctan2(sine @ axis, (np.trace(offset[:3, :3]) - 1) / 2))
        off_axis = max(float(np.linalg.norm(np.cross(sine, axis))), float(np.linalg.norm(offset[:3, 3])))
    else:
        value = float(offset[:3, 3] @ axis)
        off_axis = max(
            float(np.linalg.norm(offset[:3, 3] - value * axis)), float(np.abs(offset[:3, :3] - np.eye(3)).max())
        )
    if off_axis > FRAME_TOLERANCE:
        raise UsdError(
            f"{link.prim.GetPath()}: its two frames disagree by {off_axis:.4g} off the axis; align localPos/Rot"
        )
    return value


def _frame(position: Gf.Vec3f, rotation: Gf.Quatf) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3] = quaternion_to_matrix([rotation.GetReal(), *rotation.GetImaginary()])
    matrix[:3, 3] = position
    return matrix
