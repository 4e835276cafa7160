"""The cluster's documents: valid for Kubernetes, whole for Dagster, and every step's pod fits on exactly one node pool."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from resources.node_shapes import SHAPES, op_tags

ROOT = Path(__file__).parents[2]
GKE = ROOT / "deployments" / "gke"
VERSIONS = ("1.32", kubernetes_validate.latest_version())
SITE = dict(line.split("=", 1) for line in (GKE / "site.env").read_text().splitlines())
POSTGRES = {"DAGSTER_PG_HOST": "db", "DAGSTER_PG_USERNAME": "u", "DAGSTER_PG_PASSWORD": "p", "DAGSTER_PG_DB": "dagster"}


def documents() -> list[Any]:
    return [
        pytest.param(document, id=f"{file.stem}-{number}")
        for file in sorted(GKE.glob("manifests/*.yaml"))
        for number, document in enumerate(yaml.safe_load_all(file.read_text()))
    ]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [parameter.values[0] for parameter in documents() if parameter.values[0]["kind"] == kind]


@pytest.mark.parametrize("document", documents())
@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_valid_kubernetes(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)
    if document["kind"] != "Namespace":
        assert document["metadata"]["namespace"] == "blueprint"


def test_a_typing_mistake_would_be_found() -> None:
    document = of_kind("Deployment")[0]
    document["spec"]["template"]["spec"]["nodeSelectorr"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)


def test_kustomization_holds_every_manifest_and_both_maps() -> None:
    kustomization = yaml.safe_load((GKE / "kustomization.yaml").read_text())
    assert sorted(kustomization["resources"]) == sorted(f"manifests/{f.name}" for f in GKE.glob("manifests/*.yaml"))
    maps = {generated["name"]: generated for generated in kustomization["configMapGenerator"]}
    assert all((GKE / name).is_file() for name in maps["blueprint-instance"]["files"] + maps["blueprint-site"]["envs"])
    images = {c["image"] for d in of_kind("Deployment") for c in d["spec"]["template"]["spec"]["containers"]}
    assert images == {image["name"] for image in kustomization["images"]}
    replaced = kustomization["replacements"][0]["targets"][0]["fieldPaths"][0]
    code = next(d for d in of_kind("Deployment") if d["metadata"]["name"] == "blueprint-code")
    container = code["spec"]["template"]["spec"]["containers"][0]
    assert replaced.endswith("[name=DAGSTER_CURRENT_IMAGE].value")
    assert {"name": "DAGSTER_CURRENT_IMAGE", "value": "blueprint"} in container["env"]


def test_what_is_referred_to_exists() -> None:
    known = {"configMap": {"blueprint-instance", "blueprint-site"}, "secret": {"blueprint-postgres"}}
    accounts = {d["metadata"]["name"] for d in of_kind("ServiceAccount")}
    services = {d["metadata"]["name"]: d["spec"] for d in of_kind("Service")}
    for deployment in of_kind("Deployment"):
        pod = deployment["spec"]["template"]
        assert pod["spec"]["serviceAccountName"] in accounts
        assert {v["configMap"]["name"] for v in pod["spec"]["volumes"]} <= known["configMap"]
        assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
        for source in pod["spec"]["containers"][0]["envFrom"]:
            (kind, reference), *rest = source.items()
            assert not rest
            assert reference["name"] in known[kind.removesuffix("Ref")]
    workspace = yaml.safe_load((GKE / "instance" / "workspace.yaml").read_text())
    server = workspace["load_from"][0]["grpc_server"]
    assert server["port"] in [port["port"] for port in services[server["host"]]["ports"]]
    for service in services.values():
        selected = [d for d in of_kind("Deployment") if d["spec"]["selector"]["matchLabels"] == service["selector"]]
        ports = {p["name"] for d in selected for p in d["spec"]["template"]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["ports"]} <= ports


def test_no_secret_has_a_value_here() -> None:
    assert of_kind("Secret") == []
    assert set(SITE) == {"BLUEPRINT_DEPLOYMENT", "BLUEPRINT_STORE", "BLUEPRINT_LOG_BUCKET"}


@pytest.fixture
def instance_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_bytes((GKE / "instance" / "dagster.yaml").read_bytes())
    for name, value in {**SITE, **POSTGRES}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize("part", ["run_storage", "event_storage", "run_launcher", "run_coordinator", "compute_logs"])
def test_dagster_accepts_the_instance_settings(instance_folder: Path, part: str) -> None:
    """Each class is imported and its configuration held against its own schema; nothing is connected to."""
    from dagster._config import process_config, resolve_to_config_type
    from dagster._core.instance.ref import InstanceRef

    settings = InstanceRef.from_dir(str(instance_folder))
    if part == "compute_logs":
        pytest.importorskip("dagster_gcp", reason="the gcp extra (a part of the image only) is not installed")
    data = getattr(settings, f"{part}_data")
    chosen = getattr(importlib.import_module(data.module_name), data.class_name)
    outcome = process_config(resolve_to_config_type(chosen.config_type()), yaml.safe_load(data.config_yaml))
    assert outcome.success, outcome.errors


def test_the_executor_of_the_deployment_is_the_cluster_s(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster_k8s import k8s_job_executor

    from blueprint_assets import deployment

    monkeypatch.setenv(deployment.DEPLOYMENT_VARIABLE, SITE["BLUEPRINT_DEPLOYMENT"])
    assert deployment.executor() is k8s_job_executor


# --- where a step's pod may run ---------------------------------------------------------------------------------------

POOLS: list[dict[str, Any]] = yaml.safe_load((GKE / "node_pools.yaml").read_text())
SYSTEM_CPU, SYSTEM_MEMORY = 0.5, 1.0
"""Cores and GiB kept for the pods that GKE runs on every node (logging, metrics, network, GPU device plugin)."""


def allocatable(vcpu: float, memory_gib: float) -> tuple[float, float]:
    """Cores and GiB that pods can use of a node: GKE's published reservations (docs: "Plan GKE node sizes")."""
    reserved_cpu = 0.06 + 0.01 + 2 * 0.005 + max(0.0, vcpu - 4) * 0.0025
    reserved, rest = 0.0, memory_gib
    for size, share in ((4, 0.25), (4, 0.20), (8, 0.10), (112, 0.06), (float("inf"), 0.02)):
        part = min(rest, size)
        reserved, rest = reserved + share * part, rest - part
    return vcpu - reserved_cpu, memory_gib - reserved - 0.1


def fits(pod: Mapping[str, Any], pool: Mapping[str, Any]) -> bool:
    """Whether the scheduler could put the pod on an empty node of the pool."""
    if any(pool["labels"].get(key) != value for key, value in (pod.get("nodeSelector") or {}).items()):
        return False
    for taint in pool["taints"]:
        tolerated = any(
            toleration["key"] == taint["key"]
            and toleration.get("effect") in (None, taint["effect"])
            and (toleration.get("operator") == "Exists" or toleration.get("value") == taint["value"])
            for toleration in pod.get("tolerations") or []
        )
        if not tolerated:
            return False
    cpu, memory = allocatable(pool["vcpu"], pool["memory_gib"])
    requests = [container["resources"]["requests"] for container in pod["containers"]]
    return (
        sum(cores(request["cpu"]) for request in requests) <= cpu - SYSTEM_CPU
        and sum(gibibytes(request["memory"]) for request in requests) <= memory - SYSTEM_MEMORY
        and sum(int(request.get("nvidia.com/gpu", 0)) for request in requests) <= pool["gpus"]
    )


def cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def gibibytes(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1 / 1024, "Gi": 1.0}[quantity[-2:]]


def step_job(launcher: Mapping[str, Any], tags: Mapping[str, Any]) -> dict[str, Any]:
    """The Job that k8s_job_executor makes for a step: the launcher's settings, then the op's tags merged into them."""
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import (
        DagsterK8sJobConfig,
        UserDefinedDagsterK8sConfig,
        construct_dagster_k8s_job,
        get_user_defined_k8s_config,
    )
    from kubernetes.client import ApiClient

    context = K8sContainerContext(
        service_account_name=launcher["service_account_name"],
        env_config_maps=launcher["env_config_maps"],
        env_secrets=launcher["env_secrets"],
        namespace=launcher["job_namespace"],
        run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(launcher["run_k8s_config"]),
    )
    of_tags = get_user_defined_k8s_config({key: json.dumps(value) for key, value in tags.items()})
    merged = context.merge(K8sContainerContext(run_k8s_config=of_tags))
    job = construct_dagster_k8s_job(
        DagsterK8sJobConfig(
            job_image="blueprint:test",
            dagster_home=launcher["dagster_home"],
            instance_config_map=launcher["instance_config_map"],
        ),
        args=["dagster", "api", "execute_step"],
        job_name="dagster-step-test",
        user_defined_k8s_config=merged.run_k8s_config,
    )
    return ApiClient().sanitize_for_serialization(job)


@pytest.fixture(scope="module")
def launcher() -> dict[str, Any]:
    return yaml.safe_load((GKE / "instance" / "dagster.yaml").read_text())["run_launcher"]["config"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fits_exactly_one_pool_and_its_job_is_valid(launcher: dict[str, Any], shape: str) -> None:
    job = step_job(launcher, op_tags(shape))
    for version in VERSIONS:
        kubernetes_validate.validate(job, version, strict=True)
    assert [pool["name"] for pool in POOLS if fits(job["spec"]["template"]["spec"], pool)] == [shape]


def test_a_run_pod_and_the_services_fit_only_nodes_without_a_gpu(launcher: dict[str, Any]) -> None:
    pods = [step_job(launcher, {})["spec"]["template"]["spec"]]
    pods += [deployment["spec"]["template"]["spec"] for deployment in of_kind("Deployment")]
    for pod in pods:
        assert [pool["name"] for pool in POOLS if fits(pod, pool)] == ["cpu"]


def test_a_selector_at_the_launcher_would_leave_gpu_steps_without_a_node(launcher: dict[str, Any]) -> None:
    """Why instance/dagster.yaml has none: Dagster merges both selectors, and no node has both labels."""
    run = {**launcher["run_k8s_config"]}
    run["pod_spec_config"] = {**run["pod_spec_config"], "node_selector": {"pool": "cpu"}}
    pod = step_job({**launcher, "run_k8s_config": run}, op_tags("gpu-l4"))["spec"]["template"]["spec"]
    assert not any(fits(pod, pool) for pool in POOLS)


def test_step_pods_keep_the_namespace_s_security_rules(launcher: dict[str, Any]) -> None:
    pod = step_job(launcher, op_tags("gpu-l4"))["spec"]["template"]["spec"]
    pods = [pod, *(deployment["spec"]["template"]["spec"] for deployment in of_kind("Deployment"))]
    for spec in pods:
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = spec["containers"][0]["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_every_asset_s_step_fits_exactly_one_pool(launcher: dict[str, Any]) -> None:
    from blueprint_assets.definitions import defs

    places = {}
    for node in defs.resolve_asset_graph().assets_defs:
        tags = {key: value for key, value in (node.op.tags or {}).items() if key.startswith("dagster-k8s/")}
        tags = {key: yaml.safe_load(value) if isinstance(value, str) else value for key, value in tags.items()}
        pod = step_job(launcher, tags)["spec"]["template"]["spec"]
        places[node.op.name] = [pool["name"] for pool in POOLS if fits(pod, pool)]
    assert all(len(pools) == 1 for pools in places.values()), places
    assert places["reconstruction"] != ["cpu"]
    assert places["geniesim_job"] != ["cpu"]
    assert places["scene_manifest"] == ["cpu"]
