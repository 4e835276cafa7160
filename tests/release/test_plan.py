from __future__ import annotations

from collections.abc import Callable

import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.release import Release, Rules
from blueprint_assets.release.balance import BalanceError
from blueprint_assets.release.licence import LicenceError
from blueprint_assets.release.plan import Plan, ReleaseError, make_plan
from blueprint_assets.release.release import Outcome
from blueprint_assets.release.sources import candidates
from fixtures.committed_scenes import RULES, all_passed, commit_scene, register
from io_managers.store import SceneStore

Make = Callable[..., Outcome]


HALF = Rules(max_scene_share=0.5, fractions=RULES.fractions)
ALONE = Rules(max_scene_share=1.0, fractions=RULES.fractions)


def plan(store: SceneStore, rules: Rules = RULES, earlier: tuple[Release, ...] = ()) -> Plan:
    return make_plan(*candidates(store, all_passed), earlier, {}, rules)


def out(found: Plan) -> dict[str, str]:
    return {item.scene_id: item.reason for item in found.left_out}


def test_the_largest_scene_is_cut_to_its_share_and_keeps_its_tasks(store: SceneStore) -> None:
    for name, count in (("big", 9), ("a1", 2), ("a2", 2), ("a3", 2), ("a4", 2)):
        commit_scene(store, name, count, tasks=("One.", "Two."))
    found = {scene.scene_id: scene for scene in plan(store).scenes}
    counts = {name: len(scene.episodes) for name, scene in found.items()}
    assert counts == {"big": 2, "a1": 2, "a2": 2, "a3": 2, "a4": 2}
    assert {episode.task for episode in found["big"].episodes} == {"One.", "Two."}


def test_too_few_scenes_name_the_remedy(store: SceneStore) -> None:
    commit_scene(store, "one")
    with pytest.raises(BalanceError, match=r"needs at least 4; .* --max-scene-share 1\.0"):
        plan(store)
    assert len(plan(store, ALONE).scenes) == 1


def test_one_photograph_under_two_names_is_one_scene_for_share_and_split(store: SceneStore) -> None:
    for name in ("a1", "a2", "a3"):
        commit_scene(store, name, 2)
    commit_scene(store, "again", 2, photo="a1")
    with pytest.raises(BalanceError, match="3 scenes with episodes"):
        plan(store)
    commit_scene(store, "a4", 2)
    found = {scene.scene_id: scene for scene in plan(store).scenes}
    assert found["a1"].group == found["again"].group if "again" in found else "again" in out(plan(store))
    held = [len(scene.episodes) for name, scene in found.items() if name in ("a1", "again")]
    assert sum(held) == 2


def test_a_shared_mesh_keeps_scenes_together_but_apart_in_the_share(store: SceneStore) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 2, meshes=["mug"] if name in ("a1", "a4") else [])
    found = {scene.scene_id: scene for scene in plan(store).scenes}
    assert found["a1"].split == found["a4"].split
    assert len({scene.group for scene in found.values()}) == 3


def test_the_same_episode_in_two_scenes_counts_once(store: SceneStore) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 2)
    commit_scene(store, "twin", 2, first_seed=7)
    commit_scene(store, "zwilling", 2, first_seed=7)
    found = plan(store)
    assert "zwilling" not in {scene.scene_id for scene in found.scenes}
    assert "is in the release already" in out(found)["zwilling"]


def test_episodes_of_another_kind_are_left_out_and_said_so(store: SceneStore) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 2)
    commit_scene(store, "wide", 2, size=(96, 64))
    found = plan(store)
    assert len(found.scenes) == 4
    assert "96x64 h264" in out(found)["wide"]


def test_nothing_to_release_says_why(store: SceneStore) -> None:
    with pytest.raises(ReleaseError, match="there are no scenes"):
        plan(store)
    commit_scene(store, "scene", 1)
    found, left_out = candidates(store, lambda scene, commits: [f"episodes/whole failed: {scene} has a hole"])
    with pytest.raises(ReleaseError, match="not past its gates: episodes/whole failed: scene has a hole"):
        make_plan(found, left_out, (), {}, RULES)


def test_contradictory_licences_stop_it_and_no_derivatives_leaves_its_scene_out(store: SceneStore) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 1, license="CC-BY-4.0")
    commit_scene(store, "nd", 1, license="CC-BY-ND-4.0")
    found = plan(store)
    assert found.licence.spdx == "CC-BY-4.0"
    assert "does not allow to pass on" in out(found)["nd"]
    register(store, "a1", "a1", "CC-BY-SA-4.0")
    register(store, "a2", "a2", "CC-BY-NC-4.0")
    with pytest.raises(LicenceError, match=r"a1\.png of scene a1 is under CC-BY-SA-4\.0.*a2\.png of scene a2"):
        plan(store)


def test_meshes_that_a_model_made_are_an_input_of_unknown_licence(store: SceneStore) -> None:
    commit_scene(store, "a1", 1, backend="sam-3d@1234")
    licence = plan(store, ALONE).licence
    assert licence.spdx is None
    assert licence.reasons == ("meshes of scene a1 by sam-3d@1234: nobody stated a licence.",)


def test_splits_stay_when_scenes_come(store: SceneStore, make: Make) -> None:
    for number in range(4):
        commit_scene(store, f"a{number}", 1)
    first = {scene.scene_id: scene.split for scene in make().release.scenes}
    for number in range(4, 12):
        commit_scene(store, f"a{number}", 1)
    second = {scene.scene_id: scene.split for scene in make().release.scenes}
    assert {name: second[name] for name in first} == first
    assert len(second) == 12


@pytest.mark.parametrize(
    ("share", "fractions"),
    [
        (0.0, (0.8, 0.1, 0.1)),
        (1.5, (0.8, 0.1, 0.1)),
        (0.3, (0.8, 0.1, 0.2)),
        (0.3, (0.0, 0.5, 0.5)),
        (0.3, (1.2, -0.1, -0.1)),
    ],
)
def test_rules_that_cannot_be_are_refused(share: float, fractions: tuple[float, float, float]) -> None:
    named = dict(zip(("train", "val", "test"), fractions, strict=True))
    with pytest.raises(ContractError, match="rules: not a valid Rules"):
        Rules.parse({"max_scene_share": share, "fractions": named}, "rules")
