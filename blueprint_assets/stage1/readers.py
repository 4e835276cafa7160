"""Whose ready output can be read, and by which reader. A format is a line of `contracts.source.Format` and a branch here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blueprint_assets.contracts.posed_meshes import SceneInfo
from blueprint_assets.contracts.source import Format, Source
from resources.observability import Progress, ProgressSink
from resources.reconstruction import Reconstructor

from .posed import SCENE_INFO, demand_sound


class ReadyOutputError(ValueError):
    """Another system's output cannot be taken in. The message names the folder or file, what is wrong and the remedy."""


@dataclass(frozen=True)
class Reader:
    """`needs`: what a person has to give; `mark`: a glob pattern that something in it matches. `consumes`: glob patterns of
    every file that may be read. `open`: the reader of a kept output. `one_file`: the output is a file, not a folder."""

    needs: str
    mark: str
    backend: str
    consumes: tuple[str, ...]
    open: Callable[[Path], Reconstructor]
    one_file: bool = False


@dataclass
class Stage1Reconstructor:
    """Takes over a folder that keeps the contract of posed meshes already, byte for byte but for the scene's id.

    Implements `resources.reconstruction.Reconstructor`.
    """

    output: Path
    backend: str = "stage1 folder"

    def reconstruct(self, source: Source, scene_root: Path, stage1: Path, progress: ProgressSink) -> SceneInfo:
        """Fills `stage1`; see the protocol.

        Raises:
            ContractError, MeshError, PosedMeshesError: the folder breaks its contract.
        """
        progress(Progress(0, 1, "checking the posed meshes"))
        info = demand_sound(self.output)
        shutil.copytree(self.output, stage1, dirs_exist_ok=True)
        taken = info.model_copy(update={"scene_id": source.scene_id})
        taken.write(stage1 / SCENE_INFO)
        progress(Progress(1, 1, f"{len(info.objects)} objects"))
        return taken


def reader_of(format: Format) -> Reader:
    """The reader of a format."""
    match format:
        case "regen3d":
            from resources.reconstruction import regen3d

            needs = "the folder in which 3D-RE-GEN ran, with output/ in it"
            opened: Callable[[Path], Reconstructor] = regen3d.Regen3dReconstructor
            return Reader(needs, "output/glb/*.glb", "3d-re-gen", regen3d.CONSUMES, opened)
        case "sam3d":
            from resources.reconstruction import sam3d

            needs = "a folder with sam3d.json and the GLB files that it names"
            return Reader(needs, "sam3d.json", "sam-3d-objects", sam3d.CONSUMES, sam3d.Sam3dReconstructor)
        case "glb":
            from resources.reconstruction import one_glb

            needs = "one .glb file with a node per object (MIDI, SceneGen, 3D-Fixer)"
            return Reader(needs, "*.glb", "one-glb", (), one_glb.OneGlbReconstructor, one_file=True)
        case "embodiedgen":
            from resources.reconstruction import embodiedgen

            needs = "the folder of EmbodiedGen's assets, each a .urdf beside mesh/"
            opened = embodiedgen.EmbodiedGenReconstructor
            return Reader(needs, "**/*.urdf", "embodiedgen", embodiedgen.CONSUMES, opened)
        case "scenesmith":
            from resources.scene_generation import scenesmith

            needs = "a house folder of SceneSmith (scene_000), with house_state.json in it"
            return Reader(needs, "**/house_state.json", "scenesmith", scenesmith.CONSUMES, scenesmith.SceneSmithScene)
        case "sage":
            from resources.scene_generation import sage

            needs = "a layout of SAGE, unpacked: its .json beside objects/"
            return Reader(needs, "*.json", "sage", sage.CONSUMES, sage.SageScene)
        case "stage1":
            needs = "a stage1 folder, with scene_info.json in it"
            return Reader(needs, SCENE_INFO, Stage1Reconstructor.backend, ("**/*",), Stage1Reconstructor)
