"""The way back: from a dataset's episode to the photograph, in a store made of the pipeline's own documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprint_assets.contracts.release import Release
from blueprint_assets.contracts.source import Source
from blueprint_assets.dataset.origin.lineage import WRONG, Node
from blueprint_assets.dataset.origin.trace import TraceError, find_store, trace
from fixtures.synthetic_episodes import SCENE
from fixtures.whole_scene import DATASET, FIRST, MADE_FROM, build_scene_folder, commit_asset
from io_managers.digest import hash_file
from io_managers.store import SceneStore


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene folder with every artifact; two episodes of three were accepted. Read only."""
    return build_scene_folder(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def committed(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a store with all of it. Read only."""
    root = tmp_path_factory.mktemp("store")
    store = SceneStore(root)
    for asset in MADE_FROM:
        commit_asset(store, scene, asset)
    return root


@pytest.fixture
def root(committed: Path, tmp_path: Path) -> Path:
    """A copy of the store to damage."""
    return Path(shutil.copytree(committed, tmp_path / "store"))


def way_back(root: Path, episode: str = "0") -> Node:
    return trace(root / DATASET, episode, SceneStore(root))


def wrong(tree: Node) -> dict[str, str]:
    return {node.name: node.state for node in tree.walk() if node.state in WRONG}


def line(tree: Node, name: str) -> Node:
    found = [node for node in tree.walk() if node.name.startswith(name)]
    assert len(found) == 1, [node.name for node in found]
    return found[0]


def test_the_whole_way_back(committed: Path, scene: Path) -> None:
    tree = way_back(committed)
    assert wrong(tree) == {}
    assert tree.name == f"episode {FIRST}"
    assert (tree.facts["task"], tree.facts["success"], tree.facts["seed"]) == ("Pick up the red square.", "true", "0")
    assert [node.state for node in tree.children[:3]] == ["ok", "ok", "ok"], "rows and the packets of two cameras"
    records = {asset: SceneStore(committed).current(SCENE, asset) for asset in MADE_FROM}
    for asset, record in records.items():
        node = next(node for node in tree.walk() if node.name == asset)
        assert record is not None
        assert node.state == "ok"
        assert node.facts["commit"] == record.commit_id
        assert (node.facts["code version"], node.facts["backend"], node.facts["tools"]) == (
            "1",
            "embedded",
            "mujoco 4.0.0",
        )
    told = {node.name: node for node in tree.walk()}
    for path in ("usd/scene.usda", "assets/objects/can/mesh.glb", "layout/scale_report.json", "input/source.json"):
        assert (told[path].state, told[path].facts["sha256"]) == ("ok", hash_file(scene / path))
    original = Source.read(scene / "input/source.json").original
    assert line(tree, "photo").facts["sha256"] == hash_file(scene / original)
    assert line(tree, "scale").facts["metres per unit"]
    things = [node for node in tree.walk() if node.name == "object can, the target"]
    assert {"mesh sha256", "material"} <= {name for node in things for name in node.facts}


def test_it_goes_from_each_asset_to_what_that_was_made_from(committed: Path) -> None:
    chain, node = [], way_back(committed)
    while True:
        below = [child for child in node.children if child.name in MADE_FROM]
        if not below:
            break
        assert len(below) == 1
        node = below[0]
        chain.append(node.name)
    assert chain == list(MADE_FROM)[::-1]


def test_only_this_episodes_files_are_listed(committed: Path) -> None:
    names = [node.name for node in way_back(committed).walk()]
    assert [Path(name).name for name in names if "/recordings/" in name] == [
        "episode_000000.json",
        "episode_000000.states.npz",
    ]
    assert all(FIRST in name for name in names if "/units/" in name)


def damaged(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file that the tree of the first episode names, in the view."""
    for node in way_back(root).walk():
        if "bytes" in node.facts and (root / "scenes" / SCENE / node.name).is_file():
            yield root / "scenes" / SCENE / node.name, node.name


def test_every_file_on_the_way_is_watched(root: Path) -> None:
    files = list(damaged(root))
    assert len(files) > 25
    for path, name in files:
        if "/lerobot/" in name:
            continue  # the dataset itself: below
        before = path.read_bytes()
        changed = bytearray(before)
        changed[len(changed) // 2] ^= 1
        path.unlink()
        path.write_bytes(changed)
        tree = way_back(root)
        assert wrong(tree) == {name: "changed"}
        assert hash_file(path) in line(tree, name).remark
        path.write_bytes(before)


def test_a_file_that_is_gone_is_missing(root: Path) -> None:
    record = SceneStore(root).current(SCENE, "reconstruction")
    assert record is not None
    mesh = record.file("stage1/objects/can/mesh.glb")
    (root / "scenes" / SCENE / mesh.path).unlink()
    tree = way_back(root)
    assert wrong(tree) == {mesh.path: "missing"}
    assert "view missing" in line(tree, mesh.path).remark
    for blob in (root / "blobs").rglob(f"*{mesh.sha256[8:]}*"):
        blob.unlink()
    assert "blob missing" in next(node for node in way_back(root).walk() if node.name == mesh.path).remark


def test_rows_and_packets_are_hashed_now(root: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = root / DATASET / "data/chunk-000/file-000.parquet"
    table = pq.read_table(data)
    values = table["action"].combine_chunks()
    flat = values.flatten().to_numpy().copy()
    flat[3] += 1e-6
    action = pa.FixedSizeListArray.from_arrays(pa.array(flat), 8)
    index = table.schema.get_field_index("action")
    lengths = pq.ParquetFile(data).metadata.row_group(0).num_rows
    pq.write_table(
        table.set_column(index, table.schema.field(index), action.cast(values.type)), data, row_group_size=lengths
    )
    tree = way_back(root)
    assert line(tree, "rows of").state == "changed"
    assert line(tree, "packets of observation.images.scene").state == "ok"
    assert line(way_back(root, "1"), "rows of").state == "ok", "the other episode's rows are as they were"

    video = root / DATASET / "videos/observation.images.scene/chunk-000/file-000.mp4"
    content = bytearray(video.read_bytes())
    content[content.index(b"mdat") + 100] ^= 1
    video.unlink()
    video.write_bytes(content)
    tree = way_back(root)
    assert line(tree, "packets of observation.images.scene").state == "changed"
    assert line(tree, "packets of observation.images.wrist").state == "ok"


def test_what_was_replaced_since_is_said(root: Path, scene: Path) -> None:
    store = SceneStore(root)
    old = store.current(SCENE, "scene_layout")
    assert old is not None
    commit_asset(store, scene, "scene_layout", code_version="2")
    tree = way_back(root)
    assert wrong(tree) == {"scene_layout": "superseded"}
    node = line(tree, "scene_layout")
    assert old.commit_id in node.remark
    assert "keeps current commits only" in node.remark
    assert node.facts["code version"] == "2"


def test_a_scene_made_anew_is_not_the_one_that_was_recorded(root: Path, scene: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(scene, tmp_path / "other"))
    text = (other / "usd/scene.usda").read_text()
    (other / "usd/scene.usda").write_text(text + "\n")
    commit_asset(SceneStore(root), other, "scene_usd")
    tree = way_back(root)
    assert wrong(tree) == {"scene_usd": "superseded", "usd/scene.usda": "changed"}
    assert hash_file(scene / "usd/scene.usda") in line(tree, "usd/scene.usda").remark


def test_an_asset_that_the_store_no_longer_has_is_missing(root: Path) -> None:
    shutil.rmtree(root / "scenes" / SCENE / "input")
    for path in (root / "scenes" / SCENE / ".commits").glob("source.*"):
        path.unlink()
    tree = way_back(root)
    assert wrong(tree) == {"source": "missing"}
    assert "has no commit" in line(tree, "source").remark
    pointer = root / "scenes" / SCENE / ".commits/reconstruction.json"
    pointer.write_text("{}")
    assert wrong(way_back(root)) == {"reconstruction": "changed", "source": "missing"}


@pytest.mark.parametrize("episode", ["0", FIRST, FIRST[:35] + "0"])
def test_an_episode_by_index_or_uuid(committed: Path, episode: str) -> None:
    assert way_back(committed, episode).name == f"episode {FIRST}"


@pytest.mark.parametrize(
    ("episode", "said"),
    [
        ("7", "no episode '7' among 2"),
        ("00", "2 episodes begin with '00'"),
        ("", "no episode ''"),
        ("-1", "no episode"),
    ],
)
def test_no_such_episode(committed: Path, episode: str, said: str) -> None:
    with pytest.raises(TraceError, match=said):
        way_back(committed, episode)


def test_a_dataset_elsewhere(committed: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(committed / DATASET, tmp_path / "copy"))
    assert find_store(copy) is None
    assert find_store(committed / DATASET) == committed.resolve()
    alone = trace(copy, "0")
    assert [node.state for node in alone.children] == ["ok", "ok", "ok", "not here"]
    assert "--root" in alone.children[-1].remark
    assert wrong(trace(copy, "0", SceneStore(committed))) == {}
    empty = SceneStore(tmp_path / "empty")
    assert "not in the store" in trace(copy, "0", empty).children[-1].remark


def test_splits_of_a_release(committed: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        shutil.copytree(committed / DATASET, tmp_path / "v1" / split)
    with pytest.raises(TraceError, match="has an episode 0 in each of train, val; name one"):
        trace(tmp_path / "v1", "0")
    shutil.rmtree(tmp_path / "v1/val")
    assert trace(tmp_path / "v1", FIRST).facts["dataset"] == str(tmp_path / "v1/train")
    with pytest.raises(TraceError, match="neither a LeRobot dataset nor a release"):
        trace(tmp_path, "0")


def released(commits: dict[str, str]) -> Release:
    """A release of one scene that was made from these commits."""
    hash_of = "0" * 64
    nothing = {
        "scenes": 0,
        "groups": 0,
        "episodes": 0,
        "frames": 0,
        "seconds": 0,
        "tasks": 0,
        "empty_because": "one scene",
    }
    episode = {
        "index": 0,
        "episode_uuid": FIRST,
        "task": "t",
        "frames": 24,
        "rows_sha256": hash_of,
        "packets_sha256": {},
    }
    photo = {"file": "p.png", "sha256": hash_of, "pixels_sha256": hash_of, "license": None, "attribution": None}
    scene = {
        "scene_id": SCENE,
        "split": "train",
        "group": "g",
        "photo": photo,
        "scene_sha256": hash_of,
        "meshes": {},
        "reconstruction": "embedded",
        "commits": commits,
        "tasks": {},
        "rejected": {},
        "episodes": [episode],
    }
    return Release.model_validate(
        {
            "version": "v1",
            "number": 1,
            "previous": None,
            "content_sha256": hash_of,
            "code_version": "1",
            "code_commit": "test",
            "fps": 20,
            "robot": "franka_panda",
            "rules": {"max_scene_share": 1, "fractions": {"train": 1, "val": 0, "test": 0}},
            "licence": {"hub": "other", "spdx": None, "reasons": [], "inputs": []},
            "splits": {"train": nothing, "val": nothing, "test": nothing},
            "scenes": [scene],
            "left_out": [],
        }
    )


def test_a_release_knows_the_commits_that_it_was_made_from(root: Path, scene: Path) -> None:
    store = SceneStore(root)
    records = {asset: store.current(SCENE, asset) for asset in MADE_FROM}
    release = root / "releases/v1"
    shutil.copytree(root / DATASET, release / "train")
    released({asset: record.commit_id for asset, record in records.items() if record}).write(release / "release.json")
    tree = trace(release, FIRST, store)
    assert wrong(tree) == {}
    assert next(node for node in tree.walk() if node.name == "episodes").state == "ok"
    assert find_store(release) == root.resolve()
    commit_asset(store, scene, "source", code_version="2")
    assert wrong(trace(release, FIRST, store)) == {"source": "superseded"}
    commit_asset(store, scene, "episodes", code_version="2")
    assert wrong(trace(release, FIRST, store)) == {"source": "superseded", "episodes": "superseded"}


def without_provenance(dataset: Path, into: Path) -> Path:
    """A copy as LeRobot's own delete and split leave it: no tables of ours, and no columns of ours in meta/episodes."""
    import pyarrow.parquet as pq

    copy = Path(shutil.copytree(dataset, into))
    for folder in ("meta/provenance", "meta/histograms"):
        shutil.rmtree(copy / folder)
    path = copy / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    keep = [name for name in table.column_names if "/" in name and not name.startswith(("packets_sha256", "success"))]
    keep += ["episode_index", "tasks", "length", "dataset_from_index", "dataset_to_index"]
    pq.write_table(table.select(keep), path)
    return copy


def test_a_copy_without_provenance_is_found_again_by_its_rows(committed: Path, tmp_path: Path) -> None:
    copy = without_provenance(committed / DATASET, tmp_path / "copy")
    with pytest.raises(TraceError, match=r"has no meta/provenance.*--provenance"):
        trace(copy, "0")
    for tree in (
        trace(copy, "1", SceneStore(committed)),
        trace(copy, "1", SceneStore(committed), provenance=committed / DATASET),
    ):
        assert wrong(tree) == {}
        assert tree.name == "episode 00000000-0000-5000-8000-000000000002"
        assert [node.state for node in tree.children[:3]] == ["ok"] * 3
    alone = trace(copy, "1", provenance=committed / DATASET)
    assert alone.children[-1].state == "not here"
    empty = SceneStore(tmp_path / "empty")
    with pytest.raises(TraceError, match=r"has no episode 0 \(episode_key"):
        trace(copy, "1", empty)


def test_packets_that_were_encoded_again_are_told_from_changed_ones(committed: Path, tmp_path: Path) -> None:
    from blueprint_assets.dataset.video import VideoEncoder, decode

    copy = without_provenance(committed / DATASET, tmp_path / "copy")
    video = copy / "videos/observation.images.scene/chunk-000/file-000.mp4"
    pictures = list(decode(video))
    video.unlink()
    with VideoEncoder(video, 64, 64, 20) as encoder:
        for picture in pictures:
            encoder.write(picture)
    tree = trace(copy, "0", SceneStore(committed))
    node = line(tree, "packets of observation.images.scene")
    assert (node.state, wrong(tree)) == ("re-encoded", {})
    assert float(node.facts["PSNR to the original"].split()[0]) > 30
    assert line(tree, "packets of observation.images.wrist").state == "ok"
    with VideoEncoder(video, 64, 64, 20) as encoder:
        for picture in pictures[::-1]:
            encoder.write(255 - picture)
    tree = trace(copy, "0", SceneStore(committed))
    assert wrong(tree) == {"packets of observation.images.scene": "changed"}
    assert "other pictures" in line(tree, "packets of observation.images.scene").remark
    video.write_bytes(b"no video")
    assert "packets of observation.images.scene" in wrong(trace(copy, "0", SceneStore(committed)))


def test_the_tree_as_json(committed: Path) -> None:
    tree = way_back(committed)
    value = json.loads(json.dumps(tree.to_json()))

    def count(node: dict) -> int:
        return 1 + sum(count(child) for child in node["from"])

    assert count(value) == len(list(tree.walk()))


@pytest.mark.parametrize(
    ("asset", "path"),
    [
        ("source", "input/source.json"),
        ("scene_manifest", "assets/scene_manifest.json"),
        ("simready_assets", "assets/simready_physics.json"),
    ],
)
def test_a_damaged_document_is_a_line_and_not_the_end(root: Path, asset: str, path: str) -> None:
    record = SceneStore(root).current(SCENE, asset)
    assert record is not None
    sha256 = record.file(path).sha256
    (blob,) = (root / "blobs").rglob(f"*{sha256[8:]}*")
    blob.chmod(0o600)
    blob.write_bytes(b"{" + blob.read_bytes()[1:].replace(b"1", b"2", 1))
    assert wrong(way_back(root)) == {path: "changed"}
