"""EmbodiedGen's URDF assets: metres, upright, standing on z = 0, with what its URDF says of mass and friction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from blueprint_assets.contracts.posed_meshes import Bounds, Pose, SceneInfo
from blueprint_assets.geometry.mesh import MeshError, load_glb
from blueprint_assets.geometry.transforms import apply
from blueprint_assets.scene.layout import lay_out_scene
from blueprint_assets.scene.manifest import build_manifest
from blueprint_assets.stage1.posed import demand_sound
from fixtures.generate_mock_regen3d import MESHES
from fixtures.native_outputs import ready_source, write_embodiedgen_asset
from fixtures.stage1_layout import box, textured
from resources.observability import silent
from resources.reconstruction.embodiedgen import EmbodiedGenReconstructor
from resources.reconstruction.native_folder import NativeOutputError


def knife() -> Any:
    mesh = load_glb(MESHES / "knife.glb")
    mesh.apply_translation(-mesh.bounds.mean(axis=0))
    return mesh


def table() -> Any:
    mesh = textured(box(0.8, 0.6, 0.4), (140, 95, 60), split=True)
    mesh.apply_translation((0, 0, -0.2))
    return mesh


def read(output: Path, stage1: Path) -> SceneInfo:
    return EmbodiedGenReconstructor(output).reconstruct(ready_source("embodiedgen"), output, stage1, silent)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    write_embodiedgen_asset(
        tmp_path / "output/kitchen_knife/result", "kitchen_knife", knife(), mass=0.3, friction=(0.8, 0.6)
    )
    return tmp_path / "output"


def test_an_asset_stands_on_z_0_at_its_own_size(output: Path, tmp_path: Path) -> None:
    info = read(output, tmp_path / "stage1")
    assert demand_sound(tmp_path / "stage1") == info
    (item,) = info.objects
    assert (item.id, item.category, item.support) == ("kitchen_knife", "kitchen knife", "plane_01")
    bounds = Bounds.read(tmp_path / "stage1" / item.bounds)
    assert bounds.size == pytest.approx(knife().extents, abs=1e-5)  # the URDF's quarter turn is rounded to 1.5708
    assert bounds.min[2] == pytest.approx(0, abs=1e-7)
    assert (info.scale.factor, info.scale.evidence) == (1.0, "estimated")
    assert "language model" in info.scale.reason
    physics = json.loads((tmp_path / "stage1/objects/kitchen_knife/physics.json").read_text())
    assert (physics["mass_kg"], physics["static_friction"], physics["dynamic_friction"]) == (0.3, 0.8, 0.6)
    assert physics["evidence"] == "estimated"
    assert {Path(file.path).suffix for file in info.inputs} >= {".urdf", ".obj", ".mtl"}
    assert load_glb(tmp_path / "stage1" / item.mesh).visual.kind == "texture"


def test_mujoco_places_the_mesh_where_we_do(output: Path, tmp_path: Path) -> None:
    """MuJoCo's own URDF reader judges the origin's turn."""
    result = output / "kitchen_knife/result"
    text = (result / "kitchen_knife.urdf").read_text()
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge/m.obj").write_bytes((result / "mesh/kitchen_knife.obj").read_bytes())
    text = text.replace("mesh/kitchen_knife_collision.obj", "m.obj").replace("mesh/kitchen_knife.obj", "m.obj")
    urdf = tmp_path / "judge/a.urdf"
    urdf.write_text(
        re.sub("<inertial>.*</inertial>", "", text)
    )  # MuJoCo wants a whole inertia, which EmbodiedGen leaves out
    model = mujoco.MjModel.from_xml_path(str(urdf))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    geom = 0
    mesh = model.geom_dataid[geom]
    start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    judged = model.mesh_vert[start : start + count] @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
    info = read(output, tmp_path / "stage1")
    matrix = np.array(Pose.read(tmp_path / "stage1" / info.objects[0].pose).transform_matrix)
    ours = apply(matrix, load_glb(tmp_path / "stage1" / info.objects[0].mesh).vertices)
    move = ours.min(axis=0) - judged.min(axis=0)  # we set it down; the turn and the size must be the same
    assert ours.max(axis=0) == pytest.approx(judged.max(axis=0) + move, abs=1e-5)


def test_several_assets_stand_side_by_side(output: Path, tmp_path: Path) -> None:
    write_embodiedgen_asset(output / "table/result", "table", table())
    info = read(output, tmp_path / "stage1")
    demand_sound(tmp_path / "stage1")
    first, second = (Bounds.read(tmp_path / "stage1" / item.bounds) for item in info.objects)
    assert second.min[0] == pytest.approx(first.max[0] + 0.05)
    assert {item.support for item in info.objects} == {"plane_01"}
    assert all("side by side" in item.obtained.position for item in info.objects)
    build_manifest(tmp_path / "stage1", info, tmp_path)
    layout, _ = lay_out_scene(tmp_path, tmp_path)
    assert {item.id for item in layout.objects} == {"kitchen_knife", "table"}


def write_layout(output: Path, **changes: Any) -> None:
    half = float(np.sqrt(0.5))
    document = {
        "tree": {"room": [["table", "ON"]]},
        "relation": {"context": "table", "background": "room", "robot": "franka"},
        "objs_mapping": {
            "room": "background",
            "table": "context",
            "kitchen knife": "manipulated_objs",
            "franka": "robot",
        },
        "assets": {
            "room": "background",
            "table": "asset3d/table/result",
            "kitchen knife": "asset3d/kitchen_knife/result",
        },
        "position": {
            "room": [0, 0, 0, 0, 0, 0, 1],
            "franka": [-0.6, 0, 0.4, 0, 0, 0, 1],
            "table": [0, 0, 0.2, 0, 0, 0, 1],
            "kitchen knife": [0.1, -0.05, 0.4 + float(knife().extents[2]) / 2, 0, 0, half, half],
        },
        **changes,
    }
    (output / "layout.json").write_text(json.dumps(document))


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    output = tmp_path / "layout"
    write_embodiedgen_asset(output / "asset3d/table/result", "table", table())
    write_embodiedgen_asset(output / "asset3d/kitchen_knife/result", "kitchen_knife", knife())
    write_layout(output)
    return output


def test_a_layout_places_its_assets(scene: Path, tmp_path: Path) -> None:
    info = read(scene, tmp_path / "stage1")
    demand_sound(tmp_path / "stage1")
    assert {item.id: item.support for item in info.objects} == {"kitchen_knife": "table", "table": "plane_01"}
    assert info.notes == ("room (background) is not read",)
    found = next(item for item in info.objects if item.id == "kitchen_knife")
    bounds = Bounds.read(tmp_path / "stage1" / found.bounds)
    x, y, _ = knife().extents
    assert bounds.size[:2] == pytest.approx((y, x), abs=1e-4)  # turned by a quarter about z
    assert bounds.center[:2] == pytest.approx((0.1, -0.05), abs=1e-4)
    assert bounds.min[2] == pytest.approx(0.4, abs=1e-5)
    assert found.obtained.position == "recorded (layout.json)"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"position": {}}, r"position\.kitchen knife: None: seven finite numbers"),
        (
            {"position": {"table": [0] * 7, "kitchen knife": [0] * 7}},
            r"position\.kitchen knife: .*not a unit quaternion",
        ),
        ({"position": {"table": ["x"] * 7, "kitchen knife": "abc"}}, r"position\.kitchen knife"),
        ({"assets": []}, "assets: a JSON object is expected, found list"),
        ({"assets": {}}, "assets: no object among them"),
        ({"assets": {"kitchen knife": "../../elsewhere"}}, "leads out of the folder"),
        ({"assets": {"kitchen knife": "asset3d/nowhere"}}, "no such file"),
    ],
)
def test_broken_layouts(scene: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write_layout(scene, **changes)
    with pytest.raises(NativeOutputError, match=said):
        read(scene, tmp_path / "stage1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.replace("mesh/kitchen_knife.obj", "../../../secret.obj"), "leads out of the folder"),
        (lambda t: t.replace("mesh/kitchen_knife.obj", "/etc/hostname"), "leads out of the folder|no such file"),
        (lambda t: t.replace("mesh/kitchen_knife.obj", "package://x/y.obj"), "no such file"),
        (lambda t: t.replace("mesh/kitchen_knife.obj", "mesh/none.obj"), "no such file"),
        (lambda t: t.replace('filename="mesh/kitchen_knife.obj" ', ""), "no filename"),
        (lambda t: t.replace("1.0 1.0 1.0", "1.0 0 1.0"), "positive numbers"),
        (lambda t: t.replace("1.0 1.0 1.0", "1.0 1.0"), "3 finite numbers"),
        (lambda t: t.replace("1.5708 0.0 0.0", "nan 0 0"), r"origin\.rpy: 'nan 0 0'; 3 finite numbers"),
        (lambda t: t.replace('value="0.3000"', 'value="-1"'), r"inertial\.mass\.value: -1; it cannot be negative"),
        (lambda t: t.replace("<mu1>0.80", "<mu1>much"), r"mu1: 'much'; 1 finite numbers"),
        (lambda t: t.replace("</robot>", "<link name='b'/></robot>"), "2 links; one rigid link"),
        (lambda t: t.replace("<robot", "<!DOCTYPE a [<!ENTITY b 'c'>]><robot"), "a document type or entities"),
        (lambda t: t[:200], "not UTF-8 XML"),
        (lambda t: "", "not UTF-8 XML"),
    ],
)
def test_broken_urdf(output: Path, tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    path = output / "kitchen_knife/result/kitchen_knife.urdf"
    text = change(path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    with pytest.raises(NativeOutputError, match=said):
        read(output, tmp_path / "stage1")


def test_what_a_urdf_does_not_say_is_unknown(output: Path, tmp_path: Path) -> None:
    path = output / "kitchen_knife/result/kitchen_knife.urdf"
    text = path.read_text().replace("<category>kitchen knife</category>", '<category>"unknown"</category>')
    text = text.replace('<mass value="0.3000"/>', "").replace("<real_height>", "<real_height>9")
    path.write_text(text)
    info = read(output, tmp_path / "stage1")
    (item,) = info.objects
    assert item.category is None
    assert item.unknown["category"] == "its URDF says none"
    assert json.loads((tmp_path / "stage1/objects/kitchen_knife/physics.json").read_text())["mass_kg"] is None
    assert "its URDF says 90." in info.notes[0]


def test_empty_and_damaged_folders(output: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NativeOutputError, match=r"neither layout\.json nor a \.urdf file"):
        read(tmp_path / "empty", tmp_path / "stage1")
    (output / "kitchen_knife/result/mesh/kitchen_knife.obj").write_text("v 0 0 0\n")
    with pytest.raises(MeshError, match=r"kitchen_knife\.obj"):
        read(output, tmp_path / "stage1")
    (output / "link").symlink_to("/etc")
    with pytest.raises((NativeOutputError, MeshError)):
        read(output, tmp_path / "stage1")
