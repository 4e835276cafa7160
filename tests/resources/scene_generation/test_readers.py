"""SceneSmith's and SAGE's output, in trees written as their code writes them, with SceneSmith's own coffee mug."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from blueprint_assets.contracts.posed_meshes import Pose, SceneInfo
from blueprint_assets.contracts.source import Source
from blueprint_assets.geometry.mesh import load_glb
from blueprint_assets.geometry.transforms import apply, compose
from blueprint_assets.stage1.posed import demand_sound
from fixtures.stage1_layout import box, cup, textured
from resources.observability import silent
from resources.reconstruction.native_folder import NativeOutputError
from resources.scene_generation.sage import SageScene
from resources.scene_generation.scenesmith import SceneSmithScene

MUG = Path(__file__).resolve().parents[3] / "fixtures/meshes/coffee_mug.glb"
HALF_TURN = [np.cos(0.5), 0.0, 0.0, np.sin(0.5)]
SOURCE = Source(
    scene_id="demo", mode="posed_meshes", original="input/output", original_sha256="0" * 64, format="embodiedgen",
    files={"input/output/x": "0" * 64}, received_at="2026-01-01T00:00:00Z",
)  # fmt: skip


def gltf(mesh: trimesh.Trimesh, folder: Path, name: str) -> None:
    """A Z-up mesh as SceneSmith has it: a Y-up glTF with its buffers and picture beside it."""
    turned = mesh.copy()
    turned.apply_transform(np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]))
    folder.mkdir(parents=True, exist_ok=True)
    files = trimesh.exchange.gltf.export_gltf(trimesh.Scene({name: turned}))
    for file, content in files.items():
        (folder / (f"{name}.gltf" if file == "model.gltf" else file)).write_bytes(content)


def sdf(folder: Path, name: str, scale: float = 1.0, uri: str | None = None) -> str:
    content = f"""<?xml version='1.0' encoding='utf-8'?><sdf version="1.7"><model name="{name}"><link name="base_link">
    <visual name="visual"><geometry><mesh><uri>{uri or name + ".gltf"}</uri>
    <scale>{scale} {scale} {scale}</scale></mesh></geometry>
    </visual></link></model></sdf>"""
    (folder / f"{name}.sdf").write_text(content, encoding="utf-8")
    return f"generated_assets/{folder.parent.parent.name}/sdf/{folder.name}/{name}.sdf"


def thing(name: str, kind: str, place: list[float], turn: list[float], path: str) -> dict[str, Any]:
    return {
        "object_id": f"{name}_0", "object_type": kind, "name": name, "description": f"a {name}",
        "transform": {"translation": place, "rotation_wxyz": turn}, "geometry_path": None, "sdf_path": path, "image_path": None,
        "support_surfaces": [], "placement_info": None, "metadata": {}, "bbox_min": None, "bbox_max": None, "immutable": False,
        "scale_factor": 2.0,
    }  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A kitchen whose floor's middle is at (3, 2): a table, a mug on it, and a picture on the wall."""
    root = tmp_path / "scene_000"
    table = root / "room_kitchen/generated_assets/furniture/sdf/table"
    gltf(textured(box(1.0, 0.6, 0.75), (120, 90, 60), split=True), table, "table")
    mug = root / "room_kitchen/generated_assets/manipulands/sdf/coffee_mug"
    gltf(load_glb(MUG), mug, "coffee_mug")
    mug_path = sdf(mug, "coffee_mug")
    objects = {
        "table_0": thing("dining_table", "furniture", [0.5, 0, 0], HALF_TURN, sdf(table, "table")),
        "coffee_mug_0": thing("coffee_mug", "manipuland", [0.6, 0.1, 0.75], [1, 0, 0, 0], mug_path),
        "painting_0": thing("painting", "wall_mounted", [0, 0, 1.5], [1, 0, 0, 0], "none.sdf"),
    }
    placed = {"room_id": "kitchen", "position": [1.0, 0.5], "width": 4.0, "depth": 3.0, "walls": []}
    state = {
        "layout": {"placed_rooms": [placed]},
        "rooms": {"kitchen": {"room_geometry": {}, "objects": objects, "text_description": "a kitchen"}}, "timestamp": 1.0,
    }  # fmt: skip
    (root / "combined_house").mkdir()
    (root / "combined_house/house_state.json").write_text(json.dumps(state), encoding="utf-8")
    return root


def read(reader: SceneSmithScene | SageScene, folder: Path) -> SceneInfo:
    reader.reconstruct(SOURCE, folder, folder / "stage1", silent)
    return demand_sound(folder / "stage1")


def world(stage1: Path, info: SceneInfo, name: str) -> np.ndarray:
    (item,) = [i for i in info.objects if i.id == name]
    pose = Pose.read(stage1 / item.pose)
    return apply(np.array(pose.transform_matrix), load_glb(stage1 / item.mesh).vertices)


def test_a_scenesmith_house_is_translated_exactly(house: Path, tmp_path: Path) -> None:
    info = read(SceneSmithScene(house), tmp_path)
    assert {i.id: (i.category, i.support) for i in info.objects} == {
        "coffee_mug_0": ("mug", "table_0"), "table_0": ("table", info.support_planes[0].id),
    }  # fmt: skip
    assert info.environment_type == "kitchen"
    assert info.scale.factor == 1.0
    assert any("wall_mounted" in note for note in info.notes)
    corners = world(tmp_path / "stage1", info, "table_0")
    expected = apply(compose((3.5, 2.0, 0.0), HALF_TURN), box(1.0, 0.6, 0.75).vertices)
    # The rescaling is in the SDF already: scale_factor 2 is not applied again.
    for corner in expected:
        assert np.linalg.norm(corners - corner, axis=1).min() < 1e-6
    mug = world(tmp_path / "stage1", info, "coffee_mug_0")
    assert mug[:, 2].min() == pytest.approx(0.75, abs=1e-4)
    assert np.ptp(mug[:, 2]) == pytest.approx(0.08, abs=2e-3)
    named = {file.path for file in info.inputs}
    assert "combined_house/house_state.json" in named
    assert any(path.endswith("coffee_mug.gltf") for path in named)


def test_composite_objects_come_apart(house: Path, tmp_path: Path) -> None:
    path = house / "combined_house/house_state.json"
    state = json.loads(path.read_text())
    objects = state["rooms"]["kitchen"]["objects"]
    member = {"asset_id": "m", "name": "coffee_mug", "sdf_path": objects["coffee_mug_0"]["sdf_path"]}
    objects["coffee_mug_0"]["metadata"] = {
        "composite_type": "stack",
        "member_assets": [
            member | {"transform": {"translation": [0.6, 0.1, z], "rotation_wxyz": [1, 0, 0, 0]}} for z in (0.75, 0.83)
        ],
    }
    path.write_text(json.dumps(state))
    info = read(SceneSmithScene(house), tmp_path)
    assert len(info.objects) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"transform": {"translation": [0, 0, 0], "rotation_wxyz": [1, 1, 0, 0]}}, "not a unit quaternion"),
        ({"transform": {"translation": [0, 0], "rotation_wxyz": [1, 0, 0, 0]}}, "translation"),
        ({"transform": {"position": [0, 0, 0]}}, "rotation_wxyz"),
        ({"sdf_path": "../../../../outside/mug.sdf"}, "leads out of the folder"),
        ({"sdf_path": "/etc/passwd"}, "no such file"),
        ({"sdf_path": "generated_assets/none.sdf"}, "no such file"),
        ({"object_type": 7}, "object_type"),
    ],
)
def test_what_scenesmith_does_not_write_is_refused(
    house: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = house / "combined_house/house_state.json"
    state = json.loads(path.read_text())
    state["rooms"]["kitchen"]["objects"]["coffee_mug_0"] |= change
    path.write_text(json.dumps(state))
    with pytest.raises(NativeOutputError, match=said):
        read(SceneSmithScene(house), tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<sdf><model name='m'></model></sdf>", "0 links"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><sdf/>", "entities"),
        ("not xml", "not UTF-8 XML"),
        ("<sdf><model><link><visual><geometry><mesh><uri>../../../secret.gltf</uri></mesh></geometry></visual></link></model></sdf>",
         "leads out of the folder"),
        ("<sdf><model><link><visual><geometry><mesh><uri>file:///etc/passwd</uri></mesh></geometry></visual></link></model></sdf>",
         "a file beside the SDF"),
    ],
)  # fmt: skip
def test_a_bad_sdf_is_refused(house: Path, tmp_path: Path, content: str, said: str) -> None:
    (house / "room_kitchen/generated_assets/furniture/sdf/table/table.sdf").write_text(content)
    with pytest.raises(NativeOutputError, match=said):
        read(SceneSmithScene(house), tmp_path)


def packed_ply(mesh: trimesh.Trimesh, path: Path) -> None:
    """A PLY file as SAGE packs it: texture coordinates in an element of their own, indexed per face corner."""
    faces, uv = np.asarray(mesh.faces), np.asarray(mesh.visual.uv)
    names = [("vertex", len(mesh.vertices), "xyz"), ("texcoord", len(uv), "st")]
    header = "ply\nformat binary_little_endian 1.0\n"
    for element, count, letters in names:
        header += f"element {element} {count}\n" + "".join(f"property float {letter}\n" for letter in letters)
    header += f"element face {len(faces)}\n"
    header += (
        "".join(f"property list uchar int {name}\n" for name in ("vertex_indices", "texcoord_indices")) + "end_header\n"
    )
    rows = b"".join(struct.pack("<B3iB3i", 3, *face, 3, *face) for face in faces.tolist())
    path.write_bytes(header.encode() + mesh.vertices.astype("<f4").tobytes() + uv.astype("<f4").tobytes() + rows)


def point(x: float, y: float, z: float) -> dict[str, float]:
    return {"x": x, "y": y, "z": z}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An unpacked SAGE layout: a table turned by 30 degrees, and a mug on it."""
    root = tmp_path / "layout"
    (root / "objects").mkdir(parents=True)
    rows = []
    for name, kind, mesh, place, turn, on in (
        ("aaaa", "table", textured(box(1.0, 0.6, 0.75), (120, 90, 60), split=True), (2, 1.5, 0), (0, 0, 30), "room_1"),
        (
            "bbbb",
            "mug",
            textured(cup(0.045, 0.09, 0.005), (210, 40, 40), split=False),
            (2.1, 1.5, 0.75),
            (0, 0, 90),
            "room_1_table",
        ),
        ("cccc", "painting", textured(box(0.5, 0.02, 0.4), (9, 9, 9), split=True), (0, 0, 1.5), (0, 0, 0), "wall_1"),
    ):
        packed_ply(mesh, root / f"objects/{name}.ply")
        Image.fromarray(np.full((8, 8, 3), (200, 60, 50), np.uint8)).save(root / f"objects/{name}_texture.png")
        x, y, z = (float(v) for v in mesh.extents)
        rows.append({
            "id": f"room_1_{kind}", "room_id": "room_1", "type": kind, "description": kind, "position": point(*place),
            "rotation": point(*turn), "dimensions": {"width": x, "length": y, "height": z}, "source": "generation",
            "source_id": name, "place_id": on, "place_guidance": "", "placement_constraints": None, "mass": 1.0,
        })  # fmt: skip
    room = {"id": "room_1", "room_type": "Kitchen", "position": point(0, 0, 0), "dimensions": {}, "doors": [], "windows": [],
            "walls": [{"id": "wall_1"}], "objects": rows, "floor_material": "wood", "ceiling_height": 2.7}  # fmt: skip
    plan = {"id": "layout", "rooms": [room], "total_area": 12, "building_style": "modern", "description": "",
            "created_from_text": "",
            "policy_analysis": None}  # fmt: skip
    (root / "layout.json").write_text(json.dumps(plan), encoding="utf-8")
    return root


def test_a_sage_layout_is_translated_exactly(layout: Path, tmp_path: Path) -> None:
    info = read(SageScene(layout), tmp_path)
    assert {i.id: (i.category, i.support) for i in info.objects} == {
        "room_1_table": ("table", info.support_planes[0].id), "room_1_mug": ("mug", "room_1_table"),
    }  # fmt: skip
    assert info.environment_type == "kitchen"
    assert any("hangs on a wall" in note for note in info.notes)
    turn = np.radians(15)
    expected = apply(compose((2, 1.5, 0), (np.cos(turn), 0, 0, np.sin(turn))), box(1.0, 0.6, 0.75).vertices)
    corners = world(tmp_path / "stage1", info, "room_1_table")
    for corner in expected:
        assert np.linalg.norm(corners - corner, axis=1).min() < 1e-6
    mug = load_glb(tmp_path / "stage1" / next(i.mesh for i in info.objects if i.category == "mug"))
    pixels = np.asarray(mug.visual.material.baseColorTexture.convert("RGB"))
    assert pixels.reshape(-1, 3).mean(axis=0) == pytest.approx((200, 60, 50), abs=2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source_id": "../../secret"}, "no plain name"),
        ({"source_id": "none"}, "no such file"),
        ({"rotation": {"x": 0, "y": 0}}, "rotation"),
        ({"position": {"x": 0, "y": 0, "z": "up"}}, "position"),
        ({"type": ""}, "type"),
    ],
)
def test_what_sage_does_not_write_is_refused(layout: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    plan = json.loads((layout / "layout.json").read_text())
    plan["rooms"][0]["objects"][0] |= change
    (layout / "layout.json").write_text(json.dumps(plan))
    with pytest.raises(NativeOutputError, match=said):
        read(SageScene(layout), tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    for reader in (SceneSmithScene(tmp_path), SageScene(tmp_path)):
        with pytest.raises(NativeOutputError, match=str(tmp_path)):
            read(reader, tmp_path)
