"""A scene's recorded states rendered with everything, and what an import makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from blueprint_assets.contracts.task_config import RobotConfig
from blueprint_assets.dataset.depth import decode_depth, depth_feature
from blueprint_assets.dataset.episodes import import_episodes
from blueprint_assets.dataset.rendering import RecordedScene
from blueprint_assets.dataset.sidecars import MODALITIES
from blueprint_assets.dataset.unit import read_unit
from fixtures.synthetic_episodes import SquareRenderer, finished_job, recorded_episode, recordings_folder
from resources.simulator.render import REMEDY, available_backend

SCENE = Path(__file__).resolve().parents[1] / "resources" / "simulator" / "table_scene.usda"
ROBOT = RobotConfig(base_position=(-0.5, 0.0, 0.75), workspace_bounds=((-0.4, -0.4, 0.75), (0.4, 0.4, 1.35)))
needs_opengl = pytest.mark.skipif(available_backend() is None, reason=f"no OpenGL here: {REMEDY}")


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> Path:
    from resources.simulator.world import build_world

    world = build_world(SCENE, SCENE.parent, ROBOT)
    path = tmp_path_factory.mktemp("states") / "a.npz"
    moves = [world.initial_qpos(world.home + 0.05 * i * np.eye(8)[0]) for i in range(4)]
    np.savez(path, qpos=np.array(moves))
    return path


@needs_opengl
@pytest.mark.parametrize(
    ("modalities", "depth_at", "segmentation_at"),
    [
        ((), [], []),
        (("depth",), [0, 1, 2, 3], []),
        (("point_cloud",), [0, 3], [0, 3]),
        (MODALITIES, [0, 1, 2, 3], [0, 1, 2, 3]),
    ],
)
def test_only_what_a_modality_needs_is_rendered(states: Path, modalities, depth_at, segmentation_at) -> None:
    scene = RecordedScene(SCENE, SCENE.parent, ROBOT, 64, 48)
    views = list(scene.views(states, ("scene", "wrist"), modalities))
    assert [list(view) for view in views] == [["scene", "wrist"]] * 4
    for camera in ("scene", "wrist"):
        assert [i for i, view in enumerate(views) if view[camera].depth is not None] == depth_at
        assert [i for i, view in enumerate(views) if view[camera].segmentation is not None] == segmentation_at
        assert views[0][camera].image.shape == (48, 64, 3)
    calibrations = scene.calibrations(("scene", "wrist"))
    assert (calibrations["wrist"].parent, calibrations["scene"].width) == ("panda_hand", 64)
    assert scene.labels()[:3] == ("nothing", "robot", "cube")


def test_an_import_writes_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    entries = [recorded_episode(recordings_folder(tmp_path), 0, frames=6)]
    finished_job(tmp_path, entries)
    import_episodes(tmp_path, tmp_path / "plain", SquareRenderer(), workers=0)
    import_episodes(tmp_path, tmp_path / "full", SquareRenderer(), workers=0, modalities=MODALITIES)
    plain, full = (read_unit(next((tmp_path / name).glob("episodes/*/units/*"))) for name in ("plain", "full"))
    assert list(plain.document.streams) == ["observation.images.scene", "observation.images.wrist"]
    assert not plain.document.sidecars
    assert set(plain.document.calibration) == {"scene", "wrist"}
    assert {path.name for path in full.folder.iterdir()} - {path.name for path in plain.folder.iterdir()} == {
        "scene_depth.mp4", "wrist_depth.mp4", "scene_segmentation.npz", "wrist_segmentation.npz",
        "point_cloud_first.ply", "point_cloud_last.ply",
    }  # fmt: skip
    assert set(full.document.sidecars) | {"scene_depth.mp4", "wrist_depth.mp4"} == {
        path.name for path in full.folder.iterdir()
    } - {path.name for path in plain.folder.iterdir()}
    for depth in decode_depth(full.segment(depth_feature("wrist"))):
        np.testing.assert_allclose(depth, 1.0, atol=1e-3)
    cloud = trimesh.load(full.sidecar("point_cloud_last.ply"))
    np.testing.assert_allclose(np.asarray(cloud.vertices)[:, 2], 1.0)
    # The pictures do not depend on what else is written.
    same = {stream: video.packets_sha256 for stream, video in plain.document.streams.items()}
    assert {stream: full.document.streams[stream].packets_sha256 for stream in same} == same


def test_the_phases_that_were_executed_are_the_subtasks(tmp_path: Path) -> None:
    phases = {i: {"phase": "approach" if i < 4 else "lift"} for i in range(6)}
    entries = [
        recorded_episode(
            recordings_folder(tmp_path), 0, frames=6, frame_changes=phases, task_name="pick up the mug and lift it"
        )
    ]
    finished_job(tmp_path, entries)
    import_episodes(tmp_path, tmp_path / "out", SquareRenderer(), workers=0)
    unit = read_unit(next((tmp_path / "out").glob("episodes/*/units/*")))
    assert [(step.frame, step.text) for step in unit.document.subtasks] == [
        (0, "reach for the mug"),
        (4, "lift the mug"),
    ]
