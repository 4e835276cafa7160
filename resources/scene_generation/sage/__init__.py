"""SAGE (NVlabs/sage, Apache-2.0): a reader of the layouts it packs. Field names as in its code at commit fe39660."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES = (
    "*.json",
    "objects/*.ply",
    "objects/*.png",
    "generation/*.ply",
    "generation/*.png",
    "objaverse/*.ply",
    "objaverse/*.png",
)
"""Every file of an unpacked layout that may be read, as glob patterns."""


@dataclass
class SageScene:
    """Reads an unpacked layout: its JSON file and `objects/<source_id>.ply` with `<source_id>_texture.png` (a results folder,
    `<source>/<source_id>.ply`, is read as well, there without texture coordinates: those are pickles, which nobody opens here).

    Implements `resources.reconstruction.Reconstructor`. The same folder gives the same bytes.
    """

    output: Path
    backend: str = "sage"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the folder; see the protocol. `scene_root` is not read.

        Raises:
            NativeOutputError: a layout that is not as SAGE writes it; a file that is missing or outside the folder.
            MeshError: a mesh cannot be used.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.scene_generation.finished import write_finished

        from .reader import read_layout

        progress(Progress(0, 2, "reading SAGE's layout"))
        folder = NativeFolder(self.output, "SAGE")
        layout = read_layout(folder)
        progress(Progress(1, 2, f"{len(layout.objects)} objects"))
        info = write_finished(
            stage1,
            source,
            folder,
            layout.objects,
            backend=self.backend,
            tool="SAGE",
            room=layout.room,
            notes=layout.notes,
        )
        progress(Progress(2, 2, f"{len(info.objects)} objects"))
        return info
