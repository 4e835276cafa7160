from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blueprint_assets.cli import main
from blueprint_assets.dataset.lerobot import assemble
from blueprint_assets.dataset.reader import open_dataset
from blueprint_assets.dataset.unit import Unit
from fixtures.synthetic_episodes import make_unit

LENGTHS = (24, 31, 17, 28, 20)
TASKS = ("Pick up the red square.", "Put it away.")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> list[Unit]:
    folder = tmp_path_factory.mktemp("made") / "units"
    return [
        make_unit(
            folder / str(i),
            n,
            i,
            TASKS[i % 2],
            more_provenance={
                "quality_score": i / 4,
                "scene_id": f"scene{i % 2}",
                **({"note": "it's odd"} if i % 2 else {}),
            },
        )
        for i, n in enumerate(LENGTHS)
    ]


@pytest.fixture(scope="module")
def source(units: list[Unit], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dataset") / "lerobot"
    assemble(units, out)
    return out


def blueprint(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", *map(str, arguments)])
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


def made(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, err = blueprint(capsys, *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def uuids(folder: Path) -> list[str]:
    return open_dataset(folder).uuids


def test_info_says_what_is_there(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = made(capsys, "info", source)
    assert (found["episodes"], found["frames"], found["fps"]) == (5, sum(LENGTHS), 20)
    assert found["tasks"] == {TASKS[0]: 3, TASKS[1]: 2}
    assert found["scenes"] == {"scene0": 3, "scene1": 2}
    assert found["cameras"]["observation.images.wrist"] == {"width": 64, "height": 64, "codec": "h264", "crf": 23}
    assert {"task", "length", "quality_score", "note", "success"} <= set(found["columns"])
    assert not {"data/file_index", "episode_index"} & set(found["columns"])
    code, out, _ = blueprint(capsys, "info", source)
    assert code == 0
    for text in ("Put it away.", "64x64, h264, crf 23", "scene1 (2)", "franka_panda"):
        assert text in out


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--where", "quality_score>=0.5", "--where", "scene_id==scene0"], [2, 4]),
        (["--where", f"task=={TASKS[1]}"], [1, 3]),
        (["--where", 'note!="it is even"'], [1, 3]),
        (["--where", "success==true", "--episodes", "0:2,-1"], [0, 1, 4]),
    ],
)
def test_filter_keeps_and_delete_drops_the_chosen(
    arguments: list[str], kept: list[int], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filtered = made(capsys, "filter", source, *arguments, "--out", tmp_path / "kept")
    assert filtered["path"] == str(tmp_path / "kept")
    assert uuids(tmp_path / "kept") == [f"uuid-{i}" for i in kept]
    made(capsys, "delete", source, *arguments, "--out", tmp_path / "dropped")
    assert uuids(tmp_path / "dropped") == [f"uuid-{i}" for i in range(5) if i not in kept]


def test_split_merge_append_and_in_place(
    source: Path, units: list[Unit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "parts"
    choices = ("--part", "one=0:2", "--part", "good=quality_score>0.9", "--part", "other=rest")
    parts = made(capsys, "split", source, *choices, "--out", out)
    assert {name: part["episodes"] for name, part in parts.items()} == {"one": 2, "good": 1, "other": 2}
    merged = made(capsys, "merge", out / "one", out / "other", "--out", tmp_path / "merged")
    assert merged["episodes"] == 4
    assert uuids(tmp_path / "merged") == [f"uuid-{i}" for i in range(4)]
    code, _, err = blueprint(capsys, "append", tmp_path / "merged", units[0].folder.parent, "--in-place")
    assert code == 2
    assert "--skip-duplicates" in err
    made(capsys, "append", tmp_path / "merged", units[0].folder.parent, "--in-place", "--skip-duplicates")
    assert uuids(tmp_path / "merged") == [f"uuid-{i}" for i in range(5)]
    code, out_text, _ = blueprint(capsys, "verify", tmp_path / "merged")
    assert (code, out_text) == (0, f"{tmp_path / 'merged'}: sound\n")
    code, out_text, _ = blueprint(capsys, "filter", source, "--episodes", "0", "--out", tmp_path / "shown")
    assert code == 0
    assert "episodes" in out_text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["filter", "--where", "colour==red"], "no column 'colour'; there are task, "),
        (["filter", "--where", "quality_score>=good"], "quality_score holds numbers; 'good' is none"),
        (["filter", "--where", "success>=true"], "success is true or false"),
        (["filter", "--where", "__import__('os').system('true')"], "is not <column><comparison><value>"),
        (["filter", "--where", "seed==99"], "no episode is left"),
        (["filter", "--episodes", "5"], "there is no episode 5; the dataset has 5"),
        (["filter", "--episodes", "1-3"], "'1-3' is no index and no range"),
        (["filter"], "--where CONDITION or --episodes LIST"),
        (["split", "--part", "a"], "NAME=CHOICE"),
        (["split", "--part", "a=0:2"], "3 episodes are in no part"),
        (["append", "NOWHERE"], "there is no unit.json in it"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], said: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *rest = [str(tmp_path / a) if a == "NOWHERE" else a for a in arguments]
    code, _, err = blueprint(capsys, command, source, *rest, "--out", tmp_path / "out")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_where_the_result_goes_must_be_said_once(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target in ([], ["--in-place", "--out", tmp_path / "out"]):
        code, _, err = blueprint(capsys, "filter", source, "--episodes", "0", *target)
        assert code == 2
        assert "either --out FOLDER or --in-place" in err


def test_what_a_store_committed_is_not_replaced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    scene = tmp_path / "scenes" / "shelf"
    (scene / ".commits").mkdir(parents=True)
    dataset = shutil.copytree(source, scene / "episodes" / "job" / "lerobot")
    code, _, err = blueprint(capsys, "filter", dataset, "--episodes", "0", "--in-place")
    assert code == 2
    assert "write to --out instead" in err
    assert len(uuids(Path(dataset))) == 5


@pytest.mark.parametrize("command", [("info",), ("verify",), ("filter", "--episodes", "0", "--out", "OUT")])
def test_a_refusal_is_one_object_and_one_line(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *rest = [str(tmp_path / "out") if word == "OUT" else word for word in command]
    code, out, err = blueprint(capsys, name, tmp_path / "nothing", *rest, "--json")
    assert code == 2
    (line,) = out.splitlines()
    assert err == f"blueprint: error: {json.loads(line)['error']}\n"
    assert "nothing" in err


def test_a_name_is_shown_as_it_is(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a 'b' [red]ü[/red]"
    code, said, _ = blueprint(capsys, "filter", source, "--episodes", "0", "--out", out)
    assert code == 0
    assert out.name in said


def test_a_page_is_refused_before_it_is_drawn(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (tmp_path, tmp_path / "none" / "page.png"):
        code, _, err = blueprint(capsys, "page", source, "--out", out)
        assert code == 2
        assert f"--out {out}" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_datasets_names_them(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = blueprint(capsys, "info", source.parent)
    assert code == 2
    assert "the datasets lerobot are in this folder" in err
