from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blueprint_assets.release.sources import Candidate, candidates
from blueprint_assets.stage1.source import pixels_sha256
from fixtures.committed_scenes import all_passed, commit_scene, register
from io_managers.record import Provenance
from io_managers.store import SceneStore


def only(store: SceneStore, unpassed: object = all_passed) -> Candidate | str:
    found, left_out = candidates(store, unpassed)  # type: ignore[arg-type]
    assert len(found) + len(left_out) == 1
    return found[0] if found else left_out[0].reason


def recommit(store: SceneStore, scene_id: str, asset: str, owns: str, path: str, data: bytes) -> None:
    current = store.current(scene_id, asset)
    with store.staging() as folder:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        store.commit(
            scene_id,
            asset,
            folder,
            owns=[owns],
            provenance=Provenance(inputs=current.inputs if current else {}, code_version="2", backend="embedded"),
            started_at="2026-01-01T00:00:00+00:00",
            seconds=1.0,
        )


def test_a_scene_offers_what_its_commits_hold(store: SceneStore) -> None:
    made = commit_scene(store, "kitchen", 3, license="CC-BY-4.0", attribution="A. Uthor", rejected={"grasp_slipped": 2})
    asked: dict[str, str] = {}

    def gates(scene_id: str, commits: Mapping[str, str]) -> list[str]:
        asked.update(commits)
        return []

    found = only(store, gates)
    assert isinstance(found, Candidate)
    assert found.commits == asked == {asset: record.commit_id for asset, record in made.items()}
    assert (found.photo.file, found.photo.license, found.photo.attribution) == ("kitchen.png", "CC-BY-4.0", "A. Uthor")
    assert list(found.meshes) == ["assets/objects/object_00/mesh.glb"]
    assert len(found.episodes) == 3
    assert found.outcomes(found.episodes[:1])["pick_lift"].model_dump() == {"recorded": 5, "accepted": 3, "released": 1}


def test_what_is_not_there_is_named(store: SceneStore) -> None:
    recommit(store, "kitchen", "source", "input/", "input/original.png", b"picture")
    assert only(store) == "episodes and lerobot_dataset were never made"


def test_a_scene_behind_its_inputs_is_left_out(store: SceneStore) -> None:
    commit_scene(store, "kitchen", 1)
    recommit(store, "kitchen", "scene_usd", "usd/", "usd/scene.usda", b"#usda another")
    assert only(store) == "behind its inputs: episodes, lerobot_dataset; materialize them again"


def test_a_photograph_that_was_registered_since_leaves_the_scene_out(store: SceneStore) -> None:
    commit_scene(store, "kitchen", 1)
    register(store, "kitchen", "another photo", "CC0-1.0")
    assert "another photograph was registered" in str(only(store))


def test_nobody_said_a_licence(store: SceneStore) -> None:
    commit_scene(store, "kitchen", 1, license=None)
    found = only(store)
    assert isinstance(found, Candidate)
    assert found.photo.license is None
    (Path(store.root) / "intake" / "kitchen.json").unlink()
    found = only(store)
    assert isinstance(found, Candidate)
    assert (found.photo.license, found.photo.file) == (None, "original.png")


def test_a_unit_of_an_older_format_leaves_the_scene_out(store: SceneStore) -> None:
    made = commit_scene(store, "kitchen", 1)
    path = next(file.path for file in made["episodes"].files if file.path.endswith("unit.json"))
    document = json.loads(store.read(made["episodes"], path)) | {"schema_version": "1.0"}
    with store.staging() as folder:
        store.checkout("kitchen", [made["episodes"]], folder)
        (folder / path).chmod(0o644)
        (folder / path).write_text(json.dumps(document))
        again = store.commit(
            "kitchen", "episodes", folder, owns=["episodes/*/import_manifest.json", "episodes/*/units/"],
            provenance=Provenance(inputs=made["episodes"].inputs, code_version="old", backend="embedded"),
            started_at="2026-01-01T00:00:00+00:00", seconds=1.0,
        )  # fmt: skip
    with store.staging() as folder:
        store.checkout("kitchen", [made["lerobot_dataset"]], folder)
        store.commit(
            "kitchen", "lerobot_dataset", folder, owns=["episodes/*/lerobot/"],
            provenance=Provenance(inputs={"episodes": again.commit_id}, code_version="old", backend="embedded"),
            started_at="2026-01-01T00:00:00+00:00", seconds=1.0,
        )  # fmt: skip
    assert "schema_version" in str(only(store))


def test_damaged_content_leaves_the_scene_out_and_names_the_file(store: SceneStore) -> None:
    made = commit_scene(store, "kitchen", 1)
    sha256 = made["source"].file("input/source.json").sha256
    blob = Path(store.root) / "blobs" / "sha256" / sha256[:2] / sha256
    blob.chmod(0o644)
    blob.write_bytes(b"{}")
    assert "CorruptArtifactError: input/source.json of source of scene kitchen" in str(only(store))


def test_the_pixels_of_an_old_source_are_hashed_from_its_picture(store: SceneStore, tmp_path: Path) -> None:
    made = commit_scene(store, "kitchen", 1)
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 255, (80, 90, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    source = json.loads(store.read(made["source"], "input/source.json"))
    del source["pixels_sha256"]
    from blueprint_assets.release.sources import photo_of

    with store.staging() as folder:
        (folder / "input").mkdir()
        (folder / "input/source.json").write_text(json.dumps(source))
        (folder / "input/image.png").write_bytes((tmp_path / "image.png").read_bytes())
        record = store.commit(
            "old", "source", folder, owns=["input/"], provenance=Provenance(code_version="1", backend="embedded"),
            started_at="2026-01-01T00:00:00+00:00", seconds=1.0,
        )  # fmt: skip
    assert photo_of(store, record, None).pixels_sha256 == pixels_sha256(pixels)


@pytest.mark.parametrize("count", [1, 5])
def test_gates_that_did_not_pass_are_named(store: SceneStore, count: int) -> None:
    commit_scene(store, "kitchen", 1)
    reason = str(only(store, lambda scene, commits: [f"asset/check{i} failed: it is bad" for i in range(count)]))
    assert reason.startswith("not past its gates: asset/check0 failed: it is bad")
    assert reason.endswith("and 2 more") is (count == 5)


def text_source(seed: int) -> dict[str, object]:
    return {
        "scene_id": "kitchen",
        "mode": "text",
        "original": "input/original.txt",
        "original_sha256": "1" * 64,
        "content_sha256": f"{seed}" * 64,
        "request": "textgen/request.normalized.json",
        "received_at": "2026-01-01T00:00:00+00:00",
    }


def test_a_scene_without_a_photograph_is_known_by_what_it_was_made_from(store: SceneStore) -> None:
    from blueprint_assets.contracts.source import Source
    from blueprint_assets.release.identity import content_keys
    from blueprint_assets.release.sources import photo_of

    made = []
    for seed in (2, 3):
        with store.staging() as folder:
            (folder / "input").mkdir()
            (folder / "input/source.json").write_text(Source.parse(text_source(seed), "source").to_json())
            record = store.commit(
                "kitchen", "source", folder, owns=["input/"], provenance=Provenance(code_version="1", backend="embedded"),
                started_at="2026-01-01T00:00:00+00:00", seconds=1.0,
            )  # fmt: skip
        made.append(photo_of(store, record, None))
    for photo in made:
        assert (photo.mode, photo.file, photo.pixels_sha256, photo.sha256) == ("text", "original.txt", None, "1" * 64)
    keys = [content_keys(photo.identity, photo.pixels_sha256, "s", ()) for photo in made]
    assert keys[0] == {f"photo:{'2' * 64}", "scene:s"}
    assert keys[0] & keys[1] == {"scene:s"}, "one request with two seeds is two scenes"


def test_another_systems_meshes_are_stated_once(store: SceneStore) -> None:
    commit_scene(store, "kitchen", 1, backend="3d-re-gen")
    found = only(store)
    assert isinstance(found, Candidate)
    assert [item.what for item in found.licences()] == [
        "photograph kitchen.png of scene kitchen",
        "meshes of scene kitchen by 3d-re-gen",
    ]
    given = Candidate(**{**vars(found), "photo": found.photo.model_copy(update={"mode": "posed_meshes"})})
    assert [item.what for item in given.licences()] == ["reconstruction kitchen.png of scene kitchen"]
