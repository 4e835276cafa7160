from __future__ import annotations

import numpy as np
import pytest

from resources.simulator import JOINT_NAMES
from resources.simulator.simulation import CommandError, PhysicsError, Simulation
from resources.simulator.world import state_hash


@pytest.fixture
def simulation(world) -> Simulation:
    return Simulation(world)


def _along(simulation: Simulation, start, end, steps: int) -> None:
    for k in range(steps):
        simulation.move(start + (end - start) * ((k + 1) / steps))


def _pick(simulation: Simulation, reach, height: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Grips the cube and lifts it. Returns the joints where it was gripped and where it is held, gripper closed."""
    x, y, z = simulation.world.object_pose(simulation.data.qpos, "cube")[0]
    home = simulation.world.home
    above = reach([x, y, z + height], 0.0, home)
    at = reach([x, y, z], 0.0, above)
    _along(simulation, home, above, 40)
    _along(simulation, above, at, 20)
    closed, lifted = at.copy(), above.copy()
    closed[7] = lifted[7] = 0.0
    for _ in range(12):
        simulation.move(closed)
    simulation.contacts.take()
    simulation.move(closed)
    _along(simulation, closed, lifted, 20)
    return closed, lifted


def test_the_robot_holds_still_at_home_and_objects_rest(simulation: Simulation) -> None:
    before = simulation.state()
    for _ in range(20):
        simulation.move(simulation.world.home)
    after = simulation.state()
    np.testing.assert_allclose(after.joint_positions, simulation.world.home, atol=1e-6)
    for old, new in zip(before.objects, after.objects, strict=True):
        assert np.linalg.norm(new.position - old.position) < 1e-4
    assert after.simulation_time == pytest.approx(1.0)
    assert after.step_count == 500


def test_time_passes_in_move_only(simulation: Simulation) -> None:
    simulation.state()
    simulation.efforts()
    assert simulation.state().simulation_time == 0.0
    simulation.move(simulation.world.home, 0.5)
    assert simulation.state().simulation_time == pytest.approx(0.5)


def test_the_arm_follows_a_trajectory_closely(simulation: Simulation) -> None:
    """Under 5 mrad behind at up to 1.5 rad/s. Without the velocity reference it would be up to 50 mrad."""
    errors = []
    for k in range(80):
        target = simulation.world.home.copy()
        target[:7] += 0.5 * (1 - np.cos(k * 0.05 * 3.0)) * np.array([1, -0.3, 0.5, 0.4, -0.5, 0.5, 1])
        simulation.move(target)
        errors.append(simulation.state().joint_positions[:7] - target[:7])
    assert np.abs(errors).max() < 5e-3


def test_a_cube_is_gripped_lifted_and_held_by_friction(simulation: Simulation, reach) -> None:
    start = simulation.world.object_pose(simulation.data.qpos, "cube")[0]
    _, lifted = _pick(simulation, reach)
    assert simulation.grasped() == "cube"
    assert simulation.state().gripper_width == pytest.approx(0.05, abs=2e-3)
    for _ in range(10):
        simulation.move(lifted)
    # Nothing chatters: an actuator with too much damping for its time step would.
    assert np.abs(simulation.state().joint_velocities).max() < 5e-3
    held = simulation.world.object_pose(simulation.data.qpos, "cube")[0]
    assert held[2] - start[2] > 0.14
    for _ in range(20):
        simulation.move(lifted)
    slip = simulation.world.object_pose(simulation.data.qpos, "cube")[0] - held
    assert np.linalg.norm(slip) < 1e-3
    open_ = lifted.copy()
    open_[7] = 0.04
    for _ in range(20):
        simulation.move(open_)
    assert simulation.grasped() is None
    assert simulation.world.object_pose(simulation.data.qpos, "cube")[0][2] < start[2] + 0.06


def test_contacts_are_named_and_their_impulses_add_up(simulation: Simulation, reach) -> None:
    """Resting on the table for a second, the can gives it m g t; a closed finger presses with the gripper's force."""
    for _ in range(20):
        simulation.move(simulation.world.home)
    contacts = simulation.contacts.take().contacts
    rest = next(c for c in contacts if {c.body_a, c.body_b} == {"Table", "can"})
    assert rest.impulse == pytest.approx(0.2 * 9.81 * 1.0, rel=0.02)
    assert rest.position[2] == pytest.approx(0.75, abs=2e-3)
    assert rest.normal is not None
    assert abs(rest.normal[2]) > 0.99
    _pick(simulation, reach)
    simulation.contacts.take()
    lifted = simulation._target
    simulation.move(lifted)
    grip = [c for c in simulation.contacts.take().contacts if "cube" in (c.body_a, c.body_b)]
    assert {c.body_a if c.body_b == "cube" else c.body_b for c in grip} == {"panda_leftfinger", "panda_rightfinger"}
    for contact in grip:
        assert contact.impulse == pytest.approx(40.0 * 0.05, rel=0.05)


def test_touching_the_table_with_the_hand_is_a_collision_and_gripping_is_not(simulation: Simulation, reach) -> None:
    _pick(simulation, reach)
    assert not simulation.contacts.take().collisions
    down = reach([0.15, -0.2, 0.72], 0.0, simulation._target, finger=0.0)
    up = reach([0.15, -0.2, 0.85], 0.0, simulation._target, finger=0.0)
    _along(simulation, simulation._target.copy(), up, 40)
    _along(simulation, up, down, 30)
    collisions = simulation.contacts.take().collisions
    assert any("Table" in (c.body_a, c.body_b) for c in collisions)
    assert all(0 < c.depth < 0.05 for c in collisions)


def test_the_same_calls_give_the_same_bits(world, reach) -> None:
    hashes = []
    for simulation in (Simulation(world), Simulation(world)):
        simulation.move(world.home, 0.3)  # what was before a reset leaves no trace
        for _ in range(2):
            simulation.reset({"can": ([0.02, 0.15, 0.801], [1, 0, 0, 0])})
            _pick(simulation, reach)
            hashes.append(state_hash([simulation.data.qpos, simulation.data.qvel]))
    assert len(set(hashes)) == 1


def test_reset_places_objects_and_keeps_what_it_is_told_to(simulation: Simulation) -> None:
    away = simulation.world.home.copy()
    away[0] = 0.3
    simulation.move(away, 1.0)
    simulation.reset({"can": ([0.1, 0.2, 0.8], [1, 0, 0, 0])}, robot=False)
    state = {o.object_id: o for o in simulation.state().objects}
    np.testing.assert_allclose(state["can"].position, [0.1, 0.2, 0.8], atol=1e-3)
    np.testing.assert_allclose(simulation.state().joint_positions[0], 0.3, atol=1e-2)
    simulation.reset(objects=False)
    np.testing.assert_allclose(simulation.world.object_pose(simulation.data.qpos, "can")[0], [0.1, 0.2, 0.8], atol=1e-3)
    np.testing.assert_allclose(simulation.state().joint_positions, simulation.world.home, atol=1e-6)
    assert simulation.state().simulation_time == 0.0


def test_velocities_are_measured_in_the_world(simulation: Simulation) -> None:
    """A can on its side, in the air and spinning about the world's z: angular velocity is told in the world's frame."""
    turned = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    simulation.reset({"can": ([0, 0.12, 1.5], turned)}, settle=0)
    start = simulation.world.object_qvel["can"]
    simulation.data.qvel[start + 3 : start + 6] = [0, 3.0, 0]  # the body's y is the world's z
    can = next(o for o in simulation.state().objects if o.object_id == "can")
    np.testing.assert_allclose(can.angular_velocity, [0, 0, 3.0], atol=1e-9)
    simulation.move(simulation.world.home)
    can = next(o for o in simulation.state().objects if o.object_id == "can")
    assert can.linear_velocity[2] == pytest.approx(-9.81 * 0.05, rel=0.01)


@pytest.mark.parametrize(
    ("change", "duration", "message"),
    [
        ({}, 0.0, "duration is 0 s; it must be 0.002 to 60 s"),
        ({}, float("nan"), "duration is nan s"),
        ({}, 61.0, "it must be 0.002 to 60 s"),
        ({0: float("nan")}, 1.0, "panda_joint1: target nan is not a number"),
        ({3: 0.5}, 5.0, "panda_joint4: target 0.5 is outside its limits -3.0718 to -0.0698"),
        ({7: 0.05}, 1.0, "panda_finger_joint1: target 0.05 is outside its limits 0 to 0.04"),
        (
            {0: 1.0},
            0.05,
            r"panda_joint1: the target is \+1 rad away, which in 0.05 s takes 20 rad/s; the joint's limit is 2.175",
        ),
    ],
)
def test_a_bad_target_is_refused_and_no_time_passes(
    simulation: Simulation, change: dict[int, float], duration: float, message: str
) -> None:
    target = simulation.world.home.copy()
    for index, value in change.items():
        target[index] = value
    before = state_hash([simulation.data.qpos, simulation.data.qvel])
    with pytest.raises(CommandError, match=message):
        simulation.move(target, duration)
    assert state_hash([simulation.data.qpos, simulation.data.qvel]) == before
    assert simulation.step_count == 0


@pytest.mark.parametrize("count", [0, 7, 9])
def test_a_wrong_number_of_joints_is_refused(simulation: Simulation, count: int) -> None:
    with pytest.raises(CommandError, match=f"{count} joint positions given; the robot has {len(JOINT_NAMES)}"):
        simulation.move(np.zeros(count))


@pytest.mark.parametrize(
    ("poses", "settle", "message"),
    [
        ({"cup": ([0, 0, 1], [1, 0, 0, 0])}, 0.1, "no movable object is called 'cup'; there are: cube, can, board"),
        ({"can": ([0, 0], [1, 0, 0, 0])}, 0.1, "can: position"),
        ({"can": ([0, 0, float("inf")], [1, 0, 0, 0])}, 0.1, "can: position"),
        ({"can": ([0, 0, 1], [1, 1, 0, 0])}, 0.1, "can: rotation_quaternion .* is not a unit quaternion"),
        ({}, -1.0, "settle is -1 s; it must be 0 to 60 s"),
    ],
)
def test_a_bad_placement_is_refused(simulation: Simulation, poses, settle: float, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        simulation.reset(poses, settle)


def test_physics_that_blows_up_is_said_until_the_next_reset(simulation: Simulation) -> None:
    simulation.data.qvel[simulation.world.object_qvel["can"]] = 1e12
    with pytest.raises(PhysicsError, match="physics unstable: MuJoCo warns BAD"):
        simulation.move(simulation.world.home)
    with pytest.raises(PhysicsError, match="reset the simulator"):
        simulation.state()
    with pytest.raises(PhysicsError, match="reset the simulator"):
        simulation.move(simulation.world.home)
    simulation.reset()
    simulation.move(simulation.world.home)
    assert simulation.state().step_count == 25
