"""Does the robot touch anything? Asked of MuJoCo's own collision detection on a private copy of the simulated model.

Only pairs that a motion can change are looked at: robot against itself, robot against the scene, and the carried object
against the scene. Object against object, or object against table, is the simulator's business.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np
from numpy.typing import NDArray

from blueprint_assets.geometry.transforms import matrix_to_quaternion, quaternion_to_matrix
from resources.planner import NO_TOUCH, Touch
from resources.simulator import SimulatorState
from resources.simulator.robot import BASE_BODY, HAND_BODY
from resources.simulator.world import World

Array = NDArray[np.float64]

CLEARANCE = 0.008
"""Kept between robot and scene on free motions, metres: the tracking error (2.3 mrad at most in 100 simulated episodes, 2 mm
at the hand), and what the way may deviate between the configurations that are looked at."""
NEAR_CLEARANCE = 0.0015
"""Kept on straight motions next to objects, metres: these run slowly, where tracking is good to about a millimetre."""
OVERLAP = 0.003
"""Overlap taken for intended contact, metres: an open finger brushing what it is about to grasp, an object on its support."""

_SCENE, _OBJECT, _ARM, _FINGER, _CARRIED = range(5)
_ROBOT_BIT, _SCENE_BIT = 1, 2


class CollisionChecker:
    """The world as last observed, with the arm put wherever a question puts it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._model = copy.copy(world.model)
        self._data = mujoco.MjData(self._model)
        self._data.qpos[:] = world.initial_qpos()
        self._observed = self._data.qpos.copy()
        self._kind = np.full(self._model.nbody, _SCENE)
        self._kind[list(world.object_bodies.values())] = _OBJECT
        self._kind[list(world.robot_bodies)] = _ARM
        self._kind[list(world.finger_bodies)] = _FINGER
        self._solid = (self._model.geom_contype != 0) | (self._model.geom_conaffinity != 0)
        self._carried: str | None = None
        self._tool_from_carried = np.eye(4)
        self._base = int(self._model.body(BASE_BODY).id)
        self._mount = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_GEOM, "robot_mount")
        for body in range(self._model.nbody):
            self._set_bits(body)
        self._always = self._touching_at_home()

    @property
    def base(self) -> Array:
        """World-from-base, shape (4, 4)."""
        pose = np.eye(4)
        pose[:3, :3] = quaternion_to_matrix(self._model.body_quat[self._base])
        pose[:3, 3] = self._model.body_pos[self._base]
        return pose

    def move_base(self, base: Array) -> None:
        """Puts robot and mount somewhere else: for the search of a place to stand."""
        change = base @ np.linalg.inv(self.base)
        self._model.body_pos[self._base] = base[:3, 3]
        self._model.body_quat[self._base] = matrix_to_quaternion(base[:3, :3])
        if self._mount >= 0:
            turned = change[:3, :3] @ quaternion_to_matrix(self._model.geom_quat[self._mount])
            self._model.geom_pos[self._mount] = change[:3, :3] @ self._model.geom_pos[self._mount] + change[:3, 3]
            self._model.geom_quat[self._mount] = matrix_to_quaternion(turned)

    def observe(self, state: SimulatorState) -> None:
        """Objects are where the state says; nothing is carried."""
        self.release()
        for item in state.objects:
            if item.object_id in self._world.object_qpos:
                self._put(item.object_id, item.position, item.quaternion)
        self._observed = self._data.qpos.copy()

    def carry(self, object_id: str, tool: Array) -> None:
        """The object moves with the tool from now on; `tool` is where the tool is while the object lies as observed."""
        self.release()
        address = self._world.object_qpos[object_id]
        pose = np.eye(4)
        pose[:3, :3] = quaternion_to_matrix(self._data.qpos[address + 3 : address + 7])
        pose[:3, 3] = self._data.qpos[address : address + 3]
        self._tool_from_carried = np.linalg.inv(tool) @ pose
        self._carried = object_id
        self._kind[self._world.object_bodies[object_id]] = _CARRIED
        self._set_bits(self._world.object_bodies[object_id])

    def release(self) -> None:
        """Nothing is carried; the object that was lies where it was observed."""
        if self._carried is not None:
            body, address = self._world.object_bodies[self._carried], self._world.object_qpos[self._carried]
            self._data.qpos[address : address + 7] = self._observed[address : address + 7]
            self._carried = None
            self._kind[body] = _OBJECT
            self._set_bits(body)

    def collision(
        self, arm: Array, opening: float, touch: Touch = NO_TOUCH, clearance: float = CLEARANCE
    ) -> tuple[str, str, float] | None:
        """The worst unintended contact: two body names and their distance, metres (negative: overlap). None when free."""
        data, model = self._data, self._model
        data.qpos[self._world.arm_qpos] = arm
        data.qpos[self._world.finger_qpos] = opening
        mujoco.mj_kinematics(model, data)
        if self._carried is not None:
            pose = self._tool(data) @ self._tool_from_carried
            self._put(self._carried, pose[:3, 3], matrix_to_quaternion(pose[:3, :3]))
            mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_collision(model, data)
        if data.ncon == 0:
            return None
        bodies = model.geom_bodyid[data.contact.geom]
        distance = data.contact.dist
        excess = distance - self._limits(bodies, touch, clearance)
        worst = int(excess.argmin())
        if excess[worst] >= 0:
            return None
        first, second = (model.body(int(b)).name for b in bodies[worst])
        return first, second, float(distance[worst])

    def is_of_hand(self, contact: tuple[str, str, float]) -> bool:
        """Whether the contact is one of hand, fingers or carried object with the scene: it depends on the tool pose alone."""
        kinds = sorted(int(self._kind[self._model.body(name).id]) for name in contact[:2])
        hand = HAND_BODY in contact[:2]
        return kinds[0] <= _OBJECT and (hand or kinds[1] in (_FINGER, _CARRIED))

    def _limits(self, bodies: NDArray[np.int32], touch: Touch, clearance: float) -> Array:
        """How close each contacting pair may come, metres, shape (n,); -inf where any contact is intended."""
        kinds = self._kind[bodies]
        low, high = kinds.min(axis=1), kinds.max(axis=1)
        limits = np.full(len(bodies), clearance)
        own = (low >= _ARM) & (high <= _FINGER)
        limits[own] = 0.0
        limits[own & self._always[bodies[:, 0], bodies[:, 1]]] = -np.inf
        with_carried = high == _CARRIED
        limits[with_carried & (low >= _ARM)] = 0.0
        limits[with_carried & (low == _FINGER)] = -np.inf
        if self._carried is not None:
            hand = (self._model.body_parentid[self._world.finger_bodies[0]] == bodies).any(axis=1)
            limits[with_carried & hand] = -OVERLAP
        if touch.resting:
            limits[with_carried & (low <= _OBJECT)] = -OVERLAP
        if touch.fingers_on:
            wanted = [self._world.object_bodies[name] for name in touch.fingers_on]
            finger_on = (low == _OBJECT) & (high == _FINGER) & np.isin(bodies, wanted).any(axis=1)
            limits[finger_on] = -np.inf if touch.gripping else -OVERLAP
        return limits

    def _tool(self, data: mujoco.MjData) -> Array:
        pose = np.eye(4)
        pose[:3, :3] = data.site_xmat[self._world.tcp_site].reshape(3, 3)
        pose[:3, 3] = data.site_xpos[self._world.tcp_site]
        return pose

    def _put(self, object_id: str, position: Array, quaternion: Array) -> None:
        address = self._world.object_qpos[object_id]
        self._data.qpos[address : address + 3] = position
        self._data.qpos[address + 3 : address + 7] = quaternion

    def _set_bits(self, body: int) -> None:
        """MuJoCo tests two geoms when one's contype meets the other's conaffinity: scene meets only what moves. It asks
        bodies first, by what the compiler gathered from their geoms, so both are set.
        """
        model = self._model
        moves = self._kind[body] >= _ARM
        if not self._solid[model.body_geomadr[body] :][: model.body_geomnum[body]].any():
            return
        bits = (_ROBOT_BIT, _ROBOT_BIT | _SCENE_BIT) if moves else (_SCENE_BIT, 0)
        margin = CLEARANCE if moves else 0.0
        model.body_contype[body], model.body_conaffinity[body] = bits
        model.body_margin[body] = margin
        for geom in range(model.body_geomadr[body], model.body_geomadr[body] + model.body_geomnum[body]):
            if self._solid[geom]:
                model.geom_contype[geom], model.geom_conaffinity[geom] = bits
                model.geom_margin[geom] = margin

    def _touching_at_home(self) -> NDArray[np.bool_]:
        """Pairs of robot bodies whose collision meshes overlap by construction: those that touch at the home pose."""
        always = np.zeros((self._model.nbody, self._model.nbody), dtype=bool)
        self._data.qpos[:] = self._world.initial_qpos()
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        for first, second in self._model.geom_bodyid[self._data.contact.geom]:
            if self._kind[first] in (_ARM, _FINGER) and self._kind[second] in (_ARM, _FINGER):
                always[first, second] = always[second, first] = True
        return always
