from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from blueprint_assets.dataset.checksums import checksums
from blueprint_assets.release.release import Outcome
from blueprint_assets.release.statement import statement
from fixtures.committed_scenes import RULES, commit_scene
from io_managers.store import SceneStore

Make = Callable[..., Outcome]


URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:.+"}
DESCRIPTOR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "uri": URI,
        "digest": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]+$"},
        },
        "content": {"type": "string"},
        "downloadLocation": URI,
        "mediaType": {"type": "string"},
        "annotations": {"type": "object"},
    },
    "additionalProperties": False,
    "anyOf": [{"required": [key]} for key in ("uri", "digest", "content")],
}
"""in-toto attestation spec v1, resource_descriptor.md and digest_set.md: one of uri, digest and content is required."""

STATEMENT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["_type", "subject", "predicateType", "predicate"],
    "additionalProperties": False,
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {"type": "array", "minItems": 1, "items": {**DESCRIPTOR, "required": ["digest"]}},
        "predicateType": {"const": "https://slsa.dev/provenance/v1"},
        "predicate": {
            "type": "object",
            "required": ["buildDefinition", "runDetails"],
            "additionalProperties": False,
            "properties": {
                "buildDefinition": {
                    "type": "object",
                    "required": ["buildType", "externalParameters"],
                    "additionalProperties": False,
                    "properties": {
                        "buildType": URI,
                        "externalParameters": {"type": "object", "minProperties": 1},
                        "internalParameters": {"type": "object"},
                        "resolvedDependencies": {"type": "array", "items": DESCRIPTOR},
                    },
                },
                "runDetails": {
                    "type": "object",
                    "required": ["builder"],
                    "additionalProperties": False,
                    "properties": {
                        "builder": {"type": "object", "required": ["id"], "properties": {"id": URI}},
                        "metadata": {"type": "object"},
                        "byproducts": {"type": "array", "items": DESCRIPTOR},
                    },
                },
            },
        },
    },
}
"""in-toto attestation spec v1, statement.md, with the predicate of slsa.dev/spec/v1.0/provenance: their required fields."""


def test_the_statement_has_the_published_shape_and_names_every_file_and_material(store: SceneStore, make: Make) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        commit_scene(store, name, 1, license="CC-BY-4.0", attribution="A. Uthor")
    made = make()
    found = json.loads((made.folder / "provenance.intoto.json").read_text())
    jsonschema.validate(found, STATEMENT)
    subjects = {item["name"]: item["digest"]["sha256"] for item in found["subject"]}
    assert subjects == checksums(made.folder, ("SHA256SUMS", "provenance.intoto.json"))
    materials = {item["name"]: item for item in found["predicate"]["buildDefinition"]["resolvedDependencies"]}
    for scene in made.release.scenes:
        photo = materials[f"photo/{scene.scene_id}/{scene.photo.file}"]
        assert photo["digest"] == {"sha256": scene.photo.sha256}
        assert photo["annotations"]["license"] == "CC-BY-4.0"
        for asset, commit_id in scene.commits.items():
            assert materials[f"commit/{scene.scene_id}/{asset}"]["digest"]["sha256"] == commit_id
    assert found["predicate"]["buildDefinition"]["externalParameters"]["rules"] == RULES.model_dump(mode="json")
    assert str(store.root) not in json.dumps(found), "a path of this machine has no place in a release"


@pytest.mark.parametrize(
    ("code", "digest"),
    [
        ("a" * 40, {"gitCommit": "a" * 40}),
        ("a" * 40 + "-dirty", {"gitCommit": "a" * 40}),
        ("blueprint-assets 0.1.0 sha256:" + "b" * 64, {"sha256": "b" * 64}),
        ("unknown", None),
    ],
)
def test_the_code_is_a_material_however_it_is_known(
    store: SceneStore, make: Make, code: str, digest: dict[str, str] | None
) -> None:
    commit_scene(store, "a1", 1)
    release = make(RULES.model_copy(update={"max_scene_share": 1.0})).release.model_copy(update={"code_commit": code})
    found = statement(release, {"README.md": "0" * 64})
    jsonschema.validate(found, STATEMENT)
    entry = found["predicate"]["buildDefinition"]["resolvedDependencies"][-1]
    assert entry.get("digest") == digest
    assert ("changed" in entry["annotations"]) is code.endswith("-dirty")
