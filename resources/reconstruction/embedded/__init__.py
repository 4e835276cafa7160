"""Single-view metrology: one photograph on a CPU, with four small networks and geometry. It says how it knows what it says.

Camera from EXIF, straight edges (M-LSD) and round rims, or stated defaults. Objects from a given mask, or from what stands out
(IS-Net), what the detector knows and what differs from the support plane's colour, parted where outlines have notches and where
boxes lie on each other. Names from the detector, the ImageNet classifier and, weakly, the shape. Position from where they touch
the plane, a board of a shelf above it, or what they stand on; shape by fitting solids to the outline, texture from the
photograph. Metric scale is decided later, by the scene.

Without the networks' weights (`blueprint models`) straight edges are LSD's, objects are found by colour alone and nothing is
recognised; the reconstruction's method then reads "embedded (classical)".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.posed_meshes import Scale, SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink
from resources.reconstruction import ReconstructionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_SCALE = "units are the camera's height above the support plane; one photograph does not tell it"
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

        from blueprint_assets.geometry.camera import camera_position, pitch_and_roll, resized
        from resources.reconstruction.stage1_folder import PREVIEW, write_stage1

        from .arrangement import arrange
        from .calling import Seen, call
        from .cells import boards_under, things_in_cells
        from .gravity import estimate_camera
        from .instances import segment
        from .layout import Picture, board_plane, found_object, object_confidence, plane_id, support_plane
        from .outline_pitch import pitch_from_boxes
        from .preview import draw_preview
        from .shelves import find_boards
        from .straight_edges import find_segments
        from .unstacking import parted
        from .wide_shelves import find_wide_boards

        name, width, height = source.picture()
        image = scene_root / name
        full = cv2.imread(str(image), cv2.IMREAD_COLOR)
        if full is None or (full.shape[1], full.shape[0]) != (width, height):
            raise ReconstructionError(f"{image}: not the {width}x{height} picture of source.json: make it again")
        factor = min(1.0, WORK_SIZE / max(width, height))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        rgb = cv2.cvtColor(cv2.resize(full, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB).astype(np.uint8)

        progress(Progress(0, 4, "camera"))
        edges = find_segments(rgb)
        camera = estimate_camera(rgb, source.exif_focal_35mm, edges)
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
        masks = [instance.mask for instance in found.instances]
        boards = find_boards(edges, camera, masks, rgb) or find_wide_boards(edges, camera, masks, rgb)
        instances = found.instances
        if boards and ids is None and found.learned:
            instances = (*instances, *things_in_cells(rgb, instances, boards, camera))

        progress(Progress(2, 4, f"shapes of {len(instances)} objects"))
        heights = (0.0, *(board.height for board in boards))
        under = boards_under(instances, boards, camera)
        known: dict[int, int] = {}
        if ids is None:
            instances, under, known = parted(instances, under, camera, rgb, heights)
        placed, dropped = arrange(instances, camera, rgb, heights, under, known)
        if not placed:
            raise ReconstructionError(
                f"{image}: no object: {'; '.join((*found.notes, *dropped))}; photograph the table from further above"
            )

        progress(Progress(3, 4, "textures"))
        stage1.mkdir(parents=True, exist_ok=True)
        picture = Picture(rgb, camera, (width, height))
        names = [f"object_{k + 1:02d}" for k in range(len(placed))]
        supports = [plane_id(item.plane) if item.support is None else names[item.support] for item in placed]
        ground = support_plane(found.plane, placed, picture, "floor" if found.room else "")
        shelf = [board_plane(k + 1, board, placed, picture) for k, board in enumerate(boards)]
        looked = [Seen(item.solid, item.instance.may_be, object_confidence(item, camera)) for item in placed]
        called = call(looked, float(camera_position(camera)[2]), found.room)
        objects = [
            found_object(name, item, support, picture, it)
            for name, item, support, it in zip(names, placed, supports, called, strict=True)
        ]
        draw_preview(rgb, camera, names, placed, stage1 / PREVIEW)
        full_camera = resized(camera, width / size[0]).model_copy(update={"width": width, "height": height})
        moved = [f"{name}: {note}" for name, item in zip(names, placed, strict=True) for note in item.notes]
        info = write_stage1(
            stage1,
            objects,
            [ground, *(plane for plane in shelf if plane.id in supports)],
            scene_id=source.scene_id,
            method=self.backend if found.learned else f"{self.backend} (classical)",
            generated_at=source.received_at,
            scale=Scale(factor=None, evidence="default", confidence=0.0, reason=NO_SCALE),
            camera=full_camera,
            confidence=round(min(item.confidence or 0.0 for item in objects), 3),
            environment=None,
            unknown={
                "environment_type": "nothing here recognises rooms",
                "background": "only the objects and the surface under them are reconstructed",
            },
            notes=(*found.notes, *(board.note for board in boards if board.note), *dropped, *moved),
        )
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
