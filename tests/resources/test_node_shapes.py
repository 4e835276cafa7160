from __future__ import annotations

import json

import pytest

from resources.node_shapes import SHAPES, UnknownShape, op_tags, pool


def test_an_unknown_shape_names_the_ones_there_are() -> None:
    with pytest.raises(UnknownShape, match="gpu-l4"):
        op_tags("gpu-h9000")
    with pytest.raises(UnknownShape, match="gpu-h9000"):
        pool("gpu-h9000")


@pytest.mark.parametrize("name", SHAPES)
def test_tags_are_json_and_each_call_gives_its_own(name: str) -> None:
    tags = op_tags(name)
    assert json.loads(json.dumps(tags)) == tags
    tags["dagster-k8s/config"]["container_config"].clear()
    assert op_tags(name)["dagster-k8s/config"]["container_config"]


@pytest.mark.parametrize("name", SHAPES)
def test_a_gpu_is_selected_tolerated_and_counted_or_none_of_it(name: str) -> None:
    config = op_tags(name)["dagster-k8s/config"]
    resources = config["container_config"]["resources"]
    wants_gpu = "nvidia.com/gpu" in resources["limits"]
    assert wants_gpu == name.startswith("gpu-") == ("pod_spec_config" in config) == (pool(name) is not None)
    if wants_gpu:
        assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"


def test_no_two_shapes_share_a_pool() -> None:
    pools = [pool(name) for name in SHAPES if pool(name)]
    assert len(pools) == len(set(pools))
