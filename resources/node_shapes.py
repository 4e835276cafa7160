"""The kinds of machine a step may ask for in a cluster: one table, from which op tags and pools are made.

Steps on a laptop run in the process that started them and never look at this. The pools that offer these shapes are
described in `deployments/gke/node_pools.yaml`; a test makes sure that each shape fits exactly one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
"""GKE puts this label on the nodes of a GPU pool."""
GPU_RESOURCE = "nvidia.com/gpu"
"""The device plugin's resource name, and the key of the taint that GKE puts on GPU nodes."""


class UnknownShape(ValueError):  # noqa: N818
    """There is no node shape of that name."""


@dataclass(frozen=True)
class NodeShape:
    """What a step asks for.

    `cpu` in cores and `memory` as Kubernetes quantities; both are requests, and `memory_limit` is where the step is
    stopped. There is no limit on cores: idle ones may be used. `accelerator` is the value of ACCELERATOR_LABEL;
    `pool` names the Dagster concurrency pool (its limit keeps a queue from asking for more cards than the quota has).
    """

    cpu: str
    memory: str
    memory_limit: str
    accelerator: str | None = None
    gpus: int = 0
    pool: str | None = None


SHAPES: dict[str, NodeShape] = {
    # The embedded backends: two worker processes, under 3 GB measured in all.
    "cpu": NodeShape(cpu="2", memory="4Gi", memory_limit="6Gi"),
    # 24 GB card, one per g2-standard-8 node (8 cores, 32 GB): image-to-3D and articulation models.
    "gpu-l4": NodeShape(cpu="6", memory="24Gi", memory_limit="24Gi", accelerator="nvidia-l4", gpus=1, pool="gpu_l4"),
    # 96 GB card with ray tracing cores, one per g4-standard-48 node (48 cores, 180 GB): Isaac Sim and Genie Sim.
    # Google Cloud offers no L40S, which is what workstations and other clouds use here.
    "gpu-rtx-pro-6000": NodeShape(
        cpu="40",
        memory="150Gi",
        memory_limit="150Gi",
        accelerator="nvidia-rtx-pro-6000",
        gpus=1,
        pool="gpu_rtx_pro_6000",
    ),
}


def shape_of(name: str) -> NodeShape:
    """The row of the table.

    Raises:
        UnknownShape: there is none of that name.
    """
    if name not in SHAPES:
        raise UnknownShape(f"node shape {name!r}: choose one of {', '.join(SHAPES)} (resources/node_shapes.py)")
    return SHAPES[name]


def op_tags(name: str) -> dict[str, Any]:
    """Op tags that make `k8s_job_executor` start the step's pod with this shape; other executors ignore them.

    A node selector is only in the GPU shapes: GPU nodes are tainted, so a pod without a toleration stays off them.

    Raises:
        UnknownShape: there is none of that name.
    """
    shape = shape_of(name)
    requests = {"cpu": shape.cpu, "memory": shape.memory}
    limits = {"memory": shape.memory_limit}
    config: dict[str, Any] = {"container_config": {"resources": {"requests": requests, "limits": limits}}}
    if shape.accelerator is not None:
        # An extended resource cannot be overcommitted: request and limit are equal.
        requests[GPU_RESOURCE] = limits[GPU_RESOURCE] = str(shape.gpus)
        config["pod_spec_config"] = {
            "node_selector": {ACCELERATOR_LABEL: shape.accelerator},
            "tolerations": [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}],
        }
    return {"dagster-k8s/config": config}


def pool(name: str) -> str | None:
    """The Dagster concurrency pool of a shape; None where nothing needs limiting.

    Raises:
        UnknownShape: there is none of that name.
    """
    return shape_of(name).pool
