"""A picture of generated scenes: `python tests/benchmarks/text_sheet.py FOLDER PNG [NAME ...]` draws FOLDER/NAME/stage1."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from blueprint_assets.contracts.posed_meshes import Pose, SceneInfo  # noqa: E402
from blueprint_assets.geometry.mesh import load_glb  # noqa: E402
from blueprint_assets.geometry.transforms import apply  # noqa: E402
from resources.simulator.render import select_backend  # noqa: E402

SIZE = (480, 360)


def draw(stage1: Path) -> Image.Image:
    """A scene from the front, a little from above and from the right."""
    backend = select_backend()
    import mujoco

    info = SceneInfo.read(stage1 / "scene_info.json")
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth, spec.visual.global_.offheight = SIZE
    spec.visual.headlight.ambient = [0.45, 0.45, 0.45]
    spec.visual.map.znear = 0.01
    spec.worldbody.add_light(pos=[1.0, -2.0, 4.0], dir=[-0.2, 0.4, -1.0], castshadow=True)
    spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
                     rgb1=[0.95, 0.96, 0.97], rgb2=[0.95, 0.96, 0.97], width=8, height=8)  # fmt: skip
    for plane in info.support_planes:
        corners = np.array(plane.polygon)
        middle, half = (corners.min(axis=0) + corners.max(axis=0)) / 2, np.ptp(corners, axis=0) / 2
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, size=[half[0], half[1], 0.01], pos=[*middle[:2], middle[2] - 0.0105],
            rgba=[*plane.color, 1.0],
        )  # fmt: skip
    points = []
    for item in info.objects:
        mesh = load_glb(stage1 / item.mesh)
        vertices = apply(np.array(Pose.read(stage1 / item.pose).transform_matrix), mesh.vertices)
        points.append(vertices)
        picture = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
        texture = spec.add_texture(name=f"t_{item.id}", type=mujoco.mjtTexture.mjTEXTURE_2D)
        texture.width, texture.height, texture.nchannel = picture.shape[1], picture.shape[0], 3
        texture.data = picture.tobytes()
        look = spec.add_material(name=f"m_{item.id}", textures=["", f"t_{item.id}"])
        look.specular = 0.2
        uv = np.asarray(mesh.visual.uv)
        spec.add_mesh(name=item.id, uservert=vertices.flatten(), userface=np.asarray(mesh.faces).flatten(),
                      usertexcoord=uv.flatten(), userfacetexcoord=np.asarray(mesh.faces).flatten(),
                      inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)  # fmt: skip
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, meshname=item.id, material=look.name, contype=0, conaffinity=0
        )
    cloud = np.concatenate(points)
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    context = import_module(f"mujoco.{backend}").GLContext(*SIZE)
    context.make_current()
    resources = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
    mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, resources)
    scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
    camera = mujoco.MjvCamera()
    camera.lookat = (low + high) / 2
    camera.distance = 1.15 * float(np.linalg.norm(high - low)) + 0.1
    camera.azimuth, camera.elevation = 105.0, -25.0
    mujoco.mjv_updateScene(model, data, mujoco.MjvOption(), None, camera, mujoco.mjtCatBit.mjCAT_ALL.value, scene)
    area = mujoco.MjrRect(0, 0, *SIZE)
    mujoco.mjr_render(area, scene, resources)
    pixels = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    mujoco.mjr_readPixels(pixels, None, area, resources)
    context.free()
    return Image.fromarray(pixels[::-1])


def main() -> int:
    """Draws the sheet, three scenes to a row."""
    folder, out, *names = sys.argv[1:]
    rows = -(-len(names) // 3)
    sheet = Image.new("RGB", (3 * SIZE[0], rows * (SIZE[1] + 26)), "white")
    drawing = ImageDraw.Draw(sheet)
    for number, name in enumerate(names):
        x, y = number % 3 * SIZE[0], number // 3 * (SIZE[1] + 26)
        sheet.paste(draw(Path(folder) / name / "stage1"), (x, y))
        package = Path(folder) / name / "textgen/package.json"
        words = package.read_text(encoding="utf-8").split('"prompt": "')[1].split('",')[0]
        drawing.text((x + 6, y + SIZE[1] + 6), words[:78], fill="black")
    sheet.save(out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
