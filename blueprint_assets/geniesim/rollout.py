"""One episode: vary the scene, plan on what the simulator measured, execute, record, judge. Nothing is attached or moved
by hand in the simulation; an object is where contact and friction have brought it.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.geniesim_local import Episode, EpisodeProvenance, Frame
from blueprint_assets.contracts.geniesim_recording import Recording
from blueprint_assets.contracts.task_config import SuggestedTask
from blueprint_assets.geometry.transforms import matrix_to_quaternion
from blueprint_assets.tasks.grasps import FULL_TRAVEL, GraspError, grip_force
from blueprint_assets.tasks.phases import (
    LIFT_HEIGHT,
    Goal,
    PickPlan,
    Segment,
    plan_lift,
    plan_pick,
    plan_place,
    plan_retract,
)
from blueprint_assets.tasks.scene import TaskScene, object_state, pose_of
from blueprint_assets.tasks.success import Verdict, hold_frames, judge, quality
from blueprint_assets.tasks.tasks import resting_grasps
from blueprint_assets.tasks.variation import varied_poses
from resources.planner import Planner, PlanningError
from resources.simulator import RecordingError, Simulator, SimulatorError, SimulatorState

Array = NDArray[np.float64]

ARRIVED = 0.002
"""A motion is over when every joint is this near its target, radians: 1 mm at the hand."""
ARRIVE_STEPS = 10
"""Control steps that a motion is given for that after its last target."""
FINGER_STILL = 2e-4
"""The fingers have stopped when their travel changes less than this in a control step, metres..."""
FINGER_STEPS = (6, 40)
"""... after the first of these many steps; the second is the most that is waited."""
FINGER_STIFFNESS = 20_000.0
"""Newtons per metre that the targets are ahead of the fingers, both fingers together (the gripper's actuator in the Panda
MJCF; `tests/geniesim/test_rollout.py` compares). A target just inside the object is how hard it is held."""
CLOSING_LEAD = 0.002
CLOSING_NEAR = 0.004
"""While the fingers are further than the second from the planned width, their target is the first ahead of them, metres:
which closes each at 29 mm/s (measured in simulation; the Franka Hand does up to 50)."""
MISSED_SHARE = 0.4
"""Fingers that close to less than this share of the planned width have closed on nothing, or on a corner."""
HOME_STEPS = 4
"""Control steps that an episode begins with at rest, so that its first frames show the scene before anything moves."""
UUID_NAMESPACE = uuid.UUID("6f1d6ce4-6d0e-5a55-9c1b-0d6b3d7c2a10")


@dataclass(frozen=True)
class EpisodeRequest:
    """Which episode to make. Everything random in it comes from `seed`."""

    index: int
    seed: int
    scene_id: str
    task: SuggestedTask
    provenance: EpisodeProvenance

    @property
    def episode_id(self) -> str:
        """Its name in the run."""
        return f"episode_{self.index:06d}"


class _AttemptError(RuntimeError):
    """The attempt is over. The message begins with the reason, one word."""


class _Hand:
    """Sends targets to the simulator, one control step at a time, and remembers what for."""

    def __init__(self, simulator: Simulator, state: SimulatorState) -> None:
        self._simulator = simulator
        self._squeeze: float | None = None
        self.arm: Array = state.joint_positions[:7].copy()
        self.measured: Array = state.joint_positions.copy()
        self.travel = FULL_TRAVEL
        self.phases: list[str] = []

    def step(self, phase: str) -> None:
        """Holds the targets for one control step. A closed hand's target stays just inside what it holds."""
        if self._squeeze is not None:
            self.travel = max(0.0, float(self.measured[7]) - self._squeeze)
        self.phases.append(phase)
        self.measured = self._simulator.set_joint_position(np.append(self.arm, self.travel))

    def follow(self, segment: Segment) -> None:
        """Executes a motion and waits until the arm has arrived; an object in the hand stays held."""
        if segment.opening is not None:
            self._squeeze, self.travel = None, segment.opening
        for target in segment.motion.positions:
            self.arm = target
            self.step(segment.phase)
        for _ in range(ARRIVE_STEPS):
            if np.abs(self.measured[:7] - self.arm).max() < ARRIVED:
                break
            self.step(segment.phase)

    def close(self, travel: float, force: float) -> float:
        """Closes the fingers until they stop, pressing with `force` newtons each from then on; `travel` is where they
        should meet the object, metres. Returns where they stopped.
        """
        squeeze = 2 * force / FINGER_STIFFNESS
        for count in range(FINGER_STEPS[1]):
            before = float(self.measured[7])
            self._squeeze = max(squeeze, CLOSING_LEAD) if before > travel + CLOSING_NEAR else squeeze
            self.step("close_gripper")
            if count >= FINGER_STEPS[0] and abs(float(self.measured[7]) - before) < FINGER_STILL:
                break
        self._squeeze = squeeze
        return float(self.measured[7])

    def open(self) -> None:
        """Opens the fingers until they stop."""
        self._squeeze, self.travel = None, FULL_TRAVEL
        for count in range(FINGER_STEPS[1]):
            before = float(self.measured[7])
            self.step("release")
            if count >= FINGER_STEPS[0] and abs(float(self.measured[7]) - before) < FINGER_STILL:
                break

    def hold(self, steps: int) -> None:
        """Nothing moves for so many control steps."""
        for _ in range(steps):
            self.step("hold")


def run_episode(
    request: EpisodeRequest, scene: TaskScene, simulator: Simulator, planner: Planner, recordings: Path
) -> Episode:
    """Makes the episode and writes `<recordings>/<episode_id>.json` beside its states; failures are written too.

    Raises:
        SimulatorError: the simulator is gone, or cannot write recordings. One that only refuses makes a failed episode.
    """
    random = np.random.default_rng(request.seed)
    poses = varied_poses(scene, random)
    placed = {name: (pose[:3, 3], matrix_to_quaternion(pose[:3, :3])) for name, pose in poses.items()}
    state = simulator.reset(placed)
    task = request.task
    try:
        plan = _plan(task, scene, state, planner, request.seed, random)
    except (GraspError, PlanningError) as error:
        return _unrecorded(request, state, f"planning_{error.reason}: {error}").record(recordings)
    simulator.start_recording(request.episode_id, recordings)
    hand = _Hand(simulator, state)
    ended: str | None = None
    try:
        _execute(task, scene, plan, simulator, planner, hand, request.seed)
    except (_AttemptError, PlanningError) as error:
        ended = str(error) if isinstance(error, _AttemptError) else f"replanning_{error.reason}: {error}"
    except SimulatorError as error:
        ended = f"simulator_refused: {error}"
    try:
        recording = simulator.stop_recording()
    except RecordingError:
        raise
    except SimulatorError:
        # The recording of an unstable simulation is lost. One that cannot even be reset is gone, and that ends the job.
        state = simulator.reset(placed)
        return _unrecorded(request, state, ended or "recording_lost: the simulator kept no recording").record(
            recordings
        )
    return _judged(request, scene, Recording.read(recording.path), tuple(hand.phases), ended).record(recordings)


def _plan(
    task: SuggestedTask,
    scene: TaskScene,
    state: SimulatorState,
    planner: Planner,
    seed: int,
    random: np.random.Generator,
) -> PickPlan:
    """The whole pick, and that the place can be reached, from where things are now."""
    pose = pose_of(state, task.target_object)
    grasps = resting_grasps(scene, task.target_object, pose, random)
    planner.observe(state, seed)
    return plan_pick(planner, grasps, state.joint_positions[:7], _goal(task, scene, pose))


def _goal(task: SuggestedTask, scene: TaskScene, pose: Array) -> Goal | None:
    if task.goal_region is None:
        return None
    return Goal(scene.solids[task.target_object], pose, np.array(task.goal_region.center))


def _execute(
    task: SuggestedTask,
    scene: TaskScene,
    plan: PickPlan,
    simulator: Simulator,
    planner: Planner,
    hand: _Hand,
    seed: int,
) -> None:
    """The phases in order; what follows the grip is planned on what was measured after it."""
    target = task.target_object
    start = pose_of(simulator.state(), target)
    for _ in range(HOME_STEPS):
        hand.step("home")
    for segment in plan.segments:
        hand.follow(segment)
    travel = hand.close(plan.grasp.width / 2, grip_force(scene.solids[target]))
    if 2 * travel < MISSED_SHARE * plan.grasp.width:
        raise _AttemptError(
            f"grasp_missed: the fingers closed to {2000 * travel:.1f} mm, the grasp is {1000 * plan.grasp.width:.1f} mm wide"
        )
    _carry(planner, simulator.state(), target, seed)
    hand.follow(plan_lift(planner, plan.grasp, hand.arm))
    if task.task_type == "pick_lift":
        hand.hold(hold_frames())
        return
    state = simulator.state()
    now = pose_of(state, target)
    if now[2, 3] - start[2, 3] < 0.5 * LIFT_HEIGHT:
        raise _AttemptError(
            f"not_lifted: after the lift the object is {1000 * (now[2, 3] - start[2, 3]):.1f} mm higher"
        )
    held = _carry(planner, state, target, seed)
    goal = _goal(task, scene, start)
    assert goal is not None, "the contract gives every pick_place a goal"
    for segment in plan_place(planner, plan.grasp, held, hand.arm, goal):
        hand.follow(segment)
    hand.open()
    planner.observe(simulator.state(), seed)
    hand.follow(plan_retract(planner, plan.grasp, hand.arm))
    hand.hold(hold_frames())


def _carry(planner: Planner, state: SimulatorState, target: str, seed: int) -> Array:
    """Tells the planner that the hand holds the object as measured; tool-from-object, shape (4, 4)."""
    planner.observe(state, seed)
    planner.carry(target, state.joint_positions[:7])
    held: Array = np.linalg.inv(planner.forward(state.joint_positions[:7])) @ pose_of(state, target)
    return held


@dataclass(frozen=True)
class _Outcome:
    request: EpisodeRequest
    frames: tuple[Frame, ...]
    verdict: Verdict
    components: dict[str, float]
    state_hash: str
    states: str | None

    def record(self, recordings: Path) -> Episode:
        """Writes the episode and returns it."""
        request, success = self.request, self.verdict.success
        score = sum(self.components.values()) / len(self.components) if success and self.components else 0.0
        name = f"{request.scene_id}/{request.task.task_id}/{request.seed}/{self.state_hash}"
        episode = Episode(
            episode_id=request.episode_id,
            episode_uuid=str(uuid.uuid5(UUID_NAMESPACE, name)),
            scene_id=request.scene_id,
            task_id=request.task.task_id,
            task_name=request.task.task_name,
            task_type=request.task.task_type,
            target_object=request.task.target_object,
            seed=request.seed,
            frames=self.frames,
            frame_count=len(self.frames),
            quality_score=round(score, 6),
            quality_components=self.components,
            validation_passed=success,
            success=success,
            success_values={name: round(value, 9) for name, value in self.verdict.values.items()},
            failure_reason=self.verdict.reason,
            state_hash=self.state_hash,
            states=self.states,
            provenance=request.provenance,
        )
        episode.write(recordings / f"{request.episode_id}.json")
        return episode


def _judged(
    request: EpisodeRequest, scene: TaskScene, recording: Recording, phases: tuple[str, ...], ended: str | None
) -> _Outcome:
    """The recording with its phases, measured against the task."""
    frames = tuple(
        frame.model_copy(update={"phase": phase})
        for frame, phase in zip(recording.frames, phases[: recording.frame_count], strict=True)
    )
    target = request.task.target_object
    verdict = Verdict(False, {}, ended) if ended is not None else judge(request.task, frames, scene.solids[target])
    components = quality(frames, target, verdict) if len(frames) > 1 else {}
    return _Outcome(request, frames, verdict, components, recording.state_hash, recording.states)


def _unrecorded(request: EpisodeRequest, state: SimulatorState, reason: str) -> _Outcome:
    """An attempt that ended before anything moved; its hash is over the state it was planned in."""
    target = object_state(state, request.task.target_object)
    digest = hashlib.sha256()
    for values in (state.joint_positions, target.position, target.quaternion):
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return _Outcome(request, (), Verdict(False, {}, reason), {}, digest.hexdigest(), None)
