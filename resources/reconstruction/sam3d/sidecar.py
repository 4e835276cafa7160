"""`sam3d.json`: what SAM 3D Objects' Python API returns besides files, kept beside them.

The tool writes no document: `Inference(config)(image, mask, seed)` returns a dict per object. This format is ours and
holds that dict's pose as it is; docs/reconstruction_backends.md has the ten lines of Python that write it. Read in
facebookresearch/sam-3d-objects at commit cf06676:

- `rotation` (w, x, y, z), `translation` and `scale` take the object's own Z-up points to the camera by PyTorch3D's
  `Transform3d().scale(s).rotate(quaternion_to_matrix(q)).translate(t)`, which multiplies *row* vectors: p' = (s p) R + t.
- The GLB is that Z-up mesh turned to Y-up, as glTF has it.
- Camera axes are PyTorch3D's: x left, y up, z forward.
- `intrinsics` are normalised by the picture's width and height, as MoGe gives them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from blueprint_assets.contracts.base import ContractError, Document, Quaternion, Vector3
from resources.reconstruction.native_folder import NativeFolder, NativeOutputError

SIDECAR = "sam3d.json"

Matrix3 = tuple[Vector3, Vector3, Vector3]


class Foreign(Document):
    """A document that other people write: fields that are not known are errors, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Picture(Foreign):
    """The picture that the masks are of, pixels."""

    width: int = Field(gt=0, le=20_000)
    height: int = Field(gt=0, le=20_000)


class Plane(Foreign):
    """The surface that things stand on, camera axes, where somebody knows it. The normal's sense does not matter."""

    normal: Vector3
    point: Vector3


class Pointmap(Foreign):
    """What the pose's units are: those of the point map that was given, or of MoGe's, which is used by default."""

    source: str = Field(default="moge", min_length=1)
    metric: bool = Field(default=False, description="its units are metres: MoGe-2, a depth camera")


class SidecarObject(Foreign):
    """One object, as the API returned it."""

    name: str = Field(min_length=1, max_length=200)
    label: str | None = Field(default=None, min_length=1, description="what the mask's maker called it")
    mesh: str = Field(min_length=1, description="GLB, relative to the folder: outputs['glb'].export(…)")
    mask: str | None = Field(
        default=None, description="PNG of the picture's shape; the last channel is the mask, as the API reads it"
    )
    rotation: Quaternion
    translation: Vector3
    scale: Vector3
    iou: float | None = Field(default=None, ge=-1, le=1, description="of its layout optimisation; -1: not done")


class Sidecar(Foreign):
    """`sam3d.json`."""

    schema_version: Literal["1.0"] = "1.0"
    image: Picture | None = None
    intrinsics: Matrix3 | None = None
    pointmap: Pointmap = Pointmap()
    plane: Plane | None = None
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{7,40}$")
    objects: tuple[SidecarObject, ...] = Field(min_length=1)


def read_sidecar(folder: NativeFolder) -> Sidecar:
    """The folder's `sam3d.json`.

    Raises:
        NativeOutputError: it is missing or breaks the format; the message names the field.
    """
    value = folder.json(SIDECAR)
    try:
        return Sidecar.parse(value, str(folder.root / SIDECAR))
    except ContractError as error:
        raise NativeOutputError(str(error)) from error
