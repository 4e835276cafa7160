"""`blueprint doctor`: what this machine can do, one line each, with the remedy for what it cannot."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

Level = Literal["ok", "optional", "missing"]


@dataclass
class Doctor:
    """Say what this machine can do: rendering, judges, weights, GPU, cluster, credentials. Exit code 1 if a run would fail."""

    json: bool = False
    """Print the findings as one JSON object."""


@dataclass(frozen=True)
class Finding:
    """`missing` means that a run on this machine would fail; `optional` that some extra thing is not there."""

    subject: str
    level: Level
    what: str
    remedy: str = ""


def doctor(options: Doctor) -> int:
    """Prints the findings; returns the exit code."""
    findings = [find() for find in EXAMINATIONS]
    if options.json:
        import json
        from dataclasses import asdict

        print(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        console = Console()
        color = {"ok": "green", "optional": "yellow", "missing": "red"}
        for finding in findings:
            remedy = f"  -> {finding.remedy}" if finding.remedy else ""
            console.print(
                f"[{color[finding.level]}]{finding.level:<9}[/]{finding.subject:<14} {escape(finding.what + remedy)}",
                highlight=False,
                soft_wrap=True,
            )
    return 1 if any(finding.level == "missing" for finding in findings) else 0


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("python", "ok", version)
    return Finding(
        "python", "missing", f"{version} is not 3.11 or 3.12", "make the environment with python3.11 or 3.12"
    )


def _rendering() -> Finding:
    from resources.simulator.render import REMEDY, available_backend

    backend = available_backend()
    if backend:
        return Finding("rendering", "ok", f"{backend} off screen")
    return Finding("rendering", "missing", "neither EGL nor OSMesa gives a context", REMEDY)


def _package(subject: str, module: str, what: str, extra: str) -> Finding:
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if found:
        return Finding(subject, "ok", f"{what}: installed")
    return Finding(subject, "optional", f"{what}: not installed", f"pip install -e '.[{extra}]'")


def _weights() -> Finding:
    from resources.vision.weights import obstacle

    why = obstacle()
    if why is None:
        return Finding("weights", "ok", "masks, lines, boxes and names: fetched")
    return Finding("weights", "optional", f"the classical reconstruction is used: {why}", "blueprint models fetch")


def _mesh_library() -> Finding:
    from resources.mesh_library.sweethome3d import LibraryError, installed

    try:
        count = len(installed())
    except LibraryError as error:
        return Finding("mesh library", "optional", str(error), "apt-get install --reinstall sweethome3d-furniture")
    if count:
        return Finding("mesh library", "ok", f"Sweet Home 3D: {count} meshes of the public domain")
    why = "furniture of photographs gets plain templates: no mesh library"
    return Finding("mesh library", "optional", why, "apt-get install sweethome3d-furniture (Debian, Ubuntu)")


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("gpu", "optional", "no NVIDIA driver", "only the GPU backends need one; they run on a cluster")
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
    if listed.returncode:
        return Finding("gpu", "optional", f"nvidia-smi failed: {listed.stderr.strip()[:120]}", "repair the driver")
    return Finding("gpu", "ok", listed.stdout.strip().splitlines()[0])


def _cluster() -> Finding:
    if importlib.util.find_spec("dagster_k8s") is None:
        return Finding("cluster", "optional", "dagster-k8s is not installed", "pip install -e '.[k8s]'")
    known = Path("~/.kube/config").expanduser().exists() or "KUBERNETES_SERVICE_HOST" in os.environ
    if not known:
        return Finding("cluster", "optional", "no kubeconfig and not inside a cluster", "see docs/deployment.md")
    return Finding("cluster", "ok", "a Kubernetes configuration is there (not contacted)")


def _credentials() -> Finding:
    if importlib.util.find_spec("gcsfs") is None:
        return Finding(
            "credentials", "optional", "no Google Cloud Storage client", "pip install -e '.[gcp]' for a gs:// store"
        )
    file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud/application_default_credentials.json")
    if Path(file).expanduser().exists():
        return Finding("credentials", "ok", "Google application credentials are there (not tried)")
    return Finding(
        "credentials", "optional", "no Google credentials", "gcloud auth application-default login, for a gs:// store"
    )


EXAMINATIONS: tuple[Callable[[], Finding], ...] = (
    _python,
    _rendering,
    lambda: _package("usd judge", "omni.asset_validator", "omniverse-asset-validator", "dev"),
    lambda: _package("dataset judge", "lerobot_doctor", "lerobot-doctor", "dev"),
    lambda: _package("dataset judge", "robovet", "robovet", "dev"),
    _weights,
    _mesh_library,
    _gpu,
    _cluster,
    _credentials,
)
