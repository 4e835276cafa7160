"""Gates behind what was received and behind the reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.posed_meshes import Camera, Pose, SceneInfo
from blueprint_assets.contracts.source import Source
from blueprint_assets.stage1.assets import reconstruction, source
from checks import thresholds
from checks.verdict import Number, Verdict, failed, gate, not_applicable, passed, unmeasured
from io_managers.digest import hash_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MADE_FROM = {"text": "words", "posed_meshes": "another system's output, without its photograph"}


@gate(source, blocking=False)
def picture_is_sharp(scene: Path) -> Verdict:
    """The picture holds detail: variance of the Laplacian at 512 px."""
    import cv2

    document = Source.read(scene / "input/source.json")
    if document.image is None:
        return not_applicable(f"the scene is made from {MADE_FROM[document.mode]}")
    path = scene / document.image
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return unmeasured(f"{path.name} cannot be decoded")
    scale = 512 / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    sharpness = float(cv2.Laplacian(small, cv2.CV_64F).var())
    measured, limits = {"sharpness": sharpness}, {"sharpness": thresholds.MIN_SHARPNESS}
    if sharpness < thresholds.MIN_SHARPNESS:
        return failed(
            f"sharpness {sharpness:.1f} (limit {thresholds.MIN_SHARPNESS}): take a sharper picture", measured, limits
        )
    return passed(f"sharpness {sharpness:.1f}", measured, limits)


@gate(source)
def source_is_what_was_registered(scene: Path) -> Verdict:
    """The kept bytes are those of the registered picture, request or output; of a picture whose file is not kept, the pixels."""
    document = Source.read(scene / "input/source.json")
    if document.original is None:
        return _pixels_are_kept(scene, document)
    for path, registered in (document.files or {document.original: document.original_sha256}).items():
        found = hash_file(scene / path)
        if found != registered:
            return failed(f"{path}: sha256 {found[:12]}…, registered {registered[:12]}…")
    size = f"{document.width}x{document.height}, " if document.image else ""
    return passed(f"{size}sha256 {document.original_sha256[:12]}…", {"files": max(1, len(document.files))})


def _pixels_are_kept(scene: Path, document: Source) -> Verdict:
    from blueprint_assets.stage1.source import pixels_sha256, read_image

    path, width, height = document.picture()
    found = pixels_sha256(read_image(scene / path).rgb)
    if found != document.pixels_sha256:
        return failed(f"{path}: pixels {found[:12]}…, taken in {(document.pixels_sha256 or 'unknown')[:12]}…")
    return passed(f"{width}x{height}, pixels {found[:12]}…; the file itself is not kept, for the place that it names")


@gate(reconstruction)
def meshes_are_watertight(scene: Path) -> Verdict:
    """Every mesh is closed, has a volume and outward normals; every listed file has its hash."""
    from blueprint_assets.geometry.mesh import load_glb

    stage1 = scene / "stage1"
    info = SceneInfo.read(stage1 / "scene_info.json")
    wrong = [
        f"{name}: sha256 differs from scene_info.json"
        for name, expected in info.sha256.items()
        if hash_file(stage1 / name) != expected
    ]
    for item in info.objects:
        mesh = load_glb(stage1 / item.mesh)
        mesh.merge_vertices(merge_tex=True, merge_norm=True)
        if not mesh.is_watertight:
            wrong.append(f"{item.id}: mesh is open")
        elif mesh.volume <= 0:
            wrong.append(f"{item.id}: volume {mesh.volume:.3g}, the faces look inwards")
    measured = {"objects": len(info.objects), "wrong": len(wrong)}
    if wrong:
        return failed("; ".join(wrong[:5]), measured, {"wrong": 0})
    return passed(f"{len(info.objects)} closed meshes", measured, {"wrong": 0})


@gate(reconstruction, source)
def silhouettes_match_the_masks(scene: Path) -> Verdict:
    """Each mesh, seen by the reconstructed camera, covers its mask: mean intersection over union."""
    import numpy as np

    from blueprint_assets.geometry.mesh import load_glb
    from blueprint_assets.geometry.silhouette import silhouette
    from blueprint_assets.geometry.transforms import apply

    stage1 = scene / "stage1"
    info = SceneInfo.read(stage1 / "scene_info.json")
    mode = Source.read(scene / "input/source.json").mode
    nothing = unmeasured if mode == "image" else not_applicable
    if info.camera is None:
        return nothing(f"no camera: {info.unknown['camera']}")
    camera = Camera.read(stage1 / info.camera)
    masks = {item.id: _read_mask(stage1 / item.mask, camera) for item in info.objects if item.mask is not None}
    if not masks:
        return nothing("no object has a mask")
    ious: dict[str, float] = {}
    for item in info.objects:
        if item.id not in masks:
            continue
        mask = masks[item.id]
        mesh = load_glb(stage1 / item.mesh)
        vertices = apply(Pose.read(stage1 / item.pose).transform_matrix, mesh.vertices)
        seen = silhouette(camera, vertices, np.asarray(mesh.faces))
        for other, hidden in masks.items():
            if other != item.id:
                seen &= ~hidden  # what stands in front of it hides it in the mask as well
        union = int((seen | mask).sum())
        ious[item.id] = float((seen & mask).sum()) / union if union else 0.0
    mean = float(np.mean(list(ious.values())))
    worst = min(ious, key=lambda key: ious[key])
    measured: dict[str, Number] = {
        "mean_iou": mean,
        "worst_iou": ious[worst],
        "worst_object": worst,
        "without_mask": len(info.objects) - len(masks),
    }
    limits = {"mean_iou": thresholds.MIN_MASK_IOU}
    said = f"mean silhouette IoU {mean:.2f} (limit {thresholds.MIN_MASK_IOU}), worst {worst} {ious[worst]:.2f}"
    return passed(said, measured, limits) if mean >= thresholds.MIN_MASK_IOU else failed(said, measured, limits)


def _read_mask(path: Path, camera: Camera) -> NDArray[np.bool_]:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path}: not a readable mask; reconstruct the scene again")
    if image.shape != (camera.height, camera.width):
        raise ValueError(
            f"{path}: a mask of {image.shape[1]}x{image.shape[0]} for a picture of {camera.width}x{camera.height}; "
            "reconstruct the scene again"
        )
    mask: NDArray[np.bool_] = image > 127
    return mask


ALL = [picture_is_sharp, source_is_what_was_registered, meshes_are_watertight, silhouettes_match_the_masks]
