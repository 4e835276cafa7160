"""What is seen: textures the right way round, colours as in the photograph, one part a material."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blueprint_assets.scene.preview import render_photo_view
from fixtures.usda import usda
from resources.simulator.usd_appearance import triangulate
from resources.simulator.usd_stage import UsdError, open_contained
from resources.simulator.usd_to_mujoco import load_usd

CAMERA = """def Camera "photo" {
    float focalLength = 24
    float horizontalAperture = 24
    float verticalAperture = 24
    double3 xformOp:translate = (0, 0, 1)
    uniform token[] xformOpOrder = ["xformOp:translate"]
} def DomeLight "dome" {} """
"""Looks straight down from 1 m: the picture is 1 m wide, +x to the right, +y up."""

QUAD = """def Mesh "quad" (prepend apiSchemas = ["MaterialBindingAPI"]) {
    point3f[] points = [(-0.4, -0.4, 0), (0.4, -0.4, 0), (0.4, 0.4, 0), (-0.4, 0.4, 0)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    float[] primvars:st_unused = [0]
    texCoord2f[] primvars:st = [(0, 0), (1, 0), (1, 1), (0, 1)] (
        interpolation = "vertex"
    )
    rel material:binding = </World/Looks/look>
}"""


def look(diffuse: str, extra: str = "") -> str:
    return f"""def Scope "Looks" {{ def Material "look" {{
        token outputs:surface.connect = </World/Looks/look/s.outputs:surface>
        def Shader "s" {{
            uniform token info:id = "UsdPreviewSurface"
            {diffuse}
            token outputs:surface
        }}
        {extra}
    }} }}"""


TEXTURED = look(
    "color3f inputs:diffuseColor.connect = </World/Looks/look/t.outputs:rgb>",
    """def Shader "t" {
        uniform token info:id = "UsdUVTexture"
        asset inputs:file = @./t.png@
        float3 outputs:rgb
    }""",
)


def text(body: str) -> str:
    return (
        usda(f'def Xform "World" {{ {body} }}')
        .replace("color3f inputs", "\ncolor3f inputs")
        .replace("float3 outputs", "\nfloat3 outputs")
    )


def drawn(tmp_path: Path, body: str) -> NDArray[np.uint8]:
    (tmp_path / "scene.usda").write_text(text(CAMERA + body))
    return render_photo_view(tmp_path / "scene.usda", tmp_path, 100, 100)


def quarters(tmp_path: Path) -> None:
    """Red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:16, :16], pixels[:16, 16:], pixels[16:, :16], pixels[16:, 16:] = (
        (200, 0, 0),
        (0, 200, 0),
        (0, 0, 200),
        (200,) * 3,
    )
    Image.fromarray(pixels).save(tmp_path / "t.png")


def test_a_texture_is_the_right_way_round(tmp_path: Path) -> None:
    quarters(tmp_path)
    pixels = drawn(tmp_path, TEXTURED + QUAD).astype(int)
    assert pixels[30, 30].argmax() == 0
    assert pixels[30, 30, 0] > 2 * pixels[30, 30, 1]
    assert pixels[30, 70].argmax() == 1
    assert pixels[70, 30].argmax() == 2
    assert np.ptp(pixels[70, 70]) < 20


def test_left_handed_meshes_face_the_same_way(tmp_path: Path) -> None:
    quarters(tmp_path)
    turned = QUAD.replace("[0, 1, 2, 3]", "[3, 2, 1, 0]").replace(
        "int[] faceVertexC", 'uniform token orientation = "leftHanded"\nint[] faceVertexC'
    )
    assert (drawn(tmp_path, TEXTURED + QUAD) == drawn(tmp_path, TEXTURED + turned)).all()


def test_constant_colours_are_shown_as_the_photograph_has_them(tmp_path: Path) -> None:
    """USD holds linear values: 0.2159 linear is 128 of 255 in a picture; MuJoCo shows its numbers as they are."""
    (tmp_path / "scene.usda").write_text(text(look("color3f inputs:diffuseColor = (0.2158605, 0, 1)") + QUAD))
    model = load_usd(tmp_path / "scene.usda", tmp_path).compile()
    assert model.mat_rgba[0] == pytest.approx([128 / 255, 0, 1, 1], abs=1e-5)


def test_subsets_have_their_own_materials(tmp_path: Path) -> None:
    two = """def Mesh "two" (prepend apiSchemas = ["MaterialBindingAPI"]) {
        point3f[] points = [(0,0,0), (1,0,0), (1,1,0), (0,1,0), (2,0,0), (2,1,0)]
        int[] faceVertexCounts = [4, 4]
        int[] faceVertexIndices = [0, 1, 2, 3, 1, 4, 5, 2]
        def GeomSubset "part" (prepend apiSchemas = ["MaterialBindingAPI"]) {
            uniform token elementType = "face"
            uniform token familyName = "materialBind"
            int[] indices = [1]
            rel material:binding = </World/Looks/look>
        }
    }"""
    (tmp_path / "scene.usda").write_text(text(look("color3f inputs:diffuseColor = (1, 0, 0)") + two))
    model = load_usd(tmp_path / "scene.usda", tmp_path).compile()
    assert {model.geom(i).name for i in range(model.ngeom)} == {"two", "two/part"}
    part = model.geom("two/part")
    assert part.matid[0] == 0
    assert model.geom("two").matid[0] == -1
    assert model.mesh_facenum[part.dataid[0]] == 2
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    assert data.geom("two/part").xpos == pytest.approx([1.5, 0.5, 0])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[4]", "[5]", "do not fit"),
        ("[0, 1, 2, 3]", "[0, 1, 2, 9]", "do not fit"),
        ("(0.4, 0.4, 0)", "(inf, 0.4, 0)", "not finite"),
        ("[(0, 0), (1, 0), (1, 1), (0, 1)]", "[(0, 0), (1, 0)]", "2 vertex values"),
        ("[(-0.4, -0.4, 0), (0.4, -0.4, 0), (0.4, 0.4, 0), (-0.4, 0.4, 0)]", "[]", "without points"),
    ],
)
def test_broken_meshes_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "scene.usda").write_text(text(QUAD.replace(old, new)))
    with pytest.raises(UsdError, match=said):
        load_usd(tmp_path / "scene.usda", tmp_path)


def test_a_texture_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.png").write_bytes(b"nothing")
    (tmp_path / "scene.usda").write_text(text(TEXTURED + QUAD))
    with pytest.raises(UsdError, match=r"t\.png: not a readable texture"):
        load_usd(tmp_path / "scene.usda", tmp_path)


def test_polygons_become_fans(tmp_path: Path) -> None:
    (tmp_path / "scene.usda").write_text(text(QUAD))
    stage = open_contained(tmp_path / "scene.usda", tmp_path)
    found = triangulate(stage.GetPrimAtPath("/World/quad"))
    assert found.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert found.source.tolist() == [0, 0]
    assert found.uv is not None
    assert found.uv.tolist() == [[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]]
