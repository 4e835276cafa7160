"""SAM 3D Objects (facebookresearch/sam-3d-objects): a reader of its per-object outputs, kept with a small JSON beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES = ("sam3d.json", "**/*.glb", "**/*.png")
"""Every file of an output folder that may be read, as glob patterns."""


@dataclass
class Sam3dReconstructor:
    """Reads a folder with `sam3d.json` (`sidecar.Sidecar`) and the GLB files and masks that it names.

    Implements `resources.reconstruction.Reconstructor`. The same folder gives the same bytes.
    """

    output: Path
    backend: str = "sam-3d-objects"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the folder; see the protocol. `scene_root` is not read.

        Raises:
            NativeOutputError: a file is missing, outside the folder or not as described in `sidecar`; a rotation that is not
                of unit length; a scale that is uneven or not positive; another picture than the scene's.
            MeshError: a mesh cannot be used.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.reconstruction.native_object import picture_size
        from resources.reconstruction.stage1_folder import write_stage1

        from .reader import read_scale, read_world
        from .sidecar import read_sidecar

        progress(Progress(0, 2, "reading SAM 3D Objects' output"))
        folder = NativeFolder(self.output, "SAM 3D Objects")
        sidecar = read_sidecar(folder)
        world, camera, notes = read_world(folder, sidecar, picture_size(source))
        unknown = {
            "confidence": "SAM 3D Objects gives no scores",
            "environment_type": "SAM 3D Objects does not name rooms",
            "background": "SAM 3D Objects reconstructs objects only",
        }
        if camera is None:
            unknown |= dict.fromkeys(("camera", "image_size"), "sam3d.json has no image or no intrinsics")
        progress(Progress(1, 2, f"{len(world.objects)} objects"))
        info = write_stage1(
            stage1,
            world.objects,
            [world.plane],
            scene_id=source.scene_id,
            method=f"{self.backend}@{sidecar.commit[:12]}" if sidecar.commit else self.backend,
            generated_at=source.received_at,
            scale=read_scale(sidecar),
            camera=camera,
            confidence=None,
            environment=None,
            inputs=folder.consumed(),
            unknown=unknown,
            notes=notes,
        )
        progress(Progress(2, 2, f"{len(world.objects)} objects"))
        return info
