from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from pxr import Sdf

from blueprint_assets.scene import authoring

ROOT = Path(__file__).parents[2]

WRITE = """
import sys
from pathlib import Path

from pxr import Vt

met_first = [Vt.TokenArray([name]) for name in sys.argv[1].split(",")]

import numpy as np
from pxr import Sdf, UsdGeom
from blueprint_assets.scene import authoring

layer = Sdf.Layer.CreateAnonymous(".usda")
stage = authoring.new_stage(layer, "thing", "component")
UsdGeom.Xform.Define(stage, "/thing/collision")
corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
authoring.mesh(stage, "/thing/visual", corners, faces, corners[:, :2])
for number in range(3):
    authoring.mesh(stage, f"/thing/collision/hull_{number}", corners * (number + 1), faces)
authoring.export_with_geometry(layer, Path(sys.argv[2]) / "thing.usda", "geometry.usdc")
"""


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    """OpenUSD keeps each name once, where there was room when it was first met: which lies before which in memory is settled
    here by meeting them in that order, and in a pipeline by what ran before."""
    found: dict[str, set[str]] = {"thing.usda": set(), "geometry.usdc": set()}
    names = ("default", "interpolation", "typeName")
    for hash_seed, order in enumerate((names, names[::-1], names[1:] + names[:1])):
        out = tmp_path / str(hash_seed)
        done = subprocess.run(
            [sys.executable, "-c", WRITE, ",".join(order), str(out)],
            cwd=ROOT,
            env={"PYTHONHASHSEED": str(hash_seed)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        for name, digests in found.items():
            digests.add(hashlib.sha256((out / name).read_bytes()).hexdigest())
    assert {name: len(digests) for name, digests in found.items()} == {"thing.usda": 1, "geometry.usdc": 1}


@pytest.fixture
def ball(tmp_path: Path) -> tuple[Sdf.Layer, Path]:
    """A ball as one layer, and the same written as text and binary."""
    layer = Sdf.Layer.CreateAnonymous(".usda")
    shape = trimesh.creation.icosphere(1, 0.05)
    vertices = np.asarray(shape.vertices)
    authoring.mesh(
        authoring.new_stage(layer, "ball", "component"), "/ball/visual", vertices, shape.faces, vertices[:, :2]
    )
    authoring.export_with_geometry(layer, tmp_path / "ball.usda", "geometry.usdc")
    return layer, tmp_path


def test_the_binary_layer_holds_the_arrays_with_all_that_is_said_of_them(ball: tuple[Sdf.Layer, Path]) -> None:
    layer, folder = ball
    binary = Sdf.Layer.FindOrOpen(str(folder / "geometry.usdc"))
    arrays = [each for each in layer.GetPrimAtPath("/ball/visual").attributes if each.typeName.isArray]
    assert {"points", "extent", "primvars:st", "primvars:st:indices"} <= {each.name for each in arrays}
    for each in arrays:
        written = binary.GetAttributeAtPath(each.path)
        assert {key: written.GetInfo(key) for key in written.ListInfoKeys()} == {
            key: each.GetInfo(key) for key in each.ListInfoKeys()
        }


def test_the_text_layer_holds_the_rest(ball: tuple[Sdf.Layer, Path]) -> None:
    layer, folder = ball
    text = (folder / "ball.usda").read_text(encoding="utf-8")
    assert "geometry.usdc" in text
    assert "subdivisionScheme" in text
    assert "points" not in text
    assert layer.GetAttributeAtPath("/ball/visual.points"), "what was handed in is left as it was"
