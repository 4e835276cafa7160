from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from io_managers.backend import blob_key
from io_managers.containment import check_path
from io_managers.errors import (
    CommitConflictError,
    ContainmentError,
    CorruptArtifactError,
    NotCommittedError,
    StoreError,
)
from io_managers.record import ArtifactRef, Provenance

V1 = {"stage1/camera.json": b"{}", "stage1/objects/cup/mesh.glb": b"glb1", "stage1/objects/bowl/mesh.glb": b"bowl"}
V2 = {"stage1/camera.json": b"{ }", "stage1/objects/cup/mesh.glb": b"glb2", "stage1/notes": b""}


def test_what_was_committed_is_read_back(bench: Any) -> None:
    record = bench.commit(V1, metadata={"objects": 2}, peak_memory_bytes=5)
    store = bench.open()
    assert store.current("kitchen", "reconstruction") == record
    assert bench.checkout(record) == V1
    assert bench.view() == V1
    assert store.read(record, "stage1/camera.json") == b"{}"
    assert store.scenes() == ["kitchen"]
    assert store.assets("kitchen") == ["reconstruction"]
    assert store.verify("kitchen") == []
    assert record.metadata == {"objects": 2}
    assert record.total_bytes == 10
    assert bench.areas() == []


def test_nothing_is_made_by_looking(bench: Any) -> None:
    store = bench.open()
    assert store.scenes() == []
    assert store.assets("kitchen") == []
    assert store.current("kitchen", "reconstruction") is None
    assert store.verify("kitchen") == []
    assert store.repair("kitchen") == []
    assert bench.stored() == {}


def test_a_new_commit_replaces_the_old_one_and_its_view(bench: Any) -> None:
    bench.commit(V1)
    layout = bench.commit({"layout/a.json": b"a"}, asset="scene_layout", owns=("layout/",))
    bench.put("scenes/kitchen/stage1/my own notes.txt", b"mine")
    record = bench.commit(V2)
    assert bench.open().current("kitchen", "reconstruction") == record
    assert bench.checkout(record) == V2
    assert bench.view() == V2 | {"layout/a.json": b"a", "stage1/my own notes.txt": b"mine"}
    assert bench.open().current("kitchen", "scene_layout") == layout


def test_a_file_may_become_a_folder_and_a_folder_a_file(bench: Any) -> None:
    one = {"stage1/a": b"1", "stage1/b/c": b"2"}
    two = {"stage1/a/x": b"1", "stage1/b": b"2"}
    for files in (one, two, one):
        assert bench.checkout(bench.commit(files)) == files
        assert bench.view() == files


def test_the_same_again_writes_nothing(bench: Any) -> None:
    steps: list[str] = []
    first = bench.commit(V1)
    before = _signatures(bench)
    again = bench.commit(V1, trace=steps.append, seconds=9.0)
    assert again == first
    assert _signatures(bench) == before
    assert {step.split(":")[0] for step in steps} == {"staging", "written", "staged", "hashed"}


def _signatures(bench: Any) -> Any:
    if not bench.local:
        import fsspec

        files, prefix = fsspec.core.url_to_fs(bench.root)
        return {path: (info["size"], info["created"]) for path, info in files.find(prefix, detail=True).items()}
    found = {}
    for path in Path(bench.root).rglob("*"):
        if ".staging" not in path.parts:
            status = path.lstat()
            found[str(path)] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def test_the_same_files_from_other_code_are_another_commit(bench: Any) -> None:
    first = bench.commit(V1)
    second = bench.commit(V1, code_version="2")
    assert second.commit_id != first.commit_id
    assert second.files == first.files
    store = bench.open()
    assert store.find("kitchen", "reconstruction", second.fingerprint) == second
    assert store.find("kitchen", "reconstruction", first.fingerprint) is None
    assert second.fingerprint == Provenance(code_version="2", backend="embedded").digest()


def test_content_is_stored_once(bench: Any) -> None:
    bench.commit(V1)
    bench.commit(V1, scene_id="office")
    assert len(bench.stored("blobs/")) == len(set(V1.values()))


def test_an_expected_commit_that_is_not_current_is_a_conflict(bench: Any) -> None:
    first = bench.commit(V1)
    second = bench.commit(V2, expected=first.commit_id)
    assert bench.commit(V2, expected=first.commit_id) == second  # done already: the same wish twice
    with pytest.raises(CommitConflictError, match=second.commit_id):
        bench.commit(V1, expected=first.commit_id)
    with pytest.raises(CommitConflictError, match="none"):
        bench.commit(V1, scene_id="office", expected=first.commit_id)
    assert bench.open().current("kitchen", "reconstruction") == second
    assert "office" not in bench.open().scenes()


def test_a_file_outside_the_assets_places_changes_nothing(bench: Any) -> None:
    bench.commit(V1)
    before = bench.stored()
    with pytest.raises(ContainmentError, match=r"usd/scene\.usda: reconstruction does not own .*stage1/"):
        bench.commit(V2 | {"usd/scene.usda": b""})
    assert bench.stored() == before


def test_another_assets_file_cannot_be_taken(bench: Any) -> None:
    bench.commit({"episodes/a/manifest": b"1", "episodes/b": b"2"}, asset="episodes", owns=("episodes/",))
    before = bench.stored("scenes/")
    for path in ("episodes/a/manifest", "episodes/b/c", "episodes/a"):
        with pytest.raises(ContainmentError, match="episodes of the same scene"):
            bench.commit({path: b"3"}, asset="lerobot_dataset", owns=("episodes/", path))
    assert {k: v for k, v in bench.stored("scenes/").items() if not k.endswith(".lock")} == {
        k: v for k, v in before.items() if not k.endswith(".lock")
    }
    if bench.local:
        assert bench.stored("blobs/").keys() == {blob_key(f.sha256) for f in _files(bench, "episodes")}


def _files(bench: Any, asset: str) -> Any:
    return bench.open().current("kitchen", asset).files


def test_changed_content_is_found_and_named(bench: Any) -> None:
    record = bench.commit(V1)
    entry = record.file("stage1/objects/cup/mesh.glb")
    bench.put(blob_key(entry.sha256), b"GLB1")
    with pytest.raises(CorruptArtifactError, match=r"stage1/objects/cup/mesh\.glb") as caught:
        bench.checkout(record)
    assert caught.value.expected == f"sha256 {entry.sha256}"
    assert entry.sha256 not in caught.value.found
    with pytest.raises(CorruptArtifactError):
        bench.open().read(record, entry.path)
    assert [(p.path, p.kind) for p in bench.open().verify("kitchen")] == [(entry.path, "blob changed")]
    bench.open().checkout("kitchen", [record], bench.scratch / "unverified", verify=False)
    # The remedy that the message names:
    bench.drop(blob_key(entry.sha256))
    bench.commit(V1)
    assert bench.checkout(record) == V1


def test_missing_content_is_found_and_healed_by_the_same_commit(bench: Any) -> None:
    record = bench.commit(V1)
    bench.drop(blob_key(record.files[0].sha256))
    store = bench.open()
    assert store.find("kitchen", "reconstruction", record.fingerprint) is None
    assert [(p.path, p.kind) for p in store.verify("kitchen")] == [(record.files[0].path, "blob missing")]
    with pytest.raises(CorruptArtifactError, match="no such file"):
        bench.checkout(record)
    assert bench.commit(V1) == record
    assert bench.open().verify("kitchen") == []


def test_an_edited_view_harms_nothing_and_is_repaired(bench: Any) -> None:
    record = bench.commit(V1)
    bench.put("scenes/kitchen/stage1/camera.json", b"edited by somebody")
    bench.drop("scenes/kitchen/stage1/objects/bowl/mesh.glb")
    store = bench.open()
    assert {(p.path, p.kind) for p in store.verify("kitchen")} == {
        ("stage1/camera.json", "view changed"),
        ("stage1/objects/bowl/mesh.glb", "view missing"),
    }
    assert bench.checkout(record) == V1
    assert store.repair("kitchen") == ["reconstruction"]
    assert bench.view() == V1
    assert store.repair("kitchen") == []
    bench.put("scenes/kitchen/stage1/camera.json", b"edited by somebody")
    assert bench.commit(V1) == record
    assert bench.view() == V1


def test_a_checkout_is_the_callers_own(bench: Any) -> None:
    record = bench.commit(V1)
    into = bench.open().checkout("kitchen", [record], bench.scratch / "mine")
    for path in V1:
        (into / path).write_bytes(b"overwritten")
    assert bench.checkout(record) == V1


def test_a_checkout_may_be_of_some_folders_only(bench: Any) -> None:
    files = {"stage1/a/1.txt": b"1", "stage1/a/deep/2.txt": b"2", "stage1/ab/3.txt": b"3", "stage1/b/4.txt": b"4"}
    record = bench.commit(files)
    for below, expected in (
        ({"stage1/a", "stage1/b"}, ["1.txt", "4.txt"]),
        (set(), []),
        (None, ["1.txt", "2.txt", "3.txt", "4.txt"]),
    ):
        into = bench.open().checkout("kitchen", [record], bench.scratch / f"some{len(expected)}", below=below)
        assert sorted(path.name for path in into.rglob("*.txt")) == expected


def test_a_checkout_joins_commits(bench: Any) -> None:
    first = bench.commit(V1)
    second = bench.commit({"layout/a.json": b"a"}, asset="scene_layout", owns=("layout/",))
    into = bench.open().checkout("kitchen", [first, second], bench.scratch / "both")
    assert sorted(p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()) == sorted(
        [*V1, "layout/a.json"]
    )
    with pytest.raises(StoreError, match="not empty"):
        bench.open().checkout("kitchen", [first], into)
    with pytest.raises(StoreError, match="of scene kitchen, not of office"):
        bench.open().checkout("office", [first], bench.scratch / "office")
    thief = bench.commit(V1, scene_id="office", asset="thief")
    other = bench.commit(V1, scene_id="garden")
    with pytest.raises(ContainmentError, match="belongs to thief"):
        bench.open().checkout("kitchen", [_moved(thief), _moved(other)], bench.scratch / "clash")


def _moved(record: Any) -> Any:
    return record.model_copy(update={"scene_id": "kitchen"})


def test_a_reference_names_one_commit(bench: Any) -> None:
    first = bench.commit(V1)
    store = bench.open()
    ref = store.ref(first)
    assert ref == ArtifactRef(store.root, "kitchen", "reconstruction", first.commit_id)
    assert store.resolve(ref) == first
    bench.commit(V2)
    with pytest.raises(NotCommittedError, match="is not current"):
        store.resolve(ref)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"scene_id": "kitchen"}', b"\xff\xfe"])
def test_a_damaged_record_is_named(bench: Any, damage: bytes) -> None:
    bench.commit(V1)
    key = "scenes/kitchen/.commits/reconstruction.json"
    bench.put(key, damage)
    with pytest.raises(CorruptArtifactError, match=r"\.commits/reconstruction\.json.*materialize reconstruction again"):
        bench.open().current("kitchen", "reconstruction")
    with pytest.raises(CorruptArtifactError):
        bench.commit(V2)
    assert [p.kind for p in bench.open().verify("kitchen")] == ["pointer unreadable"]
    with pytest.raises(CorruptArtifactError):
        bench.open().sweep(age=-1)
    assert len(bench.stored("blobs/")) == len(V1)
    bench.drop(key)
    bench.commit(V2)
    assert bench.view() == V2


def test_an_edited_record_is_noticed(bench: Any) -> None:
    record = bench.commit(V1)
    key = "scenes/kitchen/.commits/reconstruction.json"
    value = json.loads(bench.stored(key)[key])
    value["files"][0]["size"] += 1
    bench.put(key, json.dumps(value).encode())
    with pytest.raises(CorruptArtifactError, match="commit_id"):
        bench.open().current("kitchen", "reconstruction")
    bench.put(key, record.to_json().replace('"kitchen"', '"office"').encode())
    with pytest.raises(CorruptArtifactError, match="that of reconstruction of office"):
        bench.open().current("kitchen", "reconstruction")


@pytest.mark.parametrize("scene_id", ["", "a", "Kitchen", "../x", "a/b", "kitchen\n", "-a", "a" * 64])
def test_a_scene_id_cannot_lead_elsewhere(bench: Any, scene_id: str) -> None:
    with pytest.raises(StoreError, match="scene id"):
        bench.commit(V1, scene_id=scene_id)
    with pytest.raises(StoreError, match="scene id"):
        bench.open().current(scene_id, "reconstruction")
    with pytest.raises(StoreError, match="asset name"):
        bench.open().current("kitchen", f"A{scene_id}")
    assert bench.stored() == {}


def test_what_is_not_json_or_too_big_is_refused(bench: Any) -> None:
    for metadata in ({"x": float("nan")}, {"x": object()}, {"x": "y" * 70_000}):
        with pytest.raises(StoreError, match="metadata"):
            bench.commit(V1, metadata=metadata)
    assert bench.stored() == {}


WEIRD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
PLAIN = st.sampled_from(
    [".hidden", "a b", "..a", "ä", "日本", "a.json", "*", "[x]", "?", "%41", "#", "a:b", "~", "e\u0301", "\u00e9"]
)


def _storable(path: str) -> bool:
    try:
        check_path(path, "x")
    except ContainmentError:
        return False
    return True


PATHS = st.lists(st.one_of(PLAIN, WEIRD), min_size=1, max_size=4).map("/".join).filter(_storable)


def _consistent(files: dict[str, bytes]) -> bool:
    folders = {"/".join(p.split("/")[:n]) for p in files for n in range(1, p.count("/") + 1)}
    return not folders & files.keys()


TREES = st.dictionaries(PATHS, st.binary(max_size=64), min_size=1, max_size=8).filter(_consistent)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees=st.lists(TREES, min_size=1, max_size=3))
def test_any_tree_comes_back_whole(bench: Any, trees: list[dict[str, bytes]]) -> None:
    for tree in trees:
        owns = tuple(sorted({path.split("/")[0] + ("/" if "/" in path else "") for path in tree}))
        record = bench.commit(tree, owns=owns)
        assert bench.checkout(record) == tree
        assert bench.view() == tree
    assert bench.open().verify("kitchen") == []


def test_the_store_is_light_to_import() -> None:
    code = "import sys, io_managers.store; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    heavy = {"dagster", "fsspec", "numpy", "mujoco", "pxr", "pyarrow", "asyncio"}
    assert heavy.isdisjoint(done.stdout.split())
