"""SceneSmith (nepfaff/scenesmith, MIT): a reader of the houses it writes. Field names as in its code at commit 0a07a07."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Source
from resources.observability import Progress, ProgressSink

CONSUMES = ("combined_house/house_state.json", "house_state.json", "room_*/**/*")
"""Every file of a house folder that may be read, as glob patterns."""


@dataclass
class SceneSmithScene:
    """Reads a house folder (`scene_000` of a run): `combined_house/house_state.json` and the SDF assets of its rooms.

    Implements `resources.reconstruction.Reconstructor`. The same folder gives the same bytes.
    """

    output: Path
    backend: str = "scenesmith"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1` from the folder; see the protocol. `scene_root` is not read.

        Raises:
            NativeOutputError: a state or SDF file that is not as SceneSmith writes it; a file outside the folder.
            MeshError: a mesh cannot be used.
        """
        from resources.reconstruction.native_folder import NativeFolder
        from resources.scene_generation.finished import write_finished

        from .reader import read_house

        progress(Progress(0, 2, "reading SceneSmith's house"))
        folder = NativeFolder(self.output, "SceneSmith")
        house = read_house(folder)
        progress(Progress(1, 2, f"{len(house.objects)} objects"))
        info = write_finished(
            stage1,
            source,
            folder,
            house.objects,
            backend=self.backend,
            tool="SceneSmith",
            room=house.room,
            notes=house.notes,
        )
        progress(Progress(2, 2, f"{len(info.objects)} objects"))
        return info
