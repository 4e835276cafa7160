"""The 24 ways in which a mesh file can be wrong: a typed error that names file and field, or a stated normalisation; nothing
outside the mesh's folder is opened, under 2 GB and 10 s each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("bad_meshes.py")
ROOT = Path(__file__).resolve().parents[2]
REFUSED = {
    "nan": ("meshes[0].primitives[0].attributes.POSITION", "not finite"),
    "inf": ("meshes[0].primitives[0].attributes.POSITION", "not finite"),
    "index_out_of_range": ("meshes[0].primitives[0].indices", "face index 8, but there are 8 vertices"),
    "node_cycle": ("nodes[0]", "cycle"),
    "zero_scale": ("nodes[0].scale", "flattens"),
    "lying_length": ("header.length", "truncated"),
    "truncated": ("header.length", "truncated"),
    "count_2_31": ("accessors[0].count", "over the limit"),
    "uri_up": ("buffers[0].uri", "leads out of the folder"),
    "uri_absolute": ("buffers[0].uri", "not a relative path"),
    "uri_http": ("buffers[0].uri", "nothing is fetched"),
    "data_uri_bomb": ("mesh.gltf", "over the limit"),
    "zero_faces": ("scenes", "no faces"),
    "five_million_faces": ("accessors[1].count", "over the limit"),
    "a_million_metres": ("vertices", "over the limit"),
    "a_nanometre": ("vertices", "under the limit"),
    "draco": ("meshes[0].primitives[0].extensions", "export the mesh without compression"),
}
REFUSED_BY_CARE = {"flat": ("faces", "encloses no volume")}
ACCEPTED = {
    "negative_scale": "mirrors its mesh",
    "non_manifold": None,
    "flipped": None,
    "duplicate_names": "'box' is taken",
    "millimetres": "perhaps millimetres",
    "missing_texture": "no such file",
}
CUBE = 1e-3
"""Cubic metres of the 10 cm box that every case starts from."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("meshes")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_all_24_cases_are_there(outcome: dict[str, Any]) -> None:
    assert len(outcome["cases"]) == 24
    assert set(outcome["cases"]) == set(REFUSED) | set(REFUSED_BY_CARE) | set(ACCEPTED)


@pytest.mark.parametrize("case", [*REFUSED, *REFUSED_BY_CARE, *ACCEPTED])
def test_no_other_error_nothing_opened_outside_in_time(case: str, outcome: dict[str, Any]) -> None:
    found = outcome["cases"][case]
    assert "other" not in found
    assert found["seconds"] < 10
    for item in found["opened"]:
        assert item.startswith("open ")
        assert f"/{case}/mesh/" in item
    assert outcome["rss"] < 2 * 2**30


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, outcome: dict[str, Any]) -> None:
    error = outcome["cases"][case]["error"]
    assert f"{case}/mesh/mesh.gl" in error
    for said in REFUSED[case]:
        assert said in error


@pytest.mark.parametrize("case", REFUSED_BY_CARE)
def test_refused_when_a_solid_is_wanted(case: str, outcome: dict[str, Any]) -> None:
    assert outcome["cases"][case]["read"]["faces"] == 12
    for said in REFUSED_BY_CARE[case]:
        assert said in outcome["cases"][case]["error"]


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_and_said_so(case: str, outcome: dict[str, Any]) -> None:
    found = outcome["cases"][case]
    assert found["error"] is None
    note = ACCEPTED[case]
    assert note is None or any(note in each for each in found["notes"])
    expected = {"millimetres": CUBE * 1e9, "duplicate_names": 2 * CUBE}.get(case, CUBE)
    assert found["cared"]["watertight"]
    assert found["cared"]["volume"] == pytest.approx(expected, rel=0.02)


def test_a_mirrored_mesh_looks_outwards_when_read(outcome: dict[str, Any]) -> None:
    assert outcome["cases"]["negative_scale"]["read"]["volume"] == pytest.approx(CUBE, rel=1e-5)


def test_flipped_faces_are_left_to_care(outcome: dict[str, Any]) -> None:
    found = outcome["cases"]["flipped"]
    assert found["read"]["volume"] == pytest.approx(-CUBE, rel=1e-5)
    assert found["cared"]["steps"] == ["turned 12 faces"]


def test_millimetres_are_not_changed(outcome: dict[str, Any]) -> None:
    assert outcome["cases"]["millimetres"]["read"]["size"] == pytest.approx([100, 100, 100])
