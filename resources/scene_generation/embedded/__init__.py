"""Scenes from words without a language model: a grammar, a catalogue of parametric objects and an arrangement.

Every noun that is known is there in its number, at its real size, standing on what it was put on; what is not known is listed.
The same request and seed give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from blueprint_assets.contracts.declared_physics import PHYSICS, DeclaredPhysics
from blueprint_assets.contracts.posed_meshes import Obtained, Scale, SceneInfo, SupportPlane
from blueprint_assets.contracts.scene_request import (
    AskedObject,
    AskedRelation,
    NormalizedRequest,
    TextgenComplete,
    TextgenPackage,
)
from resources.observability import Progress, ProgressSink
from resources.scene_generation import SceneGenerationError
from resources.scene_generation.articulation import write_articulation

if TYPE_CHECKING:
    from .arrangement import Arranged
    from .asked import Understood
    from .items import Item

BACKEND = "embedded_text"
PACKAGE = "package.json"
REQUEST = "request.normalized.json"
COMPLETE = ".textgen_complete"

FURNISHED = {
    "kitchen": "a counter, a fridge and a stove; a kettle, two mugs and a bowl on the counter; a pan on the stove",
    "office": "a desk, a chair and a bookcase; a monitor, a keyboard, a mouse and a mug on the desk; two books on the bookcase",
    "warehouse": "a warehouse rack, a pallet; two boxes on the rack; two boxes on the pallet; a crate on the floor",
    "living room": "a sofa, a coffee table and a floor lamp; a remote control, a mug and two books on the coffee table",
    "bedroom": "a bed, a nightstand next to the bed; a lamp and an alarm clock on the nightstand",
    "dining room": "a table and four chairs around the table; four plates and four glasses on the table",
    "workshop": "a workbench; a hammer, two screwdrivers, a wrench and a toolbox on the workbench",
}
"""What a room holds when it is all that a prompt names. Own choice; the package says when it was used."""
FLOOR_COLOR = (0.72, 0.7, 0.67)
TABLE_COLOR = (0.66, 0.5, 0.34)


class EmbeddedSceneGenerator:
    """See `resources.scene_generation.SceneGenerator`."""

    backend = BACKEND

    def generate(self, request: NormalizedRequest, stage1: Path, textgen: Path, progress: ProgressSink) -> SceneInfo:
        """See `SceneGenerator.generate`."""
        import numpy as np

        from .arrangement import arrange
        from .grammar import understand

        if request.source_mode != "text" or request.prompt is None:
            raise SceneGenerationError(f"scene {request.scene_id}: the request is for an image; reconstruct it instead")
        asked = understand(request.prompt)
        furnished = None
        if not asked.groups:
            furnished = FURNISHED.get(asked.room or "")
            if furnished is None:
                raise SceneGenerationError(
                    f"prompt: a {asked.room} and nothing in it; name what should be there (a {', a '.join(FURNISHED)} can be "
                    "furnished)"
                )
            asked.groups = understand(furnished).groups
        progress(Progress(0, 2, "arranging"))
        arranged = arrange(asked, np.random.default_rng(request.seed), request.constraints.room)
        progress(Progress(1, 2, f"writing {len(arranged.items)} objects"))
        info = _write(request, asked, arranged, stage1)
        request.write(textgen / REQUEST)
        _package(request, asked, arranged, furnished, stage1).write(textgen / PACKAGE)
        TextgenComplete(scene_id=request.scene_id, timestamp=request.received_at).write(textgen / COMPLETE)
        progress(Progress(2, 2, "done"))
        return info


def _write(request: NormalizedRequest, asked: Understood, arranged: Arranged, stage1: Path) -> SceneInfo:
    from resources.reconstruction.stage1_folder import Found, write_stage1

    found = []
    notes = [f"not understood: {words}" for words in asked.not_understood]
    notes += [f"read as: {words}" for words in asked.read_as]
    notes += list(arranged.adjusted)
    for item, pose, support in arranged.items:
        write_articulation(stage1, item.id, item.shape)
        _write_body(stage1, item)
        category = item.group.kind.category
        found.append(
            Found(
                id=item.id,
                label=" ".join((*item.group.looks, category)),
                category=category,
                mesh=item.shape.mesh(),
                world_from_object=pose,
                support=support,
                obtained=Obtained(
                    mask="none",
                    shape="parametric",
                    position="arranged by the prompt's relations",
                    texture="procedural",
                    label="named in the prompt",
                    native_name=item.group.phrase,
                ),
                confidence=None,
                unknown={"mask": "there is no picture", "confidence": "nothing was estimated: the object was made"},
            )
        )
    environment = request.constraints.environment or asked.room
    unknown = {
        "camera": "a request in words has no camera",
        "image_size": "there is no picture",
        "confidence": "nothing was estimated: the scene was made",
        "background": "only what was asked for is made",
    }
    if environment is None:
        unknown["environment_type"] = "the prompt names no room"
    return write_stage1(
        stage1,
        found,
        _planes(arranged),
        scene_id=request.scene_id,
        method=BACKEND,
        generated_at=request.received_at,
        scale=Scale(factor=1.0, evidence="catalogue", confidence=1.0, reason="made in metres, at catalogue sizes"),
        camera=None,
        confidence=None,
        environment=environment,
        arranged=True,
        unknown=unknown,
        notes=notes,
    )


def _write_body(stage1: Path, item: Item) -> None:
    """The convex parts that the shape is made of, where it knows them."""
    parts = item.shape.convex_pieces()
    if parts is not None:
        DeclaredPhysics(
            collision=tuple(tuple(tuple(corner) for corner in part.round(6).tolist()) for part in parts),
            evidence="catalogue",
            source="the parts that it was built of",
        ).write(stage1 / "objects" / item.id / PHYSICS)


def _planes(arranged: Arranged) -> list[SupportPlane]:
    from .arrangement import TABLE, TABLE_HEIGHT_M
    from .asked import FLOOR

    planes = []
    if arranged.floor is not None:
        planes.append(_plane(FLOOR, (0.0, 0.0, *arranged.floor), 0.0, FLOOR_COLOR))
    if arranged.table is not None:
        height = 0.0 if arranged.floor is None else TABLE_HEIGHT_M
        planes.append(_plane(TABLE, arranged.table, height, TABLE_COLOR))
    return planes


def _plane(
    name: str, place: tuple[float, float, float, float], height: float, color: tuple[float, float, float]
) -> SupportPlane:
    x, y, width, depth = place
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return SupportPlane(
        id=name,
        normal=(0.0, 0.0, 1.0),
        point=(x, y, height),
        polygon=tuple((x + sx * width / 2, y + sy * depth / 2, height) for sx, sy in corners),
        color=color,
        evidence="default",
        label=name,
    )


def _package(
    request: NormalizedRequest, asked: Understood, arranged: Arranged, furnished: str | None, stage1: Path
) -> TextgenPackage:
    assert request.prompt is not None
    objects = tuple(
        AskedObject(
            id=item.id,
            category=item.group.kind.category,
            phrase=item.group.phrase,
            relation=item.relation,
            parent_support_id=item.parent if isinstance(item.parent, str) else getattr(item.parent, "id", support),
        )
        for item, _, support in arranged.items
    )
    return TextgenPackage(
        scene_id=request.scene_id,
        backend=BACKEND,
        used_llm=False,
        prompt=request.prompt,
        seed=request.seed,
        variant=request.variant,
        quality_tier=request.quality_tier,
        room_type=request.constraints.environment or asked.room,
        objects=objects,
        relations=tuple(
            AskedRelation(subject_id=subject, relation=relation, object_ids=others)
            for relation, subject, others in arranged.relations
        ),
        not_understood=tuple(asked.not_understood),
        read_as=tuple(asked.read_as),
        adjusted=arranged.adjusted,
        furnished=furnished,
        articulated=tuple(item.id for item, _, _ in arranged.items if item.shape.joints),
    )
