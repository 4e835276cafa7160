from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blueprint_assets.release.catalogue import RetractedError, open_release, published, retractions
from blueprint_assets.release.plan import ReleaseError
from blueprint_assets.release.release import Outcome
from blueprint_assets.release.retraction import RetractionError, latest_is_touched, propose, retract
from fixtures.committed_scenes import commit_scene
from io_managers.store import SceneStore

Make = Callable[..., Outcome]


@pytest.fixture
def released(store: SceneStore, make: Make) -> SceneStore:
    """Two releases of five scenes: the second has one scene more."""
    for name in ("a1", "a2", "a3", "a4", "a5"):
        commit_scene(store, name, 2)
    make()
    commit_scene(store, "a6", 2)
    make()
    return store


def scenes_of(made: Outcome) -> set[str]:
    return {scene.scene_id for scene in made.release.scenes}


def test_it_shows_what_it_touches_and_touches_nothing(released: SceneStore) -> None:
    before = sorted(Path(released.root).rglob("*"))
    proposal = propose(released, "a2", "the owner asked for it")
    assert sorted(Path(released.root).rglob("*")) == before
    assert proposal.retraction.releases == ("v1", "v2")
    for entry in proposal.touched:
        assert (entry.scene_ids, entry.episodes, entry.frames) == (("a2",), 2, 24)
        folder = Path(released.root) / "releases" / entry.version
        assert len(entry.files) == 3
        assert all((folder / file).is_file() and file.startswith(entry.split) for file in entry.files)


def test_releases_that_hold_it_are_marked_and_the_next_is_without_it(released: SceneStore, make: Make) -> None:
    assert open_release(Path(released.root) / "releases" / "v1").version == "v1"
    retract(released, "a6", "private kitchen")
    assert latest_is_touched(released)
    folder = Path(released.root) / "releases"
    assert (folder / "v2.RETRACTED.md").read_text().count("a6") == 1
    assert not (folder / "v1.RETRACTED.md").exists(), "v1 does not hold it"
    assert open_release(folder / "v1").version == "v1"
    with pytest.raises(RetractedError, match="holds what was retracted \\(a6\\)"):
        open_release(folder / "v2")
    assert open_release(folder / "v2", retracted_too=True).version == "v2"
    third = make()
    assert scenes_of(third) == {"a1", "a2", "a3", "a4", "a5"}
    reasons = {item.scene_id: item.reason for item in third.release.left_out}
    assert "retracted" in reasons["a6"]
    assert not latest_is_touched(released)
    assert [len(item.retracted) for item in published(released.root)] == [0, 1, 0]


def test_the_same_photograph_under_another_name_stays_out(released: SceneStore, make: Make) -> None:
    retract(released, "a1", "no permission")
    commit_scene(released, "holiday", 2, photo="a1", first_seed=99)
    third = make()
    assert "holiday" not in scenes_of(third)
    assert "photograph or the scene file of a1" in {i.scene_id: i.reason for i in third.release.left_out}["holiday"]


def test_a_scene_that_shares_a_mesh_is_named_and_stays(store: SceneStore, make: Make) -> None:
    for name in ("a1", "a2", "a3", "a4", "a5"):
        commit_scene(store, name, 2, meshes=["mug"] if name in ("a1", "a2") else [])
    make()
    assert propose(store, "a1", "").sharing == ("a2",)
    retract(store, "a1", "")
    assert scenes_of(make()) == {"a2", "a3", "a4", "a5"}


def test_a_scene_that_was_never_finished_can_be_barred_before_it_is(store: SceneStore, make: Make) -> None:
    for name in ("a1", "a2", "a3", "a4", "a5"):
        commit_scene(store, name, 1)
    assert propose(store, "a5", "").touched == ()
    retract(store, "a5", "")
    assert scenes_of(make()) == {"a1", "a2", "a3", "a4"}


def test_what_nobody_knows_and_what_is_retracted_already_is_refused(released: SceneStore) -> None:
    with pytest.raises(RetractionError, match=r"'nobody': neither in .* scenes: a1, a2, a3, a4, a5, a6"):
        propose(released, "nobody", "")
    retract(released, "a1", "first")
    retract(released, "a2", "second")
    with pytest.raises(RetractionError, match="retracted already"):
        retract(released, "a1", "again")
    assert [item.scene_id for item in retractions(released.root)] == ["a1", "a2"]


def test_a_missing_notice_is_put_back_and_the_document_counts_without_it(released: SceneStore, make: Make) -> None:
    retract(released, "a6", "gone")
    notice = Path(released.root) / "releases" / "v2.RETRACTED.md"
    notice.unlink()
    with pytest.raises(RetractedError):
        open_release(notice.with_name("v2"))
    make()
    assert notice.is_file()


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"no release\.json"):
        open_release(tmp_path)
