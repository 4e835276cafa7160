"""3D-RE-GEN (cgtuebingen/3D-RE-GEN, MIT): a reader of its output tree. `runner` starts it first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES = (
    "tmp/converted_from_webp.png",
    "output/glb/*.glb",
    "output/3D/*/*.glb",
    "output/findings/fullSize/*.png",
    "output/masks/*.png",
    "output/pre_3D/camera.npz",
    "output/pointclouds/PLANE_SAMPLED.ply",
    "output/pointclouds/meshed/ground_aligned.glb",
    "src/config.yaml",
    ".regen3d_complete",
)
"""Every file of a tree that may be read, as glob patterns."""


@dataclass
class Regen3dReconstructor:
    """Reads a checkout, or a copy of one, in which 3D-RE-GEN ran: the folder with `output/` (and `tmp/`) in it.

    Implements `resources.reconstruction.Reconstructor`. The same tree gives the same bytes.
    """

    output: Path
    backend: str = "3d-re-gen"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the tree; see the protocol. `scene_root` is not read: the tree has its own pictures.

        Raises:
            NativeOutputError: a file is missing, outside the folder, or not as 3D-RE-GEN writes it; no object; different
                vertex counts; a placed mesh that is sheared, mirrored or another; another picture than the scene's.
            MeshError: a canonical mesh cannot be used.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.reconstruction.native_object import picture_size
        from resources.reconstruction.stage1_folder import write_stage1

        from .background import read_background
        from .completion import read_completion
        from .reader import SCALE, read_world

        progress(Progress(0, 2, "reading 3D-RE-GEN's output"))
        folder = NativeFolder(self.output, "3D-RE-GEN")
        world, camera, notes = read_world(folder, picture_size(source))
        completion = read_completion(folder)
        background, why = read_background(folder, world.from_frame)
        unknown = {"confidence": "3D-RE-GEN writes no scores", "environment_type": "3D-RE-GEN does not name rooms"}
        if camera is None:
            unknown |= dict.fromkeys(("camera", "image_size"), "output/pre_3D/camera.npz is missing")
        if background is None:
            unknown["background"] = why
        progress(Progress(1, 2, f"{len(world.objects)} objects"))
        info = write_stage1(
            stage1,
            world.objects,
            [world.plane],
            scene_id=source.scene_id,
            method=self.backend if completion is None else completion.method,
            generated_at=source.received_at,
            scale=SCALE,
            camera=camera,
            confidence=None,
            environment=None,
            background=background,
            inputs=folder.consumed(),
            unknown=unknown,
            notes=notes,
        )
        progress(Progress(2, 2, f"{len(world.objects)} objects"))
        return info
