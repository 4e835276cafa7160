"""A job that was interrupted is gone on with: the same files as one that was not, and nothing simulated twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blueprint_assets.contracts.task_config import TaskConfig
from blueprint_assets.geniesim.job import run_job
from fixtures.small_disk import REFUSED
from resources.observability import Progress
from resources.planner.embedded import EmbeddedPlanner
from resources.simulator.embedded import start_embedded
from resources.simulator.world import build_world

EPISODES, SEED = 3, 4
CHILD = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from tests_resumed_job import record

def kill(progress):
    if progress.done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

record(Path(sys.argv[1]), Path(sys.argv[2]), kill)
"""


FULL = """
import errno, os, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from fixtures.small_disk import REFUSED, mount
disk = Path(sys.argv[2])
if not mount(disk, 2_600_000):
    sys.exit(REFUSED)
from tests_resumed_job import attempts, record
from blueprint_assets.contracts.geniesim_local import Episode
from resources.simulator import RecordingError
try:
    record(Path(sys.argv[1]), disk)
except RecordingError as error:
    said = str(error)
except OSError as error:
    assert error.errno == errno.ENOSPC
    said = str(error)
assert "No space left on device" in said, said
assert not (disk / "out/geniesim/job.json").exists()
finished = attempts(disk)
assert finished
for name in finished:
    assert Episode.read(disk / "kept/attempts" / name / f"{name}.json").failure_reason is None
assert list((disk / "kept/.making").iterdir()) == []
print(len(finished), said)
"""


def record(scene: Path, base: Path, progress=lambda step: None, episodes: int = EPISODES) -> dict[str, bytes]:
    """A job that keeps its attempts in `base/kept`; the files it made."""
    robot = TaskConfig.read(scene / "geniesim/task_config.json").robot_config
    usd, out, kept = scene / "usd/scene.usda", base / "out", base / "kept"
    shutil.rmtree(out, ignore_errors=True)
    kept.mkdir(parents=True, exist_ok=True)
    with start_embedded(usd, scene, robot, kept, base / "simulator.log") as simulator:
        planner = EmbeddedPlanner(build_world(usd, scene, robot))
        run_job(scene, out, simulator, planner, episodes, SEED, progress, kept=kept)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def attempts(base: Path) -> dict[str, int]:
    """Finished attempts and when they were written."""
    return {
        path.name: (path / f"{path.name}.json").stat().st_mtime_ns
        for path in sorted((base / "kept/attempts").glob("*"))
    }


@pytest.fixture(scope="module")
def undisturbed(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Path]:
    base = tmp_path_factory.mktemp("undisturbed")
    return record(exported, base), base


def test_killed_after_two_episodes(exported: Path, undisturbed: tuple[dict[str, bytes], Path], tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "tests_resumed_job.py")
    base = tmp_path / "base"
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", CHILD, str(exported), str(base), str(tmp_path), root]
    assert subprocess.run(command, timeout=200, check=False).returncode == -signal.SIGKILL
    before = attempts(base)
    assert len(before) >= 2
    assert not (base / "out/geniesim/job.json").exists()

    told: list[Progress] = []
    made = record(exported, base, told.append)
    files, first = undisturbed
    assert made == files, "every file, byte by byte"
    after = attempts(base)
    assert {name: after[name] for name in before} == before, "nothing was simulated twice"
    assert list(after) == list(attempts(first))
    assert f"{len(before)} taken over from an interrupted run" in told[-1].message

    # Fewer episodes than before: an attempt depends on the scene, the seed and its number alone.
    fewer = record(exported, base, episodes=1)
    assert attempts(base) == after
    name = "recordings/episode_000000.states.npz"
    assert [v for k, v in fewer.items() if k.endswith(name)] == [v for k, v in files.items() if k.endswith(name)]


@pytest.mark.parametrize("damage", ["json", "states", "another seed", "outer cause"])
def test_what_does_not_fit_is_made_again(
    exported: Path, undisturbed: tuple[dict[str, bytes], Path], tmp_path: Path, damage: str
) -> None:
    files, first = undisturbed
    shutil.copytree(first / "kept", tmp_path / "kept")
    item = tmp_path / "kept/attempts/episode_000000"
    document, states = item / "episode_000000.json", item / "episode_000000.states.npz"
    if damage == "json":
        document.write_bytes(document.read_bytes()[:1000])
    elif damage == "states":
        states.write_bytes(states.read_bytes()[:1000])
    elif damage == "another seed":
        document.write_text(json.dumps(json.loads(document.read_text()) | {"seed": 1}))
    else:
        reason = {"failure_reason": "recording_lost: the server ran out of memory", "success": False}
        document.write_text(json.dumps(json.loads(document.read_text()) | reason))
    told: list[Progress] = []
    assert record(exported, tmp_path, told.append) == files
    assert "taken over from an interrupted run" in told[-1].message
    assert "2 taken over" in told[-1].message or len(attempts(tmp_path)) != 3


def test_a_full_disk_ends_the_job_and_not_the_episode(exported: Path, tmp_path: Path) -> None:
    """Nothing is recorded as a failed episode, and what was finished is whole."""
    shutil.copy(__file__, tmp_path / "tests_resumed_job.py")
    (tmp_path / "disk").mkdir()
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", FULL, str(exported), str(tmp_path / "disk"), str(tmp_path), root]
    done = subprocess.run(command, timeout=200, check=False, capture_output=True, text=True)
    if done.returncode == REFUSED:
        # The next test refuses the same write by other means.
        pytest.skip("this machine lets nobody mount a file system of his own")
    assert done.returncode == 0, done.stderr
    print(done.stdout)


def test_a_place_that_cannot_be_written_ends_the_job(exported: Path, tmp_path: Path) -> None:
    """Not as a failed episode: the next attempt would fail the same way, and the scene is not to blame."""

    def refuse(progress: Progress) -> None:
        if progress.done == 1:  # the next one would go into a folder that is a file by then
            (tmp_path / "kept/.making").rmdir()
            (tmp_path / "kept/.making").write_text("")

    with pytest.raises(OSError, match=r"\.making"):
        record(exported, tmp_path, refuse)
    kept = attempts(tmp_path)
    (tmp_path / "kept/.making").unlink()
    assert len(kept) >= 1
    record(exported, tmp_path, episodes=1)
    assert attempts(tmp_path) == kept
