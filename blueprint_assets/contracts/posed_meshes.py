"""Posed meshes, the stage 1 layout: what every reconstruction backend and every scene generator returns (`stage1/`).

World frame: Z-up, right-handed; the first support plane is z = 0. Lengths are in reconstruction units;
`scale.factor` turns them into metres. Meshes are GLB (Y-up, as glTF says); read them with `geometry.mesh.load_glb`,
which turns them to Z-up. world = translation + R(rotation_quaternion) @ (scale * vertex).

What is not known is null, never an identity, 1.0 or an empty list, and `unknown` says why, field by field.
`blueprint_assets.stage1.posed.demand_sound` checks a folder against all of this.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from .base import Document, Evidence, Matrix4, ObjectId, Quaternion, SceneId, Sha256, Vector3


class Partial(Document):
    """A document some of whose fields may be null, each with a reason."""

    may_be_unknown: ClassVar[tuple[str, ...]] = ()

    unknown: dict[str, str] = Field(default={}, description="field that is null -> why")

    @model_validator(mode="after")
    def _nulls_have_reasons(self) -> Self:
        null = {name for name in self.may_be_unknown if getattr(self, name) is None}
        silent = sorted(null - {name for name, reason in self.unknown.items() if reason.strip()})
        if silent:
            raise ValueError(f"{silent[0]} is null without a reason in unknown.{silent[0]}")
        known = sorted(set(self.unknown) - null)
        if known:
            raise ValueError(f"unknown.{known[0]} says why {known[0]} is null, but it is not")
        return self


class ScaleVote(Document):
    """One opinion about metres per unit."""

    name: str
    factor: float = Field(gt=0)
    weight: float = Field(gt=0)
    evidence: Evidence
    note: str = ""


class Scale(Document):
    """What the backend itself knows of metres per reconstruction unit; null with a reason where it knows nothing. The
    scene's scale is decided from this and from everything else that is known (`scene.scale`)."""

    factor: float | None = Field(gt=0)
    evidence: Evidence
    confidence: float = Field(ge=0, le=1)
    reason: str = ""
    votes: tuple[ScaleVote, ...] = ()

    @model_validator(mode="after")
    def _null_has_a_reason(self) -> Self:
        if self.factor is None and not self.reason.strip():
            raise ValueError("factor is null without a reason")
        return self


class Pose(Document):
    """`objects/<id>/pose.json`: world from object. `transform_matrix` is T @ R @ S of the other three."""

    transform_matrix: Matrix4
    translation: Vector3
    rotation_quaternion: Quaternion
    scale: Vector3
    confidence: float | None = Field(ge=0, le=1, description="null where the object's is")
    is_floor_contact: bool = Field(description="it stands on a support plane, not on another object")


class Bounds(Document):
    """`objects/<id>/bounds.json`: axis-aligned, world frame, reconstruction units."""

    min: Vector3
    max: Vector3
    center: Vector3
    size: Vector3


class Obtained(Document):
    """How an object came about, step by step, so that nobody takes a fit for a scan."""

    mask: str = Field(description="given | colour_model+grabcut | … | none")
    shape: str = Field(description="revolved_silhouette | cuboid | extruded_silhouette | generated | library | …")
    position: str = Field(description="contact_pixels_on_plane | recorded | umeyama (residual …) | …")
    texture: str = Field(description="photo_projection | mean_colour | recorded | …")
    label: str = Field(default="", description="given | detector … | classifier … | colour and shape | recorded | …")
    native_name: str = Field(default="", description="what the tool that made it calls it")


class Candidate(Document):
    """A category that an object may be of."""

    category: str = Field(min_length=1, description="a name of the household catalogue")
    share: float = Field(gt=0, le=1)


class PosedObject(Partial):
    """One reconstructed object. `support` is a support plane's id or another object's."""

    may_be_unknown = ("category", "mask", "confidence")

    id: ObjectId
    label: str = Field(min_length=1, description="for people: white mug")
    category: str | None = Field(default=None, description="what it is, singular: mug. Null: nobody recognised it")
    candidates: tuple[Candidate, ...] = Field(
        default=(),
        description="what it may be by look and shape, its size left out, best first; what is missing to 1 is something else. "
        "Empty: the backend weighs no alternatives",
    )
    mesh: str = Field(description="relative to stage1/")
    mask: str | None = Field(description="relative to stage1/; full picture size, 255 = object")
    pose: str
    bounds: str
    support: str
    obtained: Obtained
    confidence: float | None = Field(ge=0, le=1)


class SupportPlane(Document):
    """A surface that things stand on. `polygon` is its known part on the plane, world frame, counter-clockwise from above."""

    id: ObjectId
    normal: Vector3
    point: Vector3
    polygon: tuple[Vector3, ...] = Field(min_length=3)
    color: Vector3 = Field(description="mean RGB in the photograph, 0..1")
    evidence: Evidence
    label: str = Field(default="", description="table | floor | shelf | …; empty: not told apart")


class Background(Document):
    """What is behind and around the objects, as a mesh in the world frame (GLB, Y-up)."""

    mesh: str = Field(description="relative to stage1/")
    obtained: str


class ConsumedFile(Document):
    """A file of another tool's output that was read, by its path relative to that output."""

    path: str = Field(min_length=1)
    sha256: Sha256


class Camera(Document):
    """`stage1/camera.json`: pinhole, no distortion. OpenCV axes (x right, y down, z forward); pixel centres at +0.5."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    fx: float = Field(gt=0)
    fy: float = Field(gt=0)
    cx: float
    cy: float
    focal_evidence: Evidence
    camera_to_world: Matrix4
    pitch_evidence: Evidence
    note: str = ""


class SceneInfo(Partial):
    """`stage1/scene_info.json`: the table of contents of a reconstruction."""

    may_be_unknown = ("image_size", "confidence", "environment_type", "camera", "background")

    version: Literal["2.0.0"] = "2.0.0"
    scene_id: SceneId
    image_size: tuple[int, int] | None = Field(description="width, height; null: there is no picture")
    coordinate_frame: Literal["z_up"] = "z_up"
    meters_per_unit: float | None = Field(description="scale.factor again, where other tools look for it")
    scale: Scale
    confidence: float | None = Field(ge=0, le=1)
    environment_type: str | None = Field(description="kitchen, office, …")
    reconstruction_method: str = Field(description="what really ran: embedded, 3d-re-gen@<commit>, …")
    generated_at: str = Field(
        description="ISO 8601: when the source was received; the commit record says when this ran"
    )
    camera: str | None = Field(description="relative to stage1/; null: no camera saw this scene")
    support_planes: tuple[SupportPlane, ...] = Field(min_length=1)
    objects: tuple[PosedObject, ...] = Field(min_length=1)
    background: Background | None = None
    arranged: bool = Field(
        default=False,
        description="objects stand exactly where they should, at rest and apart; nothing need be set down or pushed apart",
    )
    inputs: tuple[ConsumedFile, ...] = Field(default=(), description="files of another tool that this was read from")
    sha256: dict[str, Sha256] = Field(description="every other file of stage1/, relative to it")
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _shares_of_one(self) -> Self:
        for item in self.objects:
            total = sum(each.share for each in item.candidates)
            if total > 1.001:
                raise ValueError(f"object {item.id}: the shares of its candidates add up to {total:g}; at most 1")
        return self

    @model_validator(mode="after")
    def _stands_on_something(self) -> Self:
        ids = [item.id for item in self.objects]
        planes = [plane.id for plane in self.support_planes]
        for names, what in ((ids, "object"), (planes, "support plane")):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice:
                raise ValueError(f"{what} {twice} appears twice; ids are unique")
        both = sorted(set(ids) & set(planes))
        if both:
            raise ValueError(f"{both[0]} is the id of an object and of a support plane")
        lost = next((item for item in self.objects if item.support not in {*ids, *planes} - {item.id}), None)
        if lost:
            raise ValueError(
                f"object {lost.id} stands on {lost.support!r}, which is neither a plane nor another object"
            )
        return self
