"""docs/reconstruction.md: figures of the rendered scenes and real photographs uncut, with masks and the scene that came out."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = (".jpg", ".png")
HEIGHT = 360
"""Pixels of each of the three pictures of a strip."""

INTRODUCTION = """# How good the reconstruction is

This page is generated: `python tests/benchmarks/scene_reconstruction.py --results FILE... --photos FOLDER... --page
docs/reconstruction.md` writes it from measured figures and from photographs. Everything below is the embedded
backend, on a CPU, without a network connection.

## Rendered scenes with exact truth

`python tests/benchmarks/scene_reconstruction.py` renders scenes of household things from seeds (path tracing with
Mitsuba 3, denoised; 960 x 720), with stacked and touching objects, a shelf with two boards and a furnished room. They
are photo-like, not photographs: no lens blur, no motion, clean materials. `--set frozen` draws other scenes from
another seed. Each photograph goes through the pipeline's own steps to the metric layout, which is aligned to the
truth by yaw and translation only; a wrong scale costs.

What the columns mean: P, R, F1 of the count (matched: box IoU over 0.1 or centres within 10 cm); mean 3D IoU of the
matched boxes; ADD-S in mm and the share of all true objects with ADD-S under a tenth of their diameter; Chamfer
distance in mm; F-score at 1 and 2 cm; yaw error of boxes in degrees; height error of the bottom in mm, once after the fit of
the centres (half of an error in height or scale shows here) and once with the supports laid on each other (how well things
stand on what carries them); share of right categories; predicted over true height; CPU seconds of the whole process with
its imports, and its peak memory.
"""


@dataclass(frozen=True)
class Shown:
    """A photograph and what came of it. `strip` is the picture file; `said` names the objects, or the error."""

    name: str
    credit: str
    strip: Path | None
    said: str


def carried(folders: Sequence[Path]) -> list[Path]:
    """The photographs that say under which licence they are given: those with a `.license` file beside them."""
    found = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    return [path for path in found if path.with_name(f"{path.name}.license").is_file()]


def mask_of(photo: Path) -> Path | None:
    """`<stem>_mask.png` beside a photograph, if there is one."""
    mask = photo.with_name(f"{photo.stem}_mask.png")
    return mask if mask.is_file() else None


def strip(photo: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]], scene: NDArray[np.uint8], path: Path) -> Path:
    """Photograph, photograph with each mask in a colour, and the rendered scene, side by side, as a JPEG."""
    marked = photo.astype(float)
    for number, mask in enumerate(masks):
        hue = np.array([(number * 0.381966 + k / 3) % 1.0 for k in range(3)])
        color = 255 * np.clip(np.abs(hue * 6 - 3) - 1, 0, 1)
        marked[mask] = 0.45 * marked[mask] + 0.55 * color
    width = round(HEIGHT * photo.shape[1] / photo.shape[0])
    sheet = Image.new("RGB", (3 * width + 16, HEIGHT), "white")
    for number, picture in enumerate((photo, marked.astype(np.uint8), scene)):
        resized = Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.LANCZOS)
        sheet.paste(resized, (number * (width + 8), 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=85)
    return path


def shown(photo: Path, root: Path, pictures: Path) -> Shown:
    """Takes a reconstructed scene folder on to the simulator's scene and draws its strip into `pictures`."""
    from blueprint_assets.contracts.posed_meshes import SceneInfo
    from blueprint_assets.contracts.scene_layout import SceneLayout
    from blueprint_assets.contracts.source import Source
    from blueprint_assets.scene.preview import render_photo_view
    from blueprint_assets.scene.simready import build_simready
    from blueprint_assets.scene.usd import SCENE, compose_scene

    build_simready(root, root)
    composed = compose_scene(root, root)
    info = SceneInfo.read(root / "stage1/scene_info.json")
    layout = SceneLayout.read(root / "layout/scene_layout_scaled.json")
    source = Source.read(root / "input/source.json")
    rgb = np.asarray(Image.open(root / str(source.image)).convert("RGB"))
    masks = [np.asarray(Image.open(root / "stage1" / item.mask)) > 127 for item in info.objects if item.mask]
    view = render_photo_view(root / SCENE, root, layout.camera.width, layout.camera.height)
    sizes = {item.id: item.size for item in layout.objects}
    names = [
        f"{item.label} ({' x '.join(str(round(100 * s)) for s in sizes[item.id])} cm)"
        for item in info.objects
        if item.id in sizes
    ]
    said = f"{len(names)} objects: {', '.join(names)}."
    if composed.fallen:
        said += f" Not stable as reconstructed, lies where it fell: {', '.join(composed.fallen)}."
    return Shown(
        photo.stem, credit(photo), strip(rgb, masks, view, pictures / f"reconstruction_{photo.stem}.jpg"), said
    )


def credit(photo: Path) -> str:
    """The words of the photograph's `.license` file."""
    text = photo.with_name(f"{photo.name}.license").read_text(encoding="utf-8")
    return "; ".join(line.split(":", 1)[-1].strip() for line in text.splitlines() if line.strip())


def page(results: Sequence[dict[str, Any]], photographs: Sequence[Shown], tables: Sequence[str], out: Path) -> None:
    """Writes the page. `tables` are the figures of `results` as text, in the same order."""
    lines = [INTRODUCTION]
    for result, table in zip(results, tables, strict=True):
        given = "the true instance mask given" if result["mask"] == "given" else "no mask given"
        seed = "" if result.get("seed") is None else f", seed {result['seed']}"
        lines += [
            f"### Set `{result['set']}`{seed}, {given}",
            "",
            "```",
            table,
            "```",
            "",
            "| figure | reached | bar | |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {name} | {bar['reached']} | {bar['sense']} {bar['bar']} | {'met' if bar['met'] else '**missed**'} |"
            for name, bar in result["bars"].items()
        ]
        lines.append("")
    lines += [
        "## Real photographs, uncut",
        "",
        "Left the photograph, in the middle the masks, right the scene in the simulator from the same camera.",
        "",
    ]
    for each in photographs:
        lines += [f"### {each.name}", ""]
        if each.strip is not None:
            lines += [f"![{each.name}: photograph, masks, scene]({os.path.relpath(each.strip, out.parent)})", ""]
        lines += [each.said, "", f"Photograph: {each.credit}.", ""]
    out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def read_results(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Results that the benchmark wrote with `--json`."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in files]
