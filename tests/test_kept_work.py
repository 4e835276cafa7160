"""What an asset has finished when its process ends before the commit: kept, taken up by the next run, made by one at a time."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from blueprint_assets.stage import Metadata, Workspace, produce, stage
from fixtures.kill_points import ended, finish
from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource
from io_managers.keep import keep, take, workshop
from io_managers.store import SceneStore
from resources.observability import Progress, StageEvent, listening

SCENE = "kitchen"
on_page: list[Callable[[int], None]] = []


class PagesConfig(dg.Config):
    pages: int = 4
    ink: str = "black"


def write_pages(work: Workspace, config: PagesConfig) -> Metadata:
    """Writes a page after the other; one that is kept is not written again."""
    taken = 0
    for number in range(config.pages):
        item = work.kept / "pages" / f"{number}"
        if item.exists():
            taken += 1
        else:
            with workshop(work.kept) as place:
                (place / "page").mkdir()
                (place / "page" / f"{number}.txt").write_text(f"{number} in {config.ink}")
                keep(place / "page", item)
            for listener in on_page:
                listener(number)
        take(item, work.out / "pages")
        work.progress(Progress(number + 1, config.pages, f"{taken} taken over"))
    return {"taken": taken}


@stage(group="test", kinds={"text"}, owns=("pages/",), made_by=("blueprint_assets.partitions",))
def pages(context: dg.AssetExecutionContext, config: PagesConfig, scene_store: SceneStoreResource) -> dg.Output[Any]:
    """Pages of text."""
    return produce(
        context,
        scene_store.open(),
        {},
        lambda work: write_pages(work, config),
        config=config.model_dump(),
        amounts=("pages",),
    )


def materialize(root: Path, **config: Any) -> tuple[dg.ExecuteInProcessResult, list[StageEvent]]:
    store = SceneStoreResource(root=str(root))
    heard: list[StageEvent] = []
    with dg.DagsterInstance.ephemeral() as instance, listening(heard.append):
        instance.add_dynamic_partitions("scenes", [SCENE])
        result = dg.materialize(
            [pages],
            partition_key=SCENE,
            instance=instance,
            resources={"scene_store": store, "artifact_io": SceneStoreIOManager(store=store)},
            run_config={"ops": {"pages": {"config": config}}},
            raise_on_error=False,
        )
    return result, heard


def in_another_process(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        finish(work)
    return child


def killed_after(root: Path, last: int, **config: Any) -> None:
    """A run that is killed when it has kept that page."""

    def work() -> None:
        on_page.append(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == last else None)
        materialize(root, **config)

    assert ended(in_another_process(work)) == -signal.SIGKILL


def taken(root: Path) -> int:
    record = SceneStore(root).current(SCENE, "pages")
    assert record is not None
    return int(record.metadata["taken"])


def leftovers(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in (root / ".staging").rglob("*") if path.is_file())


def test_a_killed_run_is_gone_on_with(tmp_path: Path) -> None:
    killed_after(tmp_path, 1)
    assert SceneStore(tmp_path).assets(SCENE) == []
    result, heard = materialize(tmp_path)
    assert result.success
    assert taken(tmp_path) == 2
    assert "2 taken over" in [event.progress.message for event in heard if event.progress]
    assert leftovers(tmp_path) == []
    assert sorted(p.name for p in (tmp_path / "scenes/kitchen/pages").iterdir()) == [f"{n}.txt" for n in range(4)]


def test_and_so_is_one_that_failed_or_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError("the simulator is gone; run again")

    monkeypatch.setattr(sys.modules[__name__], "on_page", [fail])
    result, heard = materialize(tmp_path)
    assert not result.success
    assert heard[-1].state == "failed"
    monkeypatch.undo()
    result, _ = materialize(tmp_path)
    assert result.success
    assert taken(tmp_path) == 3


def test_another_amount_of_the_same_takes_it_over_and_another_kind_does_not(tmp_path: Path) -> None:
    killed_after(tmp_path, 2)
    materialize(tmp_path, pages=6)
    assert taken(tmp_path) == 3
    killed_after(tmp_path, 2, ink="red")
    materialize(tmp_path, ink="blue")
    assert taken(tmp_path) == 0
    assert leftovers(tmp_path) == []
    text = (tmp_path / "scenes/kitchen/pages/0.txt").read_text()
    assert text == "0 in blue"


def test_killed_between_the_commit_and_tidying_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        commit = SceneStore.commit

        def commit_and_die(*arguments: Any, **options: Any) -> None:
            commit(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(SceneStore, "commit", commit_and_die)
        materialize(tmp_path)

    assert ended(in_another_process(work)) == -signal.SIGKILL
    assert leftovers(tmp_path) != []
    _, heard = materialize(tmp_path)
    assert heard[-1].state == "reused"
    # It may as well be work on more of the same, so it stays for a week, or until somebody makes more.
    assert SceneStore(tmp_path).sweep(kept_age=3600).areas == 0
    materialize(tmp_path, pages=5)
    assert taken(tmp_path) == 4
    assert leftovers(tmp_path) == []


def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    ready, go = os.pipe(), os.pipe()

    def work() -> None:
        def stop(number: int) -> None:
            if number == 0:
                os.write(ready[1], b"x")
                os.read(go[0], 1)

        on_page.append(stop)
        assert materialize(tmp_path)[0].success

    child = in_another_process(work)
    os.read(ready[0], 1)

    def release(event: StageEvent) -> None:
        if event.progress and "another process is making this" in event.progress.message:
            os.write(go[1], b"x")

    with listening(release):
        result, heard = materialize(tmp_path)
    assert ended(child) == 0
    assert result.success
    assert [event.state for event in heard] == ["started", "progress", "reused"]
    assert taken(tmp_path) == 0
    assert leftovers(tmp_path) == []


def test_two_at_once_that_want_different_things_come_one_after_the_other(tmp_path: Path) -> None:
    children = [in_another_process(lambda ink=ink: materialize(tmp_path, ink=ink)) for ink in ("red", "green", "blue")]
    assert [ended(child) for child in children] == [0, 0, 0]
    texts = {path.read_text().split(" in ")[1] for path in (tmp_path / "scenes/kitchen/pages").iterdir()}
    assert len(texts) == 1, "no mixture"
    assert SceneStore(tmp_path).verify(SCENE) == []
    assert leftovers(tmp_path) == []
