from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from blueprint_assets import code_commit
from blueprint_assets.code_commit import PACKAGES, ROOT, commit_of, sources_digest


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def _asked_anew():
    code_commit.code_commit.cache_clear()
    yield
    code_commit.code_commit.cache_clear()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a source in every package, committed."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "module.py").write_text("VALUE = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_checkout_is_named_by_its_commit(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == head
    (checkout / "photo.png").write_bytes(b"not a source")
    assert commit_of(checkout) == head


@pytest.mark.parametrize("change", ["edited", "staged", "added", "removed"])
def test_sources_that_differ_from_it_are_dirty(checkout: Path, change: str) -> None:
    module = checkout / "resources" / "module.py"
    if change == "added":
        module.with_name("another.py").write_text("")
    elif change == "removed":
        module.unlink()
    else:
        module.write_text("VALUE = 2\n")
    if change == "staged":
        git(checkout, "add", "-A")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_somebody_elses_repository_is_no_checkout(checkout: Path) -> None:
    installed = checkout / ".venv" / "site-packages"
    for package in PACKAGES:
        (installed / package).mkdir(parents=True)
        (installed / package / "module.py").write_text("VALUE = 1\n")
    assert commit_of(installed) is None


def test_git_of_a_hook_does_not_name_another_repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert commit_of(checkout) == head


@pytest.mark.parametrize("why", ["no repository", "no commit", "no git"])
def test_without_a_commit_the_sources_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "module.py").write_text("VALUE = 1\n")
    if why == "no commit":
        git(tmp_path, "init", "-q")
    if why == "no git":
        monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(code_commit, "ROOT", tmp_path)
    said = code_commit.code_commit()
    assert re.fullmatch(r"blueprint-assets \S+ sha256:[0-9a-f]{64}", said)
    assert said.endswith(sources_digest(tmp_path))


def test_the_digest_follows_names_and_bytes_and_nothing_else(checkout: Path) -> None:
    before = sources_digest(checkout)
    (checkout / "resources" / "__pycache__").mkdir()
    (checkout / "resources" / "__pycache__" / "module.pyc").write_bytes(b"1")
    (checkout / "notes.txt").write_text("1")
    assert sources_digest(checkout) == before
    (checkout / "resources" / "module.py").rename(checkout / "resources" / "renamed.py")
    renamed = sources_digest(checkout)
    (checkout / "resources" / "renamed.py").write_text("VALUE = 2\n")
    assert len({before, renamed, sources_digest(checkout)}) == 3


def test_a_git_that_hangs_does_not_hang_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(code_commit, "SECONDS", 0.2)
    began = time.monotonic()
    assert commit_of(ROOT) is None
    assert time.monotonic() - began < 10


def test_asked_once() -> None:
    said = code_commit.code_commit()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|blueprint-assets \S+ sha256:[0-9a-f]{64}", said)
    began = time.monotonic()
    assert code_commit.code_commit() == said
    assert time.monotonic() - began < 0.01
