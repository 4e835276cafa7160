from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.cli import main
from blueprint_assets.commands.export import Export, export
from blueprint_assets.commands.instance import open_instance, prepare
from blueprint_assets.commands.release import Release, release
from blueprint_assets.commands.retract import Retract, retract
from blueprint_assets.release.catalogue import RetractedError, published, retractions
from blueprint_assets.release.retraction import RetractionError
from fixtures.committed_scenes import commit_scene, pass_gates
from fixtures.kill_points import memory_folder
from io_managers.store import SceneStore


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A store of five scenes with every gate passed, and one whose checks never ran."""
    with memory_folder(tmp_path) as folder, pytest.MonkeyPatch.context() as patched:
        for name in ("DAGSTER_HOME", "BLUEPRINT_STORE", "PYTHONWARNINGS"):  # which `prepare` sets
            patched.setenv(name, "")
        store = SceneStore(folder / "store")
        for name in ("a1", "a2", "a3", "a4", "a5", "unchecked"):
            commit_scene(store, name, 2)
        prepare(folder / "store")
        with open_instance() as instance:
            for name in ("a1", "a2", "a3", "a4", "a5"):
                pass_gates(instance, store, name)
        yield folder / "store"


def spoken(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, "with --json one object, and nothing else, is on standard output"
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_preview_release_list_and_retraction(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(Release(root=root, dry_run=True, json=True)) == 0
    preview = spoken(capsys)
    assert published(root) == []
    assert sorted(preview["scenes"]) == ["a1", "a2", "a3", "a4", "a5"]
    assert "the check has not run" in preview["left_out"]["unchecked"]
    assert preview["same_as"] is None

    assert release(Release(root=root, json=True)) == 0
    made = spoken(capsys)
    assert (made["version"], made["written"], made["failures"]) == ("v1", True, [])
    assert made["splits"] == preview["splits"]
    assert release(Release(root=root, json=True)) == 0
    assert spoken(capsys)["written"] is False

    assert retract(Retract(scene="a3", root=root, json=True)) == 1
    shown = spoken(capsys)
    assert (shown["retracted"], [entry["release"] for entry in shown["touched"]]) == (False, ["v1"])
    assert retract(Retract(scene="a3", root=root, dry_run=True, json=True)) == 0
    assert retractions(root) == []
    capsys.readouterr()
    assert retract(Retract(scene="a3", reason="private", root=root, yes=True, json=True)) == 0
    done = spoken(capsys)
    assert done["retracted"] is True
    assert (done["next_release"]["version"], done["next_release"]["written"]) == ("v2", True)
    assert "a3" in done["next_release"]["left_out"]

    assert release(Release(root=root, list=True, json=True)) == 0
    listed = spoken(capsys)["releases"]
    assert [(item["version"], item["retracted"]) for item in listed] == [("v1", ["a3"]), ("v2", [])]


def test_a_retraction_after_which_too_few_scenes_are_left_stands_and_says_so(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release(Release(root=root)) == 0
    assert retract(Retract(scene="a1", root=root, yes=True)) == 0
    capsys.readouterr()
    assert retract(Retract(scene="a2", root=root, yes=True)) == 1
    said = capsys.readouterr().out
    assert "retracted a2" in said
    assert "needs at least 4" in said.replace("\n", " ")
    assert [item.scene_id for item in retractions(root)] == ["a1", "a2"]


def test_people_see_tables(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(Release(root=root, list=True)) == 0
    assert "no release yet" in capsys.readouterr().out
    assert release(Release(root=root, version="spring")) == 0
    said = capsys.readouterr().out
    assert "left out unchecked" in said
    assert "licence  Apache-2.0" in said
    assert str(root / "releases" / "spring") in said
    assert retract(Retract(scene="a3", root=root)) == 1
    said = capsys.readouterr().out
    assert "2 of" in said
    assert "add --yes" in said
    assert release(Release(root=root, list=True)) == 0
    assert "spring" in capsys.readouterr().out


def test_what_cannot_be_done_says_why(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no store there"):
        release(Release(root=tmp_path / "none"))
    with pytest.raises(RuntimeError, match=r"a limit of 10% a scene needs at least 10"):
        release(Release(root=root, max_scene_share=0.1))
    for wrong in (Release(root=root, fractions=(0.5, 0.1, 0.1)), Release(root=root, max_scene_share=float("nan"))):
        with pytest.raises(ValueError, match=r"--max-scene-share .* --fractions .* add up to 1") as said:
            release(wrong)
        assert "\n" not in str(said.value)
    with pytest.raises(ValueError, match="letters, digits"):
        release(Release(root=root, version="../x", dry_run=True))
    with pytest.raises(RetractionError, match="neither in"):
        retract(Retract(scene="nobody", root=root))
    with pytest.raises(ValueError, match="contradict"):
        retract(Retract(scene="a1", root=root, dry_run=True, yes=True))


def test_the_command_line(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--root", str(root)])
        assert isinstance(stopped.value.code, int)
        return stopped.value.code

    assert run("release", "--max-scene-share", "0.01", "--json") == 2
    answer = capsys.readouterr()
    assert json.loads(answer.out)["written"] is False
    assert "needs at least 100" in json.loads(answer.out)["failures"][0]
    (line,) = [line for line in answer.err.splitlines() if line.startswith("blueprint: error")]
    assert "needs at least 100" in line
    assert run("release", "--fractions", "0.6", "0.2", "0.2", "--version", "first") == 0
    assert run("retract", "a1", "--reason", "no permission", "--yes") == 0
    capsys.readouterr()
    assert run("release", "--list") == 0
    assert "a1" in capsys.readouterr().out
    for retracted in (root / "releases" / "first", root / "releases" / "first" / "train"):
        with pytest.raises(RetractedError, match="holds what was retracted"):
            export(Export(retracted, tmp_path / "out", "lerobot-v2.1"))
    assert not (tmp_path / "out").exists()
    (first, second) = published(root)
    assert first.document.rules == second.document.rules, "the next release keeps the rules of the one it replaces"


@pytest.mark.parametrize(
    "arguments",
    [
        ("release", "--version", "../x"),
        ("release", "--fractions", "0.5", "0.5", "0.5", "--dry-run"),
        ("release", "--root", "NOWHERE"),
        ("release", "--root", "NOWHERE", "--list"),
        ("retract", "nobody"),
        ("retract", "a1", "--root", "NOWHERE"),
        ("retract", "a1", "--yes", "--dry-run"),
    ],
)
def test_a_refusal_is_one_object_and_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    given = [str(tmp_path / "nowhere") if a == "NOWHERE" else a for a in arguments]
    with pytest.raises(SystemExit) as stopped:
        main([*given, *(() if "--root" in given else ("--root", str(root))), "--json"])
    assert stopped.value.code == 2
    answer = capsys.readouterr()
    (line,) = answer.out.splitlines()
    told = json.loads(line)
    (reason,) = told["failures"] if given[0] == "release" else [told["error"]]
    assert answer.err == f"blueprint: error: {reason}\n"
