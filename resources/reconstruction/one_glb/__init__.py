"""One GLB file with a node per object, as MIDI (`output.glb`), SceneGen and 3D-Fixer write: a reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES: tuple[str, ...] = ()
"""None: the output is the file itself, and it may name no other."""

Gravity = Literal["gltf", "objects"]
"""Where up comes from: `gltf`, +Y as glTF says; `objects`, how they rest (3D-Fixer's frame is the camera's)."""


@dataclass
class OneGlbReconstructor:
    """Reads the file `output`. `tool` is who wrote it, for `reconstruction_method`; the file does not say.

    Implements `resources.reconstruction.Reconstructor`. The same file gives the same bytes.
    """

    output: Path
    tool: str = "one-glb"
    gravity: Gravity = "gltf"

    @property
    def backend(self) -> str:
        """What ran, as far as anybody says."""
        return self.tool

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the file; see the protocol. `scene_root` is not read.

        Raises:
            NativeOutputError: the file is missing; it has no object or too many; a node's transform shears.
            MeshError: it is not a usable glTF file, or names another file.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.reconstruction.stage1_folder import write_stage1

        from .reader import SCALE, read_world

        progress(Progress(0, 2, f"reading {self.output.name}"))
        folder = NativeFolder(self.output.parent, self.tool)
        world, notes = read_world(folder, self.output.name, self.gravity)
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
                "confidence": "the file has no scores",
                "environment_type": "the file does not name the room",
                "camera": "the file has objects only",
                "image_size": "the file has objects only",
                "background": "the file has objects only",
            },
            notes=notes,
        )
        progress(Progress(2, 2, f"{len(world.objects)} objects"))
        return info
