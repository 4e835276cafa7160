from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprint_assets.commands.instance import RootError, prepare


@pytest.fixture
def kept_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "BLUEPRINT_STORE", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store that was filled and then mounted read-only (root may write past a folder's mode)."""
    store, mounted = tmp_path / "store", tmp_path / "mounted"
    prepare(store)
    mounted.mkdir()
    bind = ["mount", "--bind", str(store), str(mounted)]
    seal = ["mount", "-o", "remount,ro,bind", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True, check=False).returncode != 0:
        # Root may write to any folder that is not mounted read-only, so there is nothing to test without a mount.
        pytest.skip("mounting needs root and the right to mount")
    try:
        subprocess.run(seal, capture_output=True, check=True)
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


@pytest.mark.usefixtures("kept_environment")
def test_a_store_that_became_read_only(read_only: Path) -> None:
    with pytest.raises(RootError, match=r"Read-only file system; choose a folder that can be written"):
        prepare(read_only)
    assert not list(read_only.glob(".dagster/tmp*"))


OPEN = "import sys; from pathlib import Path; from blueprint_assets.commands.instance import open_instance, prepare\n"
OPEN += "prepare(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.readline(); print(open_instance().get_runs_count())"


def test_processes_that_open_a_new_store_at_once(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", "import dagster\n" + OPEN, str(tmp_path / "store")]
    openers = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    for opener in openers:
        out, said = opener.communicate(timeout=120)
        assert (opener.returncode, out) == (0, "0\n"), said[-2000:]
