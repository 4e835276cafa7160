"""What was received, and the posed meshes that are made from it."""

import json
from typing import Any

import dagster as dg

from blueprint_assets.backends import Reconstruction
from blueprint_assets.stage import Metadata, Workspace, produce, stage
from io_managers.dagster_io import SceneStoreResource
from io_managers.record import ArtifactRef

ONCE_REGISTERED = (
    dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.execution_failed()
)
"""A source has nothing upstream: it is made when its scene is registered."""


@stage(
    group="source",
    kinds={"image"},
    owns=("input/", "textgen/request.normalized.json"),
    made_by=("blueprint_assets.stage1.received",),
    condition=ONCE_REGISTERED,
)
def source(context: dg.AssetExecutionContext, scene_store: SceneStoreResource) -> dg.Output[Any]:
    """The photograph, text request or ready reconstruction as received, read once and found fit for use."""
    from blueprint_assets.stage1.intake import require
    from blueprint_assets.stage1.received import take_in, told

    store = scene_store.open()
    intake = require(store.root, context.partition_key)

    def build(work: Workspace) -> Metadata:
        return told(take_in(intake, work.out))

    config = {"mode": intake.mode, "content": intake.identity, "mask": intake.mask_sha256}
    return produce(context, store, {}, build, config=config)


@stage(
    group="stage1",
    kinds={"mesh", "opencv"},
    owns=("stage1/", "textgen/package.json", "textgen/.textgen_complete"),
    made_by=("resources.reconstruction", "resources.scene_generation", "blueprint_assets.stage1.maker"),
    shape="gpu-l4",
)
def reconstruction(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    reconstructor: Reconstruction,
    source: ArtifactRef,
) -> dg.Output[Any]:
    """Posed, textured meshes, one per object, and the camera that saw them, where one did."""
    from blueprint_assets.contracts.source import Source
    from blueprint_assets.stage1.maker import maker_of
    from blueprint_assets.stage1.posed import demand_sound, objects_table

    store = scene_store.open()
    document = store.read(store.resolve(source), "input/source.json")
    maker = maker_of(
        Source.parse(json.loads(document), "input/source.json"), reconstructor.open, reconstructor.settings()
    )

    def build(work: Workspace) -> Metadata:
        maker.make(work.inputs, work.out, work.progress)
        info = demand_sound(work.out / "stage1")
        shown = {"preview": "stage1/preview.png"} if (work.out / "stage1/preview.png").is_file() else {}
        return {**shown, "objects_found": len(info.objects), "table": objects_table(info)}

    return produce(context, store, {"source": source}, build, backend=maker.backend, config=maker.settings)
