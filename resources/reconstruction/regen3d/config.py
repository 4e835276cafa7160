"""3D-RE-GEN's configuration file: which of its values are ours to set, and why.

It has one file, `src/config.yaml` in its checkout: `run.py --config` reaches only the driver, and every step reads that
file by a fixed path. So it is edited, and put back afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.reconstruction.native_folder import MAX_DOCUMENT_BYTES, NativeFolder, NativeOutputError

from .tree import CONFIG, IGNORED

FLOOR = "floor"
IMAGE_SUFFIXES = (".png", ".jpg", ".webp")
"""What step 1 takes; `.jpeg` raises there."""


class Regen3dConfigError(ValueError):
    """A setting that 3D-RE-GEN would fail on, or quietly ignore. The message names the setting and the remedy."""


@dataclass(frozen=True)
class Regen3dSettings:
    """What a job decides. The numbers are 3D-RE-GEN's own defaults.

    Attributes:
        labels: what to look for, as words for Grounding DINO; `floor` is added, because without it there is no floor plane.
        gemini: complete hidden parts and empty the room with Google's image model (needs `GOOGLE_API_KEY`, paid); else a
            local diffusion model completes them, and there is no emptied room.
    """

    labels: tuple[str, ...] = ("chair", "table", "sofa", "plant in pot", "lamp")
    seed: int = 1234567
    threshold: float = 0.25
    iou_threshold: float = 0.5
    vggt_scene_scale: float = 2.0
    max_iterations: int = 300
    octree_resolution: int = 256
    inference_steps: int = 50
    hunyuan21: bool = False
    gemini: bool = True
    device: str = "cuda:0"

    def __post_init__(self) -> None:
        if not self.labels or any(not label.strip() for label in self.labels):
            raise Regen3dConfigError("labels: at least one, none empty: they are what 3D-RE-GEN looks for")
        for label in self.labels:
            word = next((word for word in IGNORED if word in label.lower()), None)
            if word is not None and label.lower() not in IGNORED:
                raise Regen3dConfigError(
                    f"labels: {label!r} contains {word!r}, and 3D-RE-GEN never places what contains it; use another word"
                )
        if not 0 < self.threshold < 1 or not 0 < self.iou_threshold < 1:
            raise Regen3dConfigError(f"threshold {self.threshold}, iou_threshold {self.iou_threshold}: between 0 and 1")
        if not self.vggt_scene_scale > 0:
            raise Regen3dConfigError(f"vggt_scene_scale {self.vggt_scene_scale}: it must be positive")


def owned_values(settings: Regen3dSettings, image_name: str) -> dict[str, Any]:
    """The keys of `src/config.yaml` that a job sets; paths are relative to the folders that the steps run in.

    Raises:
        Regen3dConfigError: the image's name has a suffix that step 1 refuses, or is more than a name.
    """
    if not image_name.endswith(IMAGE_SUFFIXES) or "/" in image_name:
        raise Regen3dConfigError(f"image {image_name!r}: a file name ending in {', '.join(IMAGE_SUFFIXES)}")
    labels = list(dict.fromkeys((*settings.labels, FLOOR)))
    return {
        "input_image": f"../input_images/{image_name}",
        "labels": labels,
        "seed": settings.seed,
        "threshold": settings.threshold,
        "iou_threshold": settings.iou_threshold,
        "ignore_classes": list(IGNORED),
        "vggt_scene_scale": settings.vggt_scene_scale,
        "max_iterations": settings.max_iterations,
        "octree_resolution_hy": settings.octree_resolution,
        "num_inf_steps_hy": settings.inference_steps,
        "use_hunyuan21": settings.hunyuan21,
        "use_banana": settings.gemini,
        "device": settings.device,
        "device_global": settings.device,
        # Absent, it is true, and step 1 waits for somebody at a web page.
        "interactive_edit": False,
        # True would skip painting the empty room of a first run, and so the background; the other, stale completions.
        "keep_existing_empty_rooms": False,
        "keep_existing_banans": False,
        # Absent, the driver takes an environment of its authors' cluster.
        "conda_env": None,
        # Step 9 compares with a scene that we do not have.
        "GT_scene": None,
        "use_3d_front": False,
        "Use_VGGT": True,
        "Use_MIDI": False,
        "Use_DPA": False,
        # The steps write there whatever is said here elsewhere; said, so that nobody expects otherwise.
        "output": "../output",
        "temp": "../tmp",
    }


def with_owned(original: str, values: Mapping[str, Any], where: str) -> str:
    """The text of a configuration file with `values` set; what else it says stays.

    Raises:
        Regen3dConfigError: the original is not a YAML mapping.
    """
    import yaml

    try:
        document = yaml.safe_load(original)
    except yaml.YAMLError as error:
        raise Regen3dConfigError(f"{where}: not YAML: {error}") from error
    if not isinstance(document, dict):
        raise Regen3dConfigError(f"{where}: not 3D-RE-GEN's configuration (a YAML mapping)")
    text: str = yaml.safe_dump({**document, **values}, sort_keys=False, allow_unicode=True)
    return text


def read_config(folder: NativeFolder) -> dict[str, Any]:
    """The configuration that a tree was made with, as its copy says; empty where it is not a mapping.

    Raises:
        NativeOutputError: it is not YAML.
    """
    import yaml

    path = folder.file(CONFIG, MAX_DOCUMENT_BYTES)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise NativeOutputError(f"{path}: not YAML: {error}") from error
    return document if isinstance(document, dict) else {}
