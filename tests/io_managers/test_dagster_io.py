from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource
from io_managers.errors import NotCommittedError, StoreError
from io_managers.record import ArtifactRef, Provenance

SCENES = dg.StaticPartitionsDefinition(["kitchen", "office"])


def commit(store: SceneStoreResource, scene_id: str, asset: str, content: bytes) -> ArtifactRef:
    opened = store.open()
    with opened.staging() as folder:
        (folder / asset).mkdir()
        (folder / asset / "x").write_bytes(content)
        record = opened.commit(
            scene_id,
            asset,
            folder,
            owns=(f"{asset}/",),
            provenance=Provenance(code_version="1", backend="embedded"),
            started_at="2026-01-01T00:00:00+00:00",
            seconds=2.5,
        )
    return opened.ref(record)


@dg.asset(partitions_def=SCENES, io_manager_key="scene_io")
def source(context: dg.AssetExecutionContext, store: SceneStoreResource) -> ArtifactRef:
    return commit(store, context.partition_key, "source", b"photo")


@dg.asset(partitions_def=SCENES, io_manager_key="scene_io")
def reconstruction(
    context: dg.AssetExecutionContext, store: SceneStoreResource, source: ArtifactRef
) -> dg.MaterializeResult[ArtifactRef]:
    opened = store.open()
    data = opened.read(opened.resolve(source), "source/x")
    ref = commit(store, context.partition_key, "reconstruction", data + b" posed")
    return dg.MaterializeResult(value=ref, data_version=dg.DataVersion(ref.commit_id))


@dg.asset_check(asset=reconstruction)
def every_scene_is_there(reconstruction: dict[str, ArtifactRef]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=set(reconstruction) == {"kitchen", "office"})


@dg.asset_check(asset=reconstruction, partitions_def=SCENES, blocking=True)
def posed(store: SceneStoreResource, reconstruction: ArtifactRef) -> dg.AssetCheckResult:
    opened = store.open()
    data = opened.read(opened.resolve(reconstruction), "reconstruction/x")
    return dg.AssetCheckResult(passed=data == b"photo posed")


@dg.asset(io_manager_key="mem")
def release(reconstruction: dict[str, ArtifactRef]) -> list[str]:
    return sorted(reconstruction)


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    store = SceneStoreResource(root=str(tmp_path / "root"))
    return {"store": store, "scene_io": SceneStoreIOManager(store=store), "mem": dg.mem_io_manager}


def test_references_travel_and_the_page_shows_the_commit(resources: dict[str, Any]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for scene in ("kitchen", "office"):
            done = dg.materialize(
                [source, reconstruction, posed], partition_key=scene, instance=instance, resources=resources
            )
            assert [check.passed for check in done.get_asset_check_evaluations()] == [True]
            (event,) = done.asset_materializations_for_node("reconstruction")
            record = resources["store"].open().current(scene, "reconstruction")
            assert event.metadata["commit"].value == record.commit_id
            assert event.metadata["files"].value == 1
            assert event.metadata["bytes"].value == len(b"photo posed")
            assert event.metadata["seconds"].value == 2.5
            assert str(event.metadata["dagster/uri"].value).endswith(f"scenes/{scene}")
        done = dg.materialize(
            [release, source, reconstruction], selection=[release], instance=instance, resources=resources
        )
        assert done.output_for_node("release") == ["kitchen", "office"]


def test_a_missing_upstream_is_named(resources: dict[str, Any]) -> None:
    with pytest.raises(NotCommittedError, match="source of scene office: nothing is committed in"):
        dg.materialize(
            [source, reconstruction], selection=[reconstruction], partition_key="office", resources=resources
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda store: b"payload", "returned bytes; commit the files"),
        (lambda store: None, "returned NoneType"),
        (lambda store: commit(store, "office", "source", b"1"), "reference to source of scene office"),
        (lambda store: commit(store, "kitchen", "other", b"1"), "reference to other of scene kitchen"),
        (lambda store: ArtifactRef(store.open().root, "kitchen", "source", "0" * 64), "is not current"),
        (lambda store: ArtifactRef("elsewhere", "kitchen", "source", "0" * 64), "in elsewhere"),
    ],
)
def test_a_false_reference_fails_the_asset(resources: dict[str, Any], wrong: Any, message: str) -> None:
    @dg.asset(name="source", partitions_def=SCENES, io_manager_key="scene_io")
    def liar(store: SceneStoreResource) -> Any:
        return wrong(store)

    with pytest.raises(StoreError, match=message):
        dg.materialize([liar], partition_key="kitchen", resources=resources)
