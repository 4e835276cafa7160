"""The picture as received, and the posed meshes that are read out of it."""

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
    owns=("input/",),
    made_by=("blueprint_assets.stage1.source",),
    condition=ONCE_REGISTERED,
)
def source(context: dg.AssetExecutionContext, scene_store: SceneStoreResource) -> dg.Output[Any]:
    """The photograph as received, decoded once and found fit for use."""
    from blueprint_assets.stage1.intake import fetch, require
    from blueprint_assets.stage1.source import SourceError, prepare_source

    store = scene_store.open()
    intake = require(store.root, context.partition_key)

    def build(work: Workspace) -> Metadata:
        with fetch(intake) as (image, mask):
            try:
                made = prepare_source(intake, image, mask, work.out)
            except SourceError as error:  # of the copy, which is gone by now: people know the file that they gave
                said = str(error).replace(str(image), intake.image_uri)
                if mask is not None and intake.mask_uri is not None:
                    said = said.replace(str(mask), intake.mask_uri)
                raise SourceError(said) from error
        return {"preview": made.image, "width": made.width, "height": made.height, "mask": made.mask or "none given"}

    return produce(context, store, {}, build, config={"image": intake.image_sha256, "mask": intake.mask_sha256})


@stage(
    group="stage1",
    kinds={"mesh", "opencv"},
    owns=("stage1/",),
    made_by=("resources.reconstruction", "blueprint_assets.stage1.posed"),
    shape="gpu-l4",
)
def reconstruction(
    context: dg.AssetExecutionContext,
    scene_store: SceneStoreResource,
    reconstructor: Reconstruction,
    source: ArtifactRef,
) -> dg.Output[Any]:
    """Posed, textured, watertight meshes, one per object, and the camera that saw them."""
    from blueprint_assets.contracts.source import Source
    from blueprint_assets.stage1.posed import objects_table

    backend = reconstructor.open()

    def build(work: Workspace) -> Metadata:
        picture = Source.read(work.inputs / "input/source.json")
        info = backend.reconstruct(picture, work.inputs, work.out / "stage1", work.progress)
        return {"preview": "stage1/preview.png", "objects_found": len(info.objects), "table": objects_table(info)}

    return produce(context, scene_store.open(), {"source": source}, build, backend=backend.backend)
