"""A release's provenance as an in-toto Statement v1 with the SLSA provenance v1 predicate. Unsigned.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and https://slsa.dev/spec/v1.0/provenance: subjects are
the release's files, `resolvedDependencies` what they were made from. It says what was done; who says it is not proven,
because nobody signed it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from blueprint_assets.contracts.release import Release

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:blueprint-assets:dataset-release:v1"
BUILDER = "urn:blueprint-assets:dataset_release"
"""SLSA wants a URI of the platform that is trusted to have made it. This one says only which program it was."""


def statement(release: Release, files: Mapping[str, str]) -> dict[str, Any]:
    """The statement about a release's files (path -> sha256). Photographs, commits and code are its materials."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": path, "digest": {"sha256": sha256}} for path, sha256 in sorted(files.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"version": release.version, "rules": release.rules.model_dump(mode="json")},
                "internalParameters": {"code_version": release.code_version, "content_sha256": release.content_sha256},
                "resolvedDependencies": [*_scenes(release), _code(release)],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }


def _scenes(release: Release) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for scene in release.scenes:
        photo = {"license": scene.photo.license, "attribution": scene.photo.attribution, "scene": scene.scene_id}
        found.append(
            {
                "name": f"photo/{scene.scene_id}/{scene.photo.file}",
                "digest": {"sha256": scene.photo.sha256},
                "annotations": {key: value for key, value in photo.items() if value is not None},
            }
        )
        found += [
            {"name": f"commit/{scene.scene_id}/{asset}", "digest": {"sha256": commit_id}}
            for asset, commit_id in scene.commits.items()
        ]
    return found


def _code(release: Release) -> dict[str, Any]:
    """The code: a git commit where there is one (the in-toto digest set names its hash `gitCommit`), or a digest."""
    git = re.fullmatch(r"([0-9a-f]{40,64})(-dirty)?", release.code_commit)
    sources = re.search(r"sha256:([0-9a-f]{64})$", release.code_commit)
    entry: dict[str, Any] = {"name": "code/blueprint-assets", "annotations": {"stated": release.code_commit}}
    if git:
        entry["digest"] = {"gitCommit": git[1]}
        if git[2]:
            entry["annotations"]["changed"] = "the sources differed from this commit"
    elif sources:
        entry["digest"] = {"sha256": sources[1]}
    else:
        entry["uri"] = "urn:blueprint-assets:code:unknown"
    return entry
