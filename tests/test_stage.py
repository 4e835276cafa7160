from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster._core.events import DagsterEvent, DagsterEventType

from blueprint_assets.stage import Metadata, Workspace, produce, stage
from checks.verdict import Verdict, failed, gate, passed, unmeasured
from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource
from io_managers.record import ArtifactRef
from io_managers.store import SceneStore
from resources.observability import StageEvent, listening

LIMIT = {"letters": 5}


@stage(group="test", kinds={"text"}, owns=("words/",), made_by=("blueprint_assets.partitions",))
def word(context: dg.AssetExecutionContext, scene_store: SceneStoreResource) -> dg.Output[Any]:
    """Writes the partition's name."""

    def build(work: Workspace) -> Metadata:
        if work.scene_id == "refused":
            raise ValueError("words/word.txt: nobody wants this scene; rename it")
        (work.out / "words").mkdir()
        (work.out / "words/word.txt").write_text(work.scene_id)
        return {"length": len(work.scene_id)}

    return produce(context, scene_store.open(), {}, build)


@stage(group="test", kinds={"text"}, owns=("louder.txt",), made_by=("blueprint_assets.partitions",))
def louder(context: dg.AssetExecutionContext, scene_store: SceneStoreResource, word: ArtifactRef) -> dg.Output[Any]:
    """Says it louder."""

    def build(work: Workspace) -> Metadata:
        (work.out / "louder.txt").write_text((work.inputs / "words/word.txt").read_text().upper())
        return {}

    return produce(context, scene_store.open(), {"word": word}, build)


@gate(word)
def word_is_short(scene: Path) -> Verdict:
    """Counts letters."""
    letters = len((scene / "words/word.txt").read_text())
    if letters == 8:
        return unmeasured("eight letters cannot be counted")
    if letters == 9:
        raise ValueError("words/word.txt: nine letters are no word")
    return passed("short") if letters <= LIMIT["letters"] else failed(f"{letters} letters (limit {LIMIT['letters']})")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("scenes", ["short", "much_too_long", "refused", "eightlet", "nineteens"])
        yield made


def materialize(
    instance: dg.DagsterInstance, root: Path, scene_id: str, *definitions: Any
) -> tuple[dg.ExecuteInProcessResult, list[StageEvent]]:
    store = SceneStoreResource(root=str(root))
    heard: list[StageEvent] = []
    with listening(heard.append):
        result = dg.materialize(
            list(definitions) or [word, louder, word_is_short],
            partition_key=scene_id,
            instance=instance,
            resources={"scene_store": store, "artifact_io": SceneStoreIOManager(store=store)},
            raise_on_error=False,
        )
    return result, heard


def test_a_chain_is_committed_and_the_second_time_nothing_is_written(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    result, heard = materialize(instance, tmp_path, "short")
    assert result.success
    assert [(e.asset, e.state) for e in heard if e.state != "started"] == [
        ("word", "committed"),
        ("louder", "committed"),
    ]
    assert (tmp_path / "scenes/short/louder.txt").read_text() == "SHORT"
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    result, heard = materialize(instance, tmp_path, "short")
    assert result.success
    assert {e.state for e in heard if e.state != "started"} == {"reused"}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_failed_gate_blocks_in_its_own_run(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result, _ = materialize(instance, tmp_path, "much_too_long")
    assert not result.success
    assert SceneStore(tmp_path).assets("much_too_long") == ["word"]


def test_and_in_a_later_run_that_somebody_starts_by_hand(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialize(instance, tmp_path, "much_too_long")
    result, _ = materialize(instance, tmp_path, "much_too_long", word.to_source_asset(), louder)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert "GateError: word/word_is_short failed for scene much_too_long: 13 letters (limit 5)" in description
    monkeypatch.setitem(LIMIT, "letters", 50)
    again, _ = materialize(instance, tmp_path, "much_too_long", word, word_is_short)
    assert [evaluation.passed for evaluation in again.get_asset_check_evaluations()] == [True]
    result, _ = materialize(instance, tmp_path, "much_too_long", word.to_source_asset(), louder)
    assert result.success


def announce_check(instance: dg.DagsterInstance, scene_id: str) -> None:
    """What the log holds of a check whose run goes on, or was killed: that it is planned, and no result."""
    planned = AssetCheckEvaluationPlanned(
        asset_key=dg.AssetKey("word"),
        check_name="word_is_short",
        partitions_subset=DefaultPartitionsSubset({scene_id}),
    )
    event = DagsterEvent(
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, "another", message="", event_specific_data=planned
    )
    instance.report_dagster_event(event, run_id="another_run")


@pytest.mark.parametrize(("scene_id", "blocked"), [("short", False), ("much_too_long", True)])
def test_a_check_that_another_run_has_only_announced_says_nothing(
    scene_id: str, blocked: bool, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    materialize(instance, tmp_path, scene_id, word, word_is_short)
    announce_check(instance, scene_id)
    result, _ = materialize(instance, tmp_path, scene_id, word.to_source_asset(), louder)
    assert result.success != blocked
    said = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    assert all("GateError" in data.description for data in said)


def test_unmeasured_is_not_passed(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result, _ = materialize(instance, tmp_path, "eightlet")
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.metadata["outcome"].value == "unmeasured"
    assert SceneStore(tmp_path).assets("eightlet") == ["word"]


def test_an_artifact_that_breaks_its_contract_fails_its_check(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result, _ = materialize(instance, tmp_path, "nineteens")
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.description == "ValueError: words/word.txt: nine letters are no word"


def test_a_typed_error_fails_once_and_leaves_nothing(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result, heard = materialize(instance, tmp_path, "refused")
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert data.description == "ValueError: words/word.txt: nobody wants this scene; rename it"
    assert [e.state for e in heard] == ["started", "failed"]
    assert not (tmp_path / "scenes").exists()
