from __future__ import annotations

from pathlib import Path

import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.workspace.load_target import WorkspaceFileTarget

ROOT = Path(__file__).parents[2]


def test_the_instance_opens_quietly_and_keeps_its_runs_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "deployments" / "local" / "dagster.yaml").read_bytes())
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path))) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert not instance.run_monitoring_enabled
        assert isinstance(instance.run_launcher, DefaultRunLauncher)
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2
        # A limit would make the slot of a killed run block the next one.
        assert instance.get_concurrency_config().pool_config.default_pool_limit is None
        instance.add_dynamic_partitions("scenes", ["shelf"])
    assert list(tmp_path.rglob("*.db"))


def test_the_workspace_is_the_code_location_that_pyproject_names() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (origin,) = WorkspaceFileTarget(paths=[str(ROOT / "workspace.yaml")]).create_origins()
    assert origin.location_name == "blueprint"
    assert origin.loadable_target_origin.module_name == project["code_location_target_module"]
    assert yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0].keys() == {"python_module"}
