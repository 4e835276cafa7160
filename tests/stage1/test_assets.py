from __future__ import annotations

from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from blueprint_assets.stage1.assets import source
from blueprint_assets.stage1.intake import register
from io_managers.dagster_io import SceneStoreIOManager, SceneStoreResource


def refused(root: Path, scene_id: str) -> str:
    """What the asset says of a registered picture that it cannot use."""
    store = SceneStoreResource(root=str(root))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("scenes", [scene_id])
        result = dg.materialize(
            [source],
            partition_key=scene_id,
            instance=instance,
            resources={"scene_store": store, "artifact_io": SceneStoreIOManager(store=store)},
            raise_on_error=False,
        )
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


@pytest.mark.parametrize("with_mask", [False, True])
def test_a_refusal_names_the_file_that_was_given(with_mask: bool, tmp_path: Path) -> None:
    photo, mask = tmp_path / "None of mine.png", tmp_path / "small_mask.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)).save(photo)
    Image.fromarray(np.ones((8, 8), np.uint8)).save(mask)
    if not with_mask:
        photo.write_bytes(photo.read_bytes()[:2000])
    register(str(tmp_path / "root"), "scene", str(photo), str(mask) if with_mask else None)
    said = refused(tmp_path / "root", "scene")
    assert said.startswith(f"SourceError: {mask if with_mask else photo}: ")
