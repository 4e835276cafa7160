"""Single-view metrology: one photograph on a CPU, no learned model. A weak backend that says how it knows.

Camera from straight edges (or defaults), objects from a given mask (or from what stands out of the support plane's
colour), position from where they touch the plane, shape by fitting three families of solids to the outline, texture from
the photograph. Metric scale is a prior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink
from resources.reconstruction import ReconstructionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORK_SIZE = 1024
"""Longer side of the picture that everything works on, pixels."""


@dataclass
class EmbeddedReconstructor:
    """Implements `resources.reconstruction.Reconstructor`. The same source gives the same bytes."""

    backend: str = "embedded"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1`; see the protocol.

        Raises:
            ReconstructionError: no support plane, or no object, could be found.
        """
        import cv2
        import numpy as np

        from blueprint_assets.geometry.camera import pitch_and_roll, resized

        from .arrangement import arrange
        from .gravity import estimate_camera
        from .instances import segment
        from .layout import PLANE_ID, Picture, hashes, support_plane, write_object
        from .outline_pitch import pitch_from_boxes
        from .preview import draw_preview
        from .scale import estimate_scale

        image = scene_root / source.image
        full = cv2.imread(str(image), cv2.IMREAD_COLOR)
        if full is None or (full.shape[1], full.shape[0]) != (source.width, source.height):
            raise ReconstructionError(
                f"{image}: not the {source.width}x{source.height} picture of source.json: make it again"
            )
        factor = min(1.0, WORK_SIZE / max(source.width, source.height))
        size = (max(1, round(source.width * factor)), max(1, round(source.height * factor)))
        rgb = cv2.cvtColor(cv2.resize(full, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB).astype(np.uint8)

        progress(Progress(0, 4, "camera"))
        camera = estimate_camera(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), source.exif_focal_35mm)
        pitch, _ = pitch_and_roll(camera)

        progress(Progress(1, 4, "objects"))
        ids = _read_ids(scene_root / source.mask, size) if source.mask else None
        found = segment(rgb, ids, camera.cy - camera.fy * math.tan(pitch))
        if ids is None and found.plane is None:
            raise ReconstructionError(
                f"{image}: no support plane: no even surface shows on 8 % of the picture below its horizon; "
                "photograph the objects on a plain table, or give an instance mask (--mask)"
            )
        if not found.instances:
            seen = "; ".join(found.notes) or "nothing stands out from the support plane"
            raise ReconstructionError(f"{image}: no object: {seen}; give an instance mask (--mask)")

        camera = pitch_from_boxes(found.instances, camera)

        progress(Progress(2, 4, f"shapes of {len(found.instances)} objects"))
        placed, dropped = arrange(found.instances, camera, rgb)
        if not placed:
            raise ReconstructionError(
                f"{image}: no object: {'; '.join((*found.notes, *dropped))}; photograph the table from further above"
            )
        scale = estimate_scale([float(np.ptp(item.solid.mesh.vertices[:, 2])) for item in placed])

        progress(Progress(3, 4, "textures"))
        stage1.mkdir(parents=True, exist_ok=True)
        picture = Picture(rgb, camera, (source.width, source.height))
        names = [f"object_{k + 1:02d}" for k in range(len(placed))]
        supports = [PLANE_ID if item.support is None else names[item.support] for item in placed]
        objects = tuple(
            write_object(name, item, support, picture, stage1)
            for name, item, support in zip(names, placed, supports, strict=True)
        )
        draw_preview(rgb, camera, names, placed, stage1 / "preview.png")
        full_camera = resized(camera, source.width / size[0]).model_copy(
            update={"width": source.width, "height": source.height}
        )
        full_camera.write(stage1 / "camera.json")
        moved = [f"{name}: {note}" for name, item in zip(names, placed, strict=True) for note in item.notes]
        info = SceneInfo(
            scene_id=source.scene_id,
            image_size=(source.width, source.height),
            meters_per_unit=scale.factor,
            scale=scale,
            confidence=round(min(item.confidence for item in objects), 3),
            environment_type=None,
            reconstruction_method=self.backend,
            generated_at=source.received_at,
            support_planes=(support_plane(found.plane, placed, picture),),
            objects=objects,
            sha256=hashes(stage1),
            notes=(*found.notes, *dropped, *moved),
        )
        info.write(stage1 / "scene_info.json")
        progress(Progress(4, 4, f"{len(objects)} objects"))
        return info


def _read_ids(path: Path, size: tuple[int, int]) -> NDArray[np.uint16]:
    """The instance mask at working size, uint16."""
    import cv2
    import numpy as np

    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None or ids.ndim != 2:
        raise ReconstructionError(f"{path}: not a mask of single numbers: make the source again")
    return np.asarray(cv2.resize(ids.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST), np.uint16)
