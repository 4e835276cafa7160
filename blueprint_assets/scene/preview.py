"""The simulated scene seen by the photograph's camera, beside the photograph where there is one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blueprint_assets.contracts.scene_layout import SceneLayout

if TYPE_CHECKING:
    import mujoco
    from PIL import Image

Pixels = NDArray[np.uint8]

MAX_SIDE = 720
"""Longest side of each half, pixels."""
CAMERA = "photo"
BACKGROUND = ((0.93, 0.94, 0.96), (0.80, 0.81, 0.84))
CAPTION_HEIGHT = 28
GAP = 8
"""Between the photograph and the render, pixels."""
SHADOWED_M = 3.0
"""Extent that the shadow map covers, metres: half of it and the map's depth steps show as stripes on the table."""


class PreviewError(ValueError):
    """The photograph cannot be shown. The message names the file."""


def render_preview(scene_usd: Path, root: Path, layout: SceneLayout, photo: Path | None, out_png: Path) -> Path:
    """Draws the photograph and a render from its camera side by side, with a caption; without a photograph, the render alone
    from the layout's camera.

    Raises:
        PreviewError: the photograph cannot be read.
        RenderError: no offscreen OpenGL on this machine.
        UsdError: the scene does not load.
    """
    from PIL import Image, ImageDraw

    picture = _read(photo) if photo is not None else None
    size = picture.size if picture is not None else (layout.camera.width, layout.camera.height)
    scale = min(1.0, MAX_SIDE / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    left = width + GAP if picture is not None else 0
    sheet = Image.new("RGB", (left + width, height + CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    if picture is not None:
        sheet.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (0, 0))
        draw.text((6, height + 8), f"{layout.scene_id}: photograph", fill="black")
    sheet.paste(Image.fromarray(render_photo_view(scene_usd, root, width, height)), (left, 0))
    count = len(layout.objects)
    said = f"simulated scene, {count} object{'s' if count != 1 else ''}, scale {layout.scale_factor:.3g} m/unit"
    name = "" if picture is not None else f"{layout.scene_id}: no photograph; "
    draw.text((left + 6, height + 8), name + said, fill="black")
    out_png.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out_png)
    return out_png


def _read(photo: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(photo) as opened:
            return opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise PreviewError(f"{photo}: not a readable picture: {error}") from None


def render_photo_view(scene_usd: Path, root: Path, width: int, height: int) -> Pixels:
    """The scene at its authored poses from the camera "photo", with shadows: (height, width, 3).

    Raises:
        RenderError: no offscreen OpenGL on this machine.
        UsdError: the scene does not load.
    """
    from resources.simulator.render import select_backend

    # Before MuJoCo is loaded: it looks for OpenGL once.
    backend = select_backend()
    import mujoco

    from resources.simulator.usd_to_mujoco import load_usd

    spec = load_usd(scene_usd, root)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
    spec.visual.quality.shadowsize = 4096
    # A directional light's shadow map covers the model's extent: the table's, not the ground's.
    spec.stat.extent = SHADOWED_M
    _add_sky(spec)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    context: Any = import_module(f"mujoco.{backend}").GLContext(width, height)
    try:
        context.make_current()
        return _draw(model, data, width, height)
    finally:
        context.free()


def _draw(model: mujoco.MjModel, data: mujoco.MjData, width: int, height: int) -> Pixels:
    import mujoco

    resources: Any = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
    mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, resources)
    scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
    camera.fixedcamid = model.camera(CAMERA).id
    everything = mujoco.mjtCatBit.mjCAT_ALL.value
    mujoco.mjv_updateScene(model, data, mujoco.MjvOption(), None, camera, everything, scene)
    area = mujoco.MjrRect(0, 0, width, height)
    mujoco.mjr_render(area, scene, resources)
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    mujoco.mjr_readPixels(pixels, None, area, resources)
    resources.free()
    return pixels[::-1].copy()  # OpenGL's first row is the lowest


def _add_sky(spec: mujoco.MjSpec) -> None:
    """A light, even background."""
    import mujoco

    sky = spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX)
    sky.builtin = mujoco.mjtBuiltin.mjBUILTIN_GRADIENT
    sky.rgb1, sky.rgb2 = BACKGROUND
    sky.width, sky.height = 64, 64 * 6
