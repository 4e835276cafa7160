"""EmbodiedGen (HorizonRobotics/EmbodiedGen, Apache-2.0): a reader of its URDF assets, and of its layouts of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES = (
    "layout.json",
    "**/*.urdf",
    "**/mesh/*.obj",
    "**/mesh/*.glb",
    "**/mesh/*.mtl",
    "**/mesh/*.png",
    "**/mesh/*.jpg",
)
"""Every file of an output folder that may be read, as glob patterns."""


@dataclass
class EmbodiedGenReconstructor:
    """Reads a folder of assets (`<name>.urdf` beside `mesh/`, up to four folders deep), placed by its `layout.json` if it has
    one, side by side if not.

    Implements `resources.reconstruction.Reconstructor`. The same folder gives the same bytes.
    """

    output: Path
    backend: str = "embodiedgen"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the folder; see the protocol. `scene_root` is not read.

        Raises:
            NativeOutputError: no asset; a URDF or layout that is not as EmbodiedGen writes it; a file outside the folder.
            MeshError: a mesh cannot be used.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.reconstruction.stage1_folder import write_stage1

        from .reader import SCALE, read_assets, read_world, write_physics

        progress(Progress(0, 2, "reading EmbodiedGen's output"))
        folder = NativeFolder(self.output, "EmbodiedGen")
        assets, notes = read_assets(folder)
        world = read_world(assets)
        write_physics(stage1, assets)
        progress(Progress(1, 2, f"{len(world.objects)} objects"))
        info = write_stage1(
            stage1,
            world.objects,
            [world.plane],
            scene_id=source.scene_id,
            method=self.backend,
            generated_at=source.received_at,
            scale=SCALE,
            camera=None,
            confidence=None,
            environment=None,
            inputs=folder.consumed(),
            unknown={
                "confidence": "EmbodiedGen gives no scores",
                "environment_type": "EmbodiedGen does not name rooms",
                "camera": "EmbodiedGen reconstructs each object by itself; no camera saw them together",
                "image_size": "there is no picture of all objects",
                "background": "EmbodiedGen's background is not read",
            },
            notes=notes,
        )
        progress(Progress(2, 2, f"{len(world.objects)} objects"))
        return info
