"""`.regen3d_complete`: our own marker beside 3D-RE-GEN's output, which has none. It says that every expected file is there."""

from __future__ import annotations

from typing import Literal

from blueprint_assets.contracts.base import ContractError, Document, SceneId
from resources.reconstruction.native_folder import MAX_DOCUMENT_BYTES, NativeFolder, NativeOutputError

from .tree import COMPLETE


class Regen3dComplete(Document):
    """What ran, on what. `commit` is null where the checkout is not a git repository."""

    schema_version: Literal["1.0"] = "1.0"
    scene_id: SceneId
    commit: str | None
    image_sha256: str
    objects: tuple[str, ...]
    """Native names of the placed objects."""
    not_placed: tuple[str, ...] = ()
    """Native names of what was detected but has no placed mesh."""
    warnings: tuple[str, ...] = ()
    """Lines of its log that report a failure of a step that did not stop the run."""

    @property
    def method(self) -> str:
        """What ran, for `reconstruction_method`."""
        return f"3d-re-gen@{self.commit[:12]}" if self.commit else "3d-re-gen"


def read_completion(folder: NativeFolder) -> Regen3dComplete | None:
    """The marker of a tree; None where somebody else ran 3D-RE-GEN.

    Raises:
        NativeOutputError: it is there but breaks its contract.
    """
    if not folder.has(COMPLETE):
        return None
    try:
        return Regen3dComplete.read(folder.file(COMPLETE, MAX_DOCUMENT_BYTES))
    except ContractError as error:
        raise NativeOutputError(str(error)) from error
