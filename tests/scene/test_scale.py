from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.posed_meshes import Camera, Candidate, Scale, ScaleVote, SceneInfo
from blueprint_assets.contracts.scene_layout import ScaleDecision, ScaleReport
from blueprint_assets.household import CATEGORIES
from blueprint_assets.household.together import Explained
from blueprint_assets.household.viewpoint import CAMERA_HEIGHT
from blueprint_assets.scene.known_sizes import KnownSizeError
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.scene.scale import ScaleError, combine, decide_scale, weighted_median
from fixtures.stage1_layout import METERS_PER_UNIT, Thing, box, can, textured, write_stage1

UNSCALED = Scale(factor=None, evidence="default", confidence=0.0, reason="no idea")
VOTES = st.lists(st.tuples(st.floats(0.05, 20), st.floats(0.1, 100)), min_size=1, max_size=9)


def votes_of(pairs: list[tuple[float, float]]) -> list[ScaleVote]:
    return [
        ScaleVote(name=f"vote {k}", factor=factor, weight=weight, evidence="catalogue")
        for k, (factor, weight) in enumerate(pairs)
    ]


def decided(pairs: list[tuple[float, float]]) -> ScaleDecision:
    votes = votes_of(pairs)
    return combine("scene", votes, votes, "test", {})


def thing(name: str, label: str, size: tuple[float, float, float], at: float) -> Thing:
    return Thing(
        name, label, textured(box(*size), (90, 90, 90), split=True), (at, 1.5, 0.0), 0.3 * at, "plane_0", "cuboid"
    )


def usual(unit: float, *labels: str) -> tuple[Thing, ...]:
    """Things of their usual sizes, in units of `unit` metres."""
    return tuple(
        thing(f"thing_{k}", label, tuple(side / unit for side in CATEGORIES[label].size), k * 0.6 / unit)  # type: ignore[arg-type]
        for k, label in enumerate(labels)
    )


def reconstruction(folder: Path, things: tuple[Thing, ...], *, camera: bool = True) -> SceneInfo:
    info = write_stage1(folder / "stage1", things, scaled=False)
    if camera:
        return info
    gone = {"camera": None, "image_size": None, "unknown": {**info.unknown, "camera": "none", "image_size": "none"}}
    return SceneInfo.model_validate(info.model_dump() | gone)


@settings(deadline=None)
@given(VOTES, st.floats(0.01, 100))
def test_all_sizes_times_k_gives_the_scale_over_k(pairs: list[tuple[float, float]], k: float) -> None:
    once, again = decided(pairs), decided([(factor / k, weight) for factor, weight in pairs])
    assert again.factor == pytest.approx(once.factor / k, rel=1e-9)
    assert again.spread == pytest.approx(once.spread, abs=1e-7)
    assert again.confidence == pytest.approx(once.confidence, abs=0.002)
    assert again.outliers == once.outliers


@settings(deadline=None)
@given(VOTES, st.randoms(use_true_random=False))
def test_the_order_of_the_votes_does_not_matter(pairs: list[tuple[float, float]], order: random.Random) -> None:
    mixed = list(pairs)
    order.shuffle(mixed)
    assert decided(mixed).factor == pytest.approx(decided(pairs).factor, rel=1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(0.8, 1.25), min_size=2, max_size=8), st.floats(1.0, 40), st.floats(1e-3, 1e3))
def test_one_wrong_vote_stays_within_the_others(good: list[float], weight: float, wrong: float) -> None:
    """Of equal weights, with less than half of it wrong: the median is among the good ones, the scale within what agrees."""
    found = decided([*((factor, weight) for factor in good), (wrong, weight)])
    assert min(good) * (1 - 1e-9) <= found.median <= max(good) * (1 + 1e-9)
    middle = weighted_median([*good, wrong], [weight] * (len(good) + 1))
    assert abs(math.log(found.factor / middle)) <= 2.5 / math.sqrt(weight) + 1e-9


def test_one_mug_taken_for_a_bucket_does_not_move_six_things() -> None:
    """Six objects 5 % about the truth, and one that says the scene is three times as large."""
    right = [(0.95, 40.0), (1.0, 40.0), (1.05, 40.0), (0.97, 40.0), (1.02, 40.0), (1.04, 40.0)]
    found = decided([*right, (3.0, 40.0)])
    assert found.factor == pytest.approx(decided(right).factor, rel=1e-9)
    assert found.outliers == ("vote 6",)
    assert found.decided_by == tuple(f"vote {k}" for k in range(6))
    assert found.confidence < decided(right).confidence, "they disagree"


def test_the_weighted_median_is_numpys_for_equal_weights() -> None:
    import numpy as np

    for size in range(1, 9):
        values = np.exp(np.random.default_rng(size).normal(size=size)).tolist()
        assert math.log(weighted_median(values, [2.0] * size)) == pytest.approx(float(np.median(np.log(values))))


def test_recognised_things_give_the_scale(tmp_path: Path) -> None:
    """Units of 3.7 m: without a camera only the catalogue can tell."""
    info = reconstruction(tmp_path, usual(3.7, "mug", "can", "bowl", "cereal box"), camera=False)
    found = decide_scale(tmp_path / "stage1", info, {})
    assert found.factor == pytest.approx(3.7, rel=0.03)
    assert found.evidence == "catalogue"
    assert {vote.name for vote in found.votes} == {"mug thing_0", "can thing_1", "bowl thing_2", "cereal box thing_3"}
    assert found.spread < 0.03
    assert found.confidence > 0.8
    weights = {vote.name.split()[0]: vote.weight for vote in found.votes}
    assert weights["cereal"] > weights["bowl"], "cereal boxes differ less"


def test_a_thing_that_lies_on_its_side_is_measured_along_it(tmp_path: Path) -> None:
    lying = replace(usual(2.0, "wine bottle")[0], mesh=textured(box(0.15, 0.038, 0.038), (9, 90, 9), split=True))
    info = reconstruction(tmp_path, (lying,), camera=False)
    assert decide_scale(tmp_path / "stage1", info, {}).factor == pytest.approx(2.0, rel=0.05)


def test_six_equal_mugs_are_one_opinion_about_mugs(tmp_path: Path) -> None:
    one = reconstruction(tmp_path / "a", usual(1.0, "mug"), camera=False)
    many = reconstruction(tmp_path / "b", usual(1.0, *["mug"] * 6), camera=False)
    single, six = (decide_scale(tmp_path / name / "stage1", info, {}) for name, info in (("a", one), ("b", many)))
    sd = CATEGORIES["mug"].log_sd
    total = sum(vote.weight for vote in six.votes)
    assert single.votes[0].weight < total < 0.8 / sd**2, "never surer than the kind's own deviation allows"


def test_the_user_decides_whatever_else_is_said(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    found = decide_scale(tmp_path / "stage1", info, {"carton": 0.12, "mug.height": 0.095})
    assert found.factor == pytest.approx(math.sqrt(0.12 / 0.24 * 0.095 / 0.19))
    assert found.evidence == "measured"
    assert found.decided_by == ("known largest of carton", "known height of mug")
    assert found.known_sizes == {"carton": 0.12, "mug.height": 0.095}
    assert {vote.name for vote in found.votes} > {"reconstruction", "camera height", "mug mug"}, "all are on record"
    other = decide_scale(tmp_path / "stage1", info, {"carton": 1.2})
    assert other.factor == pytest.approx(5.0)
    assert "reconstruction" in other.outliers
    with pytest.raises(KnownSizeError, match="'plate' is for nothing"):
        decide_scale(tmp_path / "stage1", info, {"plate": 0.2})


def test_a_reconstruction_that_measured_is_believed_one_that_guesses_has_a_vote(tmp_path: Path) -> None:
    info = write_stage1(tmp_path / "stage1")
    assert decide_scale(tmp_path / "stage1", info, {}).factor == METERS_PER_UNIT
    guess = Scale(factor=2.0, evidence="estimated", confidence=0.5, reason="depth network")
    found = decide_scale(tmp_path / "stage1", info.model_copy(update={"scale": guess}), {})
    assert found.factor != 2.0
    assert "reconstruction" in {vote.name for vote in found.votes}
    opinion = ScaleVote(name="floor tiles", factor=0.5, weight=9.0, evidence="estimated")
    unsure = info.model_copy(update={"scale": UNSCALED.model_copy(update={"votes": (opinion,)})})
    votes = decide_scale(tmp_path / "stage1", unsure, {}).votes
    assert votes[0].name == "reconstruction: floor tiles"


def test_the_camera_is_higher_above_floors_than_above_tables(tmp_path: Path) -> None:
    for name, label, stands in (("a", "gizmo", "top"), ("b", "chair", "floor"), ("c", "mug", "top")):
        info = reconstruction(tmp_path / name, (thing("one", label, (0.3, 0.3, 0.4), 0.0),))
        camera = Camera.read(tmp_path / name / "stage1/camera.json")
        votes = {vote.name: vote for vote in decide_scale(tmp_path / name / "stage1", info, {}).votes}
        usually = CAMERA_HEIGHT[stands][0]  # type: ignore[index]
        assert votes["camera height"].factor == pytest.approx(usually / camera.camera_to_world[2][3])
        assert ("typical size" in votes) == (label == "gizmo"), "asked only where nothing was recognised"
    assert (
        decide_scale(
            tmp_path / "a/stage1", reconstruction(tmp_path / "a", (thing("one", "gizmo", (0.3, 0.3, 0.4), 0.0),)), {}
        ).evidence
        == "default"
    )


def test_nothing_at_all_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    info = reconstruction(tmp_path, (thing("one", "gizmo", (1, 1, 1), 0.0),), camera=False)
    with pytest.raises(ScaleError, match=r"nothing tells how large it is.*--known-size"):
        build_manifest(tmp_path / "stage1", info, tmp_path / "out")
    assert build_manifest(tmp_path / "stage1", info, tmp_path / "out", {"one": 0.1}).scene.meters_per_unit == (
        pytest.approx(0.1, rel=1e-6)
    )


def test_the_layout_reports_the_manifests_decision(tmp_path: Path) -> None:
    cylinder = Thing(
        "can", "soda can", textured(can(0.33, 1.15), (9, 9, 90), split=False), (0, 1.5, 0), 0, "plane_0", "x"
    )
    info = reconstruction(tmp_path, (cylinder, *usual(0.1, "mug", "apple")))
    manifest = build_manifest(tmp_path / "stage1", info, tmp_path)
    layout, report = lay_out_scene(tmp_path, tmp_path)
    decision = ScaleDecision.read(tmp_path / "seg/scale.json")
    assert layout.scale_factor == report.factor == decision.factor == manifest.scene.meters_per_unit
    assert report.factor == pytest.approx(0.1, rel=0.02)
    assert "camera height" in report.outliers, "0.55 m above the table would be units of 0.55 m"
    read = ScaleReport.read(tmp_path / "layout/scale_report.json")
    assert {**dict(read), "adjustments": ()} == {**dict(decision), "adjustments": ()}
    sizes = {item.id: item.size for item in layout.objects}
    assert sizes["can"][2] == pytest.approx(0.115, rel=0.03)


@settings(deadline=None, max_examples=10)
@given(unit=st.floats(0.05, 20))
def test_the_unit_of_a_reconstruction_does_not_matter(tmp_path_factory: pytest.TempPathFactory, unit: float) -> None:
    folder = tmp_path_factory.mktemp("unit")
    info = reconstruction(folder, usual(unit, "bottle", "plate", "orange"), camera=False)
    found = decide_scale(folder / "stage1", info, {})
    assert found.factor == pytest.approx(unit, rel=0.03)
    same = reconstruction(folder / "same", usual(1.0, "bottle", "plate", "orange"), camera=False)
    assert found.factor / unit == pytest.approx(decide_scale(folder / "same/stage1", same, {}).factor, rel=1e-4)


def may_be(info: SceneInfo, **candidates: dict[str, float]) -> SceneInfo:
    """The scene with other candidates for some objects, and no category for those."""
    objects = []
    for item in info.objects:
        given = candidates.get(item.id)
        if given is None:
            objects.append(item)
            continue
        shares = tuple(Candidate(category=name, share=share) for name, share in given.items())
        objects.append(item.model_copy(update={"category": None, "label": "round object", "candidates": shares}))
    return info.model_copy(update={"objects": tuple(objects)})


def test_the_sizes_of_the_others_tell_a_can_from_a_bottle(tmp_path: Path) -> None:
    """What may as well be a bottle as a can is a can beside a mug and an apple of its height."""
    info = reconstruction(tmp_path, usual(2.0, "mug", "apple", "can"), camera=False)
    found = decide_scale(tmp_path / "stage1", may_be(info, thing_2={"bottle": 0.6, "can": 0.3}), {})
    assert "can thing_2" in {vote.name for vote in found.votes}
    assert found.factor == pytest.approx(2.0, rel=0.04)


def test_a_wrong_name_loses_its_weight(tmp_path: Path) -> None:
    """A mug that is taken for a bucket, by name and without an alternative."""
    info = reconstruction(tmp_path, usual(1.0, "mug", "can", "apple", "plate"), camera=False)
    right = decide_scale(tmp_path / "stage1", info, {})
    wrong = may_be(info, thing_0={"bucket": 0.9})
    found = decide_scale(tmp_path / "stage1", wrong, {})
    assert found.factor == pytest.approx(right.factor, rel=0.05)
    weight = {vote.name: vote.weight for vote in right.votes}
    assert all(vote.weight < 0.2 * weight["mug thing_0"] for vote in found.votes if "thing_0" in vote.name)


def test_a_category_that_is_no_candidate_was_given_by_somebody_who_knows_better(tmp_path: Path) -> None:
    info = reconstruction(tmp_path, usual(1.0, "mug"), camera=False)
    shares = (Candidate(category="bucket", share=0.9),)
    named = info.objects[0].model_copy(update={"category": "mug", "candidates": shares})
    found = decide_scale(tmp_path / "stage1", info.model_copy(update={"objects": (named,)}), {})
    assert found.votes[0].name == "mug thing_0"
    assert found.factor == pytest.approx(1.0, rel=0.06), "alone, with a handle that is not there"


def test_an_object_without_extent_is_named(tmp_path: Path) -> None:
    info = reconstruction(tmp_path, usual(1.0, "mug"))
    dot = trimesh.Trimesh([[0, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 1, 2]], process=False)
    from blueprint_assets.geometry.mesh import save_glb

    save_glb(dot, tmp_path / "stage1" / info.objects[0].mesh)
    with pytest.raises(ValueError, match="thing_0"):
        decide_scale(tmp_path / "stage1", info, {})


def test_what_is_likely_together_says_how_sure_and_the_votes_how_much() -> None:
    votes = votes_of([(1.0, 100.0), (1.1, 100.0), (1.05, 100.0)])
    alone = combine("scene", votes, votes, "test", {})
    together = combine("scene", votes, votes, "test", {}, Explained(math.log(1.6), 0.2, ()))
    assert together.factor == pytest.approx((1.0 * 1.1 * 1.05) ** (1 / 3))
    assert together.factor == alone.factor
    assert together.confidence == pytest.approx(math.exp(-0.4), abs=1e-3)
