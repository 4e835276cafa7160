from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from blueprint_assets.contracts.base import ContractError
from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.scene_request import (
    NormalizedRequest,
    SceneRequest,
    TextgenComplete,
    TextgenPackage,
    normalize,
)
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.stage1.posed import demand_sound
from fixtures.stage1_judge import overlaps, placed, settle
from io_managers.digest import hash_file
from resources.observability import silent
from resources.scene_generation import ContradictionError, DoesNotFitError, SceneGenerationError
from resources.scene_generation.articulation import Articulation
from resources.scene_generation.embedded import EmbeddedSceneGenerator
from resources.scene_generation.embedded.arrangement import arrange
from resources.scene_generation.embedded.grammar import understand

RECEIVED = "2026-01-01T00:00:00Z"


def requests(prompt: str, seeds: int = 1) -> tuple[NormalizedRequest, ...]:
    fields = {"schema_version": "v1", "scene_id": "demo", "prompt": prompt, "seed_count": seeds}
    return normalize(SceneRequest.parse(fields, "request"), RECEIVED)


def generated(folder: Path, prompt: str) -> tuple[SceneInfo, TextgenPackage]:
    (request,) = requests(prompt)
    EmbeddedSceneGenerator().generate(request, folder / "stage1", folder / "textgen", silent)
    return demand_sound(folder / "stage1"), TextgenPackage.read(folder / "textgen/package.json")


def still(folder: Path, info: SceneInfo, prompt: str) -> bool:
    parts = {i.id: i.shape.convex_pieces() for i, _, _ in arrange(understand(prompt), np.random.default_rng(0)).items}
    known = {name: part for name, part in parts.items() if part is not None}
    motions = settle(folder / "stage1", info, 3.0, known)
    return all(motion.still for motion in motions)


def test_a_kitchen_is_what_was_asked_for(tmp_path: Path) -> None:
    prompt = "a kitchen with a counter, a fridge and a mug on the counter left of the kettle, two apples and a dragon"
    info, package = generated(tmp_path, prompt)
    assert Counter(i.category for i in info.objects) == {"counter": 1, "fridge": 1, "mug": 1, "kettle": 1, "apple": 2}
    supports = {i.id: i.support for i in info.objects}
    assert supports == {"counter": "floor", "fridge": "floor", "mug": "counter", "kettle": "counter", "apple_1": "counter",
                        "apple_2": "counter"}  # fmt: skip
    assert package.not_understood == ("dragon",)
    assert ("mug", "left", ("kettle",)) in [(r.subject_id, r.relation, r.object_ids) for r in package.relations]
    things = placed(tmp_path / "stage1", info)
    boxes = {n: (mesh.vertices @ pose[:3, :3].T + pose[:3, 3]) for n, (mesh, pose) in things.items()}
    assert boxes["mug"][:, 0].max() < boxes["kettle"][:, 0].min()
    assert boxes["mug"][:, 2].min() == pytest.approx(0.9, abs=1e-5)
    assert boxes["counter"][:, 2].min() == pytest.approx(0, abs=1e-6)
    assert not [o for o in overlaps(things) if o.depth_m > 1e-3]
    assert still(tmp_path, info, prompt)
    assert info.camera is None
    assert (info.scale.factor, info.scale.evidence, info.environment_type) == (1.0, "catalogue", "kitchen")
    assert info.support_planes[0].label == "floor"


def test_without_furniture_there_is_a_table(tmp_path: Path) -> None:
    info, _ = generated(tmp_path, "two red boxes stacked, and a bowl with three apples")
    (table,) = info.support_planes
    assert table.label == "table"
    assert {i.id: i.support for i in info.objects} == {
        "box_1": "table", "box_2": "box_1", "bowl": "table", "apple_1": "bowl", "apple_2": "bowl", "apple_3": "bowl",
    }  # fmt: skip
    corners = np.array(table.polygon)
    for mesh, pose in placed(tmp_path / "stage1", info).values():
        points = mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
        assert (points[:, :2] > corners[:, :2].min(axis=0)).all()
        assert (points[:, :2] < corners[:, :2].max(axis=0)).all()


def test_a_heap_lies_in_its_container(tmp_path: Path) -> None:
    """Six fruits that do not fit side by side, and a spoon longer than the bowl is wide."""
    prompt = "a bowl with five oranges and a pear; a mug with a spoon in it"
    info, _ = generated(tmp_path, prompt)
    things = placed(tmp_path / "stage1", info)
    assert not [o for o in overlaps(things) if o.depth_m > 1e-3]
    assert still(tmp_path, info, prompt)
    bowl = things["bowl"][0].vertices @ things["bowl"][1][:3, :3].T + things["bowl"][1][:3, 3]
    for name, (mesh, pose) in things.items():
        if name.startswith(("orange", "pear")):
            middle = (mesh.vertices @ pose[:3, :3].T + pose[:3, 3]).mean(axis=0)
            assert (middle[:2] > bowl[:, :2].min(axis=0)).all()
            assert (middle[:2] < bowl[:, :2].max(axis=0)).all()


def test_the_same_request_gives_the_same_bytes_and_another_seed_another_scene(tmp_path: Path) -> None:
    first, second = requests("a mug, a bowl with two lemons and a book on a desk", 2)
    for name, request in (("a", first), ("b", first), ("c", second)):
        EmbeddedSceneGenerator().generate(request, tmp_path / name / "stage1", tmp_path / name / "textgen", silent)
    files = {
        name: {p.relative_to(tmp_path / name): hash_file(p) for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in "abc"
    }
    assert files["a"] == files["b"]
    assert second.scene_id == "demo-v2"
    assert files["a"][Path("stage1/objects/mug/pose.json")] != files["c"][Path("stage1/objects/mug/pose.json")]
    assert set(files["a"]) == set(files["c"])


def test_the_marker_and_the_request_are_written(tmp_path: Path) -> None:
    generated(tmp_path, "a mug")
    assert TextgenComplete.read(tmp_path / "textgen/.textgen_complete").timestamp == RECEIVED
    assert NormalizedRequest.read(tmp_path / "textgen/request.normalized.json").prompt == "a mug"


def test_what_opens_has_its_parts_beside_its_mesh(tmp_path: Path) -> None:
    info, package = generated(tmp_path, "a cabinet with three drawers and two doors, a book in the second drawer")
    assert package.articulated == ("cabinet",)
    document = Articulation.read(tmp_path / "stage1/objects/cabinet/articulation.json")
    assert set(document.parts) == {"body", "drawer_1", "drawer_2", "drawer_3", "door_1", "door_2"}
    assert [j.type for j in document.joints] == ["prismatic"] * 3 + ["revolute"] * 2
    for path in document.parts.values():
        assert path in info.sha256
        assert load_glb(tmp_path / "stage1" / path).extents.min() > 0
    (book,) = [i for i in info.objects if i.category == "book"]
    assert book.support == "cabinet"
    assert not [o for o in overlaps(placed(tmp_path / "stage1", info)) if o.depth_m > 1e-3]


def test_a_room_alone_is_furnished_and_says_so(tmp_path: Path) -> None:
    info, package = generated(tmp_path, "a bedroom")
    assert package.furnished is not None
    assert {"bed", "nightstand"} <= {i.category for i in info.objects}
    assert generated(tmp_path / "other", "a bedroom with a bed")[1].furnished is None


@pytest.mark.parametrize(
    ("prompt", "error", "words"),
    [
        ("a mug left of a bowl, the bowl left of the mug", ContradictionError, "of itself"),
        ("a car", SceneGenerationError, "none of its words"),
        ("a mug on a fork", DoesNotFitError, "fork"),
        ("a stack of four kettles", SceneGenerationError, "kettle"),
        ("eight books in a mug", DoesNotFitError, "mug"),
        ("59 plates on a stool", DoesNotFitError, "stool"),
        ("a ball under the fridge", DoesNotFitError, "under"),
        ("a garage", SceneGenerationError, "nothing in it"),
    ],
)
def test_what_cannot_be_made_is_a_typed_error_and_nothing_is_complete(
    prompt: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        generated(tmp_path, prompt)
    assert not (tmp_path / "textgen/.textgen_complete").exists()


def test_an_image_request_is_not_for_words(tmp_path: Path) -> None:
    fields = {"schema_version": "v1", "scene_id": "demo", "source_mode": "image", "image": "photo.jpg"}
    (request,) = normalize(SceneRequest.parse(fields, "r"), RECEIVED)
    with pytest.raises(SceneGenerationError, match="for an image"):
        EmbeddedSceneGenerator().generate(request, tmp_path / "s", tmp_path / "t", silent)


def test_a_small_room_may_be_too_small(tmp_path: Path) -> None:
    fields = {"schema_version": "v1", "scene_id": "demo", "prompt": "three beds", "constraints": {"room": [2, 2.2]}}
    (request,) = normalize(SceneRequest.parse(fields, "r"), RECEIVED)
    with pytest.raises(DoesNotFitError, match=r"2\.0 x 2\.2 m"):
        EmbeddedSceneGenerator().generate(request, tmp_path / "s", tmp_path / "t", silent)
    with pytest.raises(ContractError, match="room"):
        SceneRequest.parse(fields | {"constraints": {"room": [20, 20]}}, "r")
