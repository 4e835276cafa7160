from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from blueprint_assets.contracts.release import SPLITS, Release, Rules
from blueprint_assets.dataset import video
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.review.verify import verify
from blueprint_assets.release.catalogue import MAKING, ReleaseBusyError, next_version, published, writing
from blueprint_assets.release.plan import ReleaseError
from blueprint_assets.release.release import Outcome
from fixtures.committed_scenes import RULES, commit_scene
from io_managers.errors import CorruptArtifactError
from io_managers.store import SceneStore

Make = Callable[..., Outcome]


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def commit_some(store: SceneStore, *names: str, episodes: int = 2) -> None:
    for name in names:
        commit_scene(store, name, episodes, license="CC-BY-4.0", attribution="A. Uthor")


@pytest.fixture
def four(store: SceneStore) -> SceneStore:
    commit_some(store, "a1", "a2", "a3", "a4")
    return store


def test_every_split_holds_its_scenes_episodes_and_the_packets_they_were_encoded_to(
    four: SceneStore, make: Make
) -> None:
    made = make()
    assert made.written
    assert made.folder.name == made.release.version == "v1"
    assert Release.read(made.folder / "release.json") == made.release
    held = []
    for split in SPLITS:
        listed = [episode for scene in made.release.in_split(split) for episode in scene.episodes]
        dataset = open_dataset(made.folder / split)
        assert dataset.uuids == [episode.episode_uuid for episode in listed]
        assert [episode.index for episode in listed] == list(range(len(listed)))
        for episode, found in zip(listed, dataset.episodes, strict=True):
            assert found.document.rows_sha256 == episode.rows_sha256
            for stream, sha256 in episode.packets_sha256.items():
                assert video.segment_sha256(found.segment(stream), found.document.fps) == sha256
        held += dataset.uuids
    assert len(held) == len(set(held)) == 8


def test_the_same_again_writes_nothing_and_a_change_makes_the_next(four: SceneStore, make: Make) -> None:
    first = make()
    before = tree(first.folder.parent)
    again = make()
    assert (again.written, again.folder, again.release) == (False, first.folder, first.release)
    assert tree(first.folder.parent) == before
    third = make(code="other code")
    assert (third.written, third.release.version, third.release.previous) == (True, "v2", "v1")
    assert tree(first.folder) == {path[3:]: sha for path, sha in before.items() if path.startswith("v1/")}


def test_two_stores_with_the_same_scenes_make_the_same_bytes(tmp_path: Path, make: Make, four: SceneStore) -> None:
    other = SceneStore(tmp_path / "other")
    commit_some(other, "a4", "a3", "a2", "a1")
    from blueprint_assets.release.release import make_release

    there = make_release(other, lambda scene, commits: [], RULES, "code")
    assert tree(there.folder) == tree(make().folder)


def test_one_more_scene_encodes_nothing(four: SceneStore, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make()
    commit_some(four, "a5")

    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("a release encodes nothing")

    monkeypatch.setattr(video.VideoEncoder, "__init__", never)
    second = make()
    assert second.written
    assert len(second.release.scenes) == 5
    packets = [
        {e.episode_uuid: e.packets_sha256 for scene in made.release.scenes for e in scene.episodes}
        for made in (first, second)
    ]
    assert packets[0].items() <= packets[1].items()


def test_sha256sum_agrees_and_nothing_can_be_written_by_accident(four: SceneStore, make: Make) -> None:
    made = make()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=made.folder, check=True)
    assert {path.stat().st_mode & 0o777 for path in made.folder.rglob("*") if path.is_file()} == {0o444}
    splits = sorted(path.parent.parent for path in made.folder.glob("*/meta/info.json"))
    assert len(splits) > 1
    for split in splits:
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=split, check=True)
        assert verify(split) == [], "a split is a sound dataset of its own, with the card that the release gave it"


def test_the_card_tells_what_is_in_it(four: SceneStore, make: Make) -> None:
    commit_scene(four, "a5", 2, license=None, rejected={"grasp_slipped": 2})
    commit_scene(four, "nd", 1, license="CC-BY-ND-4.0")
    made = make()
    text = (made.folder / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    card = yaml.safe_load(front)
    assert (card["license"], card["license_name"]) == ("other", "not-determined")
    assert card["task_categories"] == ["robotics"]
    assert "LeRobot" in card["tags"]
    (config,) = card["configs"]
    for item in config["data_files"]:
        assert list(made.folder.glob(item["path"])), item
    for phrase in (
        "10 episodes of 5 scenes",
        "photograph a5.png of scene a5: nobody stated a licence.",
        "| grasp_slipped | 2 |",
        "| pick_lift | 12 | 10 | 83% | 10 |",
        "No scene has more than 25% of the episodes",
        "1 scene of the store left out",
        "CC-BY-ND-4.0 does not allow",
        'train = LeRobotDataset("v1-train", root="train")',
        "A. Uthor",
    ):
        assert phrase in body, phrase
    assert (made.folder / "pictures/scenes.png").is_file()
    split_card = (made.folder / "test/README.md").read_text()
    assert "license: other" in split_card
    assert "nobody stated a licence" in split_card


def test_an_empty_split_is_not_there_and_the_card_says_why(store: SceneStore, make: Make) -> None:
    commit_some(store, "a1", "a2")
    made = make(Rules(max_scene_share=0.5, fractions=RULES.fractions))
    assert sorted(path.name for path in made.folder.iterdir() if path.is_dir()) == ["pictures", "test", "train"]
    card = (made.folder / "README.md").read_text()
    assert "There is no `val`: 2 groups of scenes" in card
    assert "No scene has more than 50%" in card


def test_versions_are_named_or_counted_and_never_replaced(four: SceneStore, make: Make) -> None:
    assert make(version="spring").release.version == "spring"
    with pytest.raises(ReleaseError, match="exists, and a release is never changed"):
        make(version="spring", code="2")
    assert make(code="2").release.version == "v2"
    for bad in ("../out", "a/b", "", ".hidden", "retractions", "v1.RETRACTED.md", "x" * 64):
        with pytest.raises(ReleaseError, match="--version"):
            make(version=bad, code="3")
    folder = Path(four.root) / "releases"
    assert next_version(2, folder) == "v3"
    assert [item.document.version for item in published(four.root)] == ["spring", "v2"]


def test_a_second_writer_is_told_and_leaves_the_first_alone(four: SceneStore, make: Make) -> None:
    with writing(four.root), pytest.raises(ReleaseBusyError, match="another process is writing a release"):
        make()
    assert make().written


def test_what_a_dead_writer_left_is_gone(four: SceneStore, make: Make) -> None:
    folder = Path(four.root) / "releases"
    (folder / f"{MAKING}v1" / "train").mkdir(parents=True)
    (folder / f"{MAKING}v1.RETRACTED.md").write_text("half")
    made = make()
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "v1"]
    assert made.release.version == "v1"


def test_damaged_packets_stop_the_release_and_leave_nothing(four: SceneStore, make: Make) -> None:
    record = four.current("a2", "episodes")
    assert record is not None
    sha256 = next(file.sha256 for file in record.files if file.path.endswith("wrist.mp4"))
    blob = Path(four.root) / "blobs" / "sha256" / sha256[:2] / sha256
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)
    with pytest.raises(CorruptArtifactError, match=r"wrist\.mp4 of episodes of scene a2"):
        make()
    assert published(four.root) == []


def test_a_store_that_is_no_folder_is_refused() -> None:
    with pytest.raises(ReleaseError, match="written to a local disk"):
        published("memory://somewhere")


def test_the_document_names_commits_photos_and_rules(four: SceneStore, make: Make) -> None:
    value = json.loads((make().folder / "release.json").read_text())
    assert value["rules"] == RULES.model_dump(mode="json")
    for scene in value["scenes"]:
        record = four.current(scene["scene_id"], "episodes")
        assert record is not None
        assert scene["commits"]["episodes"] == record.commit_id
        assert scene["photo"]["license"] == "CC-BY-4.0"
    assert str(four.root) not in json.dumps(value)
