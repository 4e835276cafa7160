"""What differs between a laptop and a cluster: where a step runs. `BLUEPRINT_DEPLOYMENT` names the deployment."""

from __future__ import annotations

import os

import dagster as dg

DEPLOYMENT_VARIABLE = "BLUEPRINT_DEPLOYMENT"
DEPLOYMENTS = ("local", "gke")


def name() -> str:
    """The deployment this process belongs to.

    Raises:
        ValueError: the variable names a deployment that there is not.
    """
    deployment = os.environ.get(DEPLOYMENT_VARIABLE) or "local"
    if deployment not in DEPLOYMENTS:
        raise ValueError(f"{DEPLOYMENT_VARIABLE}={deployment!r}: choose one of {', '.join(DEPLOYMENTS)}")
    return deployment


def executor() -> dg.ExecutorDefinition:
    """Steps run in one process on a laptop (a process per step would import everything anew), in pods on a cluster."""
    if name() == "gke":
        from dagster_k8s import k8s_job_executor

        in_pods: dg.ExecutorDefinition = k8s_job_executor
        return in_pods
    return dg.in_process_executor
