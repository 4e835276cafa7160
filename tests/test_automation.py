from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from blueprint_assets.automation import list_inbox, photo_inbox
from blueprint_assets.definitions import defs
from blueprint_assets.stage1.intake import find

PHOTO = Path(__file__).resolve().parents[1] / "fixtures" / "photos" / "shelf.png"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BLUEPRINT_STORE", str(tmp_path))
    (tmp_path / "inbox").mkdir()
    return tmp_path


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    result = photo_inbox(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def added(result: dg.SensorResult | dg.SkipReason) -> list[str]:
    assert isinstance(result, dg.SensorResult)
    return [key for request in result.dynamic_partitions_requests or [] for key in request.partition_keys]


def test_each_new_picture_becomes_a_scene_once(root: Path) -> None:
    (root / "inbox" / "My Kitchen.png").write_bytes(PHOTO.read_bytes())
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        assert added(first) == ["my_kitchen"]
        intake = find(str(root), "my_kitchen")
        assert intake is not None
        assert intake.image_uri.endswith("/inbox/My Kitchen.png")
        assert isinstance(first, dg.SensorResult)
        assert isinstance(tick(instance, first.cursor), dg.SkipReason)
        (root / "inbox" / "second.jpg").write_bytes(b"not looked into here")
        second = tick(instance, first.cursor)
        assert added(second) == ["second"]


def test_a_mask_belongs_to_its_picture_and_is_no_scene(root: Path) -> None:
    (root / "inbox" / "shelf.png").write_bytes(PHOTO.read_bytes())
    (root / "inbox" / "shelf_mask.png").write_bytes(PHOTO.with_name("shelf_mask.png").read_bytes())
    with dg.DagsterInstance.ephemeral() as instance:
        assert added(tick(instance)) == ["shelf"]
    intake = find(str(root), "shelf")
    assert intake is not None
    assert str(intake.mask_uri).endswith("shelf_mask.png")


def test_a_licence_file_beside_a_picture_counts_also_when_it_comes_later(root: Path) -> None:
    photo = root / "inbox" / "shelf.png"
    photo.write_bytes(PHOTO.read_bytes())
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        assert isinstance(first, dg.SensorResult)
        photo.with_name("shelf.png.license").write_text("CC-BY-4.0\nA. Uthor\n")
        second = tick(instance, first.cursor)
        assert added(second) == ["shelf"]
        intake = find(str(root), "shelf")
        assert intake is not None
        assert (intake.license, intake.attribution) == ("CC-BY-4.0", "A. Uthor")
        assert isinstance(second, dg.SensorResult)
        assert isinstance(tick(instance, second.cursor), dg.SkipReason)


def test_requests_in_the_inbox_become_scenes_with_their_variants(root: Path) -> None:
    (root / "inbox/two desks.json").write_text(
        '{"schema_version": "v1", "scene_id": "desk", "prompt": "a mug on a table", "seed_count": 2}'
    )
    (root / "inbox/Kitchen.TXT").write_text("a kettle on a table")
    (root / "inbox/Kitchen.TXT.license").write_text("CC0-1.0")
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        assert added(first) == ["desk", "desk-v2", "kitchen"]
        assert isinstance(first, dg.SensorResult)
        assert isinstance(tick(instance, first.cursor), dg.SkipReason)
    intake = find(str(root), "kitchen")
    assert intake is not None
    assert (intake.mode, intake.license) == ("text", "CC0-1.0")


def test_a_bad_request_in_the_inbox_is_told_once_and_keeps_nothing_else_out(root: Path) -> None:
    (root / "inbox/bad.json").write_text('{"schema_version": "v1", "scene_id": "../up", "prompt": "a mug"}')
    (root / "inbox/good.txt").write_text("a mug on a table")
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        assert added(first) == ["good"]
        assert isinstance(first, dg.SensorResult)
        assert isinstance(tick(instance, first.cursor), dg.SkipReason), "it would be refused the same way"
        (root / "inbox/bad.json").write_text('{"schema_version": "v1", "scene_id": "better", "prompt": "a mug"}')
        assert added(tick(instance, first.cursor)) == ["better"]
    assert sorted(path.name for path in (root / "intake").iterdir()) == ["better.json", "good.json"]


def test_two_pictures_of_one_name_become_two_scenes(root: Path) -> None:
    for folder, content in (("a", b"one"), ("b", b"two")):
        (root / "inbox" / folder).mkdir()
        (root / "inbox" / folder / "desk.png").write_bytes(content)
    with dg.DagsterInstance.ephemeral() as instance:
        keys = added(tick(instance))
    assert len(keys) == 2
    assert keys[0] == "desk"
    assert keys[1].startswith("desk_")


def test_a_changed_picture_is_registered_anew(root: Path) -> None:
    photo = root / "inbox" / "desk.png"
    photo.write_bytes(b"before")
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        before = find(str(root), "desk")
        photo.write_bytes(b"afterwards")
        assert isinstance(first, dg.SensorResult)
        assert added(tick(instance, first.cursor)) == ["desk"]
    after = find(str(root), "desk")
    assert before is not None
    assert after is not None
    assert before.image_sha256 != after.image_sha256


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list_inbox(str(tmp_path / "nothing")) == {}


def test_a_bucket_prefix_is_listed_like_a_folder() -> None:
    import fsspec

    with fsspec.open("memory://bucket/inbox/desk.png", "wb") as stream:
        stream.write(b"picture")
    (uri,) = list_inbox("memory://bucket/inbox")
    assert uri == "memory:///bucket/inbox/desk.png"


def requested(instance: dg.DagsterInstance, cursor: object = None) -> tuple[set[str], object]:
    result = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)  # type: ignore[arg-type]
    keys = {
        key.path[-1]
        for asset in defs.resolve_asset_graph().get_all_asset_keys()
        for key in [asset]
        if result.get_num_requested(key)
    }
    return keys, result.cursor


def test_a_registered_scene_is_carried_to_its_dataset_in_one_go() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        _, cursor = requested(instance)
        instance.add_dynamic_partitions("scenes", ["kitchen"])
        keys, _ = requested(instance, cursor)
    everything = {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert keys == everything - {"dataset_release"}, "a release is made on demand"


def test_a_scene_that_was_there_before_the_daemon_is_carried_on_too() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("scenes", ["kitchen"])
        keys, _ = requested(instance)
    assert "lerobot_dataset" in keys


def report_check(instance: dg.DagsterInstance, key: dg.AssetCheckKey, passed: bool) -> None:
    """A check's result about the latest materialization of its asset, as a run would have left it."""
    (record,) = instance.fetch_materializations(key.asset_key, limit=1).records
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=passed,
            metadata={},
            blocking=True,
            partition="kitchen",
            target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
            ),
        )
    )


@pytest.mark.parametrize("passed", [True, False])
def test_a_gate_that_failed_in_an_earlier_run_holds_the_scene_back(passed: bool) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("scenes", ["kitchen"])
        for name in ("source", "reconstruction"):
            instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=name, partition="kitchen"))
        for key in defs.resolve_asset_graph().asset_check_keys:
            if key.asset_key.path[-1] in ("source", "reconstruction"):
                report_check(instance, key, passed or key.name != "meshes_are_watertight")
        keys, _ = requested(instance)
    assert ("scene_manifest" in keys) is passed
    assert "source" not in keys
